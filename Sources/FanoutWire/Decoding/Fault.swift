// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What is wrong inside a frame, and where.
struct Fault: Error {
    /// `badFrame` ends the connection; another code refuses the item or the body.
    var code: FailureCode
    /// The rest of a sentence that begins with the path.
    var message: String
    /// From the place that was being read to the field at fault.
    var path: String

    init(_ code: FailureCode, _ path: String, _ message: String) {
        self.code = code
        self.path = path
        self.message = message
    }

    /// The same fault seen from one message further out.
    func inside(_ field: StaticString, _ index: Int? = nil) -> Fault {
        var outer = "\(field)"
        if let index { outer += "[\(index)]" }
        if !self.path.isEmpty { outer += ".\(self.path)" }
        return Fault(self.code, outer, self.message)
    }

    /// The fault as a refusal of an item or a body.
    var failure: Failure {
        var failure = Failure(self.code, "\(self.path) \(self.message)", param: self.path)
        failure.notStarted = true
        return failure
    }

    /// The fault as the end of the connection.
    var wireError: WireError {
        WireError(.badFrame, self.path.isEmpty ? self.message : "\(self.path) \(self.message)")
    }
}
