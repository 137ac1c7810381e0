// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import FanoutRouter
internal import FanoutUpstream

extension Engine {
    /// What the daemon says of itself, but for what only the server knows.
    package func status(lanes: Bool) -> DaemonStatus {
        let now = Engine.now()
        var status = DaemonStatus()
        status.batches = UInt64(self.runs.count)
        status.running = UInt64(self.attempts.count)
        var live = 0
        var classes = PriorityClass.allCases.map { ClassStatus($0) }
        for run in self.runs.values {
            let queued = run.items.count - run.running
            live += queued
            // The numbers of the wire begin at 1.
            let place = Int(run.options.priorityClass.rawValue) - 1
            classes[place].queued += UInt64(queued)
            classes[place].running += UInt64(run.running)
        }
        status.queued = UInt64(live)
        status.classes = classes
        status.succeeded = self.succeeded
        status.failed = self.failed
        status.attempts = self.attemptsStarted
        status.bufferedBytes = UInt64(self.ledger.held)
        status.bufferedBytesMax = UInt64(self.ledger.capacity)
        status.configurationLoadedMilliseconds = self.loadedMilliseconds
        if lanes {
            status.lanes = self.router.assumeIsolated { $0.laneStatus(now: now) }
            // The router keeps codes; the words are here.
            var words: [String: String] = [:]
            for (lane, failure) in self.laneFailures {
                words[self.snapshot.deployments[Int(lane.index)].name] = failure.message
            }
            for index in status.lanes.indices {
                status.lanes[index].lastMessage = words[status.lanes[index].deployment] ?? ""
            }
        }
        return status
    }

    /// Pauses or resumes reading the answers of a run's attempts.
    package func setReading(of run: BatchRun, isPaused: Bool) {
        guard run.readingIsPaused != isPaused else { return }
        run.readingIsPaused = isPaused
        for attempt in self.attempts.values where attempt.run === run {
            if isPaused { attempt.handle?.pauseReading() } else { attempt.handle?.resumeReading() }
        }
    }
}
