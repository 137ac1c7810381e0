// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import FanoutModel

/// The daemon's frames about itself and the connection.
extension Reader {
    func welcome(_ welcome: UnsafeMutablePointer<Proto.Welcome>) throws(Fault) -> ServerFrame.Body {
        var value = ServerFrame.Welcome()
        value.major = welcome.pointee.major
        value.minor = welcome.pointee.minor
        value.server = try self.text(welcome.pointee.server, "server")
        value.instanceID = welcome.pointee.instance_id
        value.sessionID = welcome.pointee.session_id
        value.features = try self.strings(
            welcome.pointee.n_features,
            welcome.pointee.features,
            max: .max,
            "features",
            self.text
        )
        value.limits = try self.one(welcome.pointee.limits, "limits", self.limits) ?? ServerFrame.WireLimits()
        value.uploadWindowBytes = welcome.pointee.upload_window_bytes
        value.batchWindowBytes = welcome.pointee.batch_window_bytes
        value.uid = welcome.pointee.uid
        value.gid = welcome.pointee.gid
        value.tenant = try self.text(welcome.pointee.tenant, "tenant")
        value.models = try self.strings(
            welcome.pointee.n_models,
            welcome.pointee.models,
            max: .max,
            "models",
            self.text
        )
        return .welcome(value)
    }

    private func limits(_ limits: UnsafeMutablePointer<Proto.Limits>) throws(Fault) -> ServerFrame.WireLimits {
        var value = ServerFrame.WireLimits()
        value.frameBytesMax = limits.pointee.frame_bytes_max
        value.itemsPerFrameMax = limits.pointee.items_per_frame_max
        value.batchesMax = limits.pointee.batches_max
        value.nameBytesMax = limits.pointee.name_bytes_max
        value.metadataEntriesMax = limits.pointee.metadata_entries_max
        value.metadataBytesMax = limits.pointee.metadata_bytes_max
        value.blobChunkBytesMax = limits.pointee.blob_chunk_bytes_max
        value.blobBytesMax = limits.pointee.blob_bytes_max
        value.itemsPerBatchMax = limits.pointee.items_per_batch_max
        return value
    }

    func status(_ status: UnsafeMutablePointer<Proto.Status>) throws(Fault) -> ServerFrame.Body {
        var value = DaemonStatus()
        value.version = try self.text(status.pointee.version, "version")
        value.uptimeMilliseconds = status.pointee.uptime_ms
        value.isDraining = status.pointee.draining != 0
        value.connections = status.pointee.connections
        value.batches = status.pointee.batches
        value.queued = status.pointee.queued
        value.running = status.pointee.running
        value.succeeded = status.pointee.succeeded
        value.failed = status.pointee.failed
        value.attempts = status.pointee.attempts
        value.bufferedBytes = status.pointee.buffered_bytes
        value.bufferedBytesMax = status.pointee.buffered_bytes_max
        value.lanes = try self.list(status.pointee.n_lanes, status.pointee.lanes, max: .max, "lanes", self.lane)
        value.configuration = try self.text(status.pointee.configuration, "configuration")
        value.configurationLoadedMilliseconds = status.pointee.configuration_loaded_ms
        // A class that this version doesn't know is left out.
        value.classes = try self.list(
            status.pointee.n_classes,
            status.pointee.classes,
            max: .max,
            "classes",
            self.classStatus
        ).compactMap { $0 }
        value.peers = try self.list(status.pointee.n_peers, status.pointee.peers, max: .max, "peers", self.peer)
        return .status(value)
    }

    private func classStatus(_ own: UnsafeMutablePointer<Proto.ClassStatus>) throws(Fault) -> ClassStatus? {
        let known: PriorityClass? = try self.choice(own.pointee.priority_class, "priority_class", unknown: nil)
        guard let known else { return nil }
        var value = ClassStatus(known)
        value.queued = own.pointee.queued
        value.running = own.pointee.running
        return value
    }

    private func peer(_ peer: UnsafeMutablePointer<Proto.Peer>) throws(Fault) -> PeerStatus {
        var value = PeerStatus()
        value.uid = peer.pointee.uid
        value.gid = peer.pointee.gid
        value.pid = peer.pointee.pid
        value.client = try self.text(peer.pointee.client, "client")
        value.connections = peer.pointee.connections
        value.batches = peer.pointee.batches
        value.items = peer.pointee.items
        return value
    }

    func metrics(_ metrics: UnsafeMutablePointer<Proto.Metrics>) throws(Fault) -> ServerFrame.Body {
        .metrics(text: try self.text(metrics.pointee.text, "text"), isLast: metrics.pointee.last != 0)
    }

    private func lane(_ lane: UnsafeMutablePointer<Proto.LaneStatus>) throws(Fault) -> LaneStatus {
        var value = LaneStatus()
        value.deployment = try self.text(lane.pointee.deployment, "deployment")
        value.group = try self.text(lane.pointee.group, "group")
        value.provider = try self.text(lane.pointee.provider, "provider")
        value.model = try self.text(lane.pointee.model, "model")
        // A state that this version doesn't know is taken for one that takes no attempts.
        value.state = try self.choice(lane.pointee.state, "state", unknown: LaneState.off) ?? .closed
        value.retryInMilliseconds = lane.pointee.retry_in_ms
        value.inFlight = lane.pointee.in_flight
        value.limit = lane.pointee.limit
        value.succeeded = lane.pointee.succeeded
        value.failed = lane.pointee.failed
        value.lastCode = self.failureCode(lane.pointee.last_code.rawValue)
        value.lastMessage = try self.text(lane.pointee.last_message, "last_message")
        return value
    }

    func explanation(_ explanation: UnsafeMutablePointer<Proto.Explanation>) throws(Fault) -> ServerFrame.Body {
        var value = ServerFrame.Explanation(
            found: explanation.pointee.found != 0,
            trail: try self.one(explanation.pointee.trail, "trail", self.trail),
            candidates: try self.list(
                explanation.pointee.n_candidates,
                explanation.pointee.candidates,
                max: .max,
                "candidates",
                self.candidate
            )
        )
        value.model = try self.text(explanation.pointee.model, "model")
        value.code = self.failureCode(explanation.pointee.code.rawValue)
        value.ageMilliseconds = explanation.pointee.age_ms
        return .explanation(value)
    }

    private func candidate(
        _ note: UnsafeMutablePointer<Proto.CandidateNote>
    ) throws(Fault) -> ServerFrame.Explanation.Candidate {
        ServerFrame.Explanation.Candidate(
            deployment: try self.text(note.pointee.deployment, "deployment"),
            taken: note.pointee.taken != 0,
            reason: try self.text(note.pointee.reason, "reason")
        )
    }

    func pong(_ pong: UnsafeMutablePointer<Proto.Pong>) throws(Fault) -> ServerFrame.Body {
        .pong(self.bytes(pong.pointee.data))
    }

    func goAway(_ away: UnsafeMutablePointer<Proto.GoAway>) throws(Fault) -> ServerFrame.Body {
        .goAway(
            lastAcceptedID: away.pointee.last_accepted_id,
            deadlineMilliseconds: away.pointee.deadline_ms,
            message: try self.text(away.pointee.message, "message")
        )
    }

    func error(_ error: UnsafeMutablePointer<Proto.Error>) throws(Fault) -> ServerFrame.Body {
        .error(
            code: self.failureCode(error.pointee.code.rawValue) ?? .internal,
            message: try self.text(error.pointee.message, "message"),
            limit: error.pointee.limit
        )
    }
}
