// Fanout
// SPDX-License-Identifier: Apache-2.0

public import FanoutModel
internal import FanoutWire

extension FanoutClient {
    /// Runs one item and gives its result, a response or a failure.
    /// - Throws: ``FanoutError`` if the daemon refused it as a whole, the connection broke, or the task was cancelled.
    public func run(_ item: Item, options: BatchOptions = BatchOptions()) async throws(FanoutError) -> ItemResult {
        let batch = try self.batch([item], options: options)
        var result: ItemResult?
        while let events = try await batch.nextEvents() {
            for event in events {
                if case .result(let final) = event { result = final }
            }
        }
        guard let result else { throw FanoutError(.internal, "the daemon ended the batch without the item's result") }
        return result
    }

    /// Sends one request and gives its response.
    /// - Throws: ``FanoutError``; with the item's own ``FanoutError/failure`` if the model gave no response.
    public func respond(
        to request: Request,
        options: BatchOptions = BatchOptions()
    ) async throws(FanoutError) -> Response {
        try await self.run(Item(request: request), options: options).response()
    }

    /// Continues a conversation.
    /// - Parameters:
    ///   - model: The model group.
    ///   - messages: The conversation so far.
    ///   - sampling: How tokens are drawn.
    ///   - options: How it is run.
    /// - Returns: The answer; ``FanoutModel/Response/text`` is its text.
    /// - Throws: ``FanoutError``; with the item's own ``FanoutError/failure`` if the model gave no response.
    public func chat(
        _ model: String,
        _ messages: [Message],
        sampling: Sampling = Sampling(),
        options: BatchOptions = BatchOptions()
    ) async throws(FanoutError) -> Response {
        var chat = ChatRequest(messages: messages)
        chat.sampling = sampling
        return try await self.respond(to: Request(model: model, task: .chat(chat)), options: options)
    }

    /// Continues a conversation and gives the answer piece by piece.
    /// - Parameters:
    ///   - model: The model group.
    ///   - messages: The conversation so far.
    ///   - sampling: How tokens are drawn.
    ///   - options: How it is run.
    /// - Returns: The pieces, an asynchronous sequence.
    /// - Throws: ``FanoutError`` if the connection is closed or the daemon drains. Failures come from the sequence.
    public func streamChat(
        _ model: String,
        _ messages: [Message],
        sampling: Sampling = Sampling(),
        options: BatchOptions = BatchOptions()
    ) throws(FanoutError) -> ChatStream {
        var chat = ChatRequest(messages: messages)
        chat.sampling = sampling
        return try self.stream(Item(request: Request(model: model, task: .chat(chat))), options: options)
    }

    /// Runs one item and gives its answer piece by piece.
    /// - Throws: ``FanoutError`` if the connection is closed or the daemon drains. Failures come from the sequence.
    public func stream(_ item: Item, options: BatchOptions = BatchOptions()) throws(FanoutError) -> ChatStream {
        var options = options
        options.stream = true
        return ChatStream(try self.batch([item], options: options))
    }

    /// Turns texts into vectors, one each, in their order.
    /// - Throws: ``FanoutError``; with the item's own ``FanoutError/failure`` if the model gave no vectors.
    public func embed(
        _ model: String,
        _ inputs: [String],
        options: BatchOptions = BatchOptions()
    ) async throws(FanoutError) -> [[Float]] {
        let request = Request(model: model, task: .embedding(EmbeddingRequest(inputs: inputs)))
        let response = try await self.respond(to: request, options: options)
        guard let vectors = response.vectors, vectors.count == inputs.count else {
            let words =
                "the model \(model) gave no vector for each of \(inputs.count) inputs: is it an embedding model?"
            throw FanoutError(.invalidResponse, words)
        }
        return vectors
    }

    /// Asks several model groups at once; the first valid response wins, and the others are cancelled.
    /// - Parameters:
    ///   - models: The model groups, at most 16.
    ///   - messages: The conversation so far.
    ///   - width: How many run at the same time; 0 = all.
    ///   - sampling: How tokens are drawn.
    ///   - options: How it is run.
    /// - Returns: The result; its trail names the winner, unless the options ask for none.
    /// - Throws: ``FanoutError``; if all failed, with the last failure and one cause for each group inside.
    public func race(
        _ models: [String],
        _ messages: [Message],
        width: UInt32 = 0,
        sampling: Sampling = Sampling(),
        options: BatchOptions = BatchOptions()
    ) async throws(FanoutError) -> ItemResult {
        var chat = ChatRequest(messages: messages)
        chat.sampling = sampling
        var item = Item(request: Request(model: "", task: .chat(chat)))
        item.race = models
        item.raceWidth = width
        let result = try await self.run(item, options: options)
        _ = try result.response()
        return result
    }

    /// How the daemon is.
    /// - Parameters:
    ///   - lanes: With the lanes of the model groups that this caller may use.
    ///   - peers: With the programs that are connected: the caller's own, or for root and the daemon's own user all.
    /// - Returns: Its status.
    /// - Throws: ``FanoutError`` if the connection broke or the task was cancelled.
    public func status(lanes: Bool = true, peers: Bool = false) async throws(FanoutError) -> DaemonStatus {
        guard case .status(let status) = try await self.answer(to: .statusQuery(lanes: lanes, peers: peers)) else {
            throw FanoutError(.badFrame, "the daemon answered a query for its status with something else")
        }
        return status
    }

    /// What the daemon has counted, in Prometheus' text format.
    /// - Throws: ``FanoutError``: PERMISSION for anybody but root and the daemon's own user.
    public func metrics() async throws(FanoutError) -> String {
        guard case .metrics(let text) = try await self.answer(to: .metricsQuery) else {
            throw FanoutError(.badFrame, "the daemon answered a query for its metrics with something else")
        }
        return text
    }

    /// Why an item went where it went: what the daemon still remembers of it.
    /// - Parameters:
    ///   - index: The item's place in its batch.
    ///   - batch: The batch's id on its connection.
    ///   - session: ``session`` of that connection; 0 = this one's, or the latest batch of that id of this caller.
    /// - Returns: What happened; `nil` = it is not known, or not any more.
    /// - Throws: ``FanoutError`` if the connection broke or the task was cancelled.
    public func explain(
        item index: UInt32,
        ofBatch batch: UInt64,
        session: UInt64 = 0
    ) async throws(FanoutError) -> Explanation? {
        let query = ClientFrame.Body.explainQuery(batch: batch, index: index, session: session)
        guard case .explanation(let found) = try await self.answer(to: query) else {
            throw FanoutError(.badFrame, "the daemon answered a query for an item with something else")
        }
        return found.found ? Explanation(found) : nil
    }

    /// Asks for a sign of life; the daemon allows ten a second.
    /// - Returns: How long it took.
    /// - Throws: ``FanoutError`` if the connection broke or the task was cancelled.
    @discardableResult
    public func ping() async throws(FanoutError) -> Duration {
        let clock = ContinuousClock()
        let start = clock.now
        _ = try await self.answer(to: .ping([]))
        return clock.now - start
    }

    private func answer(to body: ClientFrame.Body) async throws(FanoutError) -> ClientSession.Answer {
        let id = try self.connection.attempt { (session) throws(FanoutError) in try session.ask(body) }
        do throws(FanoutError) {
            let answer = try await self.connection.wait(for: .answer(id)) { $0.takeAnswer(id) }
            if case .failed(let error) = answer { throw error }
            return answer
        } catch {
            self.connection.update { $0.forget(id) }
            throw error
        }
    }
}
