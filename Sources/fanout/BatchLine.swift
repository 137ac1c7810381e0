// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import FanoutModel

/// What a line of a batch file puts into the batch.
enum BatchLine {
    /// The line's item; a line that can't be read is a failure at its place, and the others go on.
    static func entry(_ line: LineSplitter.Line) -> BatchEntry {
        switch line {
        case .tooLong(let number):
            var failure = Failure(.tooLarge, "line \(number) is over 16 MiB: send large media by URL")
            failure.notStarted = true
            return .unusable(id: "", failure)
        case .text(let number, let bytes):
            do throws(Failure) {
                return .item(try RequestReader.item(bytes))
            } catch {
                var failure = error
                let what = error.param.isEmpty ? "the request" : error.param
                failure.message = "line \(number): \(what) \(error.message)"
                return .unusable(id: RequestReader.id(of: bytes), failure)
            }
        }
    }
}
