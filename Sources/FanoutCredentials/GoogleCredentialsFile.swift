// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
package import FanoutModel

/// A file of Google credentials: the JSON that `GOOGLE_APPLICATION_CREDENTIALS` names.
package struct GoogleCredentialsFile: Sendable, Hashable {
    /// Whose they are.
    package enum Kind: Sendable, Hashable {
        /// A service account's key.
        case serviceAccount(email: String, keyID: String, privateKey: Secret)
        /// Somebody who has logged in by `gcloud auth application-default login`.
        case user(clientID: String, clientSecret: Secret, refreshToken: Secret)
    }

    /// Why it is none that can be used; it never quotes it.
    package struct Problem: Error, Sendable, Hashable {
        /// The end of a sentence that begins with the file.
        package var words: String
    }

    /// Whose they are.
    package var kind: Kind
    /// Where tokens are given out.
    package var tokenURI: String
    /// The project of the service account; empty = not said.
    package var projectID: String

    /// The most bytes of a file.
    package static let bytesMax = 64 << 10

    /// Reads a file.
    package init(_ bytes: [UInt8]) throws(Problem) {
        var fields: [String: String] = [:]
        do throws(JSONError) {
            fields = try JSONTexts.members(of: bytes, bytesMax: Self.bytesMax)
        } catch {
            throw Problem(words: "isn't JSON with an object: \(error)")
        }
        try self.init(fields: fields)
    }

    /// Reads the members of the object, as far as they are texts.
    package init(fields: [String: String]) throws(Problem) {
        func text(_ name: String) throws(Problem) -> String {
            if let text = fields[name], !text.isEmpty { return text }
            throw Problem(words: "has no \(name)")
        }
        switch try text("type") {
        case "service_account":
            self.kind = .serviceAccount(
                email: try text("client_email"),
                keyID: fields["private_key_id"] ?? "",
                privateKey: Secret(try text("private_key"))
            )
        case "authorized_user":
            self.kind = .user(
                clientID: try text("client_id"),
                clientSecret: Secret(try text("client_secret")),
                refreshToken: Secret(try text("refresh_token"))
            )
        case "external_account", "external_account_authorized_user", "impersonated_service_account",
            "gdch_service_account":
            throw Problem(words: "is of a type that isn't supported; use a service account's key")
        default:
            throw Problem(words: "has a type that isn't known; it must be service_account or authorized_user")
        }
        self.tokenURI = fields["token_uri"] ?? "https://oauth2.googleapis.com/token"
        self.projectID = fields["project_id"] ?? ""
    }
}
