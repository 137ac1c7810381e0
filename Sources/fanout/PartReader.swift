// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Reads one part of a message's content in OpenAI's form.
enum PartReader {
    /// Reads a part; one of a type that Fanout has no word for is carried whole.
    static func part(_ reader: inout JSONReader) throws(Failure) -> Part {
        let json = try reader.readObjectRaw()
        return try withJSONReader(json) { (reader) throws(Failure) in try self.part(json, &reader) }
    }

    private static func part(_ json: [UInt8], _ reader: inout JSONReader) throws(Failure) -> Part {
        var type = ""
        var text: String?
        var refusal: String?
        var media: Media?
        var marker: CacheMarker?
        var stranger: String?
        try reader.readMembers { (key, reader) throws(Failure) in
            switch key {
            case "type": type = try reader.readString()
            case "text": text = try reader.readString()
            case "refusal": refusal = try reader.readString()
            case "image_url": media = try self.image(&reader)
            case "input_audio": media = try self.audio(&reader)
            case "file": media = try self.file(&reader)
            case "cache_control": marker = try self.cache(&reader)
            default:
                stranger = key
                try reader.skipValue()
            }
        }
        if let stranger, ["text", "refusal", "image_url", "input_audio", "file"].contains(type) {
            throw .unreadable("is no field of a part of type \(type)", param: stranger)
        }
        switch type {
        case "text":
            guard let text else { throw .unreadable("is missing", param: "text") }
            return Part(.text(Text(text)), cache: marker)
        case "refusal":
            guard let refusal else { throw .unreadable("is missing", param: "refusal") }
            return Part(.refusal(Text(refusal)), cache: marker)
        case "image_url", "input_audio", "file":
            guard let media else { throw .unreadable("is missing", param: type) }
            let kind: Part.Kind =
                switch type {
                case "image_url": .image(media)
                case "input_audio": .audio(media)
                default: .document(media)
                }
            return Part(kind, cache: marker)
        case "": throw .unreadable("is missing", param: "type")
        default: return Part(.opaque(Opaque(format: "openai", type: type, json: json)))
        }
    }

    /// Reads a mark such as `{"type": "ephemeral", "ttl": "1h"}`.
    static func cache(_ reader: inout JSONReader) throws(Failure) -> CacheMarker {
        var marker = CacheMarker()
        try reader.readMembers { (key, reader) throws(Failure) in
            switch key {
            case "type":
                guard try reader.readString() == "ephemeral" else { throw .unreadable("must be ephemeral") }
            case "ttl":
                let text = try reader.readString()
                guard let ttl = self.milliseconds(text) else { throw .unreadable("must be like 5m or 1h, not \(text)") }
                marker.ttlMilliseconds = ttl
            default: throw .unreadable("is no field of cache_control")
            }
        }
        return marker
    }

    private static func milliseconds(_ text: String) -> UInt64? {
        let units: [Character: UInt64] = ["s": 1_000, "m": 60_000, "h": 3_600_000]
        guard let unit = text.last.flatMap({ units[$0] }), let count = UInt32(text.dropLast()) else { return nil }
        return UInt64(count) * unit
    }

    private static func image(_ reader: inout JSONReader) throws(Failure) -> Media {
        if try reader.readKind() == .string { return try self.media(url: try reader.readString()) }
        var url: String?
        var detail = ""
        var format = ""
        try reader.readMembers { (key, reader) throws(Failure) in
            switch key {
            case "url": url = try reader.readString()
            case "detail": detail = try reader.readString()
            case "format": format = try reader.readString()
            default: throw .unreadable("is no field of image_url")
            }
        }
        guard let url else { throw .unreadable("is missing", param: "url") }
        var media = try self.media(url: url)
        media.detail = detail
        if media.mimeType.isEmpty { media.mimeType = format }
        return media
    }

    private static func audio(_ reader: inout JSONReader) throws(Failure) -> Media {
        var data: String?
        var format = ""
        try reader.readMembers { (key, reader) throws(Failure) in
            switch key {
            case "data": data = try reader.readString()
            case "format": format = try reader.readString()
            default: throw .unreadable("is no field of input_audio")
            }
        }
        guard let data else { throw .unreadable("is missing", param: "data") }
        let type = format == "mp3" ? "audio/mpeg" : format.isEmpty ? "" : "audio/\(format)"
        return Media(mimeType: type, source: .data(try self.bytes(base64: data[...], field: "data")))
    }

    private static func file(_ reader: inout JSONReader) throws(Failure) -> Media {
        var media: Media?
        var name = ""
        var format = ""
        try reader.readMembers { (key, reader) throws(Failure) in
            switch key {
            case "file_id": media = Media(mimeType: "", source: .file(try reader.readString()))
            case "file_data": media = try self.media(url: try reader.readString())
            case "filename": name = try reader.readString()
            case "format": format = try reader.readString()
            default: throw .unreadable("is no field of file")
            }
        }
        guard var media else { throw .unreadable("needs file_id or file_data") }
        media.name = name
        if media.mimeType.isEmpty { media.mimeType = format }
        return media
    }

    /// A URL, or the bytes of a `data:` URL (RFC 2397), so that every provider can be given them.
    private static func media(url: String) throws(Failure) -> Media {
        guard url.hasPrefix("data:"), let comma = url.firstIndex(of: ",") else {
            return Media(mimeType: "", source: .url(url))
        }
        let head = url[..<comma].dropFirst("data:".count)
        guard head.hasSuffix(";base64") else { throw .unreadable("a data: URL must be in base64") }
        let type = head.dropLast(";base64".count).prefix { $0 != ";" }
        return Media(
            mimeType: String(type),
            source: .data(try self.bytes(base64: url[comma...].dropFirst(), field: ""))
        )
    }

    private static func bytes(base64 text: Substring, field: String) throws(Failure) -> [UInt8] {
        guard let bytes = decodeBase64(Array(text.utf8)) else { throw .unreadable("isn't base64", param: field) }
        return bytes
    }
}
