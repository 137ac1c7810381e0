// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutEngine
internal import FanoutModel
internal import FanoutTelemetry
internal import FanoutWire
internal import Logging
internal import NIOCore

/// What the connections of a loop share: the engine, the codec, the counts.
///
/// Confined to the loop.
final class ServerCore {
    let loop: any EventLoop
    let engine: Engine
    let codec: WireCodec
    let settings: ServerSettings
    let logger: Logger
    let instanceID: UInt64
    var limits: Limits { self.engine.snapshot.limits }
    private let started = Engine.now()
    /// Failures to accept that are told in the log.
    private var acceptFaults = RateGate(perSecond: 1, now: Engine.now())
    /// How long output may wait for the end of a turn of the loop.
    private static let flushMicroseconds: UInt64 = 300

    private(set) var sessions: [UInt64: Session] = [:]
    /// Batches and connections that were refused.
    private var refusals = CodeCounts()
    /// How late the timer of the sweep was.
    private var loopLag = Histogram(.lag)
    /// Requests for the metrics that are under way.
    private var scrapes = 0
    /// More than one Prometheus and an administrator's hand need.
    static let scrapesMax = 16
    private var connectionsOfTenant: [String: Int] = [:]
    /// Blob bytes that the connections of a tenant hold together.
    private var blobBytesOfTenant: [String: Int] = [:]
    /// Connections that haven't said Hello, oldest first.
    private var pending: [UInt64] = []
    private var nextSession: UInt64 = 1
    private var sweep: Scheduled<Void>?
    private var flushTimer: Scheduled<Void>?
    private var beating: Scheduled<Void>?
    /// Sessions with output that isn't urgent.
    private var flushing: Set<UInt64> = []
    /// Sessions with output that goes out with this turn of the loop, and since when the first of them waits.
    private var flushesDue: [Session] = []
    private var dueSince = Instant.zero
    private var flushIsArmed = false
    /// Batches with items that the engine doesn't have yet.
    let intakes: IntakeQueue
    private(set) var isDraining = false
    private var drainTimer: Scheduled<Void>?
    private var whenDrained: (() -> Void)?

    init(loop: any EventLoop, engine: Engine, settings: ServerSettings, logger: Logger) {
        self.loop = loop
        self.engine = engine
        self.settings = settings
        self.logger = logger
        self.codec = WireCodec(limits: engine.snapshot.limits)
        self.intakes = IntakeQueue(loop: loop)
        self.instanceID = UInt64.random(in: 1 ... .max)
        engine.afterAttempt = { [unowned self] now in self.flushIfOverdue(now: now) }
    }

    // MARK: Connections

    /// A connection can't be accepted, as when there are no descriptors left.
    func acceptFailed(_ error: IOError) {
        guard self.acceptFaults.pass(now: Engine.now()) else { return }
        let words = "can't accept connections: \(error); raise LimitNOFILE or lower fanout.limits.connections"
        self.logger.error("\(words)")
    }

    /// A connection came.
    ///
    /// `nil` = it was refused and is being closed.
    func open(_ channel: any Channel) -> Session? {
        guard let peer = PeerIdentity.read(from: channel) else {
            self.logger.warning("connection without peer credentials refused")
            channel.close(promise: nil)
            return nil
        }
        let session = Session(
            id: self.nextSession,
            peer: peer,
            tenant: self.tenant(of: peer) ?? "uid:\(peer.uid)",
            channel: channel,
            core: self,
            now: Engine.now()
        )
        self.nextSession += 1
        self.sessions[session.id] = session
        self.connectionsOfTenant[session.tenant, default: 0] += 1
        self.pending.append(session.id)
        self.armSweep()
        return session
    }

    /// Refuses a connection that is one too many.
    ///
    /// The handler must have the session by now: it may close at once.
    func refuseIfOverBounds(_ session: Session) {
        let limits = self.limits
        let tenantMax = self.policy(of: session.tenant).maxConnections ?? limits.connectionsPerTenant
        if self.tenant(of: session.peer) == nil {
            session.fail(SessionProtocol.Fault(.permission, Self.refusal(of: session.peer)))
        } else if self.sessions.count > limits.connections {
            let words = "the daemon has \(limits.connections) connections: close some"
            session.fail(SessionProtocol.Fault(.tooManyConnections, words, limit: UInt64(limits.connections)))
        } else if self.connectionsOfTenant[session.tenant, default: 0] > tenantMax {
            let words = "the tenant '\(session.tenant)' has \(tenantMax) connections: share one"
            session.fail(SessionProtocol.Fault(.tooManyConnections, words, limit: UInt64(tenantMax)))
        } else if self.pending.count > limits.pendingConnections, let oldest = self.sessions[self.pending[0]] {
            let words = "more than \(limits.pendingConnections) connections have said no Hello: the oldest is closed"
            oldest.fail(SessionProtocol.Fault(.tooManyConnections, words, limit: UInt64(limits.pendingConnections)))
            self.sessionSaidHello(oldest)
        }
    }

    func sessionSaidHello(_ session: Session) {
        self.pending.removeAll { $0 == session.id }
    }

    func closed(_ session: Session) {
        guard self.sessions.removeValue(forKey: session.id) != nil else { return }
        self.sessionSaidHello(session)
        let left = self.connectionsOfTenant[session.tenant, default: 1] - 1
        self.connectionsOfTenant[session.tenant] = left == 0 ? nil : left
        session.connectionClosed()
        self.finishDrainIfDone()
    }

    // MARK: Tenants

    /// The tenant that a caller belongs to under the configuration in force; `nil` = it is refused.
    func tenant(of peer: PeerIdentity) -> String? {
        self.engine.snapshot.tenants.tenant(user: peer.uid, groups: peer.groups)
    }

    func policy(of tenant: String) -> TenantPolicy { self.engine.snapshot.tenants.policy(of: tenant) }

    /// What somebody is told whom no tenant stands for.
    static func refusal(of peer: PeerIdentity) -> String {
        if peer.uid == TenantPolicies.unmappedUser {
            return "the peer's user (\(peer.uid)) has no number of its own here, and no tenant names it:"
                + " ask for one in fanout.tenants whose match.users has \(peer.uid)"
        }
        let groups = peer.groups.sorted().prefix(32).map(String.init).joined(separator: ", ")
        return
            "no tenant matches user \(peer.uid) with the groups \(groups): ask for one in fanout.tenants, or for a default"
    }

    // MARK: Answers

    func welcome(for session: Session, windowBytes: Int) -> ServerFrame.Welcome {
        let limits = self.limits
        var welcome = ServerFrame.Welcome()
        welcome.major = SessionProtocol.major
        welcome.minor = SessionProtocol.minor
        welcome.server = self.settings.version
        welcome.instanceID = self.instanceID
        welcome.sessionID = session.id
        welcome.limits.frameBytesMax = UInt32(clamping: limits.frameBytes)
        welcome.limits.itemsPerFrameMax = UInt32(clamping: limits.itemsPerFrame)
        welcome.limits.batchesMax = UInt32(clamping: limits.batchesPerConnection)
        welcome.limits.nameBytesMax = 256
        welcome.limits.metadataEntriesMax = 64
        welcome.limits.metadataBytesMax = 16 << 10
        welcome.limits.blobChunkBytesMax = 256 << 10
        welcome.limits.blobBytesMax = UInt64(clamping: limits.blobBytesPerConnection)
        welcome.limits.itemsPerBatchMax = limits.itemsPerBatch
        welcome.uploadWindowBytes = UInt64(clamping: windowBytes)
        welcome.batchWindowBytes = UInt64(clamping: min(limits.batchWindowBytes, windowBytes / 2))
        welcome.uid = session.peer.uid
        welcome.gid = session.peer.gid
        welcome.tenant = session.tenant
        welcome.models = self.engine.snapshot.models(for: self.policy(of: session.tenant))
        return welcome
    }

    /// Why a new batch can't be taken; `nil` = it can.
    func admission(for session: Session) -> ServerFrame.Rejection? {
        if session.batches.count >= self.limits.batchesPerConnection {
            let words = "this connection has \(session.batches.count) batches under way: wait for a Summary"
            return ServerFrame.Rejection(code: .admissionRefused, message: words, retryAfterMilliseconds: 1_000)
        }
        guard self.engine.ledger.isFull else { return nil }
        self.makeRoom()
        let words =
            "the daemon holds \(self.engine.ledger.held) of \(self.engine.ledger.capacity) bytes for its clients: try again soon"
        return ServerFrame.Rejection(code: .admissionRefused, message: words, retryAfterMilliseconds: 1_000)
    }

    /// Why a blob of a size can't be taken; `nil` = it can.
    func refusal(ofBlob total: UInt64, of tenant: String) -> Failure? {
        let most = self.limits.blobBytesPerTenant
        if total > UInt64(max(0, most - self.blobBytesOfTenant[tenant, default: 0])) {
            let words = "\(tenant) would hold more than \(most) bytes of blobs: finish batches that use them first"
            return Failure(.tooLarge, words, param: "total")
        }
        let ledger = self.engine.ledger
        guard total > UInt64(max(0, ledger.capacity - ledger.held)) else { return nil }
        var failure = Failure(
            .admissionRefused,
            "the daemon holds \(ledger.held) of \(ledger.capacity) bytes for its clients: try again soon",
            param: "total"
        )
        failure.retryAfterMilliseconds = 1_000
        return failure
    }

    /// A tenant holds so many blob bytes more, or fewer.
    func blobBytesChanged(by change: Int, of tenant: String) {
        let bytes = self.blobBytesOfTenant[tenant, default: 0] + change
        self.blobBytesOfTenant[tenant] = bytes == 0 ? nil : bytes
        if change > 0 { self.engine.ledger.charge(change) } else { self.engine.ledger.release(-change) }
    }

    /// If memory is over its bound, whoever has read least makes room, or else who has sent most of a frame and not
    /// its end.
    func makeRoom() {
        guard self.engine.ledger.isFull else { return }
        let slowest = self.sessions.values.max {
            ($0.output.unreadBytes, $1.id) < ($1.output.unreadBytes, $0.id)
        }
        guard let slowest, slowest.output.unreadBytes > self.limits.outputSoftBytes else {
            self.closeLargestFrame()
            return
        }
        let words = "memory is short and this connection has the most unread results: read faster"
        slowest.fail(SessionProtocol.Fault(.slowReader, words, limit: UInt64(self.limits.bufferedBytes)))
        slowest.channel.close(promise: nil)
    }

    private func closeLargestFrame() {
        let largest = self.sessions.values.max { ($0.unfinishedBytes, $1.id) < ($1.unfinishedBytes, $0.id) }
        guard let largest, largest.unfinishedBytes > self.limits.helloBytes else { return }
        let words = "memory is short and this connection has the largest unfinished frame: send each without a pause"
        largest.fail(SessionProtocol.Fault(.frameTimeout, words, limit: UInt64(self.limits.bufferedBytes)))
        largest.channel.close(promise: nil)
    }

    func status(lanes: Bool) -> DaemonStatus {
        var status = self.engine.status(lanes: lanes)
        status.version = self.settings.version
        status.uptimeMilliseconds = Engine.now().milliseconds(since: self.started)
        status.isDraining = self.isDraining
        status.connections = UInt64(self.sessions.count)
        status.configuration = self.settings.configurationPath
        return status
    }

    /// A batch or a connection was refused.
    func refused(_ code: FailureCode) { self.refusals.count(code) }

    /// All that is counted.
    func metrics(now: Instant) -> MetricsReport {
        var report = self.engine.metrics(with: self.status(lanes: true), now: now)
        report.refusals = self.refusals
        report.loopLag = self.loopLag
        report.logLinesDropped = self.settings.logLinesDropped()
        return report
    }

    /// A request for the metrics came; `false` = there are too many.
    func beginScrape() -> Bool {
        guard self.scrapes < Self.scrapesMax else { return false }
        self.scrapes += 1
        return true
    }

    /// It is over.
    func endScrape() { self.scrapes -= 1 }

    // MARK: Time

    /// Gives the service manager signs of life from now on.
    func beat(for manager: ServiceManager) {
        guard let socket = manager.notification else { return }
        self.beat(Heartbeat(watchdogMicroseconds: manager.watchdogMicroseconds), to: socket)
    }

    private func beat(_ heartbeat: Heartbeat, to socket: NotifySocket) {
        let period = TimeAmount.microseconds(Int64(clamping: heartbeat.periodMicroseconds))
        self.beating = self.loop.assumeIsolated().scheduleTask(in: period) {
            var heartbeat = heartbeat
            // A full queue at the manager's side must not stop the loop; the next beat follows soon.
            if let beat = heartbeat.beat(self.status(lanes: true)) { socket.send(beat.text, waits: false) }
            self.beat(heartbeat, to: socket)
        }
    }

    /// Looks after the connections about once a second, while there are any.
    private func armSweep() {
        guard self.sweep == nil, !self.sessions.isEmpty else { return }
        let due = Engine.now().adding(milliseconds: UInt64(self.settings.sweepMilliseconds))
        self.sweep = self.loop.assumeIsolated().scheduleTask(in: .milliseconds(self.settings.sweepMilliseconds)) {
            self.sweep = nil
            let now = Engine.now()
            self.loopLag.observe(now.microseconds(since: due))
            for session in Array(self.sessions.values) { session.sweep(now: now) }
            self.armSweep()
        }
    }

    /// Writes what a session has at the end of this turn of the loop.
    func flushThisTurn(_ session: Session) {
        if self.flushesDue.isEmpty { self.dueSince = Engine.now() }
        self.flushesDue.append(session)
        guard !self.flushIsArmed else { return }
        self.flushIsArmed = true
        self.loop.assumeIsolated().execute {
            self.flushIsArmed = false
            self.flushDue()
        }
    }

    /// Writes now what has waited too long for the end of a turn in which much is done.
    private func flushIfOverdue(now: Instant) {
        guard !self.flushesDue.isEmpty, now.microseconds(since: self.dueSince) >= Self.flushMicroseconds else { return }
        self.flushDue()
    }

    private func flushDue() {
        let due = self.flushesDue
        self.flushesDue.removeAll(keepingCapacity: true)
        for session in due { session.output.flushScheduled(of: session) }
    }

    /// Writes what a session has within two milliseconds, if nothing urgent takes it along before.
    func flushSoon(_ session: Session) {
        self.flushing.insert(session.id)
        guard self.flushTimer == nil else { return }
        self.flushTimer = self.loop.assumeIsolated().scheduleTask(in: .milliseconds(2)) {
            self.flushTimer = nil
            let due = self.flushing
            self.flushing.removeAll(keepingCapacity: true)
            for id in due.sorted() {
                guard let session = self.sessions[id] else { continue }
                session.output.scheduleFlush(of: session)
            }
        }
    }

    // MARK: Drain

    /// Takes no more batches; calls `done` when the last connection has gone, within the drain's bound.
    func drain(_ done: @escaping () -> Void) {
        self.whenDrained = done
        self.isDraining = true
        let bound = self.limits.drainMilliseconds
        for session in Array(self.sessions.values) { session.goAway(deadlineMilliseconds: bound) }
        self.drainTimer = self.loop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(clamping: bound))) {
            let now = Engine.now()
            for session in self.sessions.values {
                for batch in Array(session.batches.values) { batch.feed(atMost: .max, now: now) }
            }
            self.engine.cancelAll(reason: .drain, now: now)
            // What was cancelled is on its way; connections that don't read it are closed a moment later.
            self.drainTimer = self.loop.assumeIsolated().scheduleTask(in: .seconds(2)) { self.abandon() }
        }
        self.finishDrainIfDone()
    }

    /// Ends now: connections are closed whatever they still wait for.
    func abandon() {
        self.engine.cancelAll(reason: .drain, now: Engine.now())
        for session in Array(self.sessions.values) { session.channel.close(promise: nil) }
    }

    private func finishDrainIfDone() {
        guard self.isDraining, self.sessions.isEmpty, let done = self.whenDrained else { return }
        self.whenDrained = nil
        self.drainTimer?.cancel()
        self.sweep?.cancel()
        self.flushTimer?.cancel()
        self.beating?.cancel()
        self.intakes.cancel()
        done()
    }
}
