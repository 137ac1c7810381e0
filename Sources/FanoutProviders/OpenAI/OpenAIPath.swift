// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The target of a request in OpenAI's format.
enum OpenAIPath {
    /// The path and query of a request.
    static func path(of request: Request, for endpoint: Endpoint) -> String {
        var path = endpoint.pathPrefix
        if endpoint.quirks.contains(.azurePath), !TextSearch.contains("/openai/deployments/", in: path) {
            // `api_base` may end in `/openai` already.
            path += path.hasSuffix("/openai") ? "/deployments/" : "/openai/deployments/"
            path += Self.percentEncoded(endpoint.model)
        }
        switch request.task {
        case .embedding: path += "/embeddings"
        case .completion: path += "/completions"
        case .chat, nil: path += "/chat/completions"
        }
        if !endpoint.query.isEmpty { path += "?" + endpoint.query }
        return path
    }

    /// A path segment: all but RFC 3986's unreserved characters escaped.
    static func percentEncoded(_ segment: String) -> String {
        let hexadecimal = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in segment.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes.append(UInt8(ascii: "%"))
                bytes.append(hexadecimal[Int(byte >> 4)])
                bytes.append(hexadecimal[Int(byte & 0x0F)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
