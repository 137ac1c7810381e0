// Fanout
// SPDX-License-Identifier: Apache-2.0

extension JSONWriter {
    /// Appends the members of the JSON object `object` to the object being written.
    ///
    /// Of members with the same key the last one is taken, in the place of the first.
    /// - Parameters:
    ///   - object: One JSON object, checked here for grammar and depth.
    ///   - limits: The depth and size that are accepted.
    ///   - skips: Says which keys are left out, for example because they are written already.
    /// - Throws: ``JSONError`` if it isn't an object; nothing has been written then.
    package mutating func members(
        of object: [UInt8],
        limits: JSONLimits = JSONLimits(),
        skipping skips: (String) -> Bool = { _ in false }
    ) throws(JSONError) {
        let members = try jsonMembers(of: object, limits: limits)
        object.withUnsafeBufferPointer { buffer in
            for member in members where !skips(member.key) {
                self.rawKey(buffer[member.keySlice])
                self.raw(buffer[member.value])
            }
        }
    }
}

/// A member of a JSON object: its key decoded, and where both lie in the text.
package struct JSONMember: Sendable, Equatable {
    /// The key without escapes.
    package var key: String
    /// Where the key lies, with its quotes.
    package var keySlice: Range<Int>
    /// Where the value lies.
    package var value: Range<Int>
}

/// The members of a JSON object in order; of those with the same key the last, in the place of the first.
/// - Throws: ``JSONError`` if `object` isn't exactly one strictly valid JSON object within `limits`.
package func jsonMembers(of object: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) -> [JSONMember] {
    try validateJSON(object, limits: limits, objectOnly: true)
    return try withJSONReader(object, limits: limits) { (reader) throws(JSONError) -> [JSONMember] in
        var members: [JSONMember] = []
        var places: [String: Int] = [:]
        try reader.enterObject()
        while try reader.nextMember() {
            let member = JSONMember(key: try reader.key(), keySlice: reader.keySlice, value: try reader.slice())
            if let place = places.updateValue(members.count, forKey: member.key) {
                members[place] = member
                places[member.key] = place
            } else {
                members.append(member)
            }
        }
        return members
    }
}
