// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// What an authorization server answers with (RFC 6749, 5.1 and 5.2), as far as it is used.
struct OAuthAnswer {
    private(set) var token = ""
    /// Seconds; nil = not said.
    private(set) var life: UInt64?
    /// `error`, for example `invalid_grant`.
    private(set) var error = ""
    private(set) var description = ""

    /// Longer ones are none.
    private static let tokenBytesMax = 32 << 10
    /// Where the server doesn't say how long a token is good for.
    private static let usualSeconds: UInt64 = 300

    /// Reads what is there; what isn't JSON has nothing.
    init(_ body: [UInt8]) {
        let limits = JSONLimits(depthMax: 16, bytesMax: TokenAnswer.bytesMax)
        var read = OAuthAnswer()
        do throws(JSONError) {
            try withJSONReader(body, limits: limits) { (reader) throws(JSONError) in
                try reader.enterObject()
                while try reader.nextMember() { try read.member(&reader) }
                try reader.end()
            }
            self = read
        } catch {
            // Half of an answer is none; whoever asked sees that there is no token.
        }
    }

    private init() {}

    /// The token; nil = there is none that a header can carry.
    var fetched: FetchedCredential? {
        guard (1...Self.tokenBytesMax).contains(self.token.utf8.count),
            self.token.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        let (milliseconds, overflow) = (self.life ?? Self.usualSeconds).multipliedReportingOverflow(by: 1_000)
        return FetchedCredential(
            credential: .bearer(Secret(self.token)),
            lifeMilliseconds: overflow ? .max : milliseconds
        )
    }

    private mutating func member(_ reader: inout JSONReader) throws(JSONError) {
        if reader.keyIs("access_token") {
            self.token = try Self.text(&reader)
        } else if reader.keyIs("expires_in") {
            switch try reader.kind() {
            case .number: self.life = UInt64(max(0, min(try reader.double(), 1e12)))
            // Azure's older endpoint writes it as a text.
            case .string: self.life = UInt64(try reader.string())
            default: try reader.skip()
            }
        } else if reader.keyIs("error") {
            try self.readError(&reader)
        } else if reader.keyIs("error_description") {
            self.description = try Self.text(&reader)
        } else {
            try reader.skip()
        }
    }

    /// A text as the standard has it, or an object as Google's other services have.
    private mutating func readError(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else {
            self.error = try Self.text(&reader)
            return
        }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("status") || reader.keyIs("code"), try reader.kind() == .string {
                self.error = try reader.string()
            } else if reader.keyIs("message") {
                self.description = try Self.text(&reader)
            } else {
                try reader.skip()
            }
        }
    }

    private static func text(_ reader: inout JSONReader) throws(JSONError) -> String {
        if try reader.kind() == .string { return try reader.string() }
        try reader.skip()
        return ""
    }
}
