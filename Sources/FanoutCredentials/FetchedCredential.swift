// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// A credential that has been fetched.
package struct FetchedCredential: Sendable, Hashable {
    /// What goes with a request; never ``Credential/renewed(_:)``.
    package var credential: Credential
    /// How long it is good for.
    package var lifeMilliseconds: UInt64

    /// Makes one.
    package init(credential: Credential, lifeMilliseconds: UInt64) {
        self.credential = credential
        self.lifeMilliseconds = lifeMilliseconds
    }
}
