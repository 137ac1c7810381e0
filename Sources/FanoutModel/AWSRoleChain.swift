// Fanout
// SPDX-License-Identifier: Apache-2.0

/// How a key of AWS that ends is come by: what there is at first, and the roles that are taken on with it, each by the
/// key of the one before.
package struct AWSRoleChain: Sendable, Hashable {
    /// What there is at first.
    package enum Start: Sendable, Hashable {
        /// A key, which may take on the first role.
        case key(AWSCredentials)
        /// Another identity provider's token, which is known to the first role.
        case webToken(WebToken)
        /// A server beside the container, which gives out the key of the container's own role.
        case container(TokenAddress, authorization: WebToken?)
        /// The metadata of a machine at AWS, which have the key of the machine's own role; the path is `/latest/`.
        case instance(TokenAddress)
    }

    /// A role.
    package struct Role: Sendable, Hashable {
        /// For example `arn:aws:iam::123456789012:role/app`.
        package var arn: String
        /// What AWS's own logs call the session.
        package var sessionName: String
        /// What the role's owner demands of strangers; empty = nothing.
        package var externalID: String

        /// Makes a role.
        package init(arn: String, sessionName: String, externalID: String = "") {
            self.arn = arn
            self.sessionName = sessionName
            self.externalID = externalID
        }
    }

    /// What there is at first.
    package var start: Start
    /// The first is taken on first; empty only for a container's or a machine's own role.
    package var roles: [Role]
    /// The Security Token Service (STS).
    package var address: TokenAddress
    /// What signatures for that service name.
    package var region: String

    /// Makes a chain.
    package init(start: Start, roles: [Role], address: TokenAddress, region: String) {
        self.start = start
        self.roles = roles
        self.address = address
        self.region = region
    }
}
