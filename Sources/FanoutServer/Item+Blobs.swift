// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension Item {
    /// Puts blobs' bytes in the place of their names, and gives those names.
    mutating func resolveBlobs(from store: BlobStore) throws(Failure) -> Set<UInt64> {
        var used: Set<UInt64> = []
        try self.request.resolveBlobs(from: store, param: "request", used: &used)
        for place in self.fallbackRequests.indices {
            let param = "fallback_requests[\(place)].request"
            try self.fallbackRequests[place].request.resolveBlobs(from: store, param: param, used: &used)
        }
        return used
    }
}

extension Request {
    /// Whether a part, or a piece of a tool's result, names a blob.
    ///
    /// Most don't, and are then not rebuilt.
    private var namesBlobs: Bool {
        guard case .chat(let chat) = self.task else { return false }
        return chat.messages.contains { $0.parts.contains { $0.namesBlob } }
    }

    fileprivate mutating func resolveBlobs(
        from store: BlobStore,
        param: String,
        used: inout Set<UInt64>
    ) throws(Failure) {
        guard self.namesBlobs, case .chat(var chat) = self.task else { return }
        for turn in chat.messages.indices {
            for place in chat.messages[turn].parts.indices where chat.messages[turn].parts[place].namesBlob {
                let param = "\(param).chat.messages[\(turn)].parts[\(place)]"
                try chat.messages[turn].parts[place].resolve(from: store, param: param, used: &used)
            }
        }
        self.task = .chat(chat)
    }
}

extension Part {
    fileprivate var namesBlob: Bool {
        if case .toolResult(let result) = self.kind { return result.pieces.contains { $0.kind.media?.blob != nil } }
        return self.kind.media?.blob != nil
    }

    fileprivate mutating func resolve(from store: BlobStore, param: String, used: inout Set<UInt64>) throws(Failure) {
        if case .toolResult(var result) = self.kind {
            for index in result.pieces.indices {
                let param = "\(param).tool_result.parts[\(index)]"
                try result.pieces[index].kind.media?.resolve(from: store, param: param, used: &used)
            }
            self.kind = .toolResult(result)
        } else {
            try self.kind.media?.resolve(from: store, param: param, used: &used)
        }
    }
}

extension Media {
    fileprivate var blob: UInt64? {
        if case .blob(let id) = self.source { id } else { nil }
    }

    fileprivate mutating func resolve(from store: BlobStore, param: String, used: inout Set<UInt64>) throws(Failure) {
        guard let id = self.blob else { return }
        guard let bytes = store.bytes(of: id) else {
            throw Failure(
                .invalidRequest,
                "there is no complete blob \(id) on this connection: send it before the item",
                param: "\(param).blob_id"
            )
        }
        used.insert(id)
        self.source = .data(bytes)
    }
}

extension Part.Kind {
    fileprivate var media: Media? {
        get {
            switch self {
            case .image(let media), .document(let media), .audio(let media), .video(let media): media
            default: nil
            }
        }
        set {
            guard let newValue else { return }
            switch self {
            case .image: self = .image(newValue)
            case .document: self = .document(newValue)
            case .audio: self = .audio(newValue)
            case .video: self = .video(newValue)
            default: break
            }
        }
    }
}

extension ToolResult.Piece.Kind {
    fileprivate var media: Media? {
        get {
            switch self {
            case .image(let media), .document(let media), .audio(let media), .video(let media): media
            default: nil
            }
        }
        set {
            guard let newValue else { return }
            switch self {
            case .image: self = .image(newValue)
            case .document: self = .document(newValue)
            case .audio: self = .audio(newValue)
            case .video: self = .video(newValue)
            default: break
            }
        }
    }
}
