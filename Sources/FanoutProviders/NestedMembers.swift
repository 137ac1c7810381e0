// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// An object inside a body, for formats that keep parameters in one.
///
/// Of members with the same key the first counts, so the ones that go before are added before.
struct NestedMembers {
    private var members: [(key: String, json: [UInt8])] = []

    var isEmpty: Bool { self.members.isEmpty }

    /// Whether there is a member of this name.
    func has(_ key: String) -> Bool { self.members.contains { $0.key == key } }

    /// Adds a member whose value is JSON already.
    mutating func add(_ key: String, json: @autoclosure () -> [UInt8]) {
        guard !self.has(key) else { return }
        self.members.append((key, json()))
    }

    /// Adds a member whose value is written by `write`.
    mutating func add(_ key: String, _ write: (inout JSONWriter) -> Void) {
        guard !self.has(key) else { return }
        var writer = JSONWriter(capacity: 32)
        write(&writer)
        self.members.append((key, writer.finish()))
    }

    /// Adds a number, if there is one.
    /// - Throws: `invalidRequest` for a number that JSON can't hold.
    mutating func add(_ key: String, _ value: Double?, from field: String) throws(Failure) {
        guard let value else { return }
        guard value.isFinite else {
            throw Failure(.invalidRequest, "\(field) must be a finite number", param: field)
        }
        self.add(key) { $0.double(value) }
    }

    /// Adds the members of a JSON object.
    /// - Throws: `invalidRequest` for anything else.
    mutating func add(membersOf object: [UInt8], from field: String) throws(Failure) {
        do throws(JSONError) {
            for member in try jsonMembers(of: object) { self.add(member.key, json: Array(object[member.value])) }
        } catch {
            throw Failure(.invalidRequest, "\(field) must be one JSON object: \(error)", param: field)
        }
    }

    /// Writes the object.
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for member in self.members {
            writer.key(member.key)
            writer.raw(member.json)
        }
        writer.endObject()
    }
}

extension BodyEncoder {
    /// Collects what of an object's members the caller sent in addition: in the object itself, or beside it.
    func nested(in name: String, from json: [UInt8], _ field: String, into nested: inout NestedMembers) throws(Failure)
    {
        guard !json.isEmpty else { return }
        let members: [JSONMember]
        do throws(JSONError) {
            members = try jsonMembers(of: json)
        } catch {
            throw Failure(.invalidRequest, "\(field) must be one JSON object: \(error)", param: field)
        }
        for member in members where member.key == name {
            try nested.add(membersOf: Array(json[member.value]), from: "\(field).\(name)")
        }
        for member in members where member.key != name && self.nests(member.key) {
            nested.add(member.key, json: Array(json[member.value]))
        }
    }
}
