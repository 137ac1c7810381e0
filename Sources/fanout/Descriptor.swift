// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A file that is read or written by the kernel's calls.
struct Descriptor: Sendable {
    let number: CInt
    /// What messages call it.
    let name: String

    static let input = Descriptor(number: STDIN_FILENO, name: "standard input")
    static let output = Descriptor(number: STDOUT_FILENO, name: "standard output")
    static let error = Descriptor(number: STDERR_FILENO, name: "standard error")

    /// Opens a file for reading; `-` is standard input.
    static func reading(_ path: String) throws -> Descriptor {
        if path == "-" { return .input }
        return try self.opened(path, flags: O_RDONLY | O_CLOEXEC)
    }

    /// Opens a file for writing, emptied.
    static func writing(_ path: String) throws -> Descriptor {
        try self.opened(path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
    }

    private static func opened(_ path: String, flags: CInt) throws -> Descriptor {
        let number = open(path, flags, 0o644)
        guard number >= 0 else { throw CommandError("can't open \(path): \(Self.reason())") }
        return Descriptor(number: number, name: path)
    }

    /// Whether a person sits at the other end.
    var isTerminal: Bool { isatty(self.number) == 1 }

    /// Writes everything, waiting for a slow reader.
    func write(_ bytes: [UInt8]) throws {
        var start = 0
        while start < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(self.number, buffer.baseAddress?.advanced(by: start), buffer.count - start)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw CommandError("can't write to \(self.name): \(Self.reason())")
            }
            start += count
        }
    }

    /// Writes a line of text.
    func write(line: String) throws { try self.write(Array("\(line)\n".utf8)) }

    /// Whether something can be read within a while; true at the end of the input, too.
    func isReadable(milliseconds: CInt) -> Bool {
        var wanted = pollfd(fd: self.number, events: Int16(POLLIN), revents: 0)
        return poll(&wanted, 1, milliseconds) != 0
    }

    /// Reads up to `count` bytes; none = the end.
    func read(_ count: Int) throws -> [UInt8] {
        while true {
            var result = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                result = Glibc.read(self.number, buffer.baseAddress, buffer.count)
                filled = max(result, 0)
            }
            if result >= 0 { return bytes }
            guard errno == EINTR else { throw CommandError("can't read \(self.name): \(Self.reason())") }
        }
    }

    /// Writes a line to standard error; a failure of that has nowhere to be said.
    static func complain(_ line: String) {
        try? Descriptor.error.write(line: line)
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
