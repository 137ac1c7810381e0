// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// Batches and their items.
extension Reader {
    func submit(_ submit: UnsafeMutablePointer<Proto.Submit>) throws(Fault) -> ClientFrame.Body {
        if let refusal = self.refusalOfCount(submit.pointee.n_items) { return refusal }
        let options = try self.one(submit.pointee.options, "options", self.options)
        let defaults = try self.one(submit.pointee.defaults, "defaults", self.request)
        return .submit(
            ClientFrame.Submit(
                options: options ?? BatchOptions(),
                defaults: defaults,
                items: try self.items(submit.pointee.n_items, submit.pointee.items),
                isOpen: submit.pointee.open != 0
            )
        )
    }

    func append(_ append: UnsafeMutablePointer<Proto.Append>) throws(Fault) -> ClientFrame.Body {
        if let refusal = self.refusalOfCount(append.pointee.n_items) { return refusal }
        return .append(
            ClientFrame.Append(
                items: try self.items(append.pointee.n_items, append.pointee.items),
                isLast: append.pointee.last != 0
            )
        )
    }

    private func refusalOfCount(_ count: Int) -> ClientFrame.Body? {
        guard count > self.caps.itemsPerFrame else { return nil }
        let fault = Fault(
            .tooLarge,
            "items",
            "has \(count) entries; at most \(self.caps.itemsPerFrame) are allowed in a frame: send the rest by Append"
        )
        return .refused(fault.failure)
    }

    private func items(
        _ count: Int,
        _ items: UnsafeMutablePointer<UnsafeMutablePointer<Proto.Item>?>?
    ) throws(Fault) -> [WireItem] {
        guard count > 0, let items else { return [] }
        var values: [WireItem] = []
        values.reserveCapacity(count)
        for index in 0..<count {
            guard let item = items[index] else { continue }
            do throws(Fault) {
                // An id that isn't text can't be echoed, so that is no fault of the item alone.
                let id = try self.itemID(item)
                do {
                    var value = Item(request: Request(model: "", task: nil))
                    try self.fill(&value, try self.known(item), id: id)
                    values.append(.item(consume value))
                } catch {
                    if error.code == .badFrame { throw error }
                    values.append(.refused(id: self.clipped(id), error.inside("items", index).failure))
                }
            } catch {
                throw error.inside("items", index)
            }
        }
        return values
    }

    private func itemID(_ item: UnsafeMutablePointer<Proto.Item>) throws(Fault) -> String {
        do {
            return try self.text(item.pointee.id, "id")
        } catch {
            throw Fault(.badFrame, error.path, error.message)
        }
    }

    /// An over-long id as far as it may be echoed.
    private func clipped(_ id: String) -> String {
        id.prefix(utf8: self.caps.nameBytes)
    }

    private func fill(
        _ value: inout Item,
        _ item: UnsafeMutablePointer<Proto.Item>,
        id: String
    ) throws(Fault) {
        try self.one(item.pointee.request, "request", into: &value.request, self.fill)
        if !id.isEmpty {
            _ = try self.name(item.pointee.id, "id")
            value.id = id
        }
        value.deadlineMilliseconds = item.pointee.deadline_ms
        value.attemptTimeoutMilliseconds = item.pointee.attempt_timeout_ms
        value.maxAttempts = item.pointee.max_attempts
        value.fallbacks = try self.strings(
            item.pointee.n_fallbacks,
            item.pointee.fallbacks,
            max: self.caps.fallbacks,
            "fallbacks",
            self.name
        )
        value.disableFallbacks = item.pointee.disable_fallbacks != 0
        if let cache = try self.one(item.pointee.cache, "cache", self.cacheControl) { value.cache = cache }
        value.tags = try self.strings(
            item.pointee.n_tags,
            item.pointee.tags,
            max: self.caps.tags,
            "tags",
            self.name
        )
        if item.pointee.n_metadata > 0 { value.metadata = try self.metadata(item) }
        if let race = try self.one(item.pointee.race, "race", self.race) {
            value.race = race.groups
            value.raceWidth = race.width
        }
        if item.pointee.priority_presence_case.rawValue != 0 { value.priority = item.pointee.priority }
        if item.pointee.traceparent.len > 0 {
            value.traceparent = try self.name(item.pointee.traceparent, "traceparent")
        }
        if item.pointee.region.len > 0 { value.region = try self.name(item.pointee.region, "region") }
        value.triesUnhealthy = item.pointee.try_unhealthy != 0
        value.fallbackRequests = try self.list(
            item.pointee.n_fallback_requests,
            item.pointee.fallback_requests,
            max: self.caps.fallbacks,
            "fallback_requests",
            self.fallbackRequest
        )
    }

    private func fallbackRequest(
        _ message: UnsafeMutablePointer<Proto.FallbackRequest>
    ) throws(Fault) -> Item.FallbackRequest {
        var value = Item.FallbackRequest(fallback: message.pointee.fallback, request: Request(model: "", task: nil))
        try self.one(message.pointee.request, "request", into: &value.request, self.fill)
        return value
    }

    private func race(
        _ race: UnsafeMutablePointer<Proto.Race>
    ) throws(Fault) -> (groups: [String], width: UInt32) {
        let groups = try self.strings(
            race.pointee.n_groups,
            race.pointee.groups,
            max: self.caps.raceGroups,
            "groups",
            self.name
        )
        return (groups, race.pointee.width)
    }

    /// The notes; a key that comes twice keeps its first place and its last value.
    private func metadata(_ item: UnsafeMutablePointer<Proto.Item>) throws(Fault) -> [Item.Metadata] {
        let entries = try self.list(
            item.pointee.n_metadata,
            item.pointee.metadata,
            max: self.caps.metadataEntries,
            "metadata",
            self.entry
        )
        var bytes = 0
        var values: [Item.Metadata] = []
        values.reserveCapacity(entries.count)
        for entry in entries {
            bytes += entry.key.utf8.count + entry.value.utf8.count
            if let place = values.firstIndex(where: { $0.key == entry.key }) {
                values[place] = entry
            } else {
                values.append(entry)
            }
        }
        if bytes > self.caps.metadataBytes {
            throw Fault(
                .invalidRequest,
                "metadata",
                "has \(bytes) bytes; at most \(self.caps.metadataBytes) are allowed"
            )
        }
        return values
    }

    private func entry(_ entry: UnsafeMutablePointer<Proto.Entry>) throws(Fault) -> Item.Metadata {
        Item.Metadata(
            key: try self.name(entry.pointee.key, "key"),
            value: try self.text(entry.pointee.value, "value")
        )
    }

    private func cacheControl(_ cache: UnsafeMutablePointer<Proto.CacheControl>) throws(Fault) -> CacheControl {
        var value = CacheControl()
        value.noCache = cache.pointee.no_cache != 0
        value.noStore = cache.pointee.no_store != 0
        value.ttlMilliseconds = cache.pointee.ttl_ms
        value.maxAgeMilliseconds = cache.pointee.max_age_ms
        value.namespace = try self.name(cache.pointee.namespace_, "namespace")
        return value
    }

    private func options(_ options: UnsafeMutablePointer<Proto.BatchOptions>) throws(Fault) -> BatchOptions {
        var value = BatchOptions()
        value.maxConcurrency = options.pointee.max_concurrency
        value.failFast = options.pointee.fail_fast != 0
        value.ordering =
            try self.choice(options.pointee.ordering, "ordering", unknown: nil as Ordering?) ?? .completion
        value.stream = options.pointee.stream != 0
        value.onStreamBreak =
            try self.choice(options.pointee.on_stream_break, "on_stream_break", unknown: nil as OnStreamBreak?)
            ?? .restart
        value.deadlineMilliseconds = options.pointee.deadline_ms
        value.batchDeadlineMilliseconds = options.pointee.batch_deadline_ms
        value.initialCredit = options.pointee.initial_credit
        value.attemptTimeoutMilliseconds = options.pointee.attempt_timeout_ms
        value.priorityClass =
            try self.choice(options.pointee.priority_class, "priority_class", unknown: nil as PriorityClass?)
            ?? .standard
        value.priority = options.pointee.priority
        value.progress = options.pointee.progress != 0
        value.maxCostNanoUSD = options.pointee.max_cost_nano_usd
        if value.maxCostNanoUSD < 0 {
            throw Fault(.invalidRequest, "max_cost_nano_usd", "is negative; 0 means no bound")
        }
        value.trail = try self.choice(options.pointee.trail, "trail", unknown: nil as TrailLevel?) ?? .brief
        value.coalesce = options.pointee.coalesce != 0
        return value
    }
}
