// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What the daemon's frames are cut to, so that each of them fits the smallest frame limit there may be.
///
/// A Result is at most a Response in one piece, a trail and its names: under 400 KiB. The other frames are smaller.
enum SendCaps {
    /// A Response that is serialized to more than this goes out in parts of this size.
    static let partBytes = 256 << 10
    /// Sentences for a person.
    static let sentenceBytes = 4 << 10
    /// The words of a provider.
    static let providerMessageBytes = 16 << 10
    /// Names, codes and identifiers beside them.
    static let nameBytes = 256
    /// Sentences of which a frame holds many.
    static let noteBytes = 512
    /// Causes of a failure.
    static let causes = 32
    /// Attempts of a trail.
    static let attempts = 64
    /// Names of models in a Welcome, all together.
    static let modelBytes = 256 << 10
    /// Lanes of a Status and candidates of an Explanation, all together.
    static let listBytes = 256 << 10
    /// Peers of a Status, all together.
    static let peerBytes = 64 << 10
}
