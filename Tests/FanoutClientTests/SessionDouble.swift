// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire

@testable internal import FanoutClient

/// A session with a daemon played by the test: what it sends is read as frames, what it is told is given as frames.
struct SessionDouble: ~Copyable {
    var session = ClientSession(client: "test")
    private var frames = FrameDecoder(frameBytesMax: FrameDecoder.frameBytesCeiling)
    private var decoder = WireDecoder()
    /// Sizes of the frames that ``sent()`` gave, as the daemon charges them.
    private(set) var bytesSent: [Int] = []

    static func welcome(window: UInt64 = 8 << 20, batchWindow: UInt64 = 4 << 20) -> ServerFrame.Welcome {
        var welcome = ServerFrame.Welcome()
        welcome.uploadWindowBytes = window
        welcome.batchWindowBytes = batchWindow
        welcome.limits.frameBytesMax = 1 << 20
        return welcome
    }

    /// A session that was welcomed, its Hello taken.
    static func ready(window: UInt64 = 8 << 20, batchWindow: UInt64 = 4 << 20) throws -> SessionDouble {
        var double = SessionDouble()
        _ = try double.sent()
        double.tell(0, .welcome(self.welcome(window: window, batchWindow: batchWindow)))
        return double
    }

    /// The frames sent since the last call.
    mutating func sent() throws -> [ClientFrame] {
        let bytes = self.session.takeOutbox()
        var sent: [ClientFrame] = []
        var sizes: [Int] = []
        try bytes.withUnsafeBytes { buffer in
            var rest = buffer
            while let body = try self.frames.next(&rest) {
                sent.append(try self.decoder.decodeClient(body))
                sizes.append(body.count)
            }
        }
        self.bytesSent = sizes
        return sent
    }

    mutating func tell(_ id: UInt64, _ body: ServerFrame.Body, bytes: Int = 100) {
        self.session.receive(ServerFrame(id: id, body: body), bytes: bytes)
    }

    mutating func tellResult(_ id: UInt64, _ index: UInt32, bytes: Int = 100) {
        self.tell(id, .result(Self.result(index)), bytes: bytes)
    }

    /// Everything that is unread of a batch; throws what the batch failed with.
    mutating func events(_ id: UInt64) throws(FanoutError) -> [BatchEvent] {
        var all: [BatchEvent] = []
        while true {
            switch self.session.takeEvents(id, max: 16) {
            case .some(let events): all += events
            case .over, .none: return all
            case .failed(let error): throw error
            }
        }
    }

    static func result(_ index: UInt32, _ text: String = "yes") -> ItemResult {
        let message = Message(role: .assistant, text: text)
        let response = Response(body: .chat([Choice(message: message)]))
        return ItemResult(index: index, id: "", outcome: .success(response), trail: nil)
    }

    static func items(_ count: Int, bytes: Int = 10) -> [BatchEntry] {
        let text = String(repeating: "x", count: bytes)
        let chat = ChatRequest(messages: [Message(role: .user, text: text)])
        return Array(repeating: .item(Item(request: Request(model: "m", task: .chat(chat)))), count: count)
    }
}

extension ClientFrame {
    /// The items of a Submit or an Append.
    var items: [WireItem] {
        switch self.body {
        case .submit(let submit): submit.items
        case .append(let append): append.items
        default: []
        }
    }

    /// Whether it ends its batch's items.
    var isLast: Bool {
        switch self.body {
        case .submit(let submit): !submit.isOpen
        case .append(let append): append.isLast
        default: false
        }
    }
}
