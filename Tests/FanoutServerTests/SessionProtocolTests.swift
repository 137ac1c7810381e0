// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutServer
import FanoutWire
import Testing

@Suite struct SessionProtocolTests {
    let start = Instant(nanoseconds: 1_000_000_000)

    func ready() -> SessionProtocol {
        var session = SessionProtocol(now: self.start)
        _ = session.receive(ClientFrame(id: 0, body: .hello(.init(major: 1, minor: 0, client: "t"))), now: self.start)
        return session
    }

    static func submit(_ id: UInt64) -> ClientFrame { .chats(id, ["x"]) }

    func code(_ verdict: SessionProtocol.Verdict) -> FailureCode? {
        switch verdict {
        case .fatal(let fault): fault.code
        case .reject(let rejection): rejection.code
        case .proceed, .ignore: nil
        }
    }

    @Test func `nothing but Hello comes first`() {
        for body in [ClientFrame.Body.ping([]), .cancel(indexes: []), .statusQuery(lanes: false), .unknown] {
            var session = SessionProtocol(now: self.start)
            #expect(self.code(session.receive(ClientFrame(id: 1, body: body), now: self.start)) == .wrongState)
            #expect(session.state == .closing)
            #expect(session.receive(Self.submit(2), now: self.start) == .ignore)
        }
    }

    @Test func `another major version is refused, another minor is not`() {
        var session = SessionProtocol(now: self.start)
        let old = ClientFrame(id: 0, body: .hello(.init(major: 2, minor: 0, client: "t")))
        #expect(self.code(session.receive(old, now: self.start)) == .unsupportedVersion)
        session = SessionProtocol(now: self.start)
        let minor = ClientFrame(id: 0, body: .hello(.init(major: 1, minor: 99, client: "t")))
        #expect(session.receive(minor, now: self.start) == .proceed)
    }

    @Test func `questions about the daemon past fifty a second are refused, and the conversation goes on`() {
        var session = self.ready()
        let query = ClientFrame(id: 1, body: .statusQuery(lanes: true, peers: true))
        for _ in 0..<50 { #expect(session.receive(query, now: self.start) == .proceed) }
        #expect(self.code(session.receive(query, now: self.start)) == .rateLimited)
        #expect(self.code(session.receive(ClientFrame(id: 1, body: .metricsQuery), now: self.start)) == .rateLimited)
        #expect(session.receive(Self.submit(2), now: self.start) == .proceed)
        #expect(session.receive(query, now: self.start.adding(milliseconds: 20)) == .proceed)
    }

    @Test func `a second Hello ends the conversation`() {
        var session = self.ready()
        let hello = ClientFrame(id: 0, body: .hello(.init(major: 1, minor: 0, client: "t")))
        #expect(self.code(session.receive(hello, now: self.start)) == .wrongState)
    }

    @Test func `batch ids rise and are never reused`() {
        var session = self.ready()
        #expect(session.receive(Self.submit(5), now: self.start) == .proceed)
        #expect(self.code(session.receive(Self.submit(5), now: self.start)) == .invalidRequest)
        #expect(self.code(session.receive(Self.submit(4), now: self.start)) == .invalidRequest)
        #expect(session.receive(Self.submit(6), now: self.start) == .proceed)
        #expect(session.state == .ready)
    }

    @Test func `a refused batch uses its id up`() {
        var session = self.ready()
        let bad = ClientFrame(id: 7, body: .refused(Failure(.invalidRequest, "no", param: "options")))
        #expect(self.code(session.receive(bad, now: self.start)) == .invalidRequest)
        #expect(self.code(session.receive(Self.submit(7), now: self.start)) == .invalidRequest)
    }

    @Test func `a draining daemon refuses batches as not started and nothing else`() {
        var session = self.ready()
        session.drain()
        #expect(self.code(session.receive(Self.submit(1), now: self.start)) == .notStarted)
        #expect(session.receive(ClientFrame(id: 1, body: .cancel(indexes: [])), now: self.start) == .proceed)
        #expect(session.receive(ClientFrame(id: 1, body: .ping([])), now: self.start) == .proceed)
    }

    @Test func `an unknown message is refused for its id only`() {
        var session = self.ready()
        #expect(self.code(session.receive(ClientFrame(id: 9, body: .unknown), now: self.start)) == .invalidRequest)
        #expect(session.state == .ready)
    }

    @Test(arguments: [(UInt64(10), true), (1_000, false)])
    func `a flood is a breach, the same in more time is not`(perSecond: UInt64, isPing: Bool) {
        let frame = ClientFrame(id: 1, body: isPing ? .ping([]) : .cancel(indexes: []))
        var session = self.ready()
        for _ in 0..<perSecond { #expect(session.receive(frame, now: self.start) == .proceed) }
        #expect(self.code(session.receive(frame, now: self.start)) == .flood)
        session = self.ready()
        var now = self.start
        for _ in 0..<perSecond * 3 {
            now = now.adding(nanoseconds: 1_000_000_000 / perSecond)
            #expect(session.receive(frame, now: now) == .proceed)
        }
    }

    @Test func `a ping is small`() {
        var session = self.ready()
        let frame = ClientFrame(id: 1, body: .ping([UInt8](repeating: 0, count: 65)))
        #expect(self.code(session.receive(frame, now: self.start)) == .badFrame)
    }
}
