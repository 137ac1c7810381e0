// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// JSON of which only the texts count.
enum JSONTexts {
    /// The members of the one object that are texts.
    static func members(of bytes: [UInt8], bytesMax: Int) throws(JSONError) -> [String: String] {
        let limits = JSONLimits(depthMax: 8, bytesMax: bytesMax)
        return try withJSONReader(bytes, limits: limits) { (reader) throws(JSONError) in
            var fields: [String: String] = [:]
            try reader.enterObject()
            while try reader.nextMember() {
                let key = try reader.key()
                if try reader.kind() == .string {
                    fields[key] = try reader.string()
                } else {
                    try reader.skip()
                }
            }
            try reader.end()
            return fields
        }
    }
}
