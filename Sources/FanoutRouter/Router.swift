// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// The shell around ``RouterCore``: its one owner, on the loop that owns the sessions and attempts too.
///
/// Every method is synchronous, so code on the same executor calls it through `assumeIsolated` without a hop. Each
/// returns the effects, which the caller carries out in order.
package actor Router {
    private let executor: any SerialExecutor
    private var core: RouterCore
    /// The effects of the last event.
    ///
    /// Its memory serves the next one too, once the caller has let go of them.
    private var buffer: [Effect] = []
    /// What an unusual event took is given back.
    private static let bufferMax = 1_024

    /// Makes a router on an executor, which it keeps alive.
    package init(snapshot: Snapshot, seed: UInt64, executor: any SerialExecutor) {
        self.executor = executor
        self.core = RouterCore(snapshot: snapshot, seed: seed)
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.executor.asUnownedSerialExecutor()
    }

    /// See ``RouterCore/open(_:_:now:into:)``.
    package func open(_ run: RunID, _ terms: RunTerms, now: Instant) -> [Effect] {
        self.effects { $0.open(run, terms, now: now, into: &$1) }
    }

    /// See ``RouterCore/bound(_:_:now:into:)``.
    package func bound(_ tenant: TenantID, _ bounds: TenantBounds, now: Instant) -> [Effect] {
        self.effects { $0.bound(tenant, bounds, now: now, into: &$1) }
    }

    /// See ``RouterCore/submit(_:_:now:into:)``.
    package func submit(_ run: RunID, _ tickets: [Ticket], now: Instant) -> [Effect] {
        self.effects { $0.submit(run, tickets, now: now, into: &$1) }
    }

    /// See ``RouterCore/close(_:now:into:)``.
    package func close(_ run: RunID, now: Instant) -> [Effect] {
        self.effects { $0.close(run, now: now, into: &$1) }
    }

    /// See ``RouterCore/cancel(_:items:reason:now:into:)``.
    package func cancel(_ run: RunID, items: [UInt32]?, reason: CancelReason, now: Instant) -> [Effect] {
        self.effects { $0.cancel(run, items: items, reason: reason, now: now, into: &$1) }
    }

    /// See ``RouterCore/pause(_:except:now:into:)``.
    package func pause(_ run: RunID, except head: UInt32?, now: Instant) -> [Effect] {
        self.effects { $0.pause(run, except: head, now: now, into: &$1) }
    }

    /// See ``RouterCore/resume(_:now:into:)``.
    package func resume(_ run: RunID, now: Instant) -> [Effect] {
        self.effects { $0.resume(run, now: now, into: &$1) }
    }

    /// See ``RouterCore/settle(_:_:now:into:)``.
    package func settle(_ lease: LeaseID, _ outcome: Outcome, now: Instant) -> [Effect] {
        self.effects { $0.settle(lease, outcome, now: now, into: &$1) }
    }

    /// See ``RouterCore/headers(_:_:now:into:)``.
    package func headers(_ lease: LeaseID, _ rates: RateReport, now: Instant) -> [Effect] {
        self.effects { $0.headers(lease, rates, now: now, into: &$1) }
    }

    /// See ``RouterCore/firstContent(_:now:into:)``.
    package func firstContent(_ lease: LeaseID, now: Instant) -> (Bool, [Effect]) {
        var commits = false
        let effects = self.effects { commits = $0.firstContent(lease, now: now, into: &$1) }
        return (commits, effects)
    }

    /// See ``RouterCore/tick(now:into:)``.
    package func tick(now: Instant) -> [Effect] {
        self.effects { $0.tick(now: now, into: &$1) }
    }

    /// See ``RouterCore/reload(_:now:into:)``.
    package func reload(_ snapshot: Snapshot, now: Instant) -> [Effect] {
        self.effects { $0.reload(snapshot, now: now, into: &$1) }
    }

    /// See ``RouterCore/drain(now:into:)``.
    package func drain(now: Instant) -> [Effect] {
        self.effects { $0.drain(now: now, into: &$1) }
    }

    /// See ``RouterCore/forecast(_:_:now:)``.
    package func forecast(_ terms: RunTerms, _ work: [ForecastWork], now: Instant) -> Forecast {
        self.core.forecast(terms, work, now: now)
    }

    /// See ``RouterCore/laneStatus(now:)``.
    package func laneStatus(now: Instant) -> [LaneStatus] {
        self.core.laneStatus(now: now)
    }

    /// See ``RouterCore/state(of:now:)``.
    package func state(of lane: LaneID, now: Instant) -> LaneState {
        self.core.state(of: lane, now: now)
    }

    /// See ``RouterCore/budgetStatus(now:)``.
    package func budgetStatus(now: Instant) -> [BudgetStatus] {
        self.core.budgetStatus(now: now)
    }

    /// Items waiting and attempts running.
    package var counts: (queued: Int, running: Int) { self.core.counts }

    /// See ``RouterCore/invariants()``.
    package func invariants() -> [String] {
        self.core.invariants()
    }

    private func effects(_ event: (inout RouterCore, inout [Effect]) -> Void) -> [Effect] {
        if self.buffer.capacity > Self.bufferMax {
            self.buffer = []
        } else {
            self.buffer.removeAll(keepingCapacity: true)
        }
        event(&self.core, &self.buffer)
        return self.buffer
    }
}
