// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutCredentials

#if canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// A file that is read whole.
enum SmallFile {
    /// The bytes of a file of at most that many.
    static func bytes(_ path: String, _ bytesMax: Int) -> Result<[UInt8], FileFault> {
        // Without waiting: a pipe that nobody writes to would never open.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return .failure(errno == ENOENT ? .missing : Self.fault()) }
        defer { close(file) }
        // One byte more than wanted tells a file that is too large; some files have no size to ask for.
        var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
        var count = 0
        while count <= bytesMax {
            let got = bytes.withUnsafeMutableBytes { buffer in
                read(file, buffer.baseAddress?.advanced(by: count), bytesMax + 1 - count)
            }
            guard got >= 0 || errno == EINTR else { return .failure(Self.fault()) }
            if got == 0 { break }
            count += max(got, 0)
        }
        return count > bytesMax ? .failure(.tooLarge) : .success(Array(bytes[..<count]))
    }

    private static func fault() -> FileFault { .unreadable(String(cString: strerror(errno))) }
}
