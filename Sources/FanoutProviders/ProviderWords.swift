// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// What a provider says of a failure, in whichever of the known shapes.
struct ProviderWords: Equatable {
    /// Its sentence, untouched; the whole body where no known field holds one.
    var message = ""
    /// Its code.
    var code = ""
    /// Its type.
    var type = ""
    /// The parameter at fault.
    var param = ""
    /// Words of a provider behind this one (OpenRouter's `metadata.raw`), or further codes (Azure's `innererror`).
    var inner = ""
    /// The wait that the body names outside its sentence, for example Google's `retryDelay`.
    var retryDelay = ""

    /// The most bytes of a body that are looked at.
    static let bodyBytesMax = 1 << 20
    /// The most bytes of words that are kept.
    static let messageBytesMax = 16 << 10

    /// Reads an answer's body.
    init(body: [UInt8]) {
        let head = body.prefix(Self.bodyBytesMax)
        let first = head.first { $0 > 0x20 }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
            let value = try? JSONValue(parsing: Array(head))
        {
            self.take(Self.unwrapped(value))
        }
        if self.message.isEmpty { self.message = String(decoding: head, as: UTF8.self) }
        self.message = TextSearch.cut(self.message, toBytes: Self.messageBytesMax)
        self.inner = TextSearch.cut(self.inner, toBytes: Self.messageBytesMax)
        self.code = TextSearch.cut(self.code, toBytes: 256)
        self.type = TextSearch.cut(self.type, toBytes: 256)
        self.param = TextSearch.cut(self.param, toBytes: 256)
    }

    /// Google wraps an error in an array where an answer would be one, behind what came before it.
    private static func unwrapped(_ value: JSONValue) -> JSONValue {
        guard let elements = value.elements else { return value }
        return elements.last { $0["error"] != nil } ?? elements.last ?? value
    }

    private mutating func take(_ value: JSONValue) {
        switch value["error"] {
        case .object(_)?:
            let error = value["error"] ?? .null
            self.takeFields(error)
            if self.type.isEmpty { self.type = Self.word(value["error_type"]) }
        case .string(let text)?:
            // xAI, TGI, Hugging Face: a sentence, with a code beside it.
            self.takeFields(value)
            self.message = text
            // A model that is being loaded, in seconds.
            if case .double(let seconds)? = value["estimated_time"] { self.retryDelay = "\(seconds)" }
            if self.type.isEmpty { self.type = Self.word(value["error_type"]) }
        case .array(let sentences)?:
            self.message = sentences.compactMap(\.text).joined(separator: "\n")
        default:
            self.takeFields(value)
            if self.type.isEmpty { self.type = Self.word(value["error_type"]) }
            if self.message.isEmpty { self.message = Self.detail(value["detail"]) }
        }
    }

    private mutating func takeFields(_ error: JSONValue) {
        self.message = error["message"]?.text ?? error["Message"]?.text ?? ""
        self.code = Self.word(error["code"])
        self.type = Self.word(error["type"])
        // AWS's JSON names a shape, with its namespace or without: `com.amazon.coral.service#ExpiredTokenException`.
        if self.type.isEmpty {
            self.type = Self.word(error["__type"]).split(separator: "#").last.map(String.init) ?? ""
        }
        switch error["status"] {
        // Ollama's, of an error inside a stream.
        case .integer(let status)? where self.code.isEmpty: self.code = "\(status)"
        case let status: if self.type.isEmpty { self.type = Self.word(status) }
        }
        self.param = Self.word(error["param"])
        if let raw = error["metadata"]?["raw"] {
            self.inner = raw.text ?? String(decoding: raw.serialized(), as: UTF8.self)
        } else if let inner = error["innererror"]?["code"] {
            self.inner = Self.word(inner)
        }
        for detail in error["details"]?.elements ?? [] {
            self.retryDelay += Self.word(detail["retryDelay"])
            if let violations = detail["violations"] {
                self.inner += String(decoding: violations.serialized(), as: UTF8.self)
            }
            self.inner += Self.word(detail["reason"])
        }
    }

    /// FastAPI's `detail`: a sentence, or a list of faults with their places.
    private static func detail(_ value: JSONValue?) -> String {
        if let text = value?.text { return text }
        let faults = value?.elements ?? []
        return faults.compactMap { fault in
            guard let sentence = fault["msg"]?.text else { return nil }
            let place = (fault["loc"]?.elements ?? []).map(self.word).joined(separator: ".")
            return place.isEmpty ? sentence : "\(place): \(sentence)"
        }.joined(separator: "\n")
    }

    /// A string or a number as text; nothing for the rest.
    private static func word(_ value: JSONValue?) -> String {
        switch value {
        case .string(let text)?: text
        case .integer(let number)?: "\(number)"
        default: ""
        }
    }
}
