// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire
internal import Testing

@testable internal import FanoutClient

@Suite struct SessionEventsTests {
    private func begin(_ double: inout SessionDouble, items: Int = 1, credit: UInt32 = 0) throws -> UInt64 {
        var options = BatchOptions()
        options.initialCredit = credit
        let id = try double.session.begin(
            SessionDouble.items(items),
            options: options,
            defaults: nil,
            isOpen: false
        )
        _ = try double.sent()
        double.tell(id, .accepted(predictedFinishMilliseconds: 0))
        return id
    }

    private func credits(_ double: inout SessionDouble) throws -> [UInt32] {
        try double.sent().compactMap { frame in
            if case .credit(let results) = frame.body { results } else { nil }
        }
    }

    @Test func `frames of two batches are told apart`() throws {
        var double = try SessionDouble.ready()
        let first = try self.begin(&double)
        let second = try self.begin(&double)
        double.tell(second, .delta(index: 0, sequence: 0, Delta(.text("b"))))
        double.tell(first, .delta(index: 0, sequence: 0, Delta(.text("a"))))
        double.tellResult(second, 0)
        double.tell(second, .summary(BatchSummary()))
        double.tellResult(first, 0)
        #expect(try double.events(first).count == 2)
        let events = try double.events(second)
        #expect(events.first == .delta(index: 0, sequence: 0, Delta(.text("b"))))
        #expect(events.last == .summary(BatchSummary()))
        let known = double.session.batches.keys.sorted()
        #expect(known == [first])
    }

    @Test func `credit comes back at half, as results are taken`() throws {
        var double = try SessionDouble.ready()
        let id = try self.begin(&double, items: 20, credit: 8)
        for index in 0..<8 { double.tellResult(id, UInt32(index)) }
        #expect(try self.credits(&double).isEmpty)
        _ = double.session.takeEvents(id, max: 3)
        #expect(try self.credits(&double).isEmpty)
        _ = double.session.takeEvents(id, max: 1)
        #expect(try self.credits(&double) == [4])
        _ = double.session.takeEvents(id, max: 16)
        #expect(try self.credits(&double) == [4])
    }

    @Test func `a dropped batch is cancelled and its results still get credit`() throws {
        var double = try SessionDouble.ready()
        let id = try self.begin(&double, items: 20, credit: 4)
        double.tellResult(id, 0)
        double.session.abandon(id)
        #expect(try double.sent() == [ClientFrame(id: id, body: .cancel(indexes: []))])
        for index in 1..<4 { double.tellResult(id, UInt32(index)) }
        #expect(try self.credits(&double) == [2, 2])
        let unread = double.session.bufferedBytes
        #expect(unread == 0)
        double.tell(id, .summary(BatchSummary()))
        let isEmpty = double.session.batches.isEmpty
        #expect(isEmpty)
    }

    @Test func `parts make up a response, also when two items' come mixed`() throws {
        var double = try SessionDouble.ready()
        let id = try self.begin(&double, items: 2)
        let long = String(repeating: "long ", count: 100_000)
        var encoder = WireEncoder()
        var wires: [[UInt8]] = [[], []]
        for index in 0..<2 {
            let result = SessionDouble.result(UInt32(index), "\(index) \(long)")
            try encoder.encode(ServerFrame(id: id, body: .result(result)), into: &wires[index])
        }
        var frames: [[ServerFrame]] = []
        for wire in wires {
            var decoder = WireDecoder()
            var cutter = FrameDecoder(frameBytesMax: 1 << 20)
            frames.append([])
            try wire.withUnsafeBytes { buffer in
                var rest = buffer
                while let body = try cutter.next(&rest) {
                    frames[frames.count - 1].append(try decoder.decodeServer(body))
                }
            }
        }
        try #require(frames[0].count > 2 && frames[0].count == frames[1].count)
        for (first, second) in zip(frames[0], frames[1]) {
            double.session.receive(first, bytes: 1)
            double.session.receive(second, bytes: 1)
        }
        let events = try double.events(id)
        #expect(
            events == [
                .result(SessionDouble.result(0, "0 \(long)")), .result(SessionDouble.result(1, "1 \(long)")),
            ]
        )
    }

    @Test func `parts that don't add up end the connection`() throws {
        var double = try SessionDouble.ready()
        let id = try self.begin(&double)
        double.tell(id, .resultPart(index: 0, data: [1, 2, 3]))
        double.tell(id, .resultOfParts(index: 0, id: "", responseBytes: 4, trail: nil))
        let error = #expect(throws: FanoutError.self) { try double.events(id) }
        #expect(error?.code == .badFrame)
    }

    @Test func `a refused batch fails with the daemon's words`() throws {
        var double = try SessionDouble.ready()
        let id = try double.session.begin([], options: BatchOptions(), defaults: nil, isOpen: true)
        let other = try self.begin(&double)
        double.tell(
            id,
            .rejected(ServerFrame.Rejection(code: .admissionRefused, message: "full", retryAfterMilliseconds: 1_500))
        )
        let error = #expect(throws: FanoutError.self) { try double.events(id) }
        #expect(error?.code == .admissionRefused)
        #expect(error?.retryAfter == .milliseconds(1_500))
        #expect(error?.notStarted == true)
        #expect(try double.events(other).isEmpty)
        #expect(throws: FanoutError.self) { try double.session.append(id, [], isLast: true) }
    }

    @Test func `a refusal after Accepted is an event, and the batch goes on`() throws {
        var double = try SessionDouble.ready()
        let id = try self.begin(&double)
        double.tell(id, .rejected(ServerFrame.Rejection(code: .invalidRequest, message: "no")))
        double.tellResult(id, 0)
        let events = try double.events(id)
        #expect(events.count == 2)
        guard case .refused(let error) = events.first else {
            Issue.record("no refusal: \(events)")
            return
        }
        #expect(error.code == .invalidRequest)
    }

    @Test func `after GoAway accepted batches go on and others are not started`() throws {
        var double = try SessionDouble.ready()
        let first = try self.begin(&double)
        let second = try double.session.begin([], options: BatchOptions(), defaults: nil, isOpen: true)
        double.tell(0, .goAway(lastAcceptedID: first, deadlineMilliseconds: 5_000, message: ""))
        double.tellResult(first, 0)
        #expect(try double.events(first).count == 1)
        let error = #expect(throws: FanoutError.self) { try double.events(second) }
        #expect(error?.code == .notStarted && error?.notStarted == true)
        let late = #expect(throws: FanoutError.self) { try self.begin(&double) }
        #expect(late?.code == .notStarted)
    }

    @Test func `an Error fails everything with its code and limit`() throws {
        var double = try SessionDouble.ready()
        let id = try self.begin(&double)
        let query = try double.session.ask(.ping([]))
        double.tell(0, .error(code: .windowExceeded, message: "too much", limit: 8))
        let error = #expect(throws: FanoutError.self) { try double.events(id) }
        #expect(error?.code == .windowExceeded && error?.limit == 8)
        guard case .failed(let failed) = double.session.takeAnswer(query) else {
            Issue.record("the ping must fail")
            return
        }
        #expect(failed.code == .windowExceeded)
        #expect(throws: FanoutError.self) { try self.begin(&double) }
    }

    @Test func `the end of the connection fails what is open, after what had come`() throws {
        var double = try SessionDouble.ready()
        let open = try self.begin(&double, items: 2)
        let done = try self.begin(&double)
        double.tellResult(open, 1)
        double.tellResult(done, 0)
        double.tell(done, .summary(BatchSummary()))
        double.session.close(FanoutError(.unreachable, "gone"))
        guard case .some(let events) = double.session.takeEvents(open, max: 16) else {
            Issue.record("the result that had come is lost")
            return
        }
        #expect(events == [.result(SessionDouble.result(1))])
        let error = #expect(throws: FanoutError.self) { try double.events(open) }
        #expect(error?.code == .unreachable)
        #expect(try double.events(done).count == 2)
    }

    @Test func `a wrong version ends the connection with the remedy`() throws {
        var double = SessionDouble()
        var welcome = SessionDouble.welcome()
        welcome.major = 2
        double.tell(0, .welcome(welcome))
        guard case .closed(let error) = double.session.state else {
            Issue.record("must be closed")
            return
        }
        #expect(error.code == .unsupportedVersion)
    }

    @Test func `only the newest progress waits for a slow reader`() throws {
        var double = try SessionDouble.ready()
        let id = try self.begin(&double)
        for count in 1...5 {
            var progress = BatchProgress()
            progress.items = UInt64(count)
            double.tell(id, .progress(progress))
        }
        let events = try double.events(id)
        guard events.count == 1, case .progress(let last) = events[0] else {
            Issue.record("not one: \(events)")
            return
        }
        #expect(last.items == 5)
        let unread = double.session.bufferedBytes
        #expect(unread == 0)
    }

    @Test func `a reader that is far behind shows, until half of it is read`() throws {
        var double = try SessionDouble.ready()
        let id = try self.begin(&double)
        let mebibyte = 1 << 20
        for number in 0..<9 {
            double.tell(id, .delta(index: 0, sequence: UInt64(number), Delta(.text("x"))), bytes: mebibyte)
        }
        // A value that can't be copied can't be looked into by #expect.
        var behind = [double.session.isBehind]
        _ = double.session.takeEvents(id, max: 4)
        behind.append(double.session.isBehind)
        _ = double.session.takeEvents(id, max: 1)
        behind.append(double.session.isBehind)
        #expect(behind == [true, true, false])
    }

    @Test func `frames for what is unknown are ignored`() throws {
        var double = try SessionDouble.ready()
        double.tellResult(99, 0)
        double.tell(99, .summary(BatchSummary()))
        double.tell(99, .pong([]))
        double.tell(99, .unknown)
        double.tell(99, .rejected(ServerFrame.Rejection(code: .invalidRequest, message: "")))
        let state = double.session.state
        let wakes = double.session.takeWakes()
        #expect(state == .ready)
        #expect(wakes == [.welcome])
    }
}
