// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The counts and sizes inside a frame that a client must keep.
///
/// They bound each string and list by itself, since one legal but absurd field can hurt what comes after the wire.
package struct WireCaps: Sendable, Hashable {
    /// Items of one Submit or Append; more are refused with TOO_LARGE.
    package var itemsPerFrame = 4_096
    /// Bytes of a name: item id, model, tag, group, tool, metadata key.
    package var nameBytes = 256
    /// Bytes of an identifier that a provider made: call ids, item ids, file ids, media types.
    package var identifierBytes = 16 << 10
    /// Notes of an item.
    package var metadataEntries = 64
    /// Bytes of all notes of an item, keys and values.
    package var metadataBytes = 16 << 10
    /// Tags of an item.
    package var tags = 64
    /// Fallback groups of an item.
    package var fallbacks = 16
    /// Groups of a race.
    package var raceGroups = 16
    /// Messages of a conversation.
    package var messages = 4_096
    /// Parts of a message, and pieces of a tool result.
    package var parts = 4_096
    /// Tools of a conversation, and names of a tool choice.
    package var tools = 1_024
    /// Stop strings.
    package var stops = 16
    /// Prompts of a completion, inputs of an embedding, summaries of a reasoning part.
    package var texts = 4_096
    /// Items that one Cancel names.
    package var cancelIndexes = 65_536
    /// Bytes of one chunk of a blob.
    package var blobChunkBytes = 256 << 10
    /// Bytes that a Ping carries.
    package var pingBytes = 64
    /// Features of a Hello.
    package var features = 64
    /// Fields of one message that this version doesn't know; more is BAD_FRAME.
    package var unknownFields = 64

    /// The defaults.
    package init() {}
}
