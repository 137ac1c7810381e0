// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Crypto

/// What makes a deployment the same one after a reload.
struct DeploymentIdentity {
    var provider = ""
    var model = ""
    var base = ""
    var region = ""
    /// The key or keys; only their fingerprint goes in.
    var keys: [String] = []

    /// 32 hexadecimal digits.
    var text: String {
        var hash = SHA256()
        for part in [self.provider, self.model, self.base, self.region] { Self.add(Array(part.utf8), to: &hash) }
        for key in self.keys { Self.add(Array(SHA256.hash(data: Array(key.utf8))), to: &hash) }
        let digits = Array("0123456789abcdef".utf8)
        let bytes = hash.finalize().prefix(16).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0x0F)]] }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Each part goes in with its length before it, so that no two lists of parts are the same bytes.
    private static func add(_ bytes: [UInt8], to hash: inout SHA256) {
        withUnsafeBytes(of: UInt64(bytes.count).bigEndian) { hash.update(bufferPointer: $0) }
        hash.update(data: bytes)
    }
}
