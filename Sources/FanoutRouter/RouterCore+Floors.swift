// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Concurrency that is kept free for classes that have traffic.
///
/// A class's floor is a share of the places of the daemon, and of each lane of a group. As long as a leg of the class
/// has come to the group in the last minute, or waits there, the other classes leave free what the class doesn't use of
/// it. A lane with so few places that the share is less than one keeps none.
extension RouterCore {
    /// How long a floor is kept after the last leg came.
    static let floorNanoseconds: UInt64 = 60_000_000_000

    @inline(__always)
    func floor(ofRank rank: Int) -> Double {
        let classes = self.snapshot.routing.classes
        return rank < classes.count ? classes[rank].floor : 0
    }

    /// A leg has come to a band.
    mutating func noteTraffic(in band: Slot) {
        self.bands[band].lastTraffic = self.now
        guard !self.bands[band].keepsFloor else { return }
        let rank = Self.index(of: self.bands[band].priorityClass)
        guard self.floor(ofRank: rank) > 0 else { return }
        self.bands[band].keepsFloor = true
        self.bandsWithFloor[rank] += 1
        let end = self.now.adding(nanoseconds: Self.floorNanoseconds)
        self.floorTimers.insert(TimerHeap.Entry(instant: end, slot: band, stamp: 0))
        self.updateFloors(of: Int(self.bands[band].group.index))
    }

    /// A floor's time may be over: each band that keeps one has one timer.
    mutating func reviewFloor(of band: Slot) {
        let group = Int(self.bands[band].group.index)
        let rank = Self.index(of: self.bands[band].priorityClass)
        let mayWait = self.groups[group].queues.contains {
            self.queues[$0].waiting > 0 && Self.band(of: self.queues[$0].key) == band
        }
        let since = mayWait ? self.now : self.bands[band].lastTraffic
        let end = since.adding(nanoseconds: Self.floorNanoseconds)
        if end > self.now, self.floor(ofRank: rank) > 0 {
            self.floorTimers.insert(TimerHeap.Entry(instant: end, slot: band, stamp: 0))
            return
        }
        self.bands[band].keepsFloor = false
        self.bandsWithFloor[rank] -= 1
        self.updateFloors(of: group)
        self.wake(group)
    }

    private mutating func updateFloors(of group: Int) {
        var floors: UInt8 = 0
        for rank in 0..<PriorityClass.allCases.count where self.bands[Slot(4 * group + rank)].keepsFloor {
            floors |= 1 << UInt8(rank)
        }
        self.groups[group].floors = floors
        for position in self.groups[group].lanes.indices {
            let id = self.groups[group].lanes[position]
            // A reload may have moved the lane to another group.
            guard Int(self.lanes[Int(id.index)].group.index) == group else { continue }
            self.updateKept(id, gate: self.lanes[Int(id.index)].state)
        }
    }

    // MARK: - Lanes

    /// The lanes of a group that would take a leg of a class now.
    @inline(__always)
    func openLanes(of group: Int, for priorityClass: PriorityClass) -> LaneSet {
        let available = self.groups[group].available
        if self.groups[group].floors == 0 { return available }
        return available.subtracting(self.groups[group].kept[Self.index(of: priorityClass)])
    }

    /// Brings the group's sets up to date with what a lane keeps.
    mutating func updateKept(_ id: LaneID, gate: LaneState) {
        let index = Int(id.index)
        let old = self.lanes[index].keptMask
        let group = Int(self.lanes[index].group.index)
        if old == 0 && self.groups[group].floors == 0 { return }
        let mask = gate == .closed ? self.keptMask(of: index) : 0
        guard mask != old else { return }
        self.lanes[index].keptMask = mask
        let position = self.lanes[index].position
        for rank in 0..<PriorityClass.allCases.count where (mask ^ old) & (1 << UInt8(rank)) != 0 {
            if mask & (1 << UInt8(rank)) != 0 {
                self.groups[group].kept[rank].insert(position)
            } else {
                self.groups[group].kept[rank].remove(position)
            }
        }
    }

    /// The classes that a lane has no place for, since what is free is kept for others; a bit for each.
    @inline(__always)
    func keptMask(of lane: Int) -> UInt8 {
        let limit = self.lanes[lane].limit
        let inFlight = self.lanes[lane].inFlight
        let byClass = self.lanes[lane].inFlightByClass
        let floors = self.groups[Int(self.lanes[lane].group.index)].floors
        return self.kept(of: limit, inFlight: inFlight, byClass: byClass, floors: floors)
    }

    @inline(__always)
    private func kept(of limit: UInt32, inFlight: UInt32, byClass: SIMD4<UInt32>, floors: UInt8) -> UInt8 {
        guard floors != 0, inFlight < limit else { return 0 }
        var unused = SIMD4<UInt32>()
        for rank in 0..<PriorityClass.allCases.count where floors & (1 << UInt8(rank)) != 0 {
            let floor = UInt32(Double(limit) * self.floor(ofRank: rank))
            if floor > byClass[rank] { unused[rank] = floor - byClass[rank] }
        }
        let sum = unused.wrappedSum()
        guard limit - inFlight <= sum else { return 0 }
        var mask: UInt8 = 0
        for rank in 0..<PriorityClass.allCases.count where unused[rank] == 0 { mask |= 1 << UInt8(rank) }
        return mask
    }

    // MARK: - The daemon

    /// The classes that the daemon has no place for; a bit for each.
    @inline(__always)
    var fullMask: UInt8 {
        let limit = self.snapshot.routing.daemonConcurrency
        guard self.inFlight < limit else { return .max }
        var floors: UInt8 = 0
        for rank in self.bandsWithFloor.indices where self.bandsWithFloor[rank] > 0 { floors |= 1 << UInt8(rank) }
        return self.kept(of: limit, inFlight: self.inFlight, byClass: self.inFlightByClass, floors: floors)
    }

    /// Counts an attempt that starts or ends.
    mutating func countInFlight(of run: Slot, lane: LaneID, starts: Bool) {
        let rank = Self.index(of: self.runs[run].terms.priorityClass)
        let index = Int(lane.index)
        if starts {
            self.inFlight += 1
            self.inFlightByClass[rank] += 1
            self.lanes[index].inFlight += 1
            self.lanes[index].inFlightByClass[rank] += 1
        } else {
            self.inFlight -= 1
            self.inFlightByClass[rank] -= 1
            self.lanes[index].inFlight -= 1
            self.lanes[index].inFlightByClass[rank] -= 1
        }
    }
}
