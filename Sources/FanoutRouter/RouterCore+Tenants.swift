// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What a tenant's attempts may take together: places, money, requests and tokens a minute.
///
/// A tenant that has used up one of them has its nodes parked, and no other tenant waits for it. Its rates let an
/// attempt go as soon as the smallest would fit, whatever it takes itself: then the level is below zero and nothing
/// follows until that is made up. So no item is too big to start and none is overtaken for its size, and any span of
/// time sees no more than the rate allows, the burst and one attempt.
extension RouterCore {
    /// What a tenant may do from now on, with what waits of it, too.
    package mutating func bound(
        _ tenant: TenantID,
        _ bounds: TenantBounds,
        now: Instant,
        into effects: inout [Effect]
    ) {
        self.begin(now, &effects)
        self.bound(tenant, bounds, &effects)
        self.finish(&effects)
    }

    mutating func bound(_ id: TenantID, _ bounds: TenantBounds, _ effects: inout [Effect]) {
        while self.tenants.count <= Int(id.index) {
            self.tenants.append(TenantRecord(purse: self.addPurse(.tenant(self.tenants.count))))
        }
        let tenant = Int(id.index)
        self.tenants[tenant].maxConcurrency = bounds.maxConcurrency
        self.tenants[tenant].limits.configure(bounds.rates, nextLease: self.nextLease, now: self.now)
        let purse = self.tenants[tenant].purse
        self.purses[purse].purse.budget = bounds.budget
        self.purseChanged(purse, &effects)
        self.tenantChanged(tenant)
    }

    /// The most attempts that a tenant may have in flight.
    mutating func places(of tenant: Int) -> UInt32 {
        self.tenants[tenant].maxConcurrency ?? self.snapshot.routing.tenantConcurrency
    }

    /// Whether a tenant has all in flight that it may, no money for more, or used up its minute.
    mutating func isFull(_ tenant: Int) -> Bool {
        self.tenants[tenant].inFlight >= self.places(of: tenant)
            || !self.purses[self.tenants[tenant].purse].purse.takesMore(now: self.now)
            || self.pacedUntil(tenant) != nil
    }

    /// When a tenant's rates let it go on; `nil` = they don't hold it back.
    mutating func pacedUntil(_ tenant: Int) -> Instant? {
        guard self.tenants[tenant].limits.isLimited else { return nil }
        let ready = self.tenants[tenant].limits.readyAt(.smallest, now: self.now)
        return ready > self.now ? ready : nil
    }

    /// A tenant's bounds or levels have changed: what waits for it goes on, or is woken when it may.
    mutating func tenantChanged(_ tenant: Int) {
        self.touch(headsOfTenant: tenant)
        guard !self.tenants[tenant].parked.isEmpty else { return }
        if self.isFull(tenant) { self.armTenant(tenant) } else { self.unparkNodes(of: tenant) }
    }

    /// A tenant that is held back by its rates goes on by itself.
    mutating func armTenant(_ tenant: Int) {
        guard let instant = self.pacedUntil(tenant), instant < self.tenants[tenant].armed else { return }
        self.tenants[tenant].armed = instant
        self.tenantTimers.insert(TimerHeap.Entry(instant: instant, slot: Slot(tenant), stamp: 0))
    }

    mutating func runTenantTimers() {
        while let entry = self.tenantTimers.popDue(now: self.now) {
            let tenant = Int(entry.slot)
            guard self.tenants[tenant].armed == entry.instant else { continue }
            self.tenants[tenant].armed = .never
            self.tenantChanged(tenant)
        }
    }
}
