// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutEngine
internal import FanoutModel
internal import FanoutWire

/// The batches of a session: taking them in, adding to them, ending them.
extension Session {
    /// Of a batch for more models nothing is predicted.
    private static let modelsMax = 16

    func submit(_ frame: ClientFrame, _ submit: ClientFrame.Submit, byteCount: Int, now: Instant) {
        let id = frame.id
        if let refusal = self.core.admission(for: self) {
            self.reject(frame, refusal, byteCount: byteCount)
            return
        }
        let tenant: String
        var submit = submit
        do {
            (tenant, submit.options) = try self.admit(submit.options)
        } catch {
            let words = error.param.isEmpty ? error.message : "\(error.param): \(error.message)"
            self.reject(frame, ServerFrame.Rejection(code: error.code, message: words), byteCount: byteCount)
            return
        }
        let forecast = self.forecast(submit, of: tenant, now: now)
        if let refusal = forecast.refusal {
            let rejection = ServerFrame.Rejection(
                code: .admissionRefused,
                message: refusal.message,
                retryAfterMilliseconds: refusal.retryAfterMilliseconds
            )
            self.reject(frame, rejection, byteCount: byteCount)
            return
        }
        guard self.charge(byteCount, batch: id, isOpen: submit.isOpen) else { return }
        let batch = SessionBatch(
            id: id,
            options: submit.options,
            session: self,
            limits: self.core.limits,
            now: now
        )
        let run = self.engine.open(
            label: "\(self.id)/\(id)",
            options: submit.options,
            defaults: submit.defaults,
            tenant: tenant,
            received: now,
            sink: batch
        )
        batch.run = run
        self.batches[id] = batch
        self.conversation.accepted(id)
        let finish = forecast.finishMilliseconds
        self.send(ServerFrame(id: id, body: .accepted(predictedFinishMilliseconds: finish)), isUrgent: false)
        batch.take(submit.items, byteCount: byteCount, now: now)
        if !submit.isOpen || self.inputIsClosed { batch.complete(now: now) }
        batch.updateDispatch(now: now)
    }

    /// Whose batch it is that comes now, and what it runs with.
    private func admit(_ options: BatchOptions) throws(Failure) -> (String, BatchOptions) {
        guard let tenant = self.core.tenant(of: self.peer) else {
            throw Failure(.permission, ServerCore.refusal(of: self.peer))
        }
        return (tenant, try self.core.policy(of: tenant).admit(options, of: tenant))
    }

    /// What the router expects of a batch; nothing while more of it may come.
    private func forecast(_ submit: ClientFrame.Submit, of tenant: String, now: Instant) -> BatchForecast {
        guard !submit.isOpen else { return BatchForecast() }
        var counts: [(model: String, items: Int)] = []
        for case .item(let item) in submit.items {
            let model = item.request.model.isEmpty ? submit.defaults?.model ?? "" : item.request.model
            // Nearly always they all ask for one model.
            if let place = counts.lastIndex(where: { $0.model == model }) {
                counts[place].items += 1
            } else if counts.count < Self.modelsMax {
                counts.append((model, 1))
            } else {
                return BatchForecast()
            }
        }
        return self.engine.forecast(counts, of: tenant, options: submit.options, received: now)
    }

    func append(_ frame: ClientFrame, _ append: ClientFrame.Append, byteCount: Int, now: Instant) {
        let id = frame.id
        guard let batch = self.batches[id], let run = batch.run, !run.isClosed, !batch.isComplete else {
            let words = "batch \(id) isn't open: it is unknown, finished, or had its last Append"
            self.reject(frame, ServerFrame.Rejection(code: .invalidRequest, message: words), byteCount: byteCount)
            return
        }
        let itemsMax = self.core.limits.itemsPerBatch
        guard batch.itemsSeen + UInt64(append.items.count) <= itemsMax else {
            let words = "batch \(id) would have more than \(itemsMax) items: send the rest as another batch"
            self.reject(frame, ServerFrame.Rejection(code: .tooLarge, message: words), byteCount: byteCount)
            return
        }
        guard self.charge(byteCount, batch: id, isOpen: true) else { return }
        batch.lastActivity = now
        batch.take(append.items, byteCount: byteCount, now: now)
        if append.isLast { batch.complete(now: now) }
    }

    /// Ends items of a batch, or all of it; what has not been handed on yet is, so that each gets its result.
    func cancel(_ batch: SessionBatch, indexes: [UInt32], now: Instant) {
        guard let run = batch.run else { return }
        if indexes.isEmpty || indexes.contains(where: { $0 >= run.itemCount }) {
            batch.feed(atMost: .max, now: now)
        }
        self.engine.cancel(run, indexes: indexes.isEmpty ? nil : indexes, reason: .client, now: now)
    }

    func add(_ item: WireItem, to batch: SessionBatch, run: BatchRun, uploadBytes: Int, now: Instant) {
        switch item {
        case .refused(let id, let failure):
            self.engine.add(refused: failure, id: id, to: run, uploadBytes: uploadBytes, now: now)
        case .item(var item):
            let index = run.itemCount
            do {
                let used = try item.resolveBlobs(from: self.blobs)
                if !used.isEmpty { batch.blobs[index] = used }
                self.engine.add(item, to: run, uploadBytes: uploadBytes, now: now)
            } catch {
                self.engine.add(refused: error, id: item.id, to: run, uploadBytes: uploadBytes, now: now)
            }
        }
    }

    func take(_ blob: ClientFrame.Blob, id: UInt64, now: Instant) {
        let before = self.blobs.held
        do throws(Failure) {
            if blob.offset == 0, let refusal = self.core.refusal(ofBlob: blob.total, of: self.tenant) { throw refusal }
            try self.blobs.append(
                id: id,
                offset: blob.offset,
                total: blob.total,
                data: blob.data,
                sha256: blob.sha256,
                uses: blob.uses,
                now: now
            )
        } catch {
            let words = error.param.isEmpty ? error.message : "\(error.param): \(error.message)"
            let rejection = ServerFrame.Rejection(
                code: error.code,
                message: words,
                retryAfterMilliseconds: error.retryAfterMilliseconds ?? 0
            )
            self.send(ServerFrame(id: id, body: .rejected(rejection)))
        }
        self.settleBlobs(before: before)
    }

    /// An item is final: blobs whose uses are counted lose one.
    func release(blobs: Set<UInt64>) {
        let before = self.blobs.held
        for blob in blobs { self.blobs.used(blob) }
        self.settleBlobs(before: before)
    }

    func settleBlobs(before: Int) {
        self.core.blobBytesChanged(by: self.blobs.held - before, of: self.tenant)
    }

    /// The batch is over and all of it is on its way: its Summary is its last frame.
    func finishIfDelivered(_ batch: SessionBatch) {
        guard batch.isDelivered, self.batches[batch.id] === batch, let run = batch.run else { return }
        self.batches[batch.id] = nil
        self.upload.giveBackAll(batch: batch.id)
        self.announce(batch.id, atLeast: 1)
        self.giving.remove(batch.id)
        let before = self.blobs.held
        for blob in batch.usedBlobs { self.blobs.batchEnded(blob) }
        self.settleBlobs(before: before)
        self.send(ServerFrame(id: batch.id, body: .summary(run.summary)))
        batch.letGo()
        self.closeIfDone()
    }
}
