// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Foundation

/// What the neutral form has no word for.
struct Unsayable: Error, CustomStringConvertible {
    var path: String
    var description: String { "the neutral form has no word for \(self.path)" }
}

/// A JSON object whose every member must be read, so that nothing of a recorded request is passed over.
struct Members {
    let path: String
    private(set) var rest: [String: JSONValue]

    init(_ value: JSONValue, _ path: String) throws {
        guard case .object(let members) = value else { throw Unsayable(path: path) }
        self.path = path
        self.rest = members.filter { $0.value != .null }
    }

    /// The member of that name, which then counts as read; null counts as absent.
    mutating func take(_ key: String) -> JSONValue? { self.rest.removeValue(forKey: key) }

    /// A text; anything else can't be said.
    mutating func text(_ key: String) throws -> String? {
        guard let value = self.take(key) else { return nil }
        guard let text = value.text else { throw Unsayable(path: "\(self.path).\(key)") }
        return text
    }

    mutating func bool(_ key: String) throws -> Bool? {
        guard let value = self.take(key) else { return nil }
        guard case .bool(let flag) = value else { throw Unsayable(path: "\(self.path).\(key)") }
        return flag
    }

    mutating func number(_ key: String) throws -> Double? {
        switch self.take(key) {
        case nil: return nil
        case .integer(let value)?: return Double(value)
        case .double(let value)?: return value
        default: throw Unsayable(path: "\(self.path).\(key)")
        }
    }

    mutating func integer(_ key: String) throws -> Int64? {
        guard let number = try self.number(key) else { return nil }
        guard let whole = Int64(exactly: number) else { throw Unsayable(path: "\(self.path).\(key)") }
        return whole
    }

    mutating func count(_ key: String) throws -> UInt32? {
        guard let number = try self.integer(key) else { return nil }
        guard let count = UInt32(exactly: number) else { throw Unsayable(path: "\(self.path).\(key)") }
        return count
    }

    /// One text or several.
    mutating func texts(_ key: String) throws -> [String]? {
        guard let value = self.take(key) else { return nil }
        if let text = value.text { return [text] }
        guard let elements = value.elements else { throw Unsayable(path: "\(self.path).\(key)") }
        return try elements.map { element in
            guard let text = element.text else { throw Unsayable(path: "\(self.path).\(key)") }
            return text
        }
    }

    /// Refuses what was not read.
    func end() throws {
        if let key = self.rest.keys.min() { throw Unsayable(path: "\(self.path).\(key)") }
    }

    /// All that was not read, as extra parameters.
    func extra() -> [UInt8] {
        self.rest.isEmpty ? [] : JSONValue.object(self.rest).serialized()
    }
}

/// The bytes and the type of a data URL (RFC 2397); nil = it is none.
func dataURL(_ url: String) -> (mimeType: String, bytes: [UInt8])? {
    guard url.hasPrefix("data:"), let comma = url.firstIndex(of: ",") else { return nil }
    let head = url[url.index(url.startIndex, offsetBy: 5)..<comma]
    guard head.hasSuffix(";base64"), let data = Data(base64Encoded: String(url[url.index(after: comma)...])) else {
        return nil
    }
    return (String(head.dropLast(7)), Array(data))
}

extension JSONValue {
    /// Each value of the tree changed from the leaves up; nil removes a member of an object.
    func mapped(_ change: (JSONValue) -> JSONValue?) -> JSONValue? {
        switch self {
        case .array(let elements): change(.array(elements.compactMap { $0.mapped(change) }))
        case .object(let members): change(.object(members.compactMapValues { $0.mapped(change) }))
        default: change(self)
        }
    }

    /// Numbers in one form and without nulls, which say what an absent member says.
    var plain: JSONValue {
        self.mapped { value in
            switch value {
            case .null: nil
            case .integer(let number): .double(Double(number))
            default: value
            }
        } ?? .null
    }

    /// Changes a member in place.
    mutating func change(_ key: String, _ change: (JSONValue) -> JSONValue?) {
        guard case .object(var members) = self, let old = members[key] else { return }
        members[key] = change(old)
        self = .object(members)
    }

    /// Renames a member.
    mutating func rename(_ key: String, to name: String) {
        guard case .object(var members) = self, let value = members.removeValue(forKey: key) else { return }
        members[name] = value
        self = .object(members)
    }
}

extension Recording {
    /// The body that was sent; cut base64 is cut further, to whole groups.
    var sentBody: JSONValue {
        guard self.isRequestCut else { return self.requestBody }
        return self.requestBody.mapped { value in
            let words = /…\[\d+ characters left out of this copy\]/
            guard let text = value.text, let mark = text.firstRange(of: words) else { return value }
            var rest = text[..<mark.lowerBound]
            while rest.last == " " { rest = rest.dropLast() }
            let start = rest.lastIndex(of: ",").map { rest.index(after: $0) } ?? rest.startIndex
            let isBase64 = rest[start...].allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || "+/=".contains($0))
            }
            return .string(String(isBase64 ? rest.dropLast(rest[start...].count % 4) : rest))
        } ?? .null
    }
}
