// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension Item {
    /// Whether a part names a blob.
    ///
    /// Most don't, and are then not rebuilt.
    private var namesBlobs: Bool {
        guard case .chat(let chat) = self.request.task else { return false }
        return chat.messages.contains { $0.parts.contains { $0.blob != nil } }
    }

    /// Puts blobs' bytes in the place of their names.
    ///
    /// The ids that were used are added to `used`.
    mutating func resolveBlobs(from store: BlobStore, used: inout Set<UInt64>) throws(Failure) {
        guard self.namesBlobs, case .chat(var chat) = self.request.task else { return }
        for turn in chat.messages.indices {
            for place in chat.messages[turn].parts.indices {
                guard let id = chat.messages[turn].parts[place].blob else { continue }
                guard let bytes = store.bytes(of: id) else {
                    throw Failure(
                        .invalidRequest,
                        "there is no complete blob \(id) on this connection: send it before the item",
                        param: "request.chat.messages[\(turn)].parts[\(place)].blob_id"
                    )
                }
                used.insert(id)
                chat.messages[turn].parts[place].fill(with: bytes)
            }
        }
        self.request.task = .chat(chat)
    }
}

extension Part {
    fileprivate var blob: UInt64? {
        switch self.kind {
        case .image(let media), .document(let media), .audio(let media), .video(let media):
            if case .blob(let id) = media.source { id } else { nil }
        default: nil
        }
    }

    fileprivate mutating func fill(with bytes: [UInt8]) {
        func filled(_ media: Media) -> Media {
            var media = media
            media.source = .data(bytes)
            return media
        }
        switch self.kind {
        case .image(let media): self.kind = .image(filled(media))
        case .document(let media): self.kind = .document(filled(media))
        case .audio(let media): self.kind = .audio(filled(media))
        case .video(let media): self.kind = .video(filled(media))
        default: break
        }
    }
}
