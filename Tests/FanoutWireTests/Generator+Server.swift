// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel

@testable import FanoutWire

/// Server frames with every field set now and then.
extension Generator {
    mutating func serverFrame() -> ServerFrame {
        ServerFrame(id: self.number(), body: self.flag() ? self.batchBody() : self.daemonBody())
    }

    private mutating func batchBody() -> ServerFrame.Body {
        switch self.below(8) {
        case 0: .accepted(predictedFinishMilliseconds: self.number())
        case 1:
            .rejected(
                ServerFrame.Rejection(
                    code: self.code(),
                    message: self.text(),
                    retryAfterMilliseconds: self.number(),
                    notStarted: self.flag()
                )
            )
        case 2: .delta(index: self.small(), sequence: self.number(), Delta(choice: self.small(), self.deltaKind()))
        case 3: .resultPart(index: self.small(), data: self.bytes())
        case 4:
            .result(
                ItemResult(
                    index: self.small(),
                    id: self.text(),
                    outcome: self.flag() ? .success(self.response()) : .failure(self.failure()),
                    trail: self.maybe { $0.trail() }
                )
            )
        case 5:
            .resultOfParts(
                index: self.small(),
                id: self.text(),
                responseBytes: self.number(),
                trail: self.maybe { $0.trail() }
            )
        case 6: .progress(self.progress())
        default: .summary(self.summary())
        }
    }

    private mutating func deltaKind() -> Delta.Kind {
        switch self.below(5) {
        case 0: .text(self.text())
        case 1: .reasoning(self.text())
        case 2: .refusal(self.text())
        case 3:
            .toolCall(
                ToolCallDelta(call: self.small(), id: self.text(), name: self.text(), arguments: self.bytes())
            )
        default: .restart(self.code(), self.text())
        }
    }

    private mutating func progress() -> BatchProgress {
        var progress = BatchProgress()
        progress.items = self.number()
        progress.succeeded = self.number()
        progress.failed = self.number()
        progress.running = self.number()
        progress.waiting = self.number()
        progress.rateMilli = self.number()
        progress.usage = self.usage()
        progress.etaMilliseconds = self.number()
        progress.etaLowMilliseconds = self.number()
        progress.etaHighMilliseconds = self.number()
        progress.closed = self.flag()
        return progress
    }

    private mutating func summary() -> BatchSummary {
        var summary = BatchSummary()
        summary.items = self.number()
        summary.succeeded = self.number()
        summary.failed = self.number()
        summary.cancelled = self.number()
        for _ in 0..<self.below(4) { summary.failures[self.code()] = self.number() }
        summary.durationMicroseconds = self.number()
        summary.usage = self.usage()
        summary.costNanoUSD = self.maybe { $0.signed() }
        summary.unpriced = self.number()
        summary.attempts = self.number()
        summary.cacheHits = self.number()
        return summary
    }

    private mutating func daemonBody() -> ServerFrame.Body {
        switch self.below(8) {
        case 0: .welcome(self.welcome())
        case 1: .window(bytes: self.number())
        case 2: .status(self.daemonStatus())
        case 3: .explanation(self.explanation())
        case 6: .metrics(text: self.text(), isLast: self.flag())
        case 4: .pong(self.bytes())
        case 5:
            .goAway(lastAcceptedID: self.number(), deadlineMilliseconds: self.number(), message: self.text())
        default: .error(code: self.code(), message: self.text(), limit: self.number())
        }
    }

    private mutating func explanation() -> ServerFrame.Explanation {
        var explanation = ServerFrame.Explanation(
            found: self.flag(),
            trail: self.maybe { $0.trail() },
            candidates: self.list { generator in
                ServerFrame.Explanation.Candidate(
                    deployment: generator.text(),
                    taken: generator.flag(),
                    reason: generator.text()
                )
            }
        )
        explanation.model = self.text()
        explanation.code = self.maybe { $0.code() }
        explanation.ageMilliseconds = self.number()
        return explanation
    }

    private mutating func welcome() -> ServerFrame.Welcome {
        var welcome = ServerFrame.Welcome()
        welcome.major = self.small()
        welcome.minor = self.small()
        welcome.server = self.text()
        welcome.instanceID = self.number()
        welcome.sessionID = self.number()
        welcome.features = self.list { $0.text() }
        welcome.limits.frameBytesMax = self.small()
        welcome.limits.itemsPerFrameMax = self.small()
        welcome.limits.batchesMax = self.small()
        welcome.limits.nameBytesMax = self.small()
        welcome.limits.metadataEntriesMax = self.small()
        welcome.limits.metadataBytesMax = self.small()
        welcome.limits.blobChunkBytesMax = self.small()
        welcome.limits.blobBytesMax = self.number()
        welcome.limits.itemsPerBatchMax = self.number()
        welcome.uploadWindowBytes = self.number()
        welcome.batchWindowBytes = self.number()
        welcome.uid = self.small()
        welcome.gid = self.small()
        welcome.tenant = self.text()
        welcome.models = self.list { $0.text() }
        return welcome
    }

    private mutating func daemonStatus() -> DaemonStatus {
        var status = DaemonStatus()
        status.version = self.text()
        status.uptimeMilliseconds = self.number()
        status.isDraining = self.flag()
        status.connections = self.number()
        status.batches = self.number()
        status.queued = self.number()
        status.running = self.number()
        status.succeeded = self.number()
        status.failed = self.number()
        status.attempts = self.number()
        status.bufferedBytes = self.number()
        status.bufferedBytesMax = self.number()
        status.lanes = self.list { $0.lane() }
        status.classes = self.list { generator in
            var own = ClassStatus(generator.pick(PriorityClass.allCases))
            own.queued = generator.number()
            own.running = generator.number()
            return own
        }
        status.peers = self.list { $0.peer() }
        status.configuration = self.text()
        status.configurationLoadedMilliseconds = self.signed()
        return status
    }

    private mutating func peer() -> PeerStatus {
        var peer = PeerStatus()
        peer.uid = self.small()
        peer.gid = self.small()
        peer.pid = self.small()
        peer.client = self.text()
        peer.connections = self.number()
        peer.batches = self.number()
        peer.items = self.number()
        return peer
    }

    private mutating func lane() -> LaneStatus {
        var lane = LaneStatus()
        lane.deployment = self.text()
        lane.group = self.text()
        lane.provider = self.text()
        lane.model = self.text()
        lane.state = self.pick([.closed, .open, .halfOpen, .paused, .off])
        lane.retryInMilliseconds = self.number()
        lane.inFlight = self.small()
        lane.limit = self.small()
        lane.succeeded = self.number()
        lane.failed = self.number()
        lane.lastCode = self.maybe { $0.code() }
        lane.lastMessage = self.text()
        return lane
    }
}
