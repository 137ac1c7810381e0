// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// Judging who was refused before its deadline since its answer would have come too late.
extension Referee {
    /// Answers that the referee looks back at, on each lane.
    private static let memory = 32

    mutating func noteAnswer(on lane: Int, since start: Instant) {
        self.lanes[lane].answers.append(Double(self.now.nanoseconds(since: start)) / 1e9)
        if self.lanes[lane].answers.count > Self.memory { self.lanes[lane].answers.removeFirst() }
    }

    /// At the pace of the last answers, with all its lanes to its run, it would have been late.
    mutating func judgeForesight(_ id: ItemID, _ item: Item, _ name: String) {
        self.count("foreseen")
        if item.attempts > 0 { self.blame("\(name): foreseen after an attempt") }
        guard let leg = item.legs.first, item.legs.count == 1, !self.mayHaveMoved(item), !item.sawReload,
            let run = self.runs[id.run]
        else { return }
        let others = self.open.filter { other in
            guard other != id, let its = self.items[other] else { return false }
            return its.active.isEmpty
                && its.legs.contains { $0.group == leg.group || self.mayWait(its, $0, in: leg.group) }
        }
        // Who shares the lanes with others has less of them than is counted here.
        guard others.allSatisfy({ $0.run == id.run }) else { return }
        let left = Double(item.deadline.nanoseconds(since: self.now)) / 1e9
        let lanes = item.lanes.filter { self.state(of: $0) != [.off] }
        // What waits for limits may be late however fast its lanes are.
        if lanes.contains(where: { self.mayBePaced($0) }) { return }
        let known = lanes.filter { self.lanes[Int($0.index)].answers.count >= 8 }
        guard known.count == lanes.count else { return self.blame("\(name): foreseen by lanes that nobody knows") }
        let quickest = known.compactMap { self.lanes[Int($0.index)].answers.min() }.min() ?? 0
        if left >= quickest && others.isEmpty { self.blame("\(name): answers have taken \(quickest) s") }
        var starts = 0.0
        var fastest = Double.infinity
        for lane in known {
            let answers = self.lanes[Int(lane.index)].answers
            let mean = answers.reduce(0, +) / Double(answers.count)
            fastest = min(fastest, mean)
            starts += Double(self.limit(of: lane)) * left / mean
        }
        let places = [self.snapshot.routing.tenantConcurrency, self.snapshot.routing.daemonConcurrency]
        let most = min(self.width(of: run), Int(places.min() ?? 0))
        starts = min(starts, Double(most) * left / fastest)
        if left >= quickest && starts >= Double(others.count + 1) {
            self.blame("\(name): \(starts) of \(others.count + 1) would have had their turn")
        }
    }

    private func mayBePaced(_ lane: LaneID) -> Bool {
        let deployment = self.snapshot.deployments[Int(lane.index)]
        let isConfigured =
            deployment.requestsPerMinute != nil || deployment.tokensPerMinute != nil
            || deployment.promptTokensPerMinute != nil || deployment.completionTokensPerMinute != nil
        return isConfigured || deployment.account != nil || self.lanes[Int(lane.index)].isPaced
    }
}
