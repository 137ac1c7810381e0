// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Why a file can't be read.
package enum FileProblem: Error, Sendable, Hashable {
    /// There is none of that name.
    case missing
    /// It has more bytes than asked for.
    case tooLarge
    /// Something else, in the system's words.
    case unreadable(String)
}

/// How files that a configuration names are read: a path and the most bytes that are wanted.
package struct FileReader: Sendable {
    /// Reads a whole file.
    package var read: @Sendable (_ path: String, _ bytesMax: Int) -> Result<[UInt8], FileProblem>

    /// Makes a reader.
    package init(read: @escaping @Sendable (_ path: String, _ bytesMax: Int) -> Result<[UInt8], FileProblem>) {
        self.read = read
    }

    /// There are no files.
    package static let none = FileReader { _, _ in .failure(.missing) }

    /// The machine's own files.
    package static let system = FileReader { path, bytesMax in
        guard FileManager.default.fileExists(atPath: path) else { return .failure(.missing) }
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            // One byte more than wanted tells a file that is too large; some files have no size to ask for.
            var bytes: [UInt8] = []
            while bytes.count <= bytesMax {
                guard let data = try handle.read(upToCount: bytesMax + 1 - bytes.count), !data.isEmpty else { break }
                bytes.append(contentsOf: data)
            }
            return bytes.count > bytesMax ? .failure(.tooLarge) : .success(bytes)
        } catch {
            return .failure(.unreadable((error as NSError).localizedDescription))
        }
    }
}

extension FileProblem {
    /// The end of a sentence that begins with the file's name.
    var sentence: String {
        switch self {
        case .missing: "doesn't exist"
        case .tooLarge: "is too large"
        case .unreadable(let reason): "can't be read: \(reason)"
        }
    }
}
