// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// Why a file can't be had.
package enum FileFault: Error, Sendable, Hashable {
    /// There is none of that name.
    case missing
    /// It has more bytes than wanted.
    case tooLarge
    /// Something else, in the system's words.
    case unreadable(String)

    /// The end of a sentence that begins with the file.
    var words: String {
        switch self {
        case .missing: "doesn't exist"
        case .tooLarge: "is too large"
        case .unreadable(let reason): "can't be read: \(reason)"
        }
    }
}

/// One fetch of a credential: what is to be read and sent, step by step.
///
/// Each step is carried out by the shell and answered once, by the method of its kind, until a step is `ended`.
package struct CredentialExchange: Sendable {
    /// What is to be done next.
    package enum Step: Sendable {
        /// Read a file of at most this many bytes.
        case read(path: String, bytesMax: Int)
        /// Send a request.
        case send(TokenRequest)
        /// Nothing more.
        case ended(Result<FetchedCredential, Failure>)
    }

    private let source: CredentialSource
    /// For a key of AWS, which may take several steps.
    private var aws: AWSRoleExchange?

    /// The most bytes of a file with a token.
    static let tokenFileBytesMax = 32 << 10

    /// Prepares a fetch.
    package init(_ source: CredentialSource) {
        self.source = source
        if case .aws(let chain) = source.origin { self.aws = AWSRoleExchange(chain, name: source.name) }
    }

    /// The first step.
    package mutating func begin(wallClockSeconds: Int64) -> Step {
        if let step = self.aws?.begin(wallClockSeconds: wallClockSeconds) { return step }
        switch self.source.origin {
        case .grant(let grant):
            if let path = grant.assertionFile { return .read(path: path, bytesMax: Self.tokenFileBytesMax) }
            return .send(.form(grant.fields, to: grant.address))
        case .serviceAccount(let account):
            return self.signed(account, wallClockSeconds)
        case .googleMetadata(let address):
            return .send(.get(address, header: "metadata-flavor", Secret("Google")))
        case .aws: preconditionFailure("\(self.source.name) has steps of its own")
        }
    }

    /// The file of the last step has been read.
    package mutating func read(_ file: Result<[UInt8], FileFault>, wallClockSeconds: Int64) -> Step {
        if let step = self.aws?.read(file) { return step }
        guard case .grant(let grant) = self.source.origin, let path = grant.assertionFile else {
            preconditionFailure("\(self.source.name) reads no file")
        }
        do throws(FileFault) {
            let token = try Self.token(try file.get())
            let assertion = OAuthGrant.Field("client_assertion", Secret(token))
            return .send(.form(grant.fields + [assertion], to: grant.address))
        } catch {
            return .ended(.failure(.fileUnusable(path, error.words, of: self.source.name)))
        }
    }

    /// The request of the last step has been answered.
    package mutating func answered(_ answer: TokenAnswer, wallClockSeconds: Int64) -> Step {
        switch self.source.origin {
        case .grant(let grant): return .ended(self.token(in: answer, of: grant.address))
        case .serviceAccount(let account): return .ended(self.token(in: answer, of: account.address))
        case .googleMetadata(let address): return .ended(self.token(in: answer, of: address))
        case .aws:
            guard let step = self.aws?.answered(answer, wallClockSeconds: wallClockSeconds) else {
                preconditionFailure("\(self.source.name) asks nobody")
            }
            return step
        }
    }

    /// The request of the last step could not be sent, or has no answer.
    package func unanswered(_ failure: Failure) -> Failure {
        .unanswered(failure, of: self.source.name)
    }

    private func signed(_ account: ServiceAccount, _ wallClockSeconds: Int64) -> Step {
        do throws(ServiceAccountAssertion.Problem) {
            let assertion = try ServiceAccountAssertion.text(of: account, wallClockSeconds: wallClockSeconds)
            let fields = [
                OAuthGrant.Field("grant_type", Secret("urn:ietf:params:oauth:grant-type:jwt-bearer")),
                OAuthGrant.Field("assertion", Secret(assertion)),
            ]
            return .send(.form(fields, to: account.address))
        } catch {
            return .ended(.failure(.keyUnusable(error.words, of: self.source.name)))
        }
    }

    private func token(in answer: TokenAnswer, of address: TokenAddress) -> Result<FetchedCredential, Failure> {
        let content = OAuthAnswer(answer.body)
        if answer.status == 200 {
            if let fetched = content.fetched { return .success(fetched) }
            return .failure(.noToken(of: self.source.name, at: address))
        }
        let words = TokenRefusal(code: content.error, words: content.description)
        return .failure(.refused(words, answer, of: self.source.name, at: address))
    }

    /// A file's text without blanks around it.
    static func token(_ bytes: [UInt8]) throws(FileFault) -> String {
        let isBlank: (UInt8) -> Bool = { $0 <= 0x20 }
        let rest = bytes.drop(while: isBlank)
        let end = rest.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? rest.startIndex
        let text = rest[..<end]
        guard !text.isEmpty else { throw .unreadable("it is empty") }
        guard text.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .unreadable("it holds no token") }
        return String(decoding: text, as: UTF8.self)
    }
}
