// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes the one JSON object of a request's body, in whichever format.
///
/// A key is written once: what the caller sent in addition goes before our own words for it, and the endpoint's
/// defaults fill only what nothing else gave.
protocol BodyEncoder {
    var writer: JSONWriter { get set }
    var endpoint: Endpoint { get }
    var extra: ExtraParameters { get }
    /// The keys written so far, kept only where defaults must not repeat them.
    var written: [String] { get set }
    var keepsKeys: Bool { get }

    /// The name under which an endpoint's default is written.
    func wireName(ofDefault key: String) -> String
    /// Whether a parameter is in an object inside the body, which the encoder writes itself.
    func nests(_ key: String) -> Bool
}

/// A part's place: its message and its own index.
typealias PartPlace = (message: Int, part: Int)

/// What an endpoint's defaults never give.
let neverDefaults: Set<String> = [
    "model", "stream", "messages", "prompt", "input", "api_key", "api_base", "base_url", "headers", "extra_headers",
]

extension BodyEncoder {
    func wireName(ofDefault key: String) -> String { key }
    func nests(_ key: String) -> Bool { false }

    /// Appends what the caller sent in addition; the body has none of these keys yet.
    mutating func writeExtra() throws(Failure) {
        guard !self.extra.members.isEmpty else { return }
        if self.keepsKeys { self.written.append(contentsOf: self.extra.members.map(\.key)) }
        do throws(JSONError) {
            try self.writer.members(of: self.extra.json, skipping: self.nests)
        } catch {
            throw Failure(.invalidRequest, "extra_json must be one JSON object: \(error)", param: "extra_json")
        }
    }

    /// Appends the endpoint's own parameters that nothing else gave.
    mutating func writeDefaults(stream: Bool) throws(Failure) {
        guard self.keepsKeys else { return }
        let json = self.endpoint.defaultsJSON
        let members: [JSONMember]
        do throws(JSONError) {
            members = try jsonMembers(of: json)
        } catch {
            // The configuration was validated when it was loaded.
            throw Failure(.internal, "the defaults of \(self.endpoint.provider) are no JSON object: \(error)")
        }
        for member in members {
            let name = self.wireName(ofDefault: member.key)
            guard !self.written.contains(name), !neverDefaults.contains(name), !self.nests(name) else { continue }
            self.writer.key(name)
            self.writer.raw(Array(json[member.value]))
        }
    }

    // MARK: Members

    /// Whether the caller's own object leaves this key to us.
    func wants(_ key: StaticString) -> Bool { !self.extra.has(key) }

    /// Refuses a parameter by name, unless the endpoint drops what isn't supported.
    func refuse(_ param: String) throws(Failure) {
        if self.endpoint.dropsUnsupported { return }
        throw Failure(
            .unsupportedParameter,
            "\(self.endpoint.provider) doesn't take \(param): leave it out, or set drop_params for this deployment",
            param: param
        )
    }

    mutating func key(_ name: StaticString) {
        self.writer.key(name)
        if self.keepsKeys { self.written.append(name.description) }
    }

    mutating func member(_ name: StaticString, _ value: String) {
        guard self.wants(name) else { return }
        self.key(name)
        self.writer.string(value)
    }

    mutating func member(_ name: StaticString, _ value: UInt64) {
        guard self.wants(name) else { return }
        self.key(name)
        self.writer.uint(value)
    }

    mutating func member(_ name: StaticString, _ value: Bool) {
        guard self.wants(name) else { return }
        self.key(name)
        self.writer.bool(value)
    }

    mutating func member(_ name: StaticString, _ value: Double?) throws(Failure) {
        guard let value, self.wants(name) else { return }
        guard value.isFinite else {
            throw Failure(.invalidRequest, "\(name) must be a finite number", param: name.description)
        }
        self.key(name)
        self.writer.double(value)
    }

    /// The refusal of a part, which is never dropped.
    static func unsupportedPart(_ why: String, _ place: PartPlace, _ endpoint: Endpoint) -> Failure {
        self.unsupportedPart(why, self.path(of: place), endpoint)
    }

    static func unsupportedPart(_ why: String, _ path: String, _ endpoint: Endpoint) -> Failure {
        let provider = endpoint.provider.isEmpty ? "the provider" : endpoint.provider
        return Failure(.unsupportedParameter, "\(why) at \(provider)", param: path)
    }
}
