// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel

@testable import FanoutWire

/// Client frames with every field set now and then.
extension Generator {
    mutating func clientFrame() -> ClientFrame {
        let id = self.number()
        switch self.below(9) {
        case 0:
            let hello = ClientFrame.Hello(
                major: self.small(),
                minor: self.small(),
                client: self.name(),
                features: self.list { $0.name() },
                grant: self.name()
            )
            return ClientFrame(id: id, body: .hello(hello))
        case 1, 2:
            let submit = ClientFrame.Submit(
                options: self.options(),
                defaults: self.maybe { $0.request() },
                items: self.list { .item($0.item()) },
                isOpen: self.flag()
            )
            return ClientFrame(id: id, body: .submit(submit))
        case 3:
            let append = ClientFrame.Append(items: self.list { .item($0.item()) }, isLast: self.flag())
            return ClientFrame(id: id, body: .append(append))
        case 4:
            let data = self.bytes()
            let offset = UInt64(self.below(1_000))
            let blob = ClientFrame.Blob(
                offset: offset,
                total: offset + UInt64(data.count + self.below(9)),
                data: data,
                sha256: self.flag() ? [] : [UInt8](repeating: 7, count: 32),
                uses: self.small()
            )
            return ClientFrame(id: id, body: .blob(blob))
        case 5: return ClientFrame(id: id, body: .cancel(indexes: self.list { $0.small() }))
        case 6: return ClientFrame(id: id, body: .credit(results: self.small()))
        case 7:
            let body: ClientFrame.Body =
                switch self.below(3) {
                case 0: .statusQuery(lanes: self.flag(), peers: self.flag())
                case 1: .explainQuery(batch: self.number(), index: self.small(), session: self.number())
                default: .metricsQuery
                }
            return ClientFrame(id: id, body: body)
        default: return ClientFrame(id: id, body: .ping(self.bytes()))
        }
    }

    mutating func options() -> BatchOptions {
        var options = BatchOptions()
        options.maxConcurrency = self.small()
        options.failFast = self.flag()
        options.ordering = self.pick([.completion, .input])
        options.stream = self.flag()
        options.onStreamBreak = self.pick([.restart, .fail])
        options.deadlineMilliseconds = self.number()
        options.batchDeadlineMilliseconds = self.number()
        options.initialCredit = self.small()
        options.attemptTimeoutMilliseconds = self.number()
        options.priorityClass = self.pick(PriorityClass.allCases)
        options.priority = Int32(bitPattern: self.small())
        options.progress = self.flag()
        options.maxCostNanoUSD = Int64(self.number() >> 1)
        options.trail = self.pick([.none, .brief, .full])
        options.coalesce = self.flag()
        return options
    }

    mutating func item() -> Item {
        var item = Item(request: self.request())
        item.id = self.name()
        item.deadlineMilliseconds = self.number()
        item.attemptTimeoutMilliseconds = self.number()
        item.maxAttempts = self.small()
        item.fallbacks = self.list { $0.name() }
        item.disableFallbacks = self.flag()
        if self.flag() {
            item.cache.noCache = self.flag()
            item.cache.noStore = self.flag()
            item.cache.ttlMilliseconds = self.number()
            item.cache.maxAgeMilliseconds = self.number()
            item.cache.namespace = self.name()
        }
        item.tags = self.list { $0.name() }
        for index in 0..<self.below(3) {
            item.metadata.append(Item.Metadata(key: "\(index)" + self.name(), value: self.text()))
        }
        item.race = self.list { $0.name() }
        item.raceWidth = self.small()
        item.priority = self.maybe { Int32(bitPattern: $0.small()) }
        item.traceparent = self.name()
        item.region = self.name()
        item.triesUnhealthy = self.flag()
        item.fallbackRequests = self.list { Item.FallbackRequest(fallback: $0.small(), request: $0.request()) }
        return item
    }

    mutating func request() -> Request {
        var request = Request(model: self.name(), task: nil)
        switch self.below(5) {
        case 0: break
        case 1: request.task = .completion(self.completion())
        case 2: request.task = .embedding(self.embedding())
        default: request.task = .chat(self.chat())
        }
        request.extraJSON = self.bytes()
        return request
    }

    mutating func chat() -> ChatRequest {
        var chat = ChatRequest(messages: self.list { $0.message() })
        chat.sampling = self.sampling()
        chat.tools = self.list { $0.tool() }
        chat.toolChoice = self.maybe { generator in
            generator.flag()
                ? .named(["x"] + generator.list { $0.name() })
                : generator.pick([ToolChoice.auto, ToolChoice.none, ToolChoice.required])
        }
        chat.parallelToolCalls = self.maybe { $0.flag() }
        chat.responseFormat = self.maybe { generator in
            var schema = ResponseFormat.Schema(name: generator.name(), json: generator.bytes())
            schema.strict = generator.maybe { $0.flag() }
            schema.description = generator.text()
            return generator.pick([.text, .json, .schema(schema)])
        }
        chat.reasoning = self.maybe { generator in
            var options = ReasoningOptions()
            options.effort = generator.name()
            options.budgetTokens = generator.small()
            options.include = generator.flag()
            options.summary = generator.name()
            return options
        }
        chat.user = self.name()
        chat.serviceTier = self.name()
        chat.choices = self.maybe { $0.small() }
        chat.topLogprobs = self.maybe { $0.small() }
        return chat
    }

    mutating func completion() -> CompletionRequest {
        var completion = CompletionRequest(prompts: self.list { $0.text() })
        completion.suffix = self.text()
        completion.sampling = self.sampling()
        completion.echo = self.flag()
        completion.choices = self.maybe { $0.small() }
        completion.logprobs = self.maybe { $0.small() }
        completion.user = self.name()
        return completion
    }

    mutating func embedding() -> EmbeddingRequest {
        var embedding = EmbeddingRequest(inputs: self.list { $0.text() })
        embedding.dimensions = self.maybe { $0.small() }
        embedding.inputType = self.name()
        embedding.user = self.name()
        return embedding
    }

    mutating func sampling() -> Sampling {
        var sampling = Sampling()
        sampling.temperature = self.maybe { $0.pick([0, 0.5, 2]) }
        sampling.topP = self.maybe { $0.pick([0.001, 1]) }
        sampling.topK = self.maybe { $0.small() }
        sampling.maxTokens = self.maybe { $0.small() }
        sampling.stop = self.list { $0.filled() }
        sampling.seed = self.maybe { $0.signed() }
        sampling.presencePenalty = self.maybe { $0.pick([-2, 0, 2]) }
        sampling.frequencyPenalty = self.maybe { $0.pick([-2, 0, 2]) }
        return sampling
    }

    mutating func tool() -> Tool {
        var tool = Tool(name: self.name())
        tool.kind = self.pick([.function, .custom, .builtIn])
        tool.description = self.text()
        tool.parametersJSON = self.bytes()
        tool.strict = self.maybe { $0.flag() }
        tool.specJSON = self.bytes()
        tool.cache = self.marker()
        return tool
    }
}
