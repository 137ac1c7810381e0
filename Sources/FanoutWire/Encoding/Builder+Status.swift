// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// What the daemon sends about itself and the connection.
extension Builder {
    func fillAboutDaemon(_ frame: UnsafeMutablePointer<Proto.ServerFrame>, _ body: ServerFrame.Body) {
        switch body {
        case .welcome(let welcome):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_WELCOME
            frame.pointee.welcome = self.welcome(welcome)
        case .status(let status):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_STATUS
            frame.pointee.status = self.status(status)
        case .explanation(let explanation):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_EXPLANATION
            frame.pointee.explanation = self.explanation(explanation)
        case .metrics(let text, let isLast):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_METRICS
            frame.pointee.metrics = self.make(fanout__v1__metrics__init)
            frame.pointee.metrics.pointee.text = self.text(text)
            frame.pointee.metrics.pointee.last = self.flag(isLast)
        case .pong(let data):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_PONG
            frame.pointee.pong = self.make(fanout__v1__pong__init)
            frame.pointee.pong.pointee.data = self.bytes(data)
        case .goAway(let lastAcceptedID, let deadlineMilliseconds, let message):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_GO_AWAY
            let away = self.make(fanout__v1__go_away__init)
            away.pointee.last_accepted_id = lastAcceptedID
            away.pointee.deadline_ms = deadlineMilliseconds
            away.pointee.message = self.text(message, max: SendCaps.sentenceBytes)
            frame.pointee.go_away = away
        case .error(let code, let message, let limit):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_ERROR
            let error = self.make(fanout__v1__error__init)
            error.pointee.code = self.code(code)
            error.pointee.message = self.text(message, max: SendCaps.sentenceBytes)
            error.pointee.limit = limit
            frame.pointee.error = error
        case .accepted, .rejected, .window, .delta, .resultPart, .result, .resultOfParts, .progress, .summary,
            .unknown:
            preconditionFailure("\(body) is not about the daemon")
        }
    }

    /// The first elements that have room in so many bytes together.
    private func fitting<Element>(_ elements: [Element], bytes: Int, size: (Element) -> Int) -> [Element] {
        var room = bytes
        for (index, element) in elements.enumerated() {
            room -= size(element)
            if room < 0 { return Array(elements.prefix(index)) }
        }
        return elements
    }

    private func welcome(_ value: ServerFrame.Welcome) -> UnsafeMutablePointer<Proto.Welcome> {
        let welcome = self.make(fanout__v1__welcome__init)
        welcome.pointee.major = value.major
        welcome.pointee.minor = value.minor
        welcome.pointee.server = self.text(value.server, max: SendCaps.nameBytes)
        welcome.pointee.instance_id = value.instanceID
        welcome.pointee.session_id = value.sessionID
        welcome.pointee.n_features = value.features.count
        welcome.pointee.features = self.texts(value.features)
        welcome.pointee.limits = self.limits(value.limits)
        welcome.pointee.upload_window_bytes = value.uploadWindowBytes
        welcome.pointee.batch_window_bytes = value.batchWindowBytes
        welcome.pointee.uid = value.uid
        welcome.pointee.gid = value.gid
        welcome.pointee.tenant = self.text(value.tenant, max: SendCaps.nameBytes)
        let models = self.fitting(value.models, bytes: SendCaps.modelBytes) { $0.utf8.count + 4 }
        welcome.pointee.n_models = models.count
        welcome.pointee.models = self.texts(models)
        return welcome
    }

    private func limits(_ value: ServerFrame.WireLimits) -> UnsafeMutablePointer<Proto.Limits> {
        let limits = self.make(fanout__v1__limits__init)
        limits.pointee.frame_bytes_max = value.frameBytesMax
        limits.pointee.items_per_frame_max = value.itemsPerFrameMax
        limits.pointee.batches_max = value.batchesMax
        limits.pointee.name_bytes_max = value.nameBytesMax
        limits.pointee.metadata_entries_max = value.metadataEntriesMax
        limits.pointee.metadata_bytes_max = value.metadataBytesMax
        limits.pointee.blob_chunk_bytes_max = value.blobChunkBytesMax
        limits.pointee.blob_bytes_max = value.blobBytesMax
        limits.pointee.items_per_batch_max = value.itemsPerBatchMax
        return limits
    }

    private func status(_ value: DaemonStatus) -> UnsafeMutablePointer<Proto.Status> {
        let status = self.make(fanout__v1__status__init)
        status.pointee.version = self.text(value.version, max: SendCaps.nameBytes)
        status.pointee.uptime_ms = value.uptimeMilliseconds
        status.pointee.draining = self.flag(value.isDraining)
        status.pointee.connections = value.connections
        status.pointee.batches = value.batches
        status.pointee.queued = value.queued
        status.pointee.running = value.running
        status.pointee.succeeded = value.succeeded
        status.pointee.failed = value.failed
        status.pointee.attempts = value.attempts
        status.pointee.buffered_bytes = value.bufferedBytes
        status.pointee.buffered_bytes_max = value.bufferedBytesMax
        let lanes = self.fitting(value.lanes, bytes: SendCaps.listBytes) { lane in
            80 + min(lane.deployment.utf8.count, SendCaps.nameBytes) + min(lane.group.utf8.count, SendCaps.nameBytes)
                + min(lane.provider.utf8.count, SendCaps.nameBytes) + min(lane.model.utf8.count, SendCaps.nameBytes)
                + min(lane.lastMessage.utf8.count, SendCaps.noteBytes)
        }
        status.pointee.n_lanes = lanes.count
        status.pointee.lanes = self.list(lanes, self.lane)
        status.pointee.configuration = self.text(value.configuration, max: SendCaps.sentenceBytes)
        status.pointee.configuration_loaded_ms = value.configurationLoadedMilliseconds
        status.pointee.n_classes = value.classes.count
        status.pointee.classes = self.list(value.classes, self.classStatus)
        let peers = self.fitting(value.peers, bytes: SendCaps.peerBytes) { peer in
            48 + min(peer.client.utf8.count, SendCaps.nameBytes)
        }
        status.pointee.n_peers = peers.count
        status.pointee.peers = self.list(peers, self.peer)
        return status
    }

    private func classStatus(_ value: ClassStatus) -> UnsafeMutablePointer<Proto.ClassStatus> {
        let own = self.make(fanout__v1__class_status__init)
        own.pointee.priority_class = Fanout__V1__PriorityClass(rawValue: UInt32(value.priorityClass.rawValue))
        own.pointee.queued = value.queued
        own.pointee.running = value.running
        return own
    }

    private func peer(_ value: PeerStatus) -> UnsafeMutablePointer<Proto.Peer> {
        let peer = self.make(fanout__v1__peer__init)
        peer.pointee.uid = value.uid
        peer.pointee.gid = value.gid
        peer.pointee.pid = value.pid
        peer.pointee.client = self.text(value.client, max: SendCaps.nameBytes)
        peer.pointee.connections = value.connections
        peer.pointee.batches = value.batches
        peer.pointee.items = value.items
        return peer
    }

    private func lane(_ value: LaneStatus) -> UnsafeMutablePointer<Proto.LaneStatus> {
        let lane = self.make(fanout__v1__lane_status__init)
        lane.pointee.deployment = self.text(value.deployment, max: SendCaps.nameBytes)
        lane.pointee.group = self.text(value.group, max: SendCaps.nameBytes)
        lane.pointee.provider = self.text(value.provider, max: SendCaps.nameBytes)
        lane.pointee.model = self.text(value.model, max: SendCaps.nameBytes)
        lane.pointee.state = Fanout__V1__LaneState(rawValue: UInt32(value.state.rawValue))
        lane.pointee.retry_in_ms = value.retryInMilliseconds
        lane.pointee.in_flight = value.inFlight
        lane.pointee.limit = value.limit
        lane.pointee.succeeded = value.succeeded
        lane.pointee.failed = value.failed
        lane.pointee.last_code = self.code(value.lastCode)
        lane.pointee.last_message = self.text(value.lastMessage, max: SendCaps.noteBytes)
        return lane
    }

    private func explanation(_ value: ServerFrame.Explanation) -> UnsafeMutablePointer<Proto.Explanation> {
        let explanation = self.make(fanout__v1__explanation__init)
        explanation.pointee.found = self.flag(value.found)
        explanation.pointee.trail = value.trail.map { self.trail($0) }
        let candidates = self.fitting(value.candidates, bytes: SendCaps.listBytes) { candidate in
            16 + min(candidate.deployment.utf8.count, SendCaps.nameBytes)
                + min(candidate.reason.utf8.count, SendCaps.noteBytes)
        }
        explanation.pointee.n_candidates = candidates.count
        explanation.pointee.candidates = self.list(candidates, self.candidate)
        explanation.pointee.model = self.text(value.model, max: SendCaps.nameBytes)
        explanation.pointee.code = self.code(value.code)
        explanation.pointee.age_ms = value.ageMilliseconds
        return explanation
    }

    private func candidate(
        _ value: ServerFrame.Explanation.Candidate
    ) -> UnsafeMutablePointer<Proto.CandidateNote> {
        let note = self.make(fanout__v1__candidate_note__init)
        note.pointee.deployment = self.text(value.deployment, max: SendCaps.nameBytes)
        note.pointee.taken = self.flag(value.taken)
        note.pointee.reason = self.text(value.reason, max: SendCaps.noteBytes)
        return note
    }
}
