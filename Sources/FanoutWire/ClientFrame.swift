// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What a client sends.
package struct ClientFrame: Sendable, Hashable {
    /// The batch, blob or query that the body is about.
    package var id: UInt64
    /// What it says.
    package var body: Body
    /// For a refused body: it was a Submit or an Append, whose bytes the client counts as under way.
    package var isRefusedUpload = false

    /// The messages of a client.
    package enum Body: Sendable, Hashable {
        case hello(Hello)
        case submit(Submit)
        case append(Append)
        case blob(Blob)
        case cancel(indexes: [UInt32])
        case credit(results: UInt32)
        case statusQuery(lanes: Bool, peers: Bool = false)
        /// `session` = 0: this connection's batch, or the tenant's latest of that id.
        case explainQuery(batch: UInt64, index: UInt32, session: UInt64 = 0)
        case metricsQuery
        case ping([UInt8])
        /// A body that this version doesn't know; answered with Rejected for its id.
        case unknown
        /// A known body that is wrong as a whole, such as an unknown enum value in batch options; answered with
        /// Rejected for its id.
        case refused(Failure)
    }

    /// The client's first frame.
    package struct Hello: Sendable, Hashable {
        package var major: UInt32
        package var minor: UInt32
        package var client: String
        package var features: [String]
        package var grant: String

        /// Makes a Hello.
        package init(major: UInt32, minor: UInt32, client: String, features: [String] = [], grant: String = "") {
            self.major = major
            self.minor = minor
            self.client = client
            self.features = features
            self.grant = grant
        }
    }

    /// A batch.
    package struct Submit: Sendable, Hashable {
        package var options: BatchOptions
        package var defaults: Request?
        package var items: [WireItem]
        package var isOpen: Bool

        /// Makes a batch.
        package init(options: BatchOptions, defaults: Request?, items: [WireItem], isOpen: Bool) {
            self.options = options
            self.defaults = defaults
            self.items = items
            self.isOpen = isOpen
        }
    }

    /// More items for an open batch.
    package struct Append: Sendable, Hashable {
        package var items: [WireItem]
        package var isLast: Bool

        /// Makes an Append.
        package init(items: [WireItem], isLast: Bool) {
            self.items = items
            self.isLast = isLast
        }
    }

    /// A chunk of a blob.
    package struct Blob: Sendable, Hashable {
        package var offset: UInt64
        package var total: UInt64
        package var data: [UInt8]
        package var sha256: [UInt8]
        /// Items that may name it before it is freed; 0 = until the end of a batch that named it.
        package var uses: UInt32

        /// Makes a chunk.
        package init(offset: UInt64, total: UInt64, data: [UInt8], sha256: [UInt8], uses: UInt32 = 0) {
            self.offset = offset
            self.total = total
            self.data = data
            self.sha256 = sha256
            self.uses = uses
        }
    }

    /// Makes a frame.
    package init(id: UInt64, body: Body) {
        self.id = id
        self.body = body
    }
}

/// An item as it came: usable, or wrong by itself without harm to its batch.
package enum WireItem: Sendable, Hashable {
    case item(Item)
    /// Invalid UTF-8, NUL in a name, an over-long name, an unknown enum value: the item's own failure and its id.
    case refused(id: String, Failure)
}
