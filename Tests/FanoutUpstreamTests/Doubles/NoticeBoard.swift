// Fanout
// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers

/// A value that others can wait on.
final class NoticeBoard<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var waiters: [(condition: @Sendable (Value) -> Bool, continuation: CheckedContinuation<Value, Never>)] = []
    }

    private let state: NIOLockedValueBox<State>

    init(_ value: Value) {
        self.state = NIOLockedValueBox(State(value: value))
    }

    var value: Value { self.state.withLockedValue { $0.value } }

    func update(_ change: (inout Value) -> Void) {
        let (value, ready) = self.state.withLockedValue { state in
            change(&state.value)
            let value = state.value
            let ready = state.waiters.filter { $0.condition(value) }
            state.waiters.removeAll { $0.condition(value) }
            return (value, ready)
        }
        for waiter in ready { waiter.continuation.resume(returning: value) }
    }

    func wait(until condition: @escaping @Sendable (Value) -> Bool) async -> Value {
        await withCheckedContinuation { continuation in
            let now: Value? = self.state.withLockedValue { state in
                if condition(state.value) { return state.value }
                state.waiters.append((condition, continuation))
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }
}
