// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension OpenAIEncoder {
    /// Writes one part of an array of content.
    mutating func write(_ part: Part, at place: PartPlace) throws(Failure) {
        switch part.kind {
        case .text(let text):
            self.beginPart("text")
            self.writer.key("text")
            self.writer.string(text.text)
            self.writer.endObject()
        case .image(let media):
            try self.writeImage(media, at: place)
        case .audio(let media):
            try self.writeAudio(media, at: place)
        case .document(let media):
            try self.writeDocument(media, at: place)
        case .video(let media):
            try self.writeVideo(media, at: place)
        case .opaque(let opaque):
            guard opaque.format == "openai" else {
                throw Self.unsupportedPart(
                    "an item of \(opaque.format) can't be sent",
                    place,
                    self.endpoint
                )
            }
            self.writer.raw(opaque.json)
        case .reasoning, .toolCall, .toolResult, .refusal:
            throw Failure(
                .invalidRequest,
                "this part belongs in an assistant's or a tool's turn",
                param: "messages[\(place.message)].parts[\(place.part)]"
            )
        }
    }

    private mutating func beginPart(_ type: StaticString) {
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string(type.description)
    }

    private mutating func writeImage(_ media: Media, at place: PartPlace) throws(Failure) {
        try self.checkMedia(place)
        self.beginPart("image_url")
        self.writer.key("image_url")
        self.writer.beginObject()
        self.writer.key("url")
        try self.writeURL(of: media, at: place)
        if !media.detail.isEmpty {
            self.writer.key("detail")
            self.writer.string(media.detail)
        }
        self.writer.endObject()
        self.writer.endObject()
    }

    private mutating func writeVideo(_ media: Media, at place: PartPlace) throws(Failure) {
        guard self.dialect.contains(.videoURL) else {
            throw Self.unsupportedPart("films can't be sent", place, self.endpoint)
        }
        self.beginPart("video_url")
        self.writer.key("video_url")
        self.writer.beginObject()
        self.writer.key("url")
        try self.writeURL(of: media, at: place)
        self.writer.endObject()
        self.writer.endObject()
    }

    private mutating func writeAudio(_ media: Media, at place: PartPlace) throws(Failure) {
        try self.checkMedia(place)
        guard case .data(let bytes) = media.source else {
            throw Self.unsupportedPart("sound must be sent as bytes", place, self.endpoint)
        }
        self.beginPart("input_audio")
        self.writer.key("input_audio")
        self.writer.beginObject()
        self.writer.key("data")
        self.writer.beginString()
        self.writer.stringPart(base64: bytes)
        self.writer.endString()
        self.writer.key("format")
        self.writer.string(Self.audioFormat(media.mimeType))
        self.writer.endObject()
        self.writer.endObject()
    }

    private mutating func writeDocument(_ media: Media, at place: PartPlace) throws(Failure) {
        try self.checkMedia(place)
        self.beginPart("file")
        self.writer.key("file")
        self.writer.beginObject()
        switch media.source {
        case .file(let id):
            self.writer.key("file_id")
            self.writer.string(id)
        case .url where !self.dialect.contains(.videoURL):
            throw Self.unsupportedPart("a document can't be sent by URL", place, self.endpoint)
        case .data, .url, .blob:
            self.writer.key("filename")
            self.writer.string(media.name.isEmpty ? "document" : media.name)
            self.writer.key("file_data")
            try self.writeURL(of: media, at: place)
        }
        self.writer.endObject()
        self.writer.endObject()
    }

    private func checkMedia(_ place: PartPlace) throws(Failure) {
        guard self.dialect.contains(.media) else {
            throw Self.unsupportedPart("only text can be sent", place, self.endpoint)
        }
    }

    /// Writes a URL, or bytes as a data URL (RFC 2397).
    private mutating func writeURL(of media: Media, at place: PartPlace) throws(Failure) {
        switch media.source {
        case .url(let url):
            self.writer.string(url)
        case .data(let bytes):
            guard !media.mimeType.isEmpty else {
                throw Failure(
                    .invalidRequest,
                    "bytes need a mime_type",
                    param: "messages[\(place.message)].parts[\(place.part)].mime_type"
                )
            }
            self.writer.beginString()
            self.writer.stringPart("data:")
            self.writer.stringPart(media.mimeType)
            self.writer.stringPart(";base64,")
            self.writer.stringPart(base64: bytes)
            self.writer.endString()
        case .file:
            throw Self.unsupportedPart("only documents can be named by file id", place, self.endpoint)
        case .blob(let id):
            throw Failure(
                .invalidRequest,
                "there is no blob \(id) on this connection",
                param: "messages[\(place.message)].parts[\(place.part)].blob_id"
            )
        }
    }

    /// OpenAI's word for a MIME type: `wav`, `mp3`; any other subtype as it is.
    private static func audioFormat(_ mimeType: String) -> String {
        switch mimeType {
        case "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave": return "wav"
        case "audio/mpeg", "audio/mp3": return "mp3"
        default:
            guard let slash = mimeType.firstIndex(of: "/") else { return mimeType }
            return String(mimeType[mimeType.index(after: slash)...])
        }
    }
}
