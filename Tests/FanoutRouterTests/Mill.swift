// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter

/// A core in virtual time whose attempts all succeed, each after the time that its tokens take: for queues too long to
/// be checked with each event.
final class Mill {
    /// One item that was started.
    struct Start {
        var run: UInt64
        var index: UInt32
        var instant: Instant
    }

    var core: RouterCore
    var now = Instant(nanoseconds: 1_000_000_000)
    /// Tokens of the answer of each item of a run.
    var answers: [UInt64: UInt32] = [:]
    /// Nanoseconds for each token, prompts included.
    var nanosecondsPerToken: UInt64 = 1_000_000
    var starts: [Start] = []
    /// Tokens served, prompts included, by run.
    var served: [UInt64: Int] = [:]
    var effects: [Effect] = []
    private var prompts: [ItemID: UInt32] = [:]
    private var next: [UInt64: UInt32] = [:]
    private var running: [Running] = []
    private var wakeUp = Instant.never

    private struct Running {
        var end: Instant
        var order: Int
        var lease: LeaseID
        var run: UInt64
        var prompt: UInt32
    }

    init(_ snapshot: Snapshot) {
        self.core = RouterCore(snapshot: snapshot, seed: 1)
    }

    func open(_ run: UInt64, tenant: Int, _ priorityClass: PriorityClass = .standard, width: UInt32 = 100_000) {
        let terms = RunTerms(tenant: TenantID(tenant), priorityClass: priorityClass, maxConcurrency: width)
        self.core.open(RunID(run), terms, now: self.now, into: &self.effects)
        self.take()
    }

    /// Submits items of so many prompt tokens.
    func submit(
        _ run: UInt64,
        _ count: Int,
        prompt: UInt32 = 100,
        group: Int = 0,
        _ change: (inout Ticket) -> Void = { _ in }
    ) {
        let first = self.next[run, default: 0]
        let tickets = (0..<UInt32(count)).map { offset in
            var ticket = Ticket(index: first + offset, group: GroupID(group), needs: .chat, deadline: .never)
            ticket.promptTokens = prompt
            change(&ticket)
            self.prompts[ItemID(run: RunID(run), index: ticket.index)] = prompt
            return ticket
        }
        self.next[run] = first + UInt32(count)
        self.core.submit(RunID(run), tickets, now: self.now, into: &self.effects)
        self.take()
    }

    /// Lets the next attempt end; `false` = none runs.
    @discardableResult
    func step() -> Bool {
        guard let first = self.running.indices.min(by: { self.isBefore($0, $1) }) else { return false }
        let attempt = self.running.remove(at: first)
        self.pass(until: attempt.end)
        var outcome = Outcome(code: nil)
        outcome.promptTokens = attempt.prompt
        outcome.completionTokens = self.answers[attempt.run, default: 1]
        self.served[attempt.run, default: 0] += Int(outcome.promptTokens + outcome.completionTokens)
        self.core.settle(attempt.lease, outcome, now: self.now, into: &self.effects)
        self.take()
        return true
    }

    /// Lets time pass, with whatever ends in it.
    func run(until end: Instant) {
        while let next = self.running.map(\.end).min(), next <= end { self.step() }
        self.pass(until: end)
    }

    private func pass(until end: Instant) {
        while self.wakeUp <= end {
            self.now = max(self.now, self.wakeUp)
            self.wakeUp = .never
            self.core.tick(now: self.now, into: &self.effects)
            self.take()
        }
        self.now = max(self.now, end)
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (self.running[left].end, self.running[left].order) < (self.running[right].end, self.running[right].order)
    }

    private func take() {
        for effect in self.effects {
            switch effect {
            case .start(let dispatch):
                let run = dispatch.item.run.number
                let prompt = self.prompts[dispatch.item] ?? 0
                let tokens = UInt64(prompt) + UInt64(self.answers[run, default: 1])
                self.starts.append(Start(run: run, index: dispatch.item.index, instant: self.now))
                self.running.append(
                    Running(
                        end: self.now.adding(nanoseconds: tokens * self.nanosecondsPerToken),
                        order: self.starts.count,
                        lease: dispatch.lease,
                        run: run,
                        prompt: prompt
                    )
                )
            case .deliver(let item, _): self.prompts[item] = nil
            case .sleepUntil(let instant): self.wakeUp = instant
            case .stop, .follow, .restart, .laneChanged: break
            }
        }
        self.effects.removeAll(keepingCapacity: true)
    }
}
