// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
package import FanoutModel

/// Reads one answer of a provider: its head, its body in pieces of any size, its end.
///
/// It is a state machine without clock or connection. The order of calls is ``head(_:wallClockSeconds:)`` once,
/// ``body(_:deltas:)`` any number of times, ``end(deltas:)`` once; after a throw, or once ``isComplete``, the answer is
/// decided and only ``end(deltas:)`` may follow. A connection that breaks before the end of the HTTP message is the
/// caller's to report.
///
/// An answer that isn't streamed although that was asked for, as errors are, is told by its first byte.
package struct AnswerDecoder: Sendable {
    /// What the body turned out to be.
    private enum Mode: Sendable {
        /// Nothing but white space so far.
        case undecided
        /// Pieces of a stream.
        case stream
        /// One JSON text, or anything that should have been one.
        case whole
        /// The words of a failure, of which a bounded part is kept.
        case failure
    }

    private let endpoint: Endpoint
    private let streamed: Bool
    private let bodyBytesMax: Int
    private var mode = Mode.undecided
    private var answerHead = AnswerHead(status: 0)
    private var wallClockSeconds: Int64 = 0
    private var bytesTaken = 0
    private var collected: [UInt8] = []
    private var framing: StreamFraming
    private var assembler: any AnswerAssembler

    /// The stream's terminal marker was seen: nothing that follows counts, and the end of the connection needn't be
    /// waited for.
    package private(set) var isComplete = false

    /// A decoder for the answer to `request`.
    /// - Parameters:
    ///   - request: What was asked.
    ///   - endpoint: Where it was sent.
    ///   - stream: Whether a stream was asked for; deltas are given only then.
    ///   - bodyBytesMax: The most bytes of the body, streamed or not.
    package init(for request: Request, endpoint: Endpoint, stream: Bool, bodyBytesMax: Int) {
        self.endpoint = endpoint
        self.streamed = stream
        self.bodyBytesMax = bodyBytesMax
        self.framing = StreamFraming(of: endpoint.format)
        var choices = 1
        switch request.task {
        case .completion(let completion): choices = completion.prompts.count * Int(completion.choices ?? 1)
        case .chat(let chat): choices = Int(chat.choices ?? 1)
        case .embedding, nil: break
        }
        let word = Array("\"n\"".utf8)
        let isElsewhere = [request.extraJSON, endpoint.defaultsJSON].contains { !$0.isEmpty && $0.contains(word) }
        self.assembler = endpoint.assembler(
            for: request,
            stream: stream,
            choices: isElsewhere ? nil : choices
        )
    }

    private var provider: String { self.endpoint.provider }

    /// Whether the first content was seen: text, reasoning, a refusal or a tool call; heartbeats, roles and empty
    /// pieces aren't.
    package var hasContent: Bool { self.assembler.hasContent }

    /// What the provider says of its limits; nil = nothing.
    package var rates: RateReport? { self.answerHead.rates }

    /// Takes the answer's head.
    package mutating func head(_ head: AnswerHead, wallClockSeconds: Int64) {
        self.answerHead = head
        self.wallClockSeconds = wallClockSeconds
        self.mode = head.isSuccess ? .undecided : .failure
    }

    /// Takes the next bytes of the body.
    /// - Throws: The failure that the stream reports, or that its bytes are.
    package mutating func body(_ bytes: UnsafeRawBufferPointer, deltas: inout [Delta]) throws(Failure) {
        guard !self.isComplete else { return }
        var buffer = bytes.assumingMemoryBound(to: UInt8.self)
        if case .failure = self.mode {
            self.collected.append(contentsOf: buffer.prefix(ProviderWords.bodyBytesMax - self.collected.count))
            return
        }
        let (sum, overflow) = self.bytesTaken.addingReportingOverflow(buffer.count)
        guard !overflow, sum <= self.bodyBytesMax else {
            throw self.invalid("the answer exceeds \(self.bodyBytesMax) bytes")
        }
        self.bytesTaken = sum
        if case .undecided = self.mode { self.decide(&buffer) }
        if case .stream = self.mode {
            self.framing.append(buffer)
            try self.takePieces(deltas: &deltas)
        } else {
            self.collected.append(contentsOf: buffer)
        }
    }

    /// Takes the end of the HTTP message and decides the answer.
    package mutating func end(deltas: inout [Delta]) -> Result<Response, Failure> {
        do throws(Failure) {
            switch self.mode {
            case .failure:
                throw self.classified(self.collected)
            case .stream:
                return .success(try self.endOfStream(deltas: &deltas))
            case .whole, .undecided:
                return .success(try self.endOfWhole(deltas: &deltas))
            }
        } catch {
            return .failure(error)
        }
    }

    private mutating func decide(_ bytes: inout UnsafeBufferPointer<UInt8>) {
        let isBinary = self.framing.isBinary
        guard let start = bytes.firstIndex(where: { isBinary || $0 > 0x20 }) else { return }
        let first = bytes[start]
        let isEventStream = self.streamed || self.answerHead.contentType.hasPrefix("text/event-stream")
        self.mode = isEventStream && self.framing.mayBegin(with: first) ? .stream : .whole
        if case .stream = self.mode {
            // White space that came before means nothing, in these bytes as in earlier ones.
            self.collected = []
            bytes = UnsafeBufferPointer(rebasing: bytes[start...])
        }
    }

    // MARK: Streams

    private mutating func takePieces(deltas: inout [Delta]) throws(Failure) {
        while !self.isComplete, try self.nextPiece() {
            try self.takePiece(isLast: false, deltas: &deltas)
        }
    }

    private mutating func nextPiece() throws(Failure) -> Bool {
        do throws(Failure) {
            return try self.framing.next()
        } catch {
            throw self.completed(error)
        }
    }

    private mutating func takePiece(isLast: Bool, deltas: inout [Delta]) throws(Failure) {
        switch try Self.read(self.framing, into: &self.assembler, deltas: &deltas) {
        case .taken: break
        case .done: self.isComplete = true
        case .error(let body):
            if let name = self.framing.errorName { self.answerHead.errorType = name }
            throw self.classified(body)
        case .malformed(let error) where isLast:
            throw self.broken("the stream ended inside an event (\(error))")
        case .malformed(let error):
            throw self.invalid("an event of the stream is malformed: \(error)")
        }
        let partError = self.assembler.partError
        if !partError.isEmpty { throw self.classified(partError) }
    }

    /// What a piece of a stream was.
    private enum PieceOutcome {
        case taken
        case done
        case error([UInt8])
        case malformed(JSONError)
    }

    private static func read(
        _ framing: borrowing StreamFraming,
        into assembler: inout any AnswerAssembler,
        deltas: inout [Delta]
    ) throws(Failure) -> PieceOutcome {
        let isNamedError = framing.isNamedError
        return try framing.withData { (data) throws(Failure) -> PieceOutcome in
            guard let first = data.first(where: { $0 > 0x20 }) else { return .taken }
            if first != UInt8(ascii: "{") {
                let text = String(decoding: data, as: UTF8.self)
                if text.split(separator: " ").elementsEqual(["[DONE]"]) { return .done }
                if isNamedError { return .error(Array(data)) }
            }
            do throws(JSONError) {
                let taken = try withJSONReader(data) { (reader) throws(JSONError) -> AnswerPart in
                    try assembler.take(&reader, &deltas)
                }
                if isNamedError || taken == .error { return .error(Array(data)) }
                return taken == .end ? .done : .taken
            } catch {
                return .malformed(error)
            }
        }
    }

    private mutating func endOfStream(deltas: inout [Delta]) throws(Failure) -> Response {
        if !self.isComplete {
            try self.takePieces(deltas: &deltas)
        }
        // Some servers send no terminal marker. When all that was asked for has said why it ended, nothing but perhaps
        // the usage is lacking, and the whole answer is worth more than that.
        if !self.isComplete, !self.assembler.isFinished, try self.framing.finish() {
            try self.takePiece(isLast: true, deltas: &deltas)
        }
        guard self.isComplete || self.assembler.isFinished else {
            throw self.broken("the stream ended before its terminal marker")
        }
        return try self.checkedResponse()
    }

    // MARK: Whole bodies

    private mutating func endOfWhole(deltas: inout [Delta]) throws(Failure) -> Response {
        guard self.collected.contains(where: { $0 > 0x20 }) else { throw self.invalid("the answer is empty") }
        var isError = false
        var fault: JSONError?
        let collected = self.collected
        do throws(JSONError) {
            isError = try withJSONReader(collected) { (reader) throws(JSONError) -> Bool in
                try self.assembler.take(&reader, &deltas) == .error
            }
        } catch {
            fault = error
        }
        if let fault { throw self.invalid("the answer is not what the API promises: \(fault)", words: collected) }
        if isError { throw self.classified(collected) }
        let partError = self.assembler.partError
        if !partError.isEmpty { throw self.classified(partError) }
        return try self.checkedResponse()
    }

    private mutating func checkedResponse() throws(Failure) -> Response {
        switch self.assembler.fault {
        case .incomplete(let what): throw self.invalid(what, words: self.collected)
        case .brokenOff: throw self.completed(Failure(.providerError, "\(self.provider) broke off the answer"))
        case .overloaded:
            throw self.completed(Failure(.overloaded, "\(self.provider) had no capacity to finish the answer"))
        case .failed(let code, let reason, let words):
            let spoken = words.isEmpty ? reason : "\(reason): \(words)"
            var failure = Failure(code, FailureClassifier.message(code, self.provider, "inside its answer", spoken))
            failure.providerCode = reason
            failure.providerMessage = TextSearch.cut(spoken, toBytes: ProviderWords.messageBytesMax)
            throw self.completed(failure)
        case nil: break
        }
        var response = self.assembler.response()
        response.markSigner(of: self.endpoint)
        guard let count = self.answerHead.promptTokens else { return response }
        // Of vectors the prompt's tokens are the whole usage.
        if response.usage == nil, case .embedding = response.body { response.usage = Usage() }
        if var usage = response.usage, usage.promptTokens == 0 {
            usage.promptTokens = min(count, 1 << 53)
            usage.totalTokens += usage.promptTokens
            response.usage = usage
        }
        return response
    }

    // MARK: Failures

    private func classified(_ body: [UInt8]) -> Failure {
        var failure = FailureClassifier.failure(
            provider: self.provider,
            head: self.answerHead,
            body: body,
            wallClockSeconds: self.wallClockSeconds
        )
        failure.possibleDoubleSpend = self.answerHead.isSuccess && self.hasContent
        return failure
    }

    private func invalid(_ what: String, words: [UInt8] = []) -> Failure {
        var failure = Failure(
            .invalidResponse,
            "\(self.provider) answered with status \(self.answerHead.status), but \(what); check its base URL"
        )
        failure.providerMessage = TextSearch.cut(
            String(decoding: words.prefix(ProviderWords.messageBytesMax), as: UTF8.self),
            toBytes: ProviderWords.messageBytesMax
        )
        return self.completed(failure)
    }

    private func broken(_ what: String) -> Failure {
        self.completed(Failure(.streamBroken, "\(self.provider): \(what); it can be tried again"))
    }

    /// Adds what the head says; an answer that began may have been billed.
    private func completed(_ failure: Failure) -> Failure {
        var failure = failure
        failure.providerStatus = self.answerHead.status
        failure.providerRequestID = self.answerHead.requestID
        failure.possibleDoubleSpend = self.answerHead.isSuccess
        return failure
    }
}
