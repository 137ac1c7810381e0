// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

@Suite struct UntrustedInputTests {
    private static let marker = "sk-marker-9f8e7d6c5b4a"

    /// Everything that is said about a text, whether it loads or not.
    private func said(_ yaml: String, _ environment: [String: String] = [:]) -> String {
        do {
            let loaded = try load(yaml, environment)
            // A header's name is no secret, its value is.
            return loaded.lines.joined(separator: "\n") + (yaml.contains("extra_headers") ? "" : "\(loaded)")
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [
        "{model: openai/m, api_key: KEY}", "{model: openai/m, api_key: [KEY]}", "{model: openai/m, api_key: \"KEY x\"}",
        "{model: openai/m, KEY: 1}", "{model: openai/m, api_key, KEY}", "{model: openai/m, api_key: {KEY: KEY}}",
        "{model: openai/m, api_key: k, api_base: KEY}", "{model: openai/m, api_key: k, api_base: 'https://KEY@h/'}",
        "{model: openai/m, api_key: k, weight: KEY}", "{model: openai/m, api_key: k, tags: KEY}",
        "{model: openai/m, api_key: k, drop_params: KEY}", "{model: openai/m, api_key: k, timeout: KEY}",
        "{model: openai/m, api_key: k, extra_headers: {x: KEY}}",
        "{model: openai/m, api_key: k, extra_headers: {KEY: x}}",
        "{model: openai/m, api_key: k, organization: KEY}", "{model: KEY, api_key: k}",
        "{model: 'openai/*KEY', api_key: k}",
        "{model: azure/m, api_key: KEY, api_base: 'https://h', api_version: 'KEY KEY'}",
        "{model: openai/m, api_key: os.environ/KEY}", "{model: openai/m, api_key: credential/KEY}",
        "{model: openai/m, api_key: file/KEY}",
        "{model: openai/m, api_key: k, custom_llm_provider: KEY}", "{model: openai/m, api_key: KEY",
        "[KEY, KEY: x, KEY: y]",
        "{model: openai/m, litellm_credential_name: KEY}", "{model: openai/m, api_key: !KEY x}",
        "{model: simulated/m, api_key: KEY}",
    ])
    func `a key never shows in what is said`(params: String) {
        let yaml = """
            router_settings:
              {routing_strategy: KEY, redis_password: KEY, num_retries: KEY, KEY: x, fallbacks: [KEY, {KEY: [KEY]}]}
            fanout: {log: {level: KEY, format: KEY}, socket: KEY, socket_mode: KEY, ignore: [KEY]}
            general_settings: {master_key: KEY, KEY: KEY}
            model_list:
              - model_name: small
                litellm_params: \(params)
            """
        for text in [yaml, "model_list:\n  - model_name: small\n    litellm_params: \(params)\n"] {
            let text = text.split(separator: "KEY", omittingEmptySubsequences: false).joined(separator: Self.marker)
            let environment = ["OPENAI_API_KEY": Self.marker + " ", "FANOUT_LOG_LEVEL": Self.marker]
            // A model's name is shown on purpose, and a deployment's is made of it.
            if params.contains("model: KEY") { continue }
            #expect(!self.said(text).contains(Self.marker))
            #expect(!self.said(text, environment).contains(Self.marker))
        }
    }

    /// A file that uses most of what there is.
    private static let whole = """
        environment_variables: {A_KEY: "k"}
        credential_list: [{credential_name: c, credential_values: {api_key: k}}]
        model_list:
          - &base
            model_name: "small"
            litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/A_KEY, rpm: 10, tags: [a, b], top_p: 0.1}
            model_info: {id: one, mode: chat, supports_vision: true}
          - <<: *base
            model_name: 'large'
            litellm_params:
              model: azure/gpt
              api_base: https://[::1]:8443/x?y=z
              api_version: 2024-10-21
              litellm_credential_name: c
              extra_headers: {x-a: "é\\u00e9"}
            model_info: {id: two, order: 3}
        router_settings:
          fallbacks: [{small: [large]}, {"*": [small]}]
          model_group_alias: {s: {model: small, hidden: yes}, t: s}
          default_litellm_params: {temperature: 0.1}
        fanout:
          limits: {frame_bytes: 1MiB, hello_ms: 5s}
          log: {level: info}
          ignore: [a.b]
        """

    @Test func `a file cut anywhere, or with a byte changed, never traps`() {
        let bytes = Array(Self.whole.utf8)
        for length in stride(from: 0, to: bytes.count, by: 3) {
            _ = self.said(String(decoding: bytes[..<length], as: UTF8.self))
        }
        var generator = SplitMix(state: 7)
        let odd = Array("\u{0}\t\n:-?[]{}*&!|>'\"%@`#,9\u{7f}é~<".utf8)
        for _ in 0..<600 {
            var changed = bytes
            for _ in 0...generator.below(3) {
                changed[generator.below(changed.count)] = odd[generator.below(odd.count)]
            }
            _ = self.said(String(decoding: changed, as: UTF8.self))
        }
    }

    /// A seeded generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    struct SplitMix {
        var state: UInt64

        mutating func below(_ bound: Int) -> Int {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var word = self.state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((word ^ (word >> 31)) % UInt64(bound))
        }
    }

    private func bomb(_ end: String) -> String {
        var lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
        for level in 1...20 {
            let before = Array(repeating: "*x\(level - 1)", count: 10).joined(separator: ", ")
            lines.append("x\(level): &x\(level) [\(before)]")
        }
        return (lines + [end]).joined(separator: "\n")
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            "model_list: *x20", "? *x20\n: y", "*x20 : y", "y: {*x20: z}", "y: [? *x20 : z]", "[*x20, *x20]: y",
            "? [*x20]",
        ]
    )
    func `aliases that grow without end are refused at once`(end: String) {
        let found = errors(self.bomb(end))
        #expect(!found.isEmpty)
    }

    @Test func `too much is refused`() {
        #expect(
            errors("a: " + String(repeating: "x", count: 4 << 20)).first?.contains("at most 4194304 are read") == true
        )
        let many = "a: [" + String(repeating: "1,", count: 200_000) + "1]"
        #expect(errors(many).first?.contains("more than 200000 values") == true)
        let deep = "a: " + String(repeating: "[", count: 70) + String(repeating: "]", count: 70)
        #expect(errors(deep).first?.contains("more than 64 lists") == true)
        let deeper = "a: " + String(repeating: "[", count: 100_000)
        #expect(!errors(deeper).isEmpty)
    }

    @Test func `a broken file of many lines says a bounded number of things`() {
        let entry = "  - {model_name: '*', litellm_params: {model: q}}\n"
        #expect(errors("model_list:\n" + String(repeating: entry, count: 1_000)).count == 200)
    }

    @Test(.timeLimit(.minutes(1))) func `ten thousand deployments load, one more doesn't`() throws {
        let equal = "  - {model_name: a, litellm_params: {model: simulated/a}}\n"
        let list = "model_list:\n" + String(repeating: equal, count: 9_999)
        let last = try #require(try load(list + equal).snapshot.deployments.last)
        #expect(last.name == "simulated/a#10000")
        #expect(errors(list + equal + equal).first?.contains("at most 10000 are taken") == true)
    }

    @Test func `included files add to lists, replace the rest, and can't go round`() throws {
        let main = "include: [a.yaml, /abs/b.yaml]\nrouter_settings: {num_retries: 1}\nmodel_list: []\n"
        let a =
            "model_list: [{model_name: a, litellm_params: {model: simulated/a}}]\nrouter_settings: {num_retries: 5}\n"
        let b = "model_list: [{model_name: b, litellm_params: {model: simulated/b}}]\n"
        let loader = ConfigurationLoader(files: files(["/etc/f/a.yaml": a, "/abs/b.yaml": b, "/etc/f/c.yaml": main]))
        let loaded = try loader.load(path: "/etc/f/c.yaml", environment: [:])
        #expect(loaded.snapshot.groups.map(\.name) == ["a", "b"])
        #expect(loaded.snapshot.routing.retries == 5)
        #expect(loaded.lines.count == 1)
        let round = errors("include: [x.yaml]", files: ["x.yaml": "include: [config.yaml]"])
        #expect(round.first?.hasPrefix("x.yaml:1:11: error: include[0]: this file is included already") == true)
        let broken = errors(oneModel + "include: [x.yaml]\n", files: ["x.yaml": "router_settings:\n  timeout: x\n"])
        #expect(broken.first?.hasPrefix("x.yaml:2:12: error: router_settings.timeout") == true)
    }
}
