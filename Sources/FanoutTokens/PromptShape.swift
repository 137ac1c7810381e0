// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// All that a prompt's tokens are estimated from.
///
/// A small value: an item keeps it until its usage is reported.
package struct PromptShape: Sendable, Hashable {
    /// Of all its texts: messages, tool calls and their results, prompts, inputs.
    package var text = TextCounts()
    /// The tokens of all its texts, where a tokenizer counted them; 0 = none did.
    package var counted: UInt32 = 0
    /// Turns of a conversation.
    package var messages: UInt32 = 0
    /// Prompts or inputs, each of which begins anew; 1 for a conversation.
    package var prompts: UInt32 = 1
    /// Bytes of the definitions of tools, and of the schema of the answer.
    package var toolBytes: UInt32 = 0
    /// Whether it has tools at all, which providers announce in words of their own.
    package var hasTools = false
    /// What images, documents, sounds and films cost by rule.
    package var mediaTokens: UInt32 = 0

    /// Of nothing.
    package init() {}

    /// The shape of what is asked.
    package init(of task: Request.Task) {
        var reader = PromptReader(counter: nil)
        reader.read(task)
        self = reader.shape
    }

    /// The shape of what is asked, its texts counted by a tokenizer.
    init(of task: Request.Task, counter: inout BytePairCounter) {
        // Taken out and put back: a second copy would make its work space be copied with each text.
        var own = BytePairCounter()
        swap(&own, &counter)
        var reader = PromptReader(counter: consume own)
        reader.read(task)
        self = reader.shape
        if let used = reader.counter { counter = used }
    }
}

/// Goes through a task once.
struct PromptReader {
    var shape = PromptShape()
    var counter: BytePairCounter?
    /// Texts past these bytes aren't counted by the tokenizer but in proportion, so that one large item doesn't hold
    /// up all others.
    static let countedBytesMax = 32 << 10
    private var countedBytes = 0

    init(counter: BytePairCounter?) {
        self.counter = counter
    }

    mutating func read(_ task: Request.Task) {
        switch task {
        case .chat(let chat): self.read(chat)
        case .completion(let completion):
            self.shape.prompts = UInt32(clamping: completion.prompts.count)
            for prompt in completion.prompts { self.take(prompt) }
            self.take(completion.suffix)
        case .embedding(let embedding):
            self.shape.prompts = UInt32(clamping: embedding.inputs.count)
            for input in embedding.inputs { self.take(input) }
        }
        let bytes = Int(self.shape.text.bytes)
        if self.countedBytes > 0, bytes > self.countedBytes {
            let whole = Double(self.shape.counted) * Double(bytes) / Double(self.countedBytes)
            self.shape.counted = UInt32(clamping: Int64(whole))
        }
    }

    private mutating func read(_ chat: ChatRequest) {
        self.shape.messages = UInt32(clamping: chat.messages.count)
        for message in chat.messages {
            for part in message.parts { self.take(part.kind) }
        }
        var bytes = 0
        for tool in chat.tools {
            bytes += tool.name.utf8.count + tool.description.utf8.count
            bytes += tool.parametersJSON.count + tool.specJSON.count
        }
        self.shape.hasTools = !chat.tools.isEmpty
        if case .schema(let schema)? = chat.responseFormat { bytes += schema.json.count }
        self.shape.toolBytes = UInt32(clamping: bytes)
    }

    private mutating func take(_ part: Part.Kind) {
        switch part {
        case .text(let text), .refusal(let text): self.take(text.text)
        case .image(let media): self.take(media, .image)
        case .document(let media): self.take(media, .document)
        case .audio(let media): self.take(media, .audio)
        case .video(let media): self.take(media, .video)
        case .reasoning(let reasoning): self.take(reasoning.text)
        case .toolCall(let call):
            self.take(call.name)
            self.take(call.arguments)
        case .toolResult(let result):
            for piece in result.pieces { self.take(piece.kind) }
        case .opaque(let opaque): self.take(opaque.json)
        }
    }

    private mutating func take(_ piece: ToolResult.Piece.Kind) {
        switch piece {
        case .text(let text): self.take(text.text)
        case .image(let media): self.take(media, .image)
        case .document(let media): self.take(media, .document)
        case .audio(let media): self.take(media, .audio)
        case .video(let media): self.take(media, .video)
        case .json(let bytes): self.take(bytes)
        case .opaque(let opaque): self.take(opaque.json)
        }
    }

    private mutating func take(_ text: String) {
        let isContiguous: Void? = text.utf8.withContiguousStorageIfAvailable { self.take($0) }
        // Only a string that came from elsewhere than the wire isn't contiguous.
        if isContiguous == nil { self.take(Array(text.utf8)) }
    }

    private mutating func take(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { self.take($0) }
    }

    private mutating func take(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.shape.text.add(bytes)
        guard self.counter != nil, self.countedBytes < Self.countedBytesMax else { return }
        let counted = UnsafeBufferPointer(rebasing: bytes.prefix(Self.countedBytesMax - self.countedBytes))
        self.countedBytes += counted.count
        self.shape.counted &+= self.counter?.count(counted) ?? 0
    }

    private enum MediaKind {
        case image, document, audio, video
    }

    /// Tokens by rule of thumb; each model's reports correct it.
    ///
    /// An image of 1,024 × 1,024 is 765 tokens to OpenAI, of low detail 85; a page of a document its picture and its
    /// text, with about 50 KB a page; a second of sound ten tokens, with about 25 KB a second; of film 258, with about
    /// 500 KB a second. What lies elsewhere counts as small.
    private mutating func take(_ media: Media, _ kind: MediaKind) {
        var size = 0
        if case .data(let bytes) = media.source { size = bytes.count }
        let tokens =
            switch kind {
            case .image: media.detail == "low" ? 85 : 765
            case .document: max(1_500, size / 33)
            case .audio: max(50, size / 2_500)
            case .video: max(1_000, size / 2_000)
            }
        self.shape.mediaTokens = UInt32(clamping: Int64(self.shape.mediaTokens) + Int64(tokens))
    }
}
