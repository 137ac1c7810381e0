// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension OpenAIEncoder {
    /// Writes one part of an array of content.
    mutating func write(_ part: Part, at place: PartPlace) throws(Failure) {
        switch part.kind {
        case .text(let text):
            self.writeText(text.text, cache: part.cache)
        case .image(let media):
            try self.writeImage(media, cache: part.cache, at: Self.path(of: place))
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
                param: Self.path(of: place)
            )
        }
    }

    mutating func writeText(_ text: String, cache: CacheMarker?) {
        self.beginPart("text")
        self.writer.key("text")
        self.writer.string(text)
        self.writeCache(cache)
        self.writer.endObject()
    }

    /// Whether a mark of the prompt cache has a word here.
    ///
    /// OpenAI reads marks only in the explicit mode, which a request asks for by an extra parameter. Where there is no
    /// word, nothing is lost: the provider caches as it sees fit.
    func marks(_ cache: CacheMarker?) -> Bool {
        guard cache != nil else { return false }
        if self.dialect.contains(.cacheControl) { return true }
        return self.dialect.contains(.cacheBreakpoints) && self.extra.has("prompt_cache_options")
    }

    /// Marks the end of a prefix worth caching.
    mutating func writeCache(_ cache: CacheMarker?) {
        guard let cache, self.marks(cache) else { return }
        guard self.dialect.contains(.cacheControl) else {
            self.writer.key("prompt_cache_breakpoint")
            self.writer.beginObject()
            self.writer.key("mode")
            self.writer.string("explicit")
            return self.writer.endObject()
        }
        self.writer.key("cache_control")
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string("ephemeral")
        if cache.ttlMilliseconds > 0 {
            self.writer.key("ttl")
            self.writer.string(cache.ttlMilliseconds <= 300_000 ? "5m" : "1h")
        }
        self.writer.endObject()
    }

    mutating func beginPart(_ type: StaticString) {
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string(type.description)
    }

    mutating func writeImage(_ media: Media, cache: CacheMarker?, at path: String) throws(Failure) {
        try self.checkMedia(path)
        self.beginPart("image_url")
        self.writer.key("image_url")
        self.writer.beginObject()
        self.writer.key("url")
        try self.writeDataURL(of: media, at: path)
        if !media.detail.isEmpty {
            self.writer.key("detail")
            self.writer.string(media.detail)
        }
        self.writer.endObject()
        self.writeCache(cache)
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
        try self.writeDataURL(of: media, at: Self.path(of: place))
        self.writer.endObject()
        self.writer.endObject()
    }

    private mutating func writeAudio(_ media: Media, at place: PartPlace) throws(Failure) {
        try self.checkMedia(Self.path(of: place))
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
        try self.checkMedia(Self.path(of: place))
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
            try self.writeDataURL(of: media, at: Self.path(of: place))
        }
        self.writer.endObject()
        self.writer.endObject()
    }

    private func checkMedia(_ path: String) throws(Failure) {
        guard self.dialect.contains(.media) else {
            throw Self.unsupportedPart("only text can be sent", path, self.endpoint)
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
