// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// A URL that is its own content, in the one form that providers take: `data:image/png;base64,…` (RFC 2397).
struct DataURL {
    let mimeType: String
    let bytes: [UInt8]

    /// Whether a URL says that it is one.
    static func isOne(_ url: String) -> Bool {
        url.utf8.prefix(5).elementsEqual("data:".utf8) { $0 | 0x20 == $1 | 0x20 }
    }

    /// Takes a URL apart; nil = it has no type, isn't in base64, or its base64 is malformed.
    init?(_ url: String) {
        let content = url.utf8.dropFirst(5)
        guard Self.isOne(url), let comma = content.firstIndex(of: UInt8(ascii: ",")) else { return nil }
        let parameters = content[..<comma].split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard parameters.count >= 2, let type = parameters.first, type.contains(UInt8(ascii: "/")),
            parameters.last?.elementsEqual("base64".utf8) == true,
            let bytes = decodeBase64(Array(content[content.index(after: comma)...])), !bytes.isEmpty
        else { return nil }
        self.mimeType = String(Substring(type))
        self.bytes = bytes
    }
}

extension Request {
    /// This request with the bytes of each data URL in its place, for formats that have no data URLs.
    ///
    /// ``RequestCheck`` has refused malformed ones.
    func withoutDataURLs() -> Request {
        guard case .chat(var chat)? = self.task,
            chat.messages.contains(where: { $0.parts.contains(where: \.isDataURL) })
        else { return self }
        for turn in chat.messages.indices {
            for place in chat.messages[turn].parts.indices { chat.messages[turn].parts[place].decodeDataURL() }
        }
        var request = self
        request.task = .chat(chat)
        return request
    }
}

extension Part {
    fileprivate var isDataURL: Bool {
        switch self.kind {
        case .image(let media), .document(let media), .audio(let media), .video(let media): media.isDataURL
        case .toolResult(let result): result.pieces.contains { $0.media?.isDataURL ?? false }
        case .text, .reasoning, .toolCall, .refusal, .opaque: false
        }
    }

    fileprivate mutating func decodeDataURL() {
        switch self.kind {
        case .image(let media): self.kind = .image(media.withoutDataURL)
        case .document(let media): self.kind = .document(media.withoutDataURL)
        case .audio(let media): self.kind = .audio(media.withoutDataURL)
        case .video(let media): self.kind = .video(media.withoutDataURL)
        case .toolResult(var result):
            for place in result.pieces.indices {
                switch result.pieces[place].kind {
                case .image(let media): result.pieces[place].kind = .image(media.withoutDataURL)
                case .document(let media): result.pieces[place].kind = .document(media.withoutDataURL)
                case .audio(let media): result.pieces[place].kind = .audio(media.withoutDataURL)
                case .video(let media): result.pieces[place].kind = .video(media.withoutDataURL)
                case .text, .json, .opaque: break
                }
            }
            self.kind = .toolResult(result)
        case .text, .reasoning, .toolCall, .refusal, .opaque: break
        }
    }
}

extension ToolResult.Piece {
    fileprivate var media: Media? {
        switch self.kind {
        case .image(let media), .document(let media), .audio(let media), .video(let media): media
        case .text, .json, .opaque: nil
        }
    }
}

extension Media {
    fileprivate var isDataURL: Bool {
        if case .url(let url) = self.source { DataURL.isOne(url) } else { false }
    }

    fileprivate var withoutDataURL: Media {
        guard case .url(let url) = self.source, let data = DataURL(url) else { return self }
        var media = self
        media.source = .data(data.bytes)
        if media.mimeType.isEmpty { media.mimeType = data.mimeType }
        return media
    }
}
