// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// The steps to a key of AWS that ends: a file or a server at first, then a role after the other.
///
/// Source: AWS Security Token Service API Reference, `AssumeRole` (which is signed) and `AssumeRoleWithWebIdentity`
/// (which isn't); AWS SDKs and Tools Reference Guide, "Container credential provider"; Amazon EC2 User Guide, "Use the
/// Instance Metadata Service", version 2.
struct AWSRoleExchange: Sendable {
    private let chain: AWSRoleChain
    private let name: String
    /// What there is so far.
    private var key: AWSCredentials?
    private var rolesTaken = 0
    /// What was asked for last.
    private var asked = Asked.key

    private enum Asked {
        /// What an instance's metadata want with each request.
        case session
        /// The instance's own role.
        case name(session: Secret)
        /// The key of a container or an instance.
        case key
        /// That of a role.
        case role
    }

    init(_ chain: AWSRoleChain, name: String) {
        self.chain = chain
        self.name = name
    }

    mutating func begin(wallClockSeconds: Int64) -> CredentialExchange.Step {
        switch self.chain.start {
        case .key(let key):
            self.key = key
            return self.assume(with: key, wallClockSeconds)
        case .webToken(.text(let token)): return self.assume(with: token)
        case .container(let address, nil): return .send(.get(address))
        case .container(let address, .text(let token)?): return .send(Self.container(address, token))
        case .instance(let address):
            self.asked = .session
            return .send(Self.session(at: address))
        case .webToken(.file(let path)), .container(_, .file(let path)?):
            return .read(path: path, bytesMax: CredentialExchange.tokenFileBytesMax)
        }
    }

    mutating func read(_ file: Result<[UInt8], FileFault>) -> CredentialExchange.Step {
        let path: String
        switch self.chain.start {
        case .webToken(.file(let file)), .container(_, .file(let file)?): path = file
        default: preconditionFailure("\(self.name) reads no file")
        }
        do throws(FileFault) {
            let token = Secret(try CredentialExchange.token(try file.get()))
            guard case .container(let address, _) = self.chain.start else { return self.assume(with: token) }
            return .send(Self.container(address, token))
        } catch {
            return .ended(.failure(.fileUnusable(path, error.words, of: self.name)))
        }
    }

    mutating func answered(_ answer: TokenAnswer, wallClockSeconds: Int64) -> CredentialExchange.Step {
        let content = AWSKeyAnswer(answer.body)
        guard answer.status == 200 else {
            return .ended(.failure(.refused(content.refusal, answer, of: self.name, at: self.address)))
        }
        if let next = self.instanceStep(answer.body) { return next }
        guard let key = content.key else { return .ended(.failure(.noToken(of: self.name, at: self.address))) }
        self.key = key
        if case .role = self.asked { self.rolesTaken += 1 }
        guard self.rolesTaken == self.chain.roles.count else { return self.assume(with: key, wallClockSeconds) }
        let life = content.lifeMilliseconds(wallClockSeconds: wallClockSeconds)
        return .ended(.success(FetchedCredential(credential: .aws(key), lifeMilliseconds: life)))
    }

    /// Who was asked last.
    private var address: TokenAddress {
        if case .role = self.asked { return self.chain.address }
        switch self.chain.start {
        case .container(let address, _), .instance(let address): return address
        case .key, .webToken: return self.chain.address
        }
    }

    // MARK: An instance's metadata

    /// What follows an answer of an instance's metadata that isn't the key yet; nil = it is, or somebody else's.
    private mutating func instanceStep(_ body: [UInt8]) -> CredentialExchange.Step? {
        guard case .instance(let base) = self.chain.start else { return nil }
        var address = base
        address.path += "meta-data/iam/security-credentials/"
        let text = (try? CredentialExchange.token(body)) ?? ""
        let isUsable = text.utf8.allSatisfy { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        switch self.asked {
        case .session where !text.isEmpty:
            self.asked = .name(session: Secret(text))
            return .send(.get(address, header: Self.sessionHeader, Secret(text)))
        case .name(let session) where !text.isEmpty && isUsable:
            self.asked = .key
            address.path += text
            return .send(.get(address, header: Self.sessionHeader, session))
        case .session, .name: return .ended(.failure(.noToken(of: self.name, at: base)))
        case .key, .role: return nil
        }
    }

    private static let sessionHeader = "x-aws-ec2-metadata-token"

    /// Version 2 of the metadata: each request carries a token that was asked for by PUT.
    private static func session(at base: TokenAddress) -> TokenRequest {
        var address = base
        address.path += "api/token"
        return .put(address, header: "x-aws-ec2-metadata-token-ttl-seconds", Secret("300"))
    }

    // MARK: Requests

    private static func container(_ address: TokenAddress, _ token: Secret) -> TokenRequest {
        .get(address, header: "authorization", token)
    }

    /// Asks for the first role with another identity provider's token.
    private mutating func assume(with token: Secret) -> CredentialExchange.Step {
        let fields = self.fields("AssumeRoleWithWebIdentity") + [OAuthGrant.Field("WebIdentityToken", token)]
        return .send(.form(fields, to: self.chain.address, accept: nil))
    }

    /// Asks for the next role, signed by what there is so far.
    private mutating func assume(with key: AWSCredentials, _ wallClockSeconds: Int64) -> CredentialExchange.Step {
        var fields = self.fields("AssumeRole")
        let externalID = self.chain.roles[self.rolesTaken].externalID
        if !externalID.isEmpty { fields.append(OAuthGrant.Field("ExternalId", Secret(externalID))) }
        let address = self.chain.address
        var request = TokenRequest.form(fields, to: address, accept: nil)
        let host = Endpoint.authority(address.host, address.port, isSecure: address.isSecure)
        let signer = AWSSigner(credentials: key, region: self.chain.region, service: "sts")
        request.headers += signer.headers(
            method: "POST",
            target: address.path,
            headers: [(name: "host", value: host)] + request.headers.map { ($0.name, $0.value.revealed) },
            body: request.body,
            seconds: wallClockSeconds
        )
        return .send(request)
    }

    private mutating func fields(_ action: String) -> [OAuthGrant.Field] {
        self.asked = .role
        let role = self.chain.roles[self.rolesTaken]
        return [
            OAuthGrant.Field("Action", Secret(action)), OAuthGrant.Field("Version", Secret("2011-06-15")),
            OAuthGrant.Field("RoleArn", Secret(role.arn)),
            OAuthGrant.Field("RoleSessionName", Secret(role.sessionName)),
        ]
    }
}
