// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

extension RouterCore {
    /// Ends items, or with `nil` all of a run, which is closed by that too.
    ///
    /// An item that has no attempt under way is final at once, others when their attempts have been settled. Unknown
    /// and final items are ignored: a cancel and a result may cross.
    package mutating func cancel(
        _ run: RunID,
        items: [UInt32]?,
        reason: CancelReason,
        now: Instant,
        into effects: inout [Effect]
    ) {
        self.begin(now, &effects)
        if let slot = self.runSlots[run] {
            if let items {
                for index in items {
                    if let item = self.runs[slot].items[index] { self.cancel(item, reason: reason, &effects) }
                }
            } else {
                self.runs[slot].isClosed = true
                self.runsToForget.append(slot)
                self.end(slot, reason: reason, &effects)
            }
        }
        self.finish(&effects)
    }

    /// Stops starting a run's items, except `head`.
    ///
    /// Attempts under way go on. May be called again to move the head.
    package mutating func pause(
        _ run: RunID,
        except head: UInt32?,
        now: Instant,
        into effects: inout [Effect]
    ) {
        self.begin(now, &effects)
        if let slot = self.runSlots[run] {
            let old = self.runs[slot].head
            self.runs[slot].isPaused = true
            self.runs[slot].head = head
            self.touch(headsOf: slot)
            for index in [old, head] {
                if let index, let item = self.runs[slot].items[index] { self.moveWaitingLegs(of: item) }
            }
            if self.runs[slot].leading > 0 { self.dethroneWaiting(of: slot, &effects) }
        }
        self.finish(&effects)
    }

    /// Starts a paused run's items again.
    package mutating func resume(_ run: RunID, now: Instant, into effects: inout [Effect]) {
        self.begin(now, &effects)
        if let slot = self.runSlots[run] {
            let head = self.runs[slot].head
            self.runs[slot].isPaused = false
            self.runs[slot].head = nil
            if let head, let item = self.runs[slot].items[head] { self.moveWaitingLegs(of: item) }
            self.unparkFlows(of: slot)
        }
        self.finish(&effects)
    }

    /// The daemon is going down: what was never started is refused, now and later; what was goes on.
    package mutating func drain(now: Instant, into effects: inout [Effect]) {
        self.begin(now, &effects)
        self.isDraining = true
        for item in self.items.slots() {
            guard self.items[item].fate == .live, self.items[item].attempts == 0 else { continue }
            self.cancel(item, reason: .drain, &effects)
        }
        self.finish(&effects)
    }

    /// A run starts nothing any more.
    mutating func end(_ run: Slot, reason: CancelReason, _ effects: inout [Effect]) {
        if self.runs[run].endReason == nil { self.runs[run].endReason = reason }
        let items = self.runs[run].items.sorted
        // What runs is stopped before what waits is refused, so that nothing goes on for the sake of the wording.
        for (_, item) in items where self.items[item].leases > 0 { self.cancel(item, reason: reason, &effects) }
        for (index, item) in items where self.runs[run].items[index] == item {
            if self.items[item].leases == 0 { self.cancel(item, reason: reason, &effects) }
        }
    }

    /// Ends one item: now if nothing of it is under way, else when that has been settled.
    mutating func cancel(_ item: Slot, reason: CancelReason, _ effects: inout [Effect]) {
        guard self.items[item].fate == .live else { return }
        guard self.items[item].leases == 0 else {
            self.dropLegs(of: item, except: .none, reason: reason, &effects)
            self.items[item].fate = .ending(reason)
            if self.items[item].sharing != .none {
                let followers = self.leaveChain(item)
                self.promote(followers, &effects)
            }
            return
        }
        let hadAttempt = self.items[item].attempts > 0
        var causes = self.items[item].causes
        if let last = self.legs[self.items[item].firstLeg].last { causes.append(last) }
        let code: FailureCode = hadAttempt ? .cancelled : .notStarted
        let refusal = Refusal(code: code, reason: reason, hadAttempt: hadAttempt, causes: causes)
        self.decide(item, .refused(refusal), code: code, &effects)
    }
}
