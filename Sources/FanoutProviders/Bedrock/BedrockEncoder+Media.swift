// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// What Converse calls the forms of media, by their MIME types.
private enum MediaFormats {
    static let image = [
        "image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp",
    ]
    static let document = [
        "application/pdf": "pdf", "text/csv": "csv", "application/msword": "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/vnd.ms-excel": "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "text/html": "html", "text/plain": "txt", "text/markdown": "md",
    ]
    static let video = [
        "video/x-matroska": "mkv", "video/quicktime": "mov", "video/mp4": "mp4", "video/webm": "webm",
        "video/x-flv": "flv", "video/mpeg": "mpeg", "video/x-ms-wmv": "wmv", "video/3gpp": "three_gp",
    ]
}

extension BedrockEncoder {
    mutating func write(image media: Media, at place: PartPlace) throws(Failure) {
        try self.write(media, as: "image", MediaFormats.image, name: nil, at: place)
    }

    mutating func write(video media: Media, at place: PartPlace) throws(Failure) {
        try self.write(media, as: "video", MediaFormats.video, name: nil, at: place)
    }

    /// A document has a name here, by which the model may speak of it.
    mutating func write(document media: Media, at place: PartPlace) throws(Failure) {
        var name = Self.documentName(media.name)
        if name.isEmpty {
            self.namedDocuments += 1
            name = "Document \(self.namedDocuments)"
        }
        try self.write(media, as: "document", MediaFormats.document, name: name, at: place)
    }

    /// A name of letters, digits, single blanks, hyphens, underscores and brackets, as Bedrock takes it: what else a
    /// file's name has becomes a hyphen.
    private static func documentName(_ name: String) -> String {
        var bytes: [UInt8] = []
        for byte in name.utf8.prefix(200) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "("),
                UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"):
                bytes.append(byte)
            case UInt8(ascii: " "):
                if bytes.last != byte { bytes.append(byte) }
            default: bytes.append(UInt8(ascii: "-"))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func write(
        _ media: Media,
        as kind: StaticString,
        _ formats: [String: String],
        name: String?,
        at place: PartPlace
    ) throws(Failure) {
        let format = try self.format(of: media, kind, formats, at: place)
        self.writer.beginObject()
        self.writer.key(kind)
        self.writer.beginObject()
        self.writer.key("format")
        self.writer.string(format)
        if let name {
            self.writer.key("name")
            self.writer.string(name)
        }
        self.writer.key("source")
        self.writer.beginObject()
        switch media.source {
        case .data(let bytes):
            self.writer.key("bytes")
            self.writer.beginString()
            self.writer.stringPart(base64: bytes)
            self.writer.endString()
        case .url(let place) where place.hasPrefix("s3://"), .file(let place) where place.hasPrefix("s3://"):
            self.writer.key("s3Location")
            self.writer.beginObject()
            self.writer.key("uri")
            self.writer.string(place)
            self.writer.endObject()
        case .url, .file:
            throw Self.unsupportedPart(
                "\(kind)s must be bytes or an s3:// address, since nothing is fetched from elsewhere",
                place,
                self.endpoint
            )
        case .blob(let id):
            throw Failure(
                .invalidRequest,
                "there is no blob \(id) on this connection",
                param: "\(Self.path(of: place)).blob_id"
            )
        }
        for _ in 0..<3 { self.writer.endObject() }
    }

    /// By the MIME type, or where there is none by the ending of the name or address.
    private func format(
        of media: Media,
        _ kind: StaticString,
        _ formats: [String: String],
        at place: PartPlace
    ) throws(Failure) -> String {
        // What follows a semicolon is the text's encoding.
        let type = media.mimeType.lowercased().prefix { $0 != ";" && $0 != " " }
        if let format = formats[String(type)] { return format }
        if type.isEmpty {
            let address: String =
                switch media.source {
                case .url(let url): url
                case .file(let id): id
                case .data, .blob: media.name
                }
            if let ending = address.lowercased().split(separator: ".").last.map(String.init) {
                if ending == "jpg", formats.values.contains("jpeg") { return "jpeg" }
                if formats.values.contains(ending) { return ending }
            }
        }
        throw Failure(
            .invalidRequest,
            "\(self.endpoint.provider) takes \(kind)s as \(Set(formats.values).sorted().joined(separator: ", ")): "
                + "give one of these as mime_type",
            param: "\(Self.path(of: place)).mime_type"
        )
    }
}
