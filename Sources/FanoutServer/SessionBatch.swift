// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutEngine
internal import FanoutModel
internal import FanoutWire

/// The result side of one batch on one connection: order, credit, and whether the batch may start more.
///
/// Dispatch of the batch's items stops while the connection's output is over its soft mark, while there is no credit,
/// and while the reorder buffer is full; in input order the item whose turn it is goes on all the same, or nothing
/// would ever be freed.
final class SessionBatch: ResultSink {
    let id: UInt64
    let options: BatchOptions
    unowned let session: Session
    /// Set right after the engine has opened the run, until the batch is over for the session.
    var run: BatchRun?
    /// Blobs that its unfinished items name, by the items' indexes.
    var blobs: [UInt32: Set<UInt64>] = [:]
    /// Blobs that its finished items named.
    private(set) var usedBlobs: Set<UInt64> = []
    /// Items that the engine doesn't have yet.
    private(set) var intake = Intake()
    /// Its client sends no more items.
    private(set) var isComplete = false
    /// It waits in the loop's ``IntakeQueue``.
    var isInIntakeQueue = false
    /// When its last frame or result came or went.
    var lastActivity: Instant
    var nextProgress: Instant

    /// Results that may be sent; `nil` = unlimited.
    private var credit: UInt64?
    private var reorder: ReorderBuffer<ItemResult>
    /// Results in completion order that wait for credit.
    ///
    /// Bounded: without credit nothing is dispatched.
    private var waiting: [ItemResult] = []
    private var waitingStart = 0
    private var hasEnded = false
    /// The connection is gone or going: nobody takes what still comes.
    private var isAbandoned = false
    private var paused: Pause = .running

    private enum Pause: Equatable {
        case running
        case stopped(except: UInt32?)
    }

    init(id: UInt64, options: BatchOptions, session: Session, limits: Limits, now: Instant) {
        self.id = id
        self.options = options
        self.session = session
        self.credit = options.initialCredit == 0 ? nil : UInt64(options.initialCredit)
        self.reorder = ReorderBuffer(countMax: limits.reorderResults, bytesMax: limits.reorderBytes)
        self.lastActivity = now
        self.nextProgress = now.adding(milliseconds: 100)
    }

    /// Items of it that have come, whether the engine has them or not.
    var itemsSeen: UInt64 { UInt64(self.run?.itemCount ?? 0) + UInt64(self.intake.count) }

    /// Takes a frame's items: the first ones go to the engine at once, the others when the loop has time for them.
    func take(_ items: [WireItem], byteCount: Int, now: Instant) {
        guard let run = self.run else { return }
        guard !items.isEmpty else {
            self.run(run, releasedUploadBytes: byteCount)
            return
        }
        let hadNone = self.intake.isEmpty
        self.intake.append(items, byteCount: byteCount)
        self.session.hold(byteCount)
        if hadNone { self.feed(atMost: IntakeQueue.sliceItems, now: now) }
        if !self.intake.isEmpty { self.session.core.intakes.add(self) }
    }

    /// Hands items on to the engine.
    func feed(atMost count: Int, now: Instant) {
        // A run that was ended from elsewhere takes nothing more.
        guard let run = self.run, !run.isClosed, !self.isAbandoned, !self.intake.isEmpty else { return }
        var left = count
        while left > 0, let next = self.intake.next() {
            left -= 1
            self.session.release(next.bytes)
            self.session.add(next.item, to: self, run: run, uploadBytes: next.bytes, now: now)
        }
        self.session.engine.submit(run, now: now)
        if self.intake.isEmpty, self.isComplete { self.session.engine.close(run, now: now) }
    }

    /// The client sends no more items.
    func complete(now: Instant) {
        guard let run = self.run, !self.isComplete else { return }
        self.isComplete = true
        if self.intake.isEmpty { self.session.engine.close(run, now: now) }
    }

    /// The batch is over for the client, too.
    var isDelivered: Bool { self.hasEnded && self.heldCount == 0 }

    private var heldCount: Int { self.waiting.count - self.waitingStart + self.reorder.count }

    func addCredit(_ results: UInt32, now: Instant) throws(SessionProtocol.Fault) {
        guard let credit = self.credit else { return }
        let sum = credit + UInt64(results)
        guard sum <= 1 << 31 else {
            throw SessionProtocol.Fault(
                .badFrame,
                "the credit of batch \(self.id) exceeds 2^31 results",
                limit: 1 << 31
            )
        }
        self.credit = sum
        self.deliverWaiting()
        self.updateDispatch(now: now)
    }

    func run(_ run: BatchRun, finished result: ItemResult) {
        guard !self.isAbandoned else { return }
        let now = self.session.now
        self.lastActivity = now
        if !self.blobs.isEmpty, let named = self.blobs.removeValue(forKey: result.index) {
            self.usedBlobs.formUnion(named)
            self.session.release(blobs: named)
        }
        if self.options.ordering == .input {
            let bytes = Self.bytes(of: result)
            guard self.reorder.insert(result, at: result.index, bytes: bytes) else {
                preconditionFailure("item \(result.index) of batch \(self.id) is final twice")
            }
            self.session.hold(bytes)
        } else if self.credit == 0 || self.waitingStart < self.waiting.count {
            self.session.hold(Self.bytes(of: result))
            self.waiting.append(result)
        } else {
            self.spendCredit()
            self.session.send(result, of: self.id)
        }
        self.deliverWaiting()
        self.updateDispatch(now: now)
        self.sendProgress(now: now)
    }

    func run(_ run: BatchRun, index: UInt32, sequence: UInt64, delta: Delta) {
        guard !self.isAbandoned else { return }
        self.session.send(ServerFrame(id: self.id, body: .delta(index: index, sequence: sequence, delta)))
    }

    func run(_ run: BatchRun, releasedUploadBytes bytes: Int) {
        guard !self.isAbandoned else { return }
        self.session.giveBack(bytes, of: self.id)
    }

    func runEnded(_ run: BatchRun) {
        self.hasEnded = true
        guard !self.isAbandoned else { return }
        self.session.finishIfDelivered(self)
    }

    /// Sends what order and credit allow.
    private func deliverWaiting() {
        if self.options.ordering == .input {
            while self.credit != 0, let next = self.reorder.next() {
                self.session.release(Self.bytes(of: next))
                self.spendCredit()
                self.session.send(next, of: self.id)
            }
        } else {
            while self.credit != 0, self.waitingStart < self.waiting.count {
                let next = self.waiting[self.waitingStart]
                self.waitingStart += 1
                self.session.release(Self.bytes(of: next))
                self.spendCredit()
                self.session.send(next, of: self.id)
            }
            if self.waitingStart == self.waiting.count && self.waitingStart > 0 {
                self.waiting.removeAll(keepingCapacity: false)
                self.waitingStart = 0
            }
        }
        if self.hasEnded { self.session.finishIfDelivered(self) }
    }

    private func spendCredit() {
        if let credit = self.credit { self.credit = credit - 1 }
    }

    /// Lets the engine start this batch's items, or not, as the result side stands.
    func updateDispatch(now: Instant) {
        guard let run = self.run, !run.hasEnded, !self.isAbandoned else { return }
        let isStopped = self.session.outputIsOverSoftMark || self.credit == 0 || self.reorder.isFull
        let wanted: Pause
        if isStopped {
            wanted = .stopped(except: self.options.ordering == .input ? self.reorder.head : nil)
        } else {
            wanted = .running
        }
        guard wanted != self.paused else { return }
        self.paused = wanted
        switch wanted {
        case .running: self.session.engine.resumeDispatch(of: run, now: now)
        case .stopped(let head): self.session.engine.pauseDispatch(of: run, except: head, now: now)
        }
    }

    func sendProgress(now: Instant) {
        guard self.options.progress, now >= self.nextProgress, let run = self.run, !self.hasEnded else { return }
        self.nextProgress = now.adding(milliseconds: 100)
        self.session.send(ServerFrame(id: self.id, body: .progress(run.progress(now: now))))
    }

    /// It is over for the session: run and batch hold each other until then.
    func letGo() { self.run = nil }

    /// Forgets what is held: the connection is gone.
    func abandon() {
        self.isAbandoned = true
        while let next = self.intake.next() { self.session.release(next.bytes) }
        while self.waitingStart < self.waiting.count {
            self.session.release(Self.bytes(of: self.waiting[self.waitingStart]))
            self.waitingStart += 1
        }
        self.session.release(self.reorder.bytes)
        self.reorder = ReorderBuffer(countMax: 0, bytesMax: 0)
    }

    /// About what a result holds in memory.
    private static func bytes(of result: ItemResult) -> Int {
        switch result.outcome {
        case .failure(let failure): return 256 + failure.message.utf8.count + failure.providerMessage.utf8.count
        case .success(let response):
            var bytes = 256
            switch response.body {
            case .chat(let choices):
                for choice in choices { for part in choice.message.parts { bytes += 64 + part.approximateBytes } }
            case .completion(let choices): for choice in choices { bytes += 64 + choice.text.utf8.count }
            case .embedding(let vectors): for vector in vectors { bytes += 64 + vector.count }
            }
            return bytes
        }
    }
}

extension Part {
    fileprivate var approximateBytes: Int {
        switch self.kind {
        case .text(let text), .refusal(let text): text.text.utf8.count + text.annotationsJSON.count
        case .reasoning(let reasoning):
            reasoning.text.utf8.count + reasoning.signature.count + reasoning.encrypted.count
        case .toolCall(let call): call.arguments.count + call.signature.count
        case .opaque(let opaque): opaque.json.count
        case .image(let media), .document(let media), .audio(let media), .video(let media):
            if case .data(let data) = media.source { data.count } else { 0 }
        case .toolResult: 0
        }
    }
}
