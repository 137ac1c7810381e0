// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import FanoutModel
internal import FanoutProviders
internal import FanoutRouter
internal import FanoutTokens

/// Makes the router's view of an item.
struct TicketBuilder {
    let snapshot: Snapshot
    let tenant: String
    let options: BatchOptions
    private let policy: TenantPolicy

    init(snapshot: Snapshot, tenant: String, options: BatchOptions) {
        self.snapshot = snapshot
        self.tenant = tenant
        self.options = options
        self.policy = snapshot.tenants.policy(of: tenant)
    }

    /// The ticket of an item, or why it can't have one: an unknown model, or a request that no provider would take.
    ///
    /// With it comes what its prompt's tokens were estimated from.
    func ticket(
        index: UInt32,
        item: Item,
        received: Instant,
        tokens: inout TokenEstimator
    ) throws(Failure) -> (Ticket, PromptShape) {
        if let fault = RequestCheck.fault(in: item.request) { throw fault }
        guard let task = item.request.task else {
            throw Failure(.invalidRequest, "the item asks for nothing: give it a chat, completion or embedding")
        }
        try self.policy.admit(item, of: self.tenant)
        let legs = self.snapshot.legs(of: item)
        var rest: [GroupID] = []
        let group: GroupID
        if let first = legs.first {
            group = first.group
        } else if let first = self.snapshot.defaultFallbacks.first, item.race.isEmpty, !item.disableFallbacks {
            group = first
            rest = Array(self.snapshot.defaultFallbacks.dropFirst())
        } else {
            throw Self.unknown(item.request.model, param: "request.model")
        }
        let wait = item.deadlineMilliseconds == 0 ? self.options.itemDeadlineMilliseconds : item.deadlineMilliseconds
        var ticket = Ticket(
            index: index,
            group: group,
            needs: Self.needs(of: task, streamed: self.options.stream),
            deadline: received.adding(milliseconds: wait)
        )
        let shared = self.options.priority == 0 ? self.snapshot.routing.defaultPriority : self.options.priority
        ticket.priority = item.priority ?? shared
        let prompt = tokens.estimate(
            task,
            model: item.request.model,
            served: self.servedModel(of: group, as: legs.first)
        )
        ticket.promptTokens = prompt.tokens
        ticket.choices = Self.choices(of: task)
        ticket.completionTokens = Self.completionTokens(of: task)
        ticket.attemptsMax = UInt16(clamping: item.maxAttempts)
        if self.options.stream { ticket.flags.insert(.streamed) }
        if self.options.onStreamBreak == .fail { ticket.flags.insert(.failsOnStreamBreak) }
        if item.disableFallbacks { ticket.flags.insert(.noFallbacks) }
        if item.triesUnhealthy { ticket.flags.insert(.triesUnhealthy) }
        let mayShare = !self.options.stream && item.race.isEmpty && item.fallbackRequests.isEmpty
        if mayShare && (self.options.coalesce || Self.isDeterministic(task)) {
            ticket.digest = self.digest(of: item)
        }
        let isRace = legs.count > 1 || !item.race.isEmpty
        try self.addExtras(of: item, race: isRace ? legs.map(\.group) : [], rest: rest, to: &ticket)
        return (ticket, prompt.shape)
    }

    /// The model groups that an item races and that don't exist: legs that have failed before the start.
    func unknownLegs(of item: Item) -> [String] {
        item.race.filter { self.snapshot.server(of: $0) == nil }
    }

    /// Whether an item is served by a default fallback, since no group is named after its model.
    func usesDefaultFallback(_ item: Item) -> Bool {
        item.race.isEmpty && self.snapshot.server(of: item.request.model) == nil
    }

    private func addExtras(
        of item: Item,
        race: [GroupID],
        rest: [GroupID],
        to ticket: inout Ticket
    ) throws(Failure) {
        let isPlain = item.fallbacks.isEmpty && race.isEmpty && rest.isEmpty && item.tags.isEmpty && item.region.isEmpty
        guard !isPlain else { return }
        var fallbacks: [GroupID]? = rest.isEmpty ? nil : rest
        if !item.fallbacks.isEmpty {
            var groups: [GroupID] = []
            for place in item.listedFallbacks {
                let name = item.fallbacks[place]
                guard let match = self.snapshot.server(of: name) else { throw Self.unknown(name, param: "fallbacks") }
                groups.append(match.group)
            }
            fallbacks = groups
        }
        let region = item.region.isEmpty ? nil : Region.normalized(item.region)
        ticket.raceWidth = UInt16(clamping: item.raceWidth)
        ticket.extras = TicketExtras(fallbacks: fallbacks, race: race, tags: item.tags, region: region)
    }

    static func unknown(_ name: String, param: String) -> Failure {
        Failure(
            .noRoute,
            "no model group is named '\(name.prefix(256))' for this caller: see the models in Welcome or `fanout status`",
            param: param
        )
    }

    private static func needs(of task: Request.Task, streamed: Bool) -> Needs {
        var needs: Needs = []
        switch task {
        case .completion: needs = [.completion]
        case .embedding: return [.embedding]
        case .chat(let chat):
            needs = [.chat]
            if !chat.tools.isEmpty { needs.insert(.tools) }
            if chat.topLogprobs != nil { needs.insert(.logprobs) }
            if let choices = chat.choices, choices > 1 { needs.insert(.choices) }
            switch chat.responseFormat {
            case .json: needs.insert(.jsonMode)
            case .schema: needs.insert(.jsonSchema)
            case .text, nil: break
            }
            for message in chat.messages {
                for part in message.parts {
                    switch part.kind {
                    case .image, .video: needs.insert(.vision)
                    case .document: needs.insert(.documents)
                    case .audio: needs.insert(.audio)
                    default: break
                    }
                }
            }
        }
        if streamed { needs.insert(.streaming) }
        return needs
    }

    /// The provider's name of the model of a group's first deployment.
    private func servedModel(of group: GroupID, as match: ModelMatch?) -> String {
        let own = self.snapshot.groups[Int(group.index)]
        let host = self.snapshot.groups[Int((own.servedBy ?? group).index)]
        guard let lane = host.lanes.first else { return "" }
        let model = self.snapshot.deployments[Int(lane.index)].endpoint.model
        return ModelPattern.filled(model, with: match?.captures ?? own.captures, of: match?.name ?? own.name)
    }

    /// How many answers a request asks for at once.
    private static func choices(of task: Request.Task) -> UInt16 {
        switch task {
        case .chat(let chat): UInt16(clamping: max(1, chat.choices ?? 1))
        case .completion(let completion):
            UInt16(clamping: max(1, completion.prompts.count) * Int(min(65_535, max(1, completion.choices ?? 1))))
        case .embedding: 1
        }
    }

    /// The most tokens of one answer; 0 = the request names none.
    private static func completionTokens(of task: Request.Task) -> UInt32 {
        switch task {
        case .chat(let chat): chat.sampling.maxTokens ?? 0
        case .completion(let completion): completion.sampling.maxTokens ?? 0
        case .embedding: 0
        }
    }

    /// Whether equal requests have equal answers, as far as the caller's words go.
    private static func isDeterministic(_ task: Request.Task) -> Bool {
        switch task {
        case .embedding: true
        case .chat(let chat): chat.sampling.temperature == 0 && (chat.choices ?? 1) == 1
        case .completion(let request): request.sampling.temperature == 0 && (request.choices ?? 1) == 1
        }
    }

    /// SHA-256 over the tenant and the request, cut to 128 bits.
    private func digest(of item: Item) -> RequestDigest {
        guard let bytes = try? Translator.canonicalBytes(of: item.request) else { return .none }
        var hash = SHA256()
        hash.update(data: Array(self.tenant.utf8))
        hash.update(data: [0])
        hash.update(data: bytes)
        func word(_ bytes: some Collection<UInt8>) -> UInt64 {
            bytes.reduce(0) { ($0 << 8) | UInt64($1) }
        }
        let digest = Array(hash.finalize())
        // Zero means "not to be shared", so one bit is always set.
        return RequestDigest(high: word(digest[0..<8]), low: word(digest[8..<16]) | 1)
    }
}
