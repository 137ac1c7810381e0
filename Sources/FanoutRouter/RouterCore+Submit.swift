// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

extension RouterCore {
    /// Items are appended to an open run.
    ///
    /// Items of a run that has ended, or that isn't known, are refused one by one: each ticket gets its one verdict.
    package mutating func submit(
        _ run: RunID,
        _ tickets: [Ticket],
        now: Instant,
        into effects: inout [Effect]
    ) {
        self.begin(now, &effects)
        guard let slot = self.runSlots[run] else {
            for ticket in tickets { self.refuse(ticket, of: run, reason: .none, &effects) }
            self.finish(&effects)
            return
        }
        if let reason = self.runs[slot].endReason ?? (self.isDraining ? .drain : nil) {
            for ticket in tickets { self.refuse(ticket, of: run, reason: reason, &effects) }
            self.finish(&effects)
            return
        }
        for place in tickets.indices {
            let item = self.add(tickets[place], to: slot)
            self.enter(item, &effects)
        }
        self.conclude(&effects)
        // What was started above needs no deadline here: the attempt has its own.
        for place in tickets.indices {
            guard let item = self.runs[slot].items[tickets[place].index] else { continue }
            if self.items[item].leases == 0 || self.items[item].isRace { self.armDeadline(item) }
        }
        self.askForTimer(&effects)
    }

    private func refuse(_ ticket: Ticket, of run: RunID, reason: CancelReason, _ effects: inout [Effect]) {
        let item = ItemID(run: run, index: ticket.index)
        effects.append(.deliver(item, .refused(Refusal(code: .notStarted, reason: reason))))
    }

    private mutating func add(_ ticket: Ticket, to run: Slot) -> Slot {
        self.nextSequence += 1
        let deadline = min(ticket.deadline, self.runs[run].terms.deadline)
        let item = self.items.insert(
            ItemRecord(run: run, ticket: ticket, sequence: self.nextSequence, deadline: deadline)
        )
        // The sequence is unique in the process and its low half in any span that an entry can live.
        self.items[item].stamp = UInt32(truncatingIfNeeded: self.nextSequence)
        precondition(self.runs[run].items[ticket.index] == nil, "item \(ticket.index) was submitted twice")
        self.runs[run].items.insert(ticket.index, item)
        self.runs[run].records += 1
        self.queuedItems += 1
        return item
    }

    /// Makes an item's legs and finds each its place.
    private mutating func enter(_ item: Slot, _ effects: inout [Effect]) {
        guard let extras = self.items[item].ticket.extras, extras.race.count > 1 else {
            let group = self.items[item].ticket.extras?.race.first ?? self.items[item].ticket.group
            let leg = self.addLeg(LegRecord(item: item, number: 0, group: self.host(of: group), asked: group))
            self.items[item].firstLeg = leg
            // A run's deadline may have passed before this item came.
            if self.now < self.items[item].deadline, self.joinChain(item, &effects) { return }
            self.place(leg, &effects)
            return
        }
        let groups = extras.race.prefix(Int(UInt16.max))
        self.items[item].legs = UInt16(groups.count)
        var previous = Slot.none
        for (number, group) in groups.enumerated() {
            var record = LegRecord(item: item, number: UInt16(number), group: self.host(of: group), asked: group)
            record.place = .held
            let leg = self.addLeg(record)
            if previous == .none {
                self.items[item].firstLeg = leg
            } else {
                self.legs[previous].next = leg
            }
            previous = leg
        }
        let stamp = self.items[item].stamp
        let width = self.items[item].ticket.raceWidth
        for _ in 0..<(width == 0 ? groups.count : min(Int(width), groups.count)) {
            // A leg that can't be served may have ended the item.
            guard self.items[item].stamp == stamp, self.items[item].fate == .live else { return }
            self.startNextLeg(of: item, &effects)
        }
    }

    private mutating func addLeg(_ record: consuming LegRecord) -> Slot {
        // Entries that an earlier leg in this slot left behind stay dead.
        record.stamp = self.legs.next.map { self.legs[$0].stamp &+ 1 } ?? 0
        return self.legs.insert(record)
    }

    /// Lets the first leg that the race's width held back take its place.
    ///
    /// Returns whether there was one.
    @discardableResult
    mutating func startNextLeg(of item: Slot, _ effects: inout [Effect]) -> Bool {
        guard self.hasAttemptsLeft(item) else {
            self.dropUnstartedLegs(of: item)
            return false
        }
        var leg = self.items[item].firstLeg
        while leg != .none {
            if self.legs[leg].place == .held {
                self.legs[leg].place = .idle
                self.place(leg, &effects)
                return true
            }
            leg = self.legs[leg].next
        }
        return false
    }
}
