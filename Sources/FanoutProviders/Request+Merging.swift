// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
package import FanoutModel

extension Request {
    /// This request with `defaults` under it, extra parameters included: theirs are the base of its own.
    ///
    /// - Throws: `invalidRequest` where one of two objects of extra parameters is none, or holds a reserved key.
    package func merged(over defaults: Request) throws(Failure) -> Request {
        var request = self.filled(from: defaults)
        guard !self.extraJSON.isEmpty, !defaults.extraJSON.isEmpty else { return request }
        let own = Set(try ExtraParameters(self.extraJSON).members.map(\.key))
        _ = try ExtraParameters(defaults.extraJSON)
        var writer = JSONWriter(capacity: self.extraJSON.count + defaults.extraJSON.count)
        writer.beginObject()
        do throws(JSONError) {
            try writer.members(of: defaults.extraJSON, skipping: own.contains)
            try writer.members(of: self.extraJSON)
        } catch {
            throw Failure(.invalidRequest, "extra_json must be one JSON object: \(error)", param: "extra_json")
        }
        writer.endObject()
        request.extraJSON = writer.finish()
        return request
    }
}
