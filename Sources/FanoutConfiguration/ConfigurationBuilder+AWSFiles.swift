// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutCredentials
internal import FanoutModel

// What AWS's own tools read: variables, the shared files, and the server beside a container.
extension ConfigurationBuilder {
    /// An origin that was found, or nil in it after an error.
    struct FoundAWSOrigin {
        var origin: AWSOrigin?
    }

    /// What AWS's own tools find in this environment, in their order; nil = nothing.
    ///
    /// The machine's own role is asked for only where somebody says so, by the address of its metadata or by a profile:
    /// elsewhere than at AWS the first request would find out that nothing answers there.
    mutating func ambientAWSOrigin() -> FoundAWSOrigin? {
        if let found = self.awsVariables() { return found }
        if let arn = self.ambient("AWS_ROLE_ARN"), let path = self.ambient("AWS_WEB_IDENTITY_TOKEN_FILE") {
            let role = AWSRoleChain.Role(arn: arn, sessionName: self.ambient("AWS_ROLE_SESSION_NAME") ?? "fanout")
            return FoundAWSOrigin(origin: AWSOrigin(start: .webToken(.file(path)), roles: [role]))
        }
        let named = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].first { self.ambient($0) != nil }
        let field = self.variableField(named ?? "AWS_PROFILE")
        let profile = named.flatMap { self.ambient($0) } ?? "default"
        if let found = self.awsProfile(profile, field, isWanted: named != nil) ?? self.awsContainer() { return found }
        return self.ambient(Self.instanceVariable) == nil ? nil : self.awsInstance()
    }

    /// The key of a profile; nil = nobody has named it, and it isn't there.
    mutating func awsProfile(_ name: String, _ field: Field, isWanted: Bool) -> FoundAWSOrigin? {
        guard let profiles = self.awsProfiles(field) else { return FoundAWSOrigin(origin: nil) }
        let identity: AWSProfiles.Identity?
        do throws(AWSProfiles.Problem) {
            identity = try profiles.identity(of: name)
        } catch {
            self.reader.error(field, "names a profile that \(error.words)")
            return FoundAWSOrigin(origin: nil)
        }
        guard let identity else {
            guard isWanted else { return nil }
            self.reader.error(
                field,
                "names a profile that isn't there or has no key and no role; look into AWS's files credentials and "
                    + "config, or set AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE"
            )
            return FoundAWSOrigin(origin: nil)
        }
        let found: FoundAWSOrigin?
        switch identity.start {
        case .key(let key): found = FoundAWSOrigin(origin: AWSOrigin(start: .key(key)))
        case .tokenFile(let path): found = FoundAWSOrigin(origin: AWSOrigin(start: .webToken(.file(path))))
        case .environment: found = self.awsVariables()
        case .container: found = self.awsContainer()
        case .instance: found = self.awsInstance()
        }
        guard var found else {
            self.reader.error(field, "names a profile whose credential_source has nothing: its variables aren't set")
            return FoundAWSOrigin(origin: nil)
        }
        found.origin?.roles += identity.roles
        return found
    }

    /// A field for what isn't in the file.
    func variableField(_ name: String) -> Field {
        let mark = Mark.environment(name)
        return Field(path: "", keyMark: mark, node: ConfigNode(.scalar(text: "", plain: false), mark))
    }

    private mutating func awsVariables() -> FoundAWSOrigin? {
        guard let id = self.ambient("AWS_ACCESS_KEY_ID"), let secret = self.ambient("AWS_SECRET_ACCESS_KEY") else {
            return nil
        }
        let token = self.ambient("AWS_SESSION_TOKEN")
        guard [id, secret, token ?? "x"].allSatisfy(Self.isSendable) else {
            self.reader.log.error(
                .environment("AWS_SECRET_ACCESS_KEY"),
                "",
                "or what belongs to it has characters that a header can't carry"
            )
            return FoundAWSOrigin(origin: nil)
        }
        let key = AWSCredentials(
            accessKeyID: Secret(id),
            secretAccessKey: Secret(secret),
            sessionToken: token.map(Secret.init)
        )
        return FoundAWSOrigin(origin: AWSOrigin(start: .key(key)))
    }

    // MARK: The machine's metadata

    private static let instanceVariable = "AWS_EC2_METADATA_SERVICE_ENDPOINT"

    private mutating func awsInstance() -> FoundAWSOrigin {
        let text = self.ambient(Self.instanceVariable) ?? "http://169.254.169.254"
        let field = self.variableField(Self.instanceVariable)
        guard let base = try? BaseURL(text) else {
            self.reader.error(field, "isn't the address of a server")
            return FoundAWSOrigin(origin: nil)
        }
        guard base.isSecure || base.isLocal || Self.linkHosts.contains(base.host) else {
            self.reader.error(field, "would ask for keys unencrypted at \(base.host); use https://")
            return FoundAWSOrigin(origin: nil)
        }
        let address = TokenAddress(
            isSecure: base.isSecure,
            host: base.host,
            port: base.port,
            path: base.path + "/latest/"
        )
        return FoundAWSOrigin(origin: AWSOrigin(start: .instance(address)))
    }

    /// AWS's own addresses for its servers beside containers and machines, which are the machine's own links.
    private static let linkHosts = [
        "169.254.169.254", "fd00:ec2::254", "169.254.170.2", "169.254.170.23", "fd00:ec2::23",
    ]

    // MARK: The server beside a container

    private static let containerHost = "http://169.254.170.2"

    private mutating func awsContainer() -> FoundAWSOrigin? {
        let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
        let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
        let text: String
        if let path = self.ambient(relative) {
            text = Self.containerHost + (path.hasPrefix("/") ? path : "/" + path)
        } else if let address = self.ambient(full) {
            text = address
        } else {
            return nil
        }
        let field = self.variableField(self.ambient(relative) == nil ? full : relative)
        guard let base = try? BaseURL(text) else {
            self.reader.error(field, "isn't the address of a server")
            return FoundAWSOrigin(origin: nil)
        }
        guard base.isSecure || base.isLocal || Self.linkHosts.contains(base.host) else {
            self.reader.error(field, "would ask for keys unencrypted at \(base.host); use https://")
            return FoundAWSOrigin(origin: nil)
        }
        var authorization: WebToken?
        if let path = self.ambient("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            authorization = .file(path)
        } else if let token = self.ambient("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            guard Self.isSendable(token) else {
                self.reader.error(
                    self.variableField("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
                    "has characters that a header can't carry"
                )
                return FoundAWSOrigin(origin: nil)
            }
            authorization = .text(Secret(token))
        }
        let address = TokenAddress(
            isSecure: base.isSecure,
            host: base.host,
            port: base.port,
            path: (base.path.isEmpty ? "/" : base.path) + (base.query.isEmpty ? "" : "?" + base.query)
        )
        return FoundAWSOrigin(origin: AWSOrigin(start: .container(address, authorization: authorization)))
    }

    // MARK: Files

    /// Both files, each empty if it isn't there; nil after an error.
    private mutating func awsProfiles(_ field: Field) -> AWSProfiles? {
        let home = self.ambient("HOME").map { $0 + "/.aws/" }
        let credentials = self.ambient("AWS_SHARED_CREDENTIALS_FILE") ?? home.map { $0 + "credentials" }
        let config = self.ambient("AWS_CONFIG_FILE") ?? home.map { $0 + "config" }
        guard let keys = self.awsFile(credentials, field), let own = self.awsFile(config, field) else { return nil }
        return AWSProfiles(credentials: keys, config: own)
    }

    private mutating func awsFile(_ path: String?, _ field: Field) -> INIFile? {
        guard let path else { return INIFile() }
        switch self.reader.values.files.read(path, INIFile.bytesMax) {
        case .failure(.missing): return INIFile()
        case .failure(let problem):
            self.reader.error(field, "needs a file of AWS that \(problem.sentence); check who may read it")
            return nil
        case .success(let bytes):
            do throws(INIFile.Problem) {
                return try INIFile(bytes)
            } catch {
                self.reader.log.error(Mark(file: path, line: error.line, column: 1), "", error.words)
                return nil
            }
        }
    }
}
