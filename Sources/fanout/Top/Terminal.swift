// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A terminal that shows one screen and gives single keys, until it is given back as it was.
///
/// Its calls wait for at most as long as they are told to, on a thread of their own.
actor Terminal {
    private let executor = BlockingExecutor(label: "fanout.terminal")
    private let original: termios
    private var isOurs = false

    /// The other screen, without a cursor, which leaves the old one's text alone.
    private static let enter = "\u{1B}[?1049h\u{1B}[?25l"
    private static let leave = "\u{1B}[?25h\u{1B}[?1049l"

    /// Looks at the terminal of standard input; `nil` = it is none, or standard output isn't.
    init?() {
        var settings = termios()
        guard Descriptor.output.isTerminal, tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
        self.original = settings
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }

    /// Takes the screen; keys come one by one and aren't shown.
    func begin() throws {
        var settings = self.original
        // Signals of the keyboard stay, but for the one that would suspend us with the screen taken.
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
        settings.c_oflag &= ~tcflag_t(OPOST)
        withUnsafeMutableBytes(of: &settings.c_cc) { codes in
            codes[Int(VMIN)] = 0
            codes[Int(VTIME)] = 0
            codes[Int(VSUSP)] = 0
        }
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) == 0 else {
            throw CommandError("can't set the terminal: \(String(cString: strerror(errno)))")
        }
        self.isOurs = true
        try Descriptor.output.write(Array(Self.enter.utf8))
    }

    /// Gives it back; nothing is left to do if that was done.
    func end() {
        guard self.isOurs else { return }
        self.isOurs = false
        var settings = self.original
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
        // A terminal that is gone has nothing to restore.
        try? Descriptor.output.write(Array(Self.leave.utf8))
    }

    /// Columns and rows.
    var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Shows these lines and nothing else.
    func show(_ lines: [String]) throws {
        let text = lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n")
        try Descriptor.output.write(Array("\u{1B}[H\(text)\u{1B}[J".utf8))
    }

    /// A key, waited for a while; `nil` = none came.
    func key(milliseconds: CInt) throws -> Key? {
        guard Descriptor.input.isReadable(milliseconds: milliseconds) else { return nil }
        let bytes = try Descriptor.input.read(64)
        if bytes.isEmpty { return .hangup }
        return bytes.contains(UInt8(ascii: "q")) || bytes.contains(UInt8(ascii: "Q")) ? .quit : .other
    }

    /// What came from the keyboard.
    enum Key: Sendable {
        case quit
        case other
        /// The terminal is gone.
        case hangup
    }
}
