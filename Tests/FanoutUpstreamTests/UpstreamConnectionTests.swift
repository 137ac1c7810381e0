// Fanout
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FanoutUpstream

@Suite struct UpstreamConnectionTests {
    private func established() -> UpstreamConnection {
        var machine = UpstreamConnection(bodyBytesMax: 100)
        _ = machine.established()
        return machine
    }

    @Test func `an exchange goes from idle to idle`() {
        var machine = self.established()
        let first = machine.begin()
        let bytes = machine.received(byteCount: 50)
        let head = machine.head(status: 200, keepAlive: true)
        let body = machine.body(byteCount: 100)
        let early = machine.readCompleted()
        let end = machine.end()
        let done = machine.readCompleted()
        let second = machine.begin()
        #expect(!first && second)
        #expect(bytes == .pass && head == .deliver && body == .deliver)
        #expect(early == .nothing)
        #expect(end)
        #expect(done == .finishAndKeep)
    }

    @Test func `a message that closes its connection is not kept`() {
        var machine = self.established()
        _ = machine.begin()
        _ = machine.head(status: 200, keepAlive: false)
        _ = machine.end()
        let done = machine.readCompleted()
        #expect(done == .finishAndClose)
    }

    @Test func `an end marker drains until the end of the message`() {
        var machine = self.established()
        _ = machine.begin()
        _ = machine.head(status: 200, keepAlive: true)
        machine.answerComplete()
        let marker = machine.readCompleted()
        _ = machine.received(byteCount: 5)
        let later = machine.readCompleted()
        _ = machine.end()
        let end = machine.readCompleted()
        #expect(marker == .finishAndDrain)
        #expect(later == .nothing)
        #expect(end == .keep)
    }

    @Test func `a drain is bounded`() {
        var machine = self.established()
        _ = machine.begin()
        _ = machine.head(status: 200, keepAlive: true)
        machine.answerComplete()
        _ = machine.readCompleted()
        _ = machine.received(byteCount: UpstreamConnection.drainBytesMax + 1)
        let end = machine.readCompleted()
        #expect(end == .close)
    }

    @Test func `bytes past the answer spoil the connection, not the answer`() {
        var machine = self.established()
        _ = machine.begin()
        _ = machine.head(status: 200, keepAlive: true)
        _ = machine.end()
        _ = machine.received(byteCount: 1)
        let done = machine.readCompleted()
        #expect(done == .finishAndClose)
    }

    @Test func `bytes on an idle connection are refused`() {
        var machine = self.established()
        let bytes = machine.received(byteCount: 1)
        #expect(bytes == .refuse(.unsolicited))
    }

    @Test func `heads and bodies are bounded`() {
        var machine = self.established()
        _ = machine.begin()
        let first = machine.received(byteCount: UpstreamConnection.headBytesMax + 1)
        let second = machine.received(byteCount: 1)
        var interim: [UpstreamConnection.Head] = []
        for _ in 0...UpstreamConnection.interimHeadsMax {
            interim.append(machine.head(status: 103, keepAlive: true))
        }
        _ = machine.head(status: 200, keepAlive: true)
        let fits = machine.body(byteCount: 100)
        let over = machine.body(byteCount: 1)
        #expect(first == .pass)
        #expect(second == .refuse(.headTooLarge))
        #expect(interim.last == .refuse(.tooManyInterimHeads))
        #expect(interim.dropLast().allSatisfy { $0 == .ignore })
        #expect(fits == .deliver && over == .refuse(.bodyTooLarge))
    }

    @Test func `a loss says what had been seen`() {
        var opening = UpstreamConnection(bodyBytesMax: 1)
        var idle = self.established()
        var fresh = self.established()
        _ = fresh.begin()
        var reused = self.established()
        _ = reused.begin()
        _ = reused.head(status: 200, keepAlive: true)
        _ = reused.end()
        _ = reused.readCompleted()
        _ = reused.begin()
        var partial = self.established()
        _ = partial.begin()
        _ = partial.received(byteCount: 1)
        var whole = self.established()
        _ = whole.begin()
        _ = whole.head(status: 200, keepAlive: false)
        _ = whole.end()
        let losses = [
            opening.lost(), idle.lost(), fresh.lost(), reused.lost(), partial.lost(), whole.lost(), whole.lost(),
        ]
        #expect(
            losses == [.opening, .idle, .beforeAnswer, .beforeAnswerOnReused, .amidAnswer, .finish, .nothing]
        )
    }

    @Test func `what the decoder still gives after a close is ignored`() {
        var machine = self.established()
        _ = machine.begin()
        _ = machine.head(status: 200, keepAlive: true)
        let first = machine.abandon()
        let second = machine.abandon()
        let body = machine.body(byteCount: 1_000)
        let end = machine.end()
        let read = machine.readCompleted()
        let late = machine.established()
        #expect(first && !second)
        #expect(body == .ignore && !end && read == .nothing && !late)
    }

    @Test func `a request on a busy connection is our own bug`() async {
        await #expect(processExitsWith: .failure) {
            var machine = UpstreamConnection(bodyBytesMax: 1)
            _ = machine.established()
            _ = machine.begin()
            _ = machine.begin()
        }
    }
}
