// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What an attempt knows of a credential that ends.
struct RenewableCredential {
    let source: CredentialSource
    /// Of what was sent.
    var generation: UInt64 = 0
    /// Held while the attempt waits.
    var ticket: UInt64?
    /// The provider's refusal that led to a renewal; there is one renewal an attempt.
    var refusal: Failure?
}

extension HTTPAttempt: CredentialWaiter {
    func credential(_ result: Result<HeldCredential, Failure>) {
        guard self.phase == .authenticating else { return }
        self.renewable?.ticket = nil
        switch result {
        case .success(let held): self.take(.use(held))
        case .failure(let failure): self.take(.fail(failure))
        }
    }

    /// Goes on, waits, or ends, as the keeper says.
    func take(_ answer: CredentialKeeper.Answer) {
        switch answer {
        case .use(let held):
            self.order.endpoint.credential = held.credential
            self.renewable?.generation = held.generation
            self.dispatch()
        case .wait(let ticket):
            self.renewable?.ticket = ticket
            self.phase = .authenticating
            self.armConnect()
        // Why there is no newer one than what the provider has refused says less than its refusal.
        case .fail(let failure): self.end(.failure(self.renewable?.refusal ?? failure))
        }
    }

    /// Whether a refused credential is renewed and the request sent again, once.
    func isRenewed(after failure: Failure) -> Bool {
        guard failure.code == .authentication, let renewable = self.renewable, renewable.refusal == nil,
            let answer = self.runner.credentials.refused(renewable.source, renewable.generation, for: self)
        else { return false }
        self.renewable?.refusal = failure
        self.forgetAnswer()
        self.take(answer)
        return true
    }

    /// Whoever has ended waits no longer.
    func stopWaiting() {
        guard let renewable = self.renewable, let ticket = renewable.ticket else { return }
        self.renewable?.ticket = nil
        self.runner.credentials.withdraw(ticket, from: renewable.source)
    }
}
