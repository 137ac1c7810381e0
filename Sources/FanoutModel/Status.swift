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
public enum LaneState: UInt8, Sendable, Hashable {
    case closed = 1
    /// Cooling: nothing is sent.
    case open = 2
    /// One probe is out, or may go.
    case halfOpen = 3
    /// Waiting for the provider's Retry-After.
    case paused = 4
    /// Off until a reload.
    case off = 5
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
