// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// An object inside the caller's extra parameters, whose keys may be spelled `likeThis` or `like_this`.
struct GeminiObject {
    private let json: [UInt8]
    private let members: [(name: String, member: JSONMember)]

    /// The object of that name; empty = there is none.
    init(_ name: String, of extra: ExtraParameters) throws(Failure) {
        guard let place = extra.members.first(where: { Self.camelCase($0.key) == name }) else {
            self.json = []
            self.members = []
            return
        }
        self.json = Array(extra.json[place.value])
        do throws(JSONError) {
            self.members = try jsonMembers(of: self.json).map { (Self.camelCase($0.key), $0) }
        } catch {
            throw Failure(.invalidRequest, "\(place.key) must be one JSON object", param: "extra_json.\(place.key)")
        }
    }

    /// Whether there is nothing in it.
    var isEmpty: Bool { self.members.isEmpty }

    /// Whether it asks for the arguments of calls in fragments, as Vertex can be asked.
    var asksForFragments: Bool {
        TextSearch.contains(["streamFunctionCallArguments", "stream_function_call_arguments"], in: self.json)
    }

    /// Whether the object has a member of this name.
    func has(_ name: some CustomStringConvertible) -> Bool {
        guard !self.members.isEmpty else { return false }
        let name = name.description
        return self.members.contains { $0.name == name }
    }

    /// Appends all members.
    func write(to writer: inout JSONWriter) {
        for (_, member) in self.members {
            writer.key(member.key)
            writer.raw(Array(self.json[member.value]))
        }
    }

    /// `like_this` as `likeThis`; Google takes both.
    static func camelCase(_ key: String) -> String {
        guard key.utf8.contains(UInt8(ascii: "_")) else { return key }
        var result = ""
        var isUpper = false
        for letter in key {
            if letter == "_" {
                isUpper = !result.isEmpty
            } else {
                result += isUpper ? letter.uppercased() : String(letter)
                isUpper = false
            }
        }
        return result
    }
}
