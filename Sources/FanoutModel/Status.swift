// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What the daemon says of itself.
public struct DaemonStatus: Sendable, Hashable {
    /// The daemon's version.
    public var version = ""
    /// Since its start.
    public var uptimeMilliseconds: UInt64 = 0
    /// Whether it takes no more batches.
    public var isDraining = false
    /// Open connections.
    public var connections: UInt64 = 0
    /// Batches under way.
    public var batches: UInt64 = 0
    /// Items that wait.
    public var queued: UInt64 = 0
    /// Attempts under way.
    public var running: UInt64 = 0
    /// Items with a response, since the start.
    public var succeeded: UInt64 = 0
    /// Items with a failure, since the start.
    public var failed: UInt64 = 0
    /// Attempts, since the start.
    public var attempts: UInt64 = 0
    /// Decoded items, blobs, reorder buffers and unread output.
    public var bufferedBytes: UInt64 = 0
    /// Their bound.
    public var bufferedBytesMax: UInt64 = 0
    /// The lanes of the groups that the caller may use; only if asked for.
    public var lanes: [LaneStatus] = []
    /// What waits and runs of each priority class, most urgent first.
    public var classes: [ClassStatus] = []
    /// The programs that are connected; only if asked for.
    public var peers: [PeerStatus] = []
    /// The path of the configuration in force.
    public var configuration = ""
    /// When it was loaded, in milliseconds since 1970.
    public var configurationLoadedMilliseconds: Int64 = 0

    /// Nothing yet.
    public init() {}
}

/// Whether a lane takes attempts.
///
/// The numbers are the wire's.
public enum LaneState: UInt8, Sendable, Hashable, CaseIterable {
    case closed = 1
    /// Cooling: nothing is sent.
    case open = 2
    /// One probe is out, or may go.
    case halfOpen = 3
    /// Waiting for the provider's Retry-After.
    case paused = 4
    /// Off until a reload.
    case off = 5

    /// As people and metrics read it.
    public var name: String {
        switch self {
        case .closed: "ok"
        case .open: "cooling"
        case .halfOpen: "probing"
        case .paused: "paused"
        case .off: "off"
        }
    }
}

/// What there is of one priority class.
public struct ClassStatus: Sendable, Hashable {
    /// The class.
    public var priorityClass: PriorityClass
    /// Items that wait.
    public var queued: UInt64 = 0
    /// Items with at least one attempt in flight.
    public var running: UInt64 = 0

    /// Nothing yet.
    public init(_ priorityClass: PriorityClass) {
        self.priorityClass = priorityClass
    }
}

/// One program that is connected, by all its connections together.
public struct PeerStatus: Sendable, Hashable {
    /// Its user when it connected.
    public var uid: UInt32 = 0
    /// Its group when it connected.
    public var gid: UInt32 = 0
    /// Its process when it connected; somebody else may hold the connection by now.
    public var pid: UInt32 = 0
    /// What it calls itself.
    public var client = ""
    /// Open connections.
    public var connections: UInt64 = 0
    /// Batches under way.
    public var batches: UInt64 = 0
    /// Their items that aren't final.
    public var items: UInt64 = 0

    /// Nothing yet.
    public init() {}
}

/// What was spent of a budget.
package struct BudgetStatus: Sendable, Hashable {
    /// Whose it is.
    package enum Kind: String, Sendable, Hashable {
        case provider
        case deployment
        case tag
    }

    /// Whose it is.
    package var kind: Kind
    /// The name in the configuration.
    package var name: String
    /// Of a deployment its identity, since names may be the same; else empty.
    package var id = ""
    /// In the running window, in 10^-9 US dollars.
    package var spentNanoUSD: Int64
    /// What a window allows, in 10^-9 US dollars.
    package var limitNanoUSD: Int64

    /// Makes a status.
    package init(kind: Kind, name: String, id: String = "", spentNanoUSD: Int64, limitNanoUSD: Int64) {
        self.kind = kind
        self.name = name
        self.id = id
        self.spentNanoUSD = spentNanoUSD
        self.limitNanoUSD = limitNanoUSD
    }
}

/// The live state of one deployment.
public struct LaneStatus: Sendable, Hashable {
    /// The deployment.
    public var deployment = ""
    /// Its model group.
    public var group = ""
    /// Its provider.
    public var provider = ""
    /// The model as the provider names it.
    public var model = ""
    /// Whether it takes attempts.
    public var state: LaneState = .closed
    /// Until the state may change by itself; 0 = it doesn't.
    public var retryInMilliseconds: UInt64 = 0
    /// Attempts under way.
    public var inFlight: UInt32 = 0
    /// The most of them at present: as configured, or as its answers have shown; 0 = none at all.
    public var limit: UInt32 = 0
    /// Attempts that succeeded, since the start.
    public var succeeded: UInt64 = 0
    /// Attempts that failed, since the start.
    public var failed: UInt64 = 0
    /// The last failure's class; `nil` = none yet.
    public var lastCode: FailureCode?
    /// The last failure's words.
    public var lastMessage = ""

    /// Nothing yet.
    public init() {}
}
