// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Foundation
import Testing

@testable import fanout

@Suite struct DoctorTests {
    private static func loaded(_ yaml: String) throws -> LoadedConfiguration {
        try ConfigurationLoader(files: .none).load(yaml: yaml, path: "c.yaml", environment: [:])
    }

    private static let models = """
        model_list:
          - {model_name: a, litellm_params: {model: openai/gpt-4o-mini, api_key: sk-hidden}}
          - {model_name: b, litellm_params: {model: ollama/x, api_base: "http://127.0.0.1:1"}}
          - {model_name: c, litellm_params: {model: "simulated/c?tokens=1"}}

        """

    @Test func `each deployment has a line for its key, and no key is in it`() throws {
        let checks = ConfigurationChecks.keys(try Self.loaded(Self.models).snapshot.deployments)
        #expect(checks.map(\.level) == [.ok, .ok, .ok])
        let text = checks.flatMap(\.lines).joined() + String(decoding: Check.json(checks), as: UTF8.self)
        #expect(text.contains("there is one") && !text.contains("hidden"))
    }

    @Test func `a secure provider without a key is worth a warning`() throws {
        var deployment = try Self.loaded(Self.models).snapshot.deployments[0]
        deployment.endpoint.credential = .none
        let check = try #require(ConfigurationChecks.keys([deployment]).first)
        #expect(check.level == .warn && !check.advice.isEmpty)
    }

    @Test func `what holds is counted, its warnings first`() throws {
        let lines = ValidateCommand.lines(
            try Self.loaded(Self.models + "router_settings: {nosuch: 1}\n"),
            path: "c.yaml"
        )
        #expect(lines.count == 2 && lines[0].hasPrefix("c.yaml:5:") && lines[0].contains("warning"))
        #expect(lines[1] == "c.yaml: ok, 3 models, 3 deployments, 1 warning")
    }

    @Test func `the service's keys are looked for with the service's file alone`() {
        let service = ConfigurationSource(path: nil, environment: [:]) { $0 != "/run/credentials/fanoutd.service" }
        #expect(service.path == "/etc/fanout/config.yaml" && service.credentials == "/etc/fanout/keys")
        let running = ConfigurationSource(path: nil, environment: [:]) { _ in true }
        #expect(running.credentials == "/run/credentials/fanoutd.service")
        let own = ConfigurationSource(path: "/x.yaml", environment: [:]) { _ in true }
        #expect(own.path == "/x.yaml" && own.credentials == nil)
        let named = ConfigurationSource(path: nil, environment: ["FANOUT_CONFIG": "/y.yaml"]) { _ in true }
        #expect(named.path == "/y.yaml" && named.credentials == nil)
        #expect(ConfigurationSource(path: nil, environment: [:]) { _ in false }.path == nil)
    }

    @Test func `checks are lines with what to do below, or one object that says if all is well`() throws {
        let checks = [Check(.ok, "a", "fine"), Check(.fail, "b", "broken", "mend it")]
        #expect(checks.flatMap(\.lines) == ["ok    a: fine", "fail  b: broken", "      mend it"])
        let json = try JSONSerialization.jsonObject(with: Data(Check.json(checks))) as? [String: Any]
        #expect(json?["ok"] as? Bool == false && (json?["checks"] as? [Any])?.count == 2)
    }

    @Test(arguments: [("1", 0, 1), ("12/3", 12, 3)] as [(String, UInt64, UInt64)])
    func `a batch is a number, or a connection's`(text: String, session: UInt64, id: UInt64) {
        let name = BatchName(argument: text)
        #expect(name?.session == session && name?.id == id && name?.description == text)
    }

    @Test(arguments: ["", "x", "1/", "/1", "0/1", "1/2/3", "-1"])
    func `what names no batch is refused`(text: String) {
        #expect(BatchName(argument: text) == nil)
    }
}
