// Fanout
// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers

/// A value that others can wait on.
final class NoticeBoard<Value: Sendable>: Sendable {
    private struct Waiter {
        var id: Int
        var condition: @Sendable (Value) -> Bool
        var continuation: CheckedContinuation<Value, Never>
    }

    private struct State {
        var value: Value
        var lastID = 0
        var waiters: [Waiter] = []
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

    /// Waits until the value satisfies a condition, or the task is cancelled, as one past its time limit is.
    func wait(until condition: @escaping @Sendable (Value) -> Bool) async -> Value {
        let id = self.state.withLockedValue { state in
            state.lastID += 1
            return state.lastID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Value? = self.state.withLockedValue { state in
                    if condition(state.value) || Task.isCancelled { return state.value }
                    state.waiters.append(Waiter(id: id, condition: condition, continuation: continuation))
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            let (value, waiter) = self.state.withLockedValue { state in
                let place = state.waiters.firstIndex { $0.id == id }
                return (state.value, place.map { state.waiters.remove(at: $0) })
            }
            waiter?.continuation.resume(returning: value)
        }
    }
}
