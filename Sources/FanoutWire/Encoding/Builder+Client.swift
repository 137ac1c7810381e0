// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// What a client sends.
extension Builder {
    /// `nil` = the body is one that is only ever received.
    func frame(_ value: ClientFrame) -> UnsafeMutablePointer<Proto.ClientFrame>? {
        let frame = self.make(fanout__v1__client_frame__init)
        frame.pointee.id = value.id
        switch value.body {
        case .hello(let hello):
            frame.pointee.body_case = FANOUT__V1__CLIENT_FRAME__BODY_HELLO
            frame.pointee.hello = self.hello(hello)
        case .submit(let submit):
            frame.pointee.body_case = FANOUT__V1__CLIENT_FRAME__BODY_SUBMIT
            frame.pointee.submit = self.submit(submit)
        case .append(let append):
            frame.pointee.body_case = FANOUT__V1__CLIENT_FRAME__BODY_APPEND
            frame.pointee.append = self.append(append)
        case .blob(let blob):
            frame.pointee.body_case = FANOUT__V1__CLIENT_FRAME__BODY_BLOB
            frame.pointee.blob = self.blob(blob)
        case .cancel(let indexes):
            frame.pointee.body_case = FANOUT__V1__CLIENT_FRAME__BODY_CANCEL
            let cancel = self.make(fanout__v1__cancel__init)
            cancel.pointee.n_indexes = indexes.count
            cancel.pointee.indexes = self.numbers(indexes)
            frame.pointee.cancel = cancel
        case .credit(let results):
            frame.pointee.body_case = FANOUT__V1__CLIENT_FRAME__BODY_CREDIT
            frame.pointee.credit = self.make(fanout__v1__credit__init)
            frame.pointee.credit.pointee.results = results
        case .statusQuery(let lanes, let peers):
            frame.pointee.body_case = FANOUT__V1__CLIENT_FRAME__BODY_STATUS_QUERY
            frame.pointee.status_query = self.make(fanout__v1__status_query__init)
            frame.pointee.status_query.pointee.lanes = self.flag(lanes)
            frame.pointee.status_query.pointee.peers = self.flag(peers)
        case .explainQuery(let batch, let index, let session):
            frame.pointee.body_case = FANOUT__V1__CLIENT_FRAME__BODY_EXPLAIN_QUERY
            frame.pointee.explain_query = self.make(fanout__v1__explain_query__init)
            frame.pointee.explain_query.pointee.batch = batch
            frame.pointee.explain_query.pointee.index = index
            frame.pointee.explain_query.pointee.session = session
        case .metricsQuery:
            frame.pointee.body_case = FANOUT__V1__CLIENT_FRAME__BODY_METRICS_QUERY
            frame.pointee.metrics_query = self.make(fanout__v1__metrics_query__init)
        case .ping(let data):
            frame.pointee.body_case = FANOUT__V1__CLIENT_FRAME__BODY_PING
            frame.pointee.ping = self.make(fanout__v1__ping__init)
            frame.pointee.ping.pointee.data = self.bytes(data)
        case .unknown, .refused: return nil
        }
        return frame
    }

    private func hello(_ value: ClientFrame.Hello) -> UnsafeMutablePointer<Proto.Hello> {
        let hello = self.make(fanout__v1__hello__init)
        hello.pointee.major = value.major
        hello.pointee.minor = value.minor
        hello.pointee.client = self.text(value.client)
        hello.pointee.n_features = value.features.count
        hello.pointee.features = self.texts(value.features)
        hello.pointee.grant = self.text(value.grant)
        return hello
    }

    private func submit(_ value: ClientFrame.Submit) -> UnsafeMutablePointer<Proto.Submit> {
        let submit = self.make(fanout__v1__submit__init)
        if value.options != BatchOptions() { submit.pointee.options = self.options(value.options) }
        submit.pointee.defaults = value.defaults.map { self.request($0) }
        submit.pointee.n_items = value.items.count
        submit.pointee.items = self.list(value.items, self.item)
        submit.pointee.open = self.flag(value.isOpen)
        return submit
    }

    func append(_ value: ClientFrame.Append) -> UnsafeMutablePointer<Proto.Append> {
        let append = self.make(fanout__v1__append__init)
        append.pointee.n_items = value.items.count
        append.pointee.items = self.list(value.items, self.item)
        append.pointee.last = self.flag(value.isLast)
        return append
    }

    private func blob(_ value: ClientFrame.Blob) -> UnsafeMutablePointer<Proto.Blob> {
        let blob = self.make(fanout__v1__blob__init)
        blob.pointee.offset = value.offset
        blob.pointee.total = value.total
        blob.pointee.data = self.bytes(value.data)
        blob.pointee.sha256 = self.bytes(value.sha256)
        blob.pointee.uses = value.uses
        return blob
    }

    private func options(_ value: BatchOptions) -> UnsafeMutablePointer<Proto.BatchOptions> {
        let options = self.make(fanout__v1__batch_options__init)
        options.pointee.max_concurrency = value.maxConcurrency
        options.pointee.fail_fast = self.flag(value.failFast)
        options.pointee.ordering = Fanout__V1__Ordering(rawValue: UInt32(value.ordering.rawValue))
        options.pointee.stream = self.flag(value.stream)
        options.pointee.on_stream_break = Fanout__V1__OnStreamBreak(rawValue: UInt32(value.onStreamBreak.rawValue))
        options.pointee.deadline_ms = value.deadlineMilliseconds
        options.pointee.batch_deadline_ms = value.batchDeadlineMilliseconds
        options.pointee.initial_credit = value.initialCredit
        options.pointee.attempt_timeout_ms = value.attemptTimeoutMilliseconds
        options.pointee.priority_class = Fanout__V1__PriorityClass(rawValue: UInt32(value.priorityClass.rawValue))
        options.pointee.priority = value.priority
        options.pointee.progress = self.flag(value.progress)
        options.pointee.max_cost_nano_usd = value.maxCostNanoUSD
        options.pointee.trail = Fanout__V1__TrailLevel(rawValue: UInt32(value.trail.rawValue))
        options.pointee.coalesce = self.flag(value.coalesce)
        return options
    }

    /// A refused item, which only ever is received, becomes an empty one of its id: the indexes of the others hold.
    private func item(_ wireItem: WireItem) -> UnsafeMutablePointer<Proto.Item> {
        let item = self.make(fanout__v1__item__init)
        switch wireItem {
        case .refused(let id, _): item.pointee.id = self.text(id)
        case .item(let value): self.fill(item, value)
        }
        return item
    }

    private func fill(_ item: UnsafeMutablePointer<Proto.Item>, _ value: Item) {
        item.pointee.id = self.text(value.id)
        item.pointee.request = self.request(value.request)
        item.pointee.deadline_ms = value.deadlineMilliseconds
        item.pointee.attempt_timeout_ms = value.attemptTimeoutMilliseconds
        item.pointee.max_attempts = value.maxAttempts
        item.pointee.n_fallbacks = value.fallbacks.count
        item.pointee.fallbacks = self.texts(value.fallbacks)
        item.pointee.disable_fallbacks = self.flag(value.disableFallbacks)
        if value.cache != CacheControl() { item.pointee.cache = self.cacheControl(value.cache) }
        item.pointee.n_tags = value.tags.count
        item.pointee.tags = self.texts(value.tags)
        item.pointee.n_metadata = value.metadata.count
        item.pointee.metadata = self.list(value.metadata, self.entry)
        if !value.race.isEmpty || value.raceWidth != 0 {
            item.pointee.race = self.make(fanout__v1__race__init)
            item.pointee.race.pointee.n_groups = value.race.count
            item.pointee.race.pointee.groups = self.texts(value.race)
            item.pointee.race.pointee.width = value.raceWidth
        }
        if let priority = value.priority {
            item.pointee.priority_presence_case = FANOUT__V1__ITEM__PRIORITY_PRESENCE_PRIORITY
            item.pointee.priority = priority
        }
        item.pointee.traceparent = self.text(value.traceparent)
        item.pointee.region = self.text(value.region)
        item.pointee.try_unhealthy = self.flag(value.triesUnhealthy)
        item.pointee.n_fallback_requests = value.fallbackRequests.count
        item.pointee.fallback_requests = self.list(value.fallbackRequests, self.fallbackRequest)
    }

    private func fallbackRequest(_ value: Item.FallbackRequest) -> UnsafeMutablePointer<Proto.FallbackRequest> {
        let message = self.make(fanout__v1__fallback_request__init)
        message.pointee.fallback = value.fallback
        message.pointee.request = self.request(value.request)
        return message
    }

    private func entry(_ value: Item.Metadata) -> UnsafeMutablePointer<Proto.Entry> {
        let entry = self.make(fanout__v1__entry__init)
        entry.pointee.key = self.text(value.key)
        entry.pointee.value = self.text(value.value)
        return entry
    }

    private func cacheControl(_ value: CacheControl) -> UnsafeMutablePointer<Proto.CacheControl> {
        let cache = self.make(fanout__v1__cache_control__init)
        cache.pointee.no_cache = self.flag(value.noCache)
        cache.pointee.no_store = self.flag(value.noStore)
        cache.pointee.ttl_ms = value.ttlMilliseconds
        cache.pointee.max_age_ms = value.maxAgeMilliseconds
        cache.pointee.namespace_ = self.text(value.namespace)
        return cache
    }
}
