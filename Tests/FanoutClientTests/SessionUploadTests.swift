// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire
internal import Testing

@testable internal import FanoutClient

@Suite struct SessionUploadTests {
    private func begin(
        _ double: inout SessionDouble,
        _ entries: [BatchEntry],
        options: BatchOptions = BatchOptions(),
        defaults: Request? = nil,
        isOpen: Bool = false
    ) throws -> UInt64 {
        try double.session.begin(entries, options: options, defaults: defaults, isOpen: isOpen)
    }

    @Test func `Hello is first, and batches may follow at once`() throws {
        var double = SessionDouble()
        let id = try self.begin(&double, SessionDouble.items(2))
        let sent = try double.sent()
        #expect(sent.count == 2)
        #expect(sent[0].body == .hello(ClientFrame.Hello(major: 1, minor: 0, client: "test")))
        #expect(sent[1].id == id && sent[1].items.count == 2 && sent[1].isLast)
    }

    @Test func `a small batch is one Submit with credit`() throws {
        var double = try SessionDouble.ready()
        _ = try self.begin(&double, SessionDouble.items(3))
        let sent = try double.sent()
        guard sent.count == 1, case .submit(let submit) = sent[0].body else {
            Issue.record("not one Submit: \(sent)")
            return
        }
        #expect(submit.options.initialCredit == 256)
        #expect(!submit.isOpen)
    }

    @Test func `many items go in slices of 256, the last one says so`() throws {
        var double = try SessionDouble.ready()
        let id = try self.begin(&double, SessionDouble.items(600))
        let sent = try double.sent()
        #expect(sent.map { $0.items.count } == [256, 256, 88])
        #expect(sent.map { $0.isLast } == [false, false, true])
        #expect(sent.allSatisfy { $0.id == id })
    }

    @Test func `before Welcome 1 MiB is used and no more`() throws {
        var double = SessionDouble()
        _ = try self.begin(&double, SessionDouble.items(40, bytes: 100_000))
        _ = try double.sent()
        let early = double.bytesSent.dropFirst().reduce(0, +)
        #expect(early <= 1 << 20 && early > 700_000)
        double.tell(0, .welcome(SessionDouble.welcome()))
        #expect(try !double.sent().isEmpty)
    }

    @Test func `the window is never exceeded, and what comes back is used`() throws {
        let window = 1 << 20
        var double = try SessionDouble.ready(window: UInt64(window), batchWindow: UInt64(window))
        let id = try self.begin(&double, SessionDouble.items(100, bytes: 50_000))
        var outstanding = 0
        var items = 0
        var last = false
        while !last {
            let sent = try double.sent()
            try #require(!sent.isEmpty)
            outstanding += double.bytesSent.reduce(0, +)
            items += sent.reduce(0) { $0 + $1.items.count }
            last = sent.contains { $0.isLast }
            #expect(outstanding <= window)
            let given = outstanding / 2 + 1
            outstanding -= given
            double.tell(id, .window(bytes: UInt64(given)))
        }
        #expect(items == 100)
    }

    @Test func `an open batch keeps to its share, and a small one beside it passes`() throws {
        var double = try SessionDouble.ready(window: 2 << 20, batchWindow: 1 << 20)
        let bulk = try self.begin(&double, [], isOpen: true)
        _ = try double.session.append(bulk, SessionDouble.items(100, bytes: 50_000), isLast: false)
        _ = try double.sent()
        #expect(double.bytesSent.reduce(0, +) <= 1 << 20)
        let small = try self.begin(&double, SessionDouble.items(1))
        #expect(try double.sent().map { $0.id } == [small])
    }

    @Test func `Window gives a batch its share back, and another batch not`() throws {
        var double = try SessionDouble.ready(window: 8 << 20, batchWindow: 1 << 20)
        let bulk = try self.begin(&double, SessionDouble.items(100, bytes: 50_000))
        let items = try double.sent().reduce(0) { $0 + $1.items.count }
        let bytes = UInt64(double.bytesSent.reduce(0, +))
        try #require(items < 100)
        double.tell(0, .window(bytes: bytes / 2))
        #expect(try double.sent().isEmpty)
        double.tell(bulk, .window(bytes: bytes / 2))
        #expect(try !double.sent().isEmpty)
    }

    @Test func `an append is done when its items are sent`() throws {
        var double = try SessionDouble.ready(window: 1 << 20, batchWindow: 1 << 20)
        let id = try self.begin(&double, [], isOpen: true)
        let first = try double.session.append(id, SessionDouble.items(2), isLast: false)
        let isDone = double.session.uploaded(id, upTo: first) == .done
        #expect(isDone)
        let second = try double.session.append(id, SessionDouble.items(40, bytes: 50_000), isLast: true)
        let isWaiting = double.session.uploaded(id, upTo: second) == .waiting
        #expect(isWaiting)
        while double.session.uploaded(id, upTo: second) == .waiting {
            _ = try double.sent()
            let bytes = double.bytesSent.reduce(0, +)
            try #require(bytes > 0)
            _ = double.session.takeWakes()
            double.tell(id, .window(bytes: UInt64(bytes)))
            let wakes = double.session.takeWakes()
            #expect(wakes.contains(.upload(id)))
        }
        #expect(throws: FanoutError.self) { try double.session.append(id, [], isLast: true) }
    }

    @Test func `an item over the frame's limit fails at its place, the others go`() throws {
        var double = try SessionDouble.ready()
        let entries = SessionDouble.items(1) + SessionDouble.items(1, bytes: 2 << 20) + SessionDouble.items(1)
        let id = try self.begin(&double, entries)
        let items = try double.sent().flatMap { $0.items }
        #expect(items.count == 3)
        guard items.count == 3, case .refused = items[1] else {
            Issue.record("the daemon must refuse the stand-in: \(items)")
            return
        }
        double.tell(id, .accepted(predictedFinishMilliseconds: 0))
        let said = ItemResult(index: 1, id: "", outcome: .failure(Failure(.invalidRequest, "NUL")), trail: nil)
        double.tell(id, .result(said))
        guard case .result(let result) = try double.events(id).first, case .failure(let failure) = result.outcome else {
            Issue.record("no failure")
            return
        }
        #expect(failure.code == .tooLarge && result.index == 1)
    }

    @Test func `defaults that fill a frame go alone`() throws {
        var double = try SessionDouble.ready()
        let text = String(repeating: "d", count: 1_000_000)
        let defaults = Request(model: "m", task: .chat(ChatRequest(messages: [Message(role: .system, text: text)])))
        _ = try self.begin(&double, SessionDouble.items(1, bytes: 100_000), defaults: defaults)
        let sent = try double.sent()
        #expect(sent.map { $0.items.count } == [0, 1])
        #expect(sent.map { $0.isLast } == [false, true])
    }

    @Test func `defaults over the limit fail the batch unsent`() throws {
        var double = try SessionDouble.ready()
        let text = String(repeating: "d", count: 2_000_000)
        let defaults = Request(model: "m", task: .chat(ChatRequest(messages: [Message(role: .system, text: text)])))
        let id = try self.begin(&double, SessionDouble.items(1), defaults: defaults)
        #expect(try double.sent().isEmpty)
        let error = #expect(throws: FanoutError.self) { try double.events(id) }
        #expect(error?.code == .tooLarge && error?.notStarted == true)
    }

    @Test func `cancelling drops what isn't sent, and says so once`() throws {
        var double = try SessionDouble.ready(window: 1 << 20, batchWindow: 1 << 20)
        let id = try self.begin(&double, [], isOpen: true)
        let count = try double.session.append(id, SessionDouble.items(40, bytes: 50_000), isLast: false)
        _ = try double.sent()
        double.session.cancel(id)
        double.session.cancel(id)
        double.tell(0, .window(bytes: 1 << 20))
        #expect(try double.sent() == [ClientFrame(id: id, body: .cancel(indexes: []))])
        guard case .failed(let error) = double.session.uploaded(id, upTo: count) else {
            Issue.record("the append must fail")
            return
        }
        #expect(error.code == .wrongState)
    }

    @Test func `an item that is cancelled before it is sent is cancelled behind its frame`() throws {
        var double = try SessionDouble.ready(window: 1 << 20, batchWindow: 1 << 20)
        let id = try self.begin(&double, SessionDouble.items(40, bytes: 50_000))
        let sent = try double.sent()
        let count = UInt32(sent.reduce(0) { $0 + $1.items.count })
        double.session.cancel(id, indexes: [0, count])
        #expect(try double.sent() == [ClientFrame(id: id, body: .cancel(indexes: [0]))])
        double.tell(id, .window(bytes: 1 << 20))
        let later = try double.sent()
        #expect(later.contains(ClientFrame(id: id, body: .cancel(indexes: [count]))))
        #expect(later.first?.items.isEmpty == false)
    }

    @Test func `a batch that was never sent ends at once when it is cancelled`() throws {
        var double = try SessionDouble.ready(window: 1 << 20, batchWindow: 1 << 20)
        _ = try self.begin(&double, SessionDouble.items(30, bytes: 50_000))
        let second = try self.begin(&double, SessionDouble.items(30, bytes: 50_000))
        _ = try double.sent()
        double.session.cancel(second)
        let error = #expect(throws: FanoutError.self) { try double.events(second) }
        #expect(error?.code == .cancelled && error?.notStarted == true)
        #expect(try double.sent().isEmpty)
    }
}
