// Fanout
// SPDX-License-Identifier: Apache-2.0

/// An access key of AWS: what requests are signed with, never sent itself.
package struct AWSCredentials: Sendable, Hashable {
    /// Names the key, for example `AKIDEXAMPLE`.
    package var accessKeyID: Secret
    /// Signs.
    package var secretAccessKey: Secret
    /// Goes with a temporary key; nil = the key is a lasting one.
    package var sessionToken: Secret?

    /// Makes a key.
    package init(accessKeyID: Secret, secretAccessKey: Secret, sessionToken: Secret? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }
}
