// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// What is kept for classes, and which of them goes first.
extension Referee {
    /// The places of so many that a class's floor is.
    private func floor(of priorityClass: PriorityClass, places: Int) -> Int {
        let index = Int(priorityClass.rawValue) - 1
        return Int(Double(places) * self.snapshot.routing.classes[index].floor)
    }

    private func count(_ priorityClass: PriorityClass, among leases: Set<LeaseID>) -> Int {
        leases.count { lease in
            guard let item = self.leases[lease]?.item, let run = self.runs[item.run] else { return false }
            return run.terms.priorityClass == priorityClass
        }
    }

    /// Whether other classes' floors, those of `classes`, leave a class no place.
    private func isKept(
        _ places: Int,
        _ leases: Set<LeaseID>,
        from priorityClass: PriorityClass,
        for classes: [PriorityClass]
    ) -> Bool {
        let mine = self.count(priorityClass, among: leases)
        if mine < self.floor(of: priorityClass, places: places) { return false }
        var kept = 0
        for other in classes where other != priorityClass {
            kept += max(0, self.floor(of: other, places: places) - self.count(other, among: leases))
        }
        return places - leases.count <= kept
    }

    func mayBeKept(_ lane: LaneID, from priorityClass: PriorityClass) -> Bool {
        let leases = self.lanes[Int(lane.index)].active
        return self.isKept(self.limit(of: lane), leases, from: priorityClass, for: PriorityClass.allCases)
    }

    func mayDaemonBeKept(from priorityClass: PriorityClass) -> Bool {
        let places = Int(self.snapshot.routing.daemonConcurrency)
        return self.isKept(places, self.running, from: priorityClass, for: PriorityClass.allCases)
    }

    /// A class takes nothing of what is kept for one that has had traffic in the last minute.
    mutating func judgeFloors(_ dispatch: Dispatch, _ priorityClass: PriorityClass, _ name: String) {
        let group = self.snapshot.deployments[Int(dispatch.lane.index)].group
        let recent = self.traffic.filter { self.now < $0.value.adding(milliseconds: 60_000) }.keys
        let places = Int(self.snapshot.routing.daemonConcurrency)
        if self.isKept(places, self.running, from: priorityClass, for: Array(Set(recent.map(\.priorityClass)))) {
            self.blame("\(name): what is left of the daemon is kept for others")
        }
        let here = recent.filter { $0.group == group }.map(\.priorityClass)
        let leases = self.lanes[Int(dispatch.lane.index)].active
        if self.state(of: dispatch.lane) == [.closed],
            self.isKept(self.limit(of: dispatch.lane), leases, from: priorityClass, for: here)
        {
            self.blame("\(name): what is left of the lane is kept for others")
        }
        self.traffic[Band(group: group, priorityClass: priorityClass)] = self.now
    }

    /// Nobody goes before a more urgent item that could have had the lane, unless its class may have waited too long.
    mutating func judgeClass(_ dispatch: Dispatch, _ item: Item, _ priorityClass: PriorityClass, _ name: String) {
        let settings = self.snapshot.routing.classes[Int(priorityClass.rawValue) - 1]
        guard item.active.isEmpty, !item.sawReload, item.attempts == 0, item.legs.count == 1 else { return }
        // The clock is the queue's: it runs on when those who started it have left.
        let promotion = settings.promotionMilliseconds
        let hasWaited = self.items.contains { id, other in
            self.runs[id.run]?.terms.priorityClass == priorityClass && promotion > 0
                && other.submittedAt.adding(milliseconds: promotion) <= self.now
                && self.now < other.finalAt.adding(milliseconds: promotion)
        }
        if hasWaited || self.isPaced(dispatch.lane) { return }
        for id in self.open where id != dispatch.item {
            guard let other = self.items[id], let run = self.runs[id.run], run.terms.priorityClass < priorityClass,
                self.isFresh(other), !self.mayHaveMoved(other), other.ticket.group == dispatch.group,
                other.deadline > self.now, run.ended == nil,
                self.hasPlace(in: id.run), !self.isHeldByPause(id), self.isFunded(id),
                self.isFree(dispatch.lane, for: run.terms.priorityClass),
                self.eligible(other.ticket, other.ticket.group).contains(dispatch.lane)
            else { continue }
            self.blame("\(name): \(id.run.number)/\(id.index) is more urgent")
        }
    }
}
