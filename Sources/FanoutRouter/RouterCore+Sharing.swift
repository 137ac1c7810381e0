// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Identical requests that share attempts.
///
/// All undecided items with one digest form a chain. They wait each in its own queue, with its own class, deadline and
/// place, until the first is started: that one leads, and the others follow it instead of waiting. So a leader is
/// always the one that the queues would have started first anyway, and no item inherits anything. A success, or a
/// failure that is the request's own fault, goes to all. After any other failure the followers run by themselves; when
/// the leader is cancelled or runs out of time they wait again, and the next to be started leads.
struct Chain {
    var members = Ring()
    var leader = Slot.none
}

extension RouterCore {
    /// Joins the chain of an item's digest.
    ///
    /// `true` = it follows a leader and needs no place of its own.
    mutating func joinChain(_ item: Slot, _ effects: inout [Effect]) -> Bool {
        guard self.items[item].ticket.digest != .none else { return false }
        let ticket = self.items[item].ticket
        var chain = self.chains[ticket.digest] ?? Chain()
        if !chain.members.isEmpty, !ticket.asksTheSame(as: self.items[chain.members.first].ticket) { return false }
        self.items.append(item, to: &chain.members)
        self.chains[ticket.digest] = chain
        self.items[item].sharing = .member
        guard chain.leader != .none else { return false }
        self.follow(item, leader: chain.leader, &effects)
        return true
    }

    private mutating func follow(_ item: Slot, leader: Slot, _ effects: inout [Effect]) {
        let leg = self.items[item].firstLeg
        self.legs[leg].place = .following
        self.legs[leg].stamp &+= 1
        self.items[item].sharing = .follower
        self.armDeadline(item)
        effects.append(.follow(self.id(of: item), leader: self.id(of: leader)))
    }

    private func id(of item: Slot) -> ItemID {
        ItemID(run: self.runs[self.items[item].run].id, index: self.items[item].ticket.index)
    }

    /// A member was started first: the others follow it.
    mutating func lead(_ item: Slot, _ effects: inout [Effect]) {
        let digest = self.items[item].ticket.digest
        guard let chain = self.chains[digest], chain.leader == .none else { return }
        self.chains[digest]?.leader = item
        self.items[item].sharing = .leader
        self.runs[self.items[item].run].leading += 1
        for other in self.items.members(of: chain.members) where other != item {
            let leg = self.items[other].firstLeg
            switch self.legs[leg].place {
            case .waiting: self.withdraw(leg)
            case .delayed: self.delayedLegs -= 1
            case .idle, .running, .held, .following, .spent: continue
            }
            self.follow(other, leader: item, &effects)
        }
    }

    /// Leaves the chain; returns the followers if it was the leader.
    mutating func leaveChain(_ item: Slot) -> [Slot] {
        let digest = self.items[item].ticket.digest
        guard self.items[item].sharing != .none, var chain = self.chains[digest] else { return [] }
        self.items.remove(item, from: &chain.members)
        var followers: [Slot] = []
        if chain.leader == item {
            chain.leader = .none
            self.runs[self.items[item].run].leading -= 1
            followers = self.items.members(of: chain.members).filter { self.items[$0].sharing == .follower }
        }
        self.items[item].sharing = .none
        self.chains[digest] = chain.members.isEmpty ? nil : chain
        return followers
    }

    /// A leader is final.
    mutating func share(
        _ verdict: Verdict,
        code: FailureCode?,
        with followers: [Slot],
        _ effects: inout [Effect]
    ) {
        let isForAll = code.map { $0.traits.fault == .caller } ?? true
        switch verdict {
        case .refused: self.promote(followers, &effects)
        case .success, .failure:
            if isForAll {
                for follower in followers { self.decide(follower, verdict, code: code, &effects) }
                return
            }
            // What happened to one may not happen to the next; each has its own attempts.
            for follower in followers {
                _ = self.leaveChain(follower)
                self.placeFollower(follower, &effects)
            }
        }
    }

    /// Their leader is gone without a result: they wait by themselves until one of them is started.
    mutating func promote(_ followers: [Slot], _ effects: inout [Effect]) {
        for follower in followers {
            self.items[follower].sharing = .member
            self.placeFollower(follower, &effects)
        }
    }

    private mutating func placeFollower(_ item: Slot, _ effects: inout [Effect]) {
        if let reason = self.runs[self.items[item].run].endReason {
            self.cancel(item, reason: reason, &effects)
            return
        }
        let leg = self.items[item].firstLeg
        self.legs[leg].place = .idle
        self.place(leg, &effects)
    }

    /// A paused run's leaders that wait for a retry lead no more: nobody waits for another's slow reader.
    mutating func dethroneWaiting(of run: Slot, _ effects: inout [Effect]) {
        for (index, item) in self.runs[run].items.sorted {
            guard self.items[item].sharing == .leader, self.items[item].leases == 0 else { continue }
            if index == self.runs[run].head { continue }
            self.items[item].sharing = .member
            self.runs[run].leading -= 1
            let digest = self.items[item].ticket.digest
            self.chains[digest]?.leader = .none
            let members = self.chains[digest].map { self.items.members(of: $0.members) } ?? []
            self.promote(members.filter { self.items[$0].sharing == .follower }, &effects)
        }
    }
}

extension Ticket {
    /// Whether two identical requests may also be answered by the same lanes: one that has to stay in a region, or must
    /// not fall back, can't take the answer of one that needn't.
    fileprivate func asksTheSame(as other: Ticket) -> Bool {
        self.group == other.group && self.needs == other.needs && self.flags == other.flags
            && self.extras == other.extras
    }
}
