// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// The long tail of parameters that a caller sends as one JSON object.
struct ExtraParameters {
    /// Keys that only Fanout writes.
    static let reserved: Set<String> = [
        "model", "stream", "messages", "prompt", "input", "max_tokens", "max_completion_tokens", "api_key", "api_base",
        "base_url", "headers", "extra_headers",
    ]

    /// The object itself.
    let json: [UInt8]
    /// Its members.
    let members: [JSONMember]

    /// Checks and takes an object apart; empty bytes are an empty object.
    /// - Throws: `invalidRequest`, naming a reserved key.
    init(_ json: [UInt8]) throws(Failure) {
        self.json = json
        guard !json.isEmpty else {
            self.members = []
            return
        }
        do throws(JSONError) {
            self.members = try jsonMembers(of: json)
        } catch {
            throw Failure(.invalidRequest, "extra_json must be one JSON object: \(error)", param: "extra_json")
        }
        for member in self.members where Self.reserved.contains(member.key) {
            throw Failure(
                .invalidRequest,
                "extra_json must not have the key \(member.key): Fanout writes it from the request's own fields",
                param: "extra_json.\(member.key)"
            )
        }
    }

    /// Whether the object has a member of this name.
    func has(_ key: StaticString) -> Bool {
        guard !self.members.isEmpty else { return false }
        let name = key.description
        return self.members.contains { $0.key == name }
    }

    /// The object with its members in the order of their keys.
    var sortedJSON: [UInt8] {
        guard self.members.count > 1 else { return self.json }
        var writer = JSONWriter(capacity: self.json.count)
        writer.beginObject()
        for member in self.members.sorted(by: { $0.key < $1.key }) {
            writer.key(member.key)
            writer.raw(Array(self.json[member.value]))
        }
        writer.endObject()
        return writer.finish()
    }
}
