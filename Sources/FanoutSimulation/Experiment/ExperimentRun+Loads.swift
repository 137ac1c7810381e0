// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// Those who submit, and what the core wants done.
extension ExperimentRun {
    mutating func arrive(_ number: Int) {
        let load = self.experiment.loads[number]
        guard self.now < Instant.zero.adding(milliseconds: load.untilMilliseconds) else { return }
        switch load.arrival {
        case .steady(let perSecond):
            self.submit(1, of: number)
            self.plan(.arrive, number, at: self.now.adding(nanoseconds: UInt64(1e9 / perSecond)))
        case .poisson(let perSecond):
            let gap = self.loads[number].generator.exponential(mean: 1e9 / perSecond)
            self.submit(1, of: number)
            self.plan(.arrive, number, at: self.now.adding(nanoseconds: UInt64(gap)))
        case .burst(let count), .backlog(let count): self.submit(count, of: number)
        }
    }

    private mutating func submit(_ count: Int, of number: Int) {
        let load = self.experiment.loads[number]
        var left = count
        while left > 0 {
            let some = min(left, 1_000)
            left -= some
            let run = self.loads[number].nextRun
            self.loads[number].nextRun = (run + 1) % max(1, load.runs)
            let id = self.loads[number].firstRun + UInt64(run)
            var tickets: [Ticket] = []
            tickets.reserveCapacity(some)
            for _ in 0..<some { tickets.append(self.ticket(of: number, run: run, place: Int(id) - 1)) }
            self.core.submit(RunID(id), tickets, now: self.now, into: &self.effects)
        }
    }

    private mutating func ticket(of number: Int, run: Int, place: Int) -> Ticket {
        let load = self.experiment.loads[number]
        let prompt = load.prompt.draw(&self.loads[number].generator)
        var completion = load.completion.draw(&self.loads[number].generator)
        if load.maxTokens > 0 { completion = min(completion, load.maxTokens) }
        var ticket = load.ticket
        ticket.index = self.loads[number].nextIndex[run]
        self.loads[number].nextIndex[run] += 1
        ticket.group = GroupID(load.group)
        ticket.deadline = self.now.adding(milliseconds: load.deadlineMilliseconds)
        let error = self.loads[number].generator.lognormal(sigma: load.estimateError)
        ticket.promptTokens = UInt32((Double(prompt) * error).rounded())
        ticket.completionTokens = load.maxTokens
        if load.isStreamed { ticket.flags.insert(.streamed) }
        self.rows[place].append(self.report.items.count)
        self.report.items.append(
            ExperimentReport.Item(
                load: number,
                submitted: self.now.nanoseconds,
                deadline: ticket.deadline.nanoseconds,
                promptTokens: prompt,
                completionTokens: completion
            )
        )
        return ticket
    }

    // MARK: - Effects

    /// Carries out what the core asked for, and what follows from that in the same instant.
    mutating func perform() {
        while !self.effects.isEmpty {
            let effects = self.effects
            self.effects.removeAll(keepingCapacity: true)
            for effect in effects { self.perform(effect) }
            for number in self.loads.indices where self.loads[number].owed > 0 {
                let owed = self.loads[number].owed
                self.loads[number].owed = 0
                self.submit(owed, of: number)
            }
        }
    }

    private mutating func perform(_ effect: Effect) {
        switch effect {
        case .start(let dispatch): self.start(dispatch)
        case .stop(let lease, _): self.stop(lease)
        case .sleepUntil(let instant): self.wakeUp = instant
        case .deliver(let item, let verdict): self.deliver(item, verdict)
        case .laneChanged(let lane):
            let name = self.experiment.snapshot.deployments[Int(lane.index)].name
            guard let status = self.core.laneStatus(now: self.now).first(where: { $0.deployment == name }) else {
                return
            }
            self.report.laneChanges.append(
                ExperimentReport.LaneChange(lane: lane, at: self.now.nanoseconds, state: status.state)
            )
        case .follow, .restart: break
        }
    }

    private mutating func deliver(_ item: ItemID, _ verdict: Verdict) {
        let place = Int(item.run.number) - 1
        let row = self.rows[place][Int(item.index)]
        self.report.items[row].ended = self.now.nanoseconds
        switch verdict {
        case .success: break
        case .failure(let lease, _):
            // Its attempt is the one that is being settled, or a leader's.
            self.report.items[row].code = self.lastCodes[lease] ?? .internal
        case .refused(let refusal):
            self.report.items[row].code = refusal.code
            self.report.items[row].isForeseen = refusal.isForeseen
        }
        self.fold(UInt64(row) << 1 | 1)
        let number = self.loadOfRun[place]
        let load = self.experiment.loads[number]
        guard case .backlog = load.arrival else { return }
        if self.now < Instant.zero.adding(milliseconds: load.untilMilliseconds) { self.loads[number].owed += 1 }
    }

    /// FNV-1a, a word at a time.
    mutating func fold(_ word: UInt64) {
        self.report.trace = (self.report.trace ^ word ^ self.now.nanoseconds) &* 0x100_0000_01B3
    }
}
