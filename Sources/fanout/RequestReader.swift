// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Reads a request in the form of OpenAI's HTTP bodies, or a line of an OpenAI batch file.
///
/// What is asked shows in the body: `messages` is a conversation, `prompt` a completion, `input` an embedding; a batch
/// file's `url` must agree. A parameter that Fanout has no field for travels in ``FanoutModel/Request/extraJSON`` as it
/// is written, and null is as good as absent. `stream` and `stream_options` are left out: whoever reads results
/// decides.
enum RequestReader {
    /// What a body asks for.
    enum Kind: String {
        case chat = "/chat/completions"
        case completion = "/completions"
        case embedding = "/embeddings"
    }

    /// Reads one line: `{"model", "messages", …}` or `{"custom_id", "method", "url", "body"}`.
    /// - Throws: INVALID_REQUEST with the field at fault; ``id(of:)`` may still tell whose it was.
    static func item(_ line: [UInt8]) throws(Failure) -> Item {
        let members = try self.members(line)
        if members.contains(where: { $0.key == "body" }) { return try self.envelope(line, members) }
        return try self.body(line, members, kind: nil)
    }

    /// The `id` or `custom_id` of a line that is otherwise wrong; empty = none can be read.
    static func id(of line: [UInt8]) -> String {
        guard let members = try? self.members(line),
            let member = members.first(where: { $0.key == "custom_id" || $0.key == "id" })
        else { return "" }
        return (try? self.value(of: member, in: line, self.readID)) ?? ""
    }

    private static func members(_ bytes: [UInt8]) throws(Failure) -> [JSONMember] {
        do {
            return try jsonMembers(of: bytes)
        } catch {
            guard error.code != .typeMismatch else { throw .unreadable("must be a JSON object") }
            throw .unreadable(error.description)
        }
    }

    /// A line of an OpenAI batch file.
    private static func envelope(_ line: [UInt8], _ members: [JSONMember]) throws(Failure) -> Item {
        var id = ""
        var kind: Kind?
        var body: [UInt8] = []
        for member in members where !self.isNull(member, in: line) {
            switch member.key {
            case "custom_id", "id": id = try self.value(of: member, in: line, self.readID)
            case "method":
                let method = try self.value(of: member, in: line) { (reader) throws(Failure) in try reader.readString()
                }
                guard method == "POST" else { throw .unreadable("must be POST, not \(method)", param: "method") }
            case "url":
                let url = try self.value(of: member, in: line) { (reader) throws(Failure) in try reader.readString() }
                kind = try self.kind(url: url)
            case "body": body = Array(line[member.value])
            default: throw .unreadable("is no field of a batch file's line", param: member.key)
            }
        }
        do throws(Failure) {
            var item = try self.body(body, try self.members(body), kind: kind)
            if !id.isEmpty { item.id = id }
            return item
        } catch {
            throw error.under("body")
        }
    }

    private static func kind(url: String) throws(Failure) -> Kind {
        for kind in [Kind.chat, .completion, .embedding] where url.hasSuffix(kind.rawValue) { return kind }
        let words = "must end in /chat/completions, /completions or /embeddings, not \(url)"
        throw .unreadable(words, param: "url")
    }

    private static func body(_ bytes: [UInt8], _ members: [JSONMember], kind: Kind?) throws(Failure) -> Item {
        let members = members.filter { !self.isNull($0, in: bytes) }
        let keys = Set(members.map { $0.key })
        let found: Kind? =
            keys.contains("messages")
            ? .chat : keys.contains("prompt") ? .completion : keys.contains("input") ? .embedding : nil
        guard let shown = found else { throw .unreadable("needs messages, prompt or input") }
        if let kind, kind != shown {
            throw .unreadable("doesn't fit the url, which ends in \(kind.rawValue)")
        }
        var draft = RequestDraft(kind: shown)
        for member in members {
            let isTaken = try self.value(of: member, in: bytes) { (reader) throws(Failure) in
                try draft.take(member.key, &reader)
            }
            if !isTaken { draft.extra.append((member.key, Array(bytes[member.value]))) }
        }
        var item = draft.item()
        for (place, json) in draft.fallbackBodies {
            do throws(Failure) {
                let members = try self.members(json).filter { !self.isNull($0, in: json) }
                let request = try self.fallback(json, members, of: draft)
                item.fallbacks[place] = request.model
                // An object that only names a model is asked what the item is.
                guard members.contains(where: { $0.key != "model" }) else { continue }
                item.fallbackRequests.append(Item.FallbackRequest(fallback: UInt32(place), request: request))
            } catch {
                throw error.under("[\(place)]").under("fallbacks")
            }
        }
        return item
    }

    /// What a fallback is asked: the item's request, with the members of an object in place of its own.
    private static func fallback(
        _ json: [UInt8],
        _ members: [JSONMember],
        of item: RequestDraft
    ) throws(Failure) -> Request {
        var draft = item
        draft.model = ""
        for member in members {
            let isTaken = try self.value(of: member, in: json) { (reader) throws(Failure) in
                try draft.takeOfFallback(member.key, &reader)
            }
            if !isTaken { draft.extra.append((member.key, Array(json[member.value]))) }
        }
        guard !draft.model.isEmpty else { throw .unreadable("needs the model to fall back to", param: "model") }
        return draft.item().request
    }

    private static func isNull(_ member: JSONMember, in bytes: [UInt8]) -> Bool {
        bytes[member.value].first == UInt8(ascii: "n")
    }

    /// Reads a member's value, whose text is known to be JSON.
    private static func value<Value>(
        of member: JSONMember,
        in bytes: [UInt8],
        _ read: (inout JSONReader) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        do throws(Failure) {
            return try withJSONReader(Array(bytes[member.value]), read)
        } catch {
            throw error.under(member.key)
        }
    }

    /// A name may be written as a number.
    static func readID(_ reader: inout JSONReader) throws(Failure) -> String {
        switch try reader.readKind() {
        case .number: return String(decoding: try reader.readRaw(), as: UTF8.self)
        case .string: return try reader.readString()
        default: throw .unreadable("must be a string or a number")
        }
    }
}
