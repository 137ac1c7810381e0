// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Throws unless `bytes` are exactly one JSON value in UTF-8 (RFC 8259), white space around it aside.
///
/// One pass without recursion or allocation; the first container beyond the depth ends it.
/// - Parameters:
///   - bytes: The text, which may come from anybody.
///   - limits: The depth and size that are accepted.
///   - objectOnly: Refuse whatever isn't an object, with `typeMismatch`.
/// - Throws: ``JSONError``, with the first fault.
package func validateJSON(
    _ bytes: UnsafeBufferPointer<UInt8>,
    limits: JSONLimits = JSONLimits(),
    objectOnly: Bool = false
) throws(JSONError) {
    guard bytes.count <= limits.bytesMax else { throw JSONError(.tooLarge, at: limits.bytesMax) }
    try withJSONReader(bytes, limits: limits) { (reader) throws(JSONError) -> Void in
        let kind = try reader.kind()
        guard !objectOnly || kind == .object else { throw JSONError(.typeMismatch, at: 0) }
        try reader.skip()
        try reader.end()
    }
    try JSONReader.checkUTF8(bytes, offset: 0)
}

/// Throws unless `bytes` are exactly one JSON value in UTF-8; see ``validateJSON(_:limits:objectOnly:)``.
package func validateJSON(
    _ bytes: [UInt8],
    limits: JSONLimits = JSONLimits(),
    objectOnly: Bool = false
) throws(JSONError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) -> Void in
        try validateJSON(buffer, limits: limits, objectOnly: objectOnly)
    }
}
