// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

/// The environment's variables for proxies.
@Suite struct ProxyTests {
    private func proxies(_ environment: [String: String]) throws -> ProxySettings {
        try load(oneModel, environment).service.proxies
    }

    @Test(arguments: [
        ("http://proxy.example:3128", ProxyAddress(host: "proxy.example", port: 3_128)),
        ("proxy.example:3128", ProxyAddress(host: "proxy.example", port: 3_128)),
        ("HTTP://proxy.example/", ProxyAddress(host: "proxy.example", port: 80)),
        ("http://[fd12::1]:3128", ProxyAddress(host: "fd12::1", port: 3_128)),
        (
            "http://me:a%40b%3A@proxy.example:3128",
            ProxyAddress(host: "proxy.example", port: 3_128, authorization: Secret("Basic bWU6YUBiOg=="))
        ),
        (
            "http://me@proxy.example:3128",
            ProxyAddress(host: "proxy.example", port: 3_128, authorization: Secret("Basic bWU6"))
        ),
    ])
    func `a proxy is a host and port, perhaps with a user and password`(text: String, proxy: ProxyAddress) throws {
        #expect(try self.proxies(["HTTPS_PROXY": text]).secure == proxy)
        #expect(try self.proxies(["http_proxy": text]).plain == proxy)
    }

    @Test func `lower case goes first, and none is none`() throws {
        let both = try self.proxies(["https_proxy": "a:1", "HTTPS_PROXY": "b:2", "HTTP_PROXY": ""])
        #expect(both.secure?.host == "a" && both.plain == nil)
        #expect(try self.proxies([:]) == ProxySettings())
    }

    @Test func `exceptions are listed by commas`() throws {
        let rules = try self.proxies(["NO_PROXY": "Example.com, .internal,10.0.0.0/8,,*"]).exceptions
        #expect(rules == ["example.com", ".internal", "10.0.0.0/8", "*"])
    }

    @Test(arguments: [
        ("https://proxy.example:443", "itself reached by TLS or SOCKS isn't supported"),
        ("socks5://proxy.example:1080", "itself reached by TLS or SOCKS isn't supported"),
        ("http://me:hush%4@proxy.example", "% that isn't followed by two digits"),
        ("http://me:hush@proxy.example:99999", "is no proxy: it"), ("http://", "is no proxy: it"),
    ])
    func `what is no proxy is an error that quotes no password`(text: String, words: String) {
        let found = errors(oneModel, ["HTTPS_PROXY": text])
        #expect(found.count == 1 && found[0].contains("HTTPS_PROXY") && found[0].contains(words), "\(found)")
        #expect(!found.joined().contains("hush"))
    }
}
