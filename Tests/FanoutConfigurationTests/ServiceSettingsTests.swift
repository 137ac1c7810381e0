// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

@Suite struct ServiceSettingsTests {
    @Test func `the whole section is read`() throws {
        let loaded = try load(
            oneModel + """
                fanout:
                  socket: /run/x/y.sock
                  socket_mode: 0600
                  socket_group: llm
                  loops: 2
                  ca_file: /etc/ssl/own.pem
                  drain_seconds: 5
                  log: {level: DEBUG, format: json}
                  limits:
                    frame_bytes: 2MiB
                    hello_ms: 1s
                    frame_ms: 1500
                    items_per_batch: 1_000
                    connections: 5
                    blob_bytes_per_tenant: 1GiB
                """
        )
        #expect(loaded.service.socketPath == "/run/x/y.sock")
        #expect(loaded.service.metricsSocketPath == nil && loaded.service.logsBodies == false)
        #expect(loaded.service.socketMode == 0o600)
        #expect(loaded.service.socketGroup == "llm")
        #expect(loaded.service.loops == 2)
        #expect(loaded.service.caFile == "/etc/ssl/own.pem")
        #expect(loaded.service.logLevel == .debug)
        #expect(loaded.service.logFormat == .json)
        let limits = loaded.snapshot.limits
        #expect(limits.frameBytes == 2 << 20)
        #expect(limits.helloMilliseconds == 1_000)
        #expect(limits.frameMilliseconds == 1_500)
        #expect(limits.itemsPerBatch == 1_000)
        #expect(limits.connections == 5)
        #expect(limits.blobBytesPerTenant == 1 << 30)
        #expect(limits.drainMilliseconds == 5_000)
        #expect(loaded.lines.isEmpty)
    }

    @Test func `the environment wins over the file, the command line over both`() throws {
        let yaml = oneModel + "fanout: {socket: /run/f.sock, concurrency: {batch: 1}, log: {level: info}, loops: 1}\n"
        let environment = ["FANOUT_SOCKET": "/run/e.sock", "FANOUT_MAX_CONCURRENCY": "2", "FANOUT_LOG_LEVEL": "warn"]
        var overrides = ConfigurationOverrides()
        overrides.socketPath = "/run/c.sock"
        overrides.loops = "3"
        let loaded = try load(yaml, environment, overrides: overrides)
        #expect(loaded.service.socketPath == "/run/c.sock")
        #expect(loaded.service.loops == 3)
        #expect(loaded.service.logLevel == .warning)
        #expect(loaded.snapshot.routing.batchConcurrency == 2)
        #expect(try load(yaml, environment).service.socketPath == "/run/e.sock")
    }

    @Test func `metrics are served in systemd's runtime directory, or where the file says, or nowhere`() throws {
        #expect(try load(oneModel).service.metricsSocketPath == nil)
        let systemd = ["RUNTIME_DIRECTORY": "/run/fanoutd:/run/other"]
        #expect(try load(oneModel, systemd).service.metricsSocketPath == "/run/fanoutd/metrics.sock")
        #expect(try load(oneModel + "fanout: {metrics_socket: ''}", systemd).service.metricsSocketPath == nil)
        let own = try load(oneModel + "fanout: {metrics_socket: /run/m.sock, metrics_socket_mode: 0666}", systemd)
            .service
        #expect(own.metricsSocketPath == "/run/m.sock" && own.metricsSocketMode == 0o666)
        #expect(errors(oneModel + "fanout: {metrics_socket: m.sock}").first?.contains("absolute path") == true)
    }

    @Test func `the socket's default is the client's`() throws {
        #expect(try load(oneModel).service.socketPath == "/run/fanout/fanout.sock")
        let user = ["XDG_RUNTIME_DIR": "/run/user/7"]
        #expect(try load(oneModel, user).service.socketPath == "/run/user/7/fanout.sock")
    }

    @Test func `a runtime directory that makes the path too long is refused, unless another path is given`() throws {
        let long = ["XDG_RUNTIME_DIR": "/" + String(repeating: "r", count: 100)]
        #expect(errors(oneModel, long).first?.hasPrefix("environment XDG_RUNTIME_DIR: error: the path has") == true)
        _ = try load(oneModel + "fanout: {socket: /run/x.sock}\n", long)
    }

    @Test func `a folder, a file without UTF-8 and a file that isn't there are refused with a reason`() {
        let loader = ConfigurationLoader()
        for path in ["/", "/nonexistent/f.yaml", "/proc/self/exe", "/proc/self/mem"] {
            let error = #expect(throws: ConfigurationError.self) { try loader.load(path: path, environment: [:]) }
            #expect(
                error?.description.hasPrefix("\(path): error: the file ") == true,
                "\(path): \(error?.description ?? "")"
            )
        }
    }

    @Test func `LiteLLM's variables are read with a note`() throws {
        let width = "LITELLM_EXPERIMENTAL_PARALLEL_ACOMPLETIONS_MAX_CONCURRENCY"
        var environment = [
            "LITELLM_EXPERIMENTAL_PARALLEL_ACOMPLETIONS": "true", "LITELLM_ENABLE_PARALLEL_ACOMPLETIONS": "1",
            width: "10",
        ]
        let loaded = try load(oneModel, environment)
        #expect(loaded.snapshot.routing.batchConcurrency == 10)
        #expect(loaded.lines.count == 3)
        #expect(loaded.lines.allSatisfy { $0.hasPrefix("environment LITELLM_") })
        environment["FANOUT_MAX_CONCURRENCY"] = "8"
        #expect(try load(oneModel, environment).snapshot.routing.batchConcurrency == 8)
    }

    @Test(arguments: [
        ("@fanout", "abstract socket"), ("fanout.sock", "absolute path"), ("/run/", "not of a folder"),
        ("/" + String(repeating: "s", count: 107), "has 108 bytes"), ("/run/a\u{0}b", "NUL"),
    ])
    func `a path that can't be a socket is refused`(path: String, reason: String) {
        let found = errors(oneModel, ["FANOUT_SOCKET": path])
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("environment FANOUT_SOCKET: error: ") == true)
        #expect(found.first?.contains(reason) == true)
    }

    @Test func `the longest path of a socket is taken`() throws {
        let path = "/" + String(repeating: "s", count: 106)
        #expect(try load(oneModel, ["FANOUT_SOCKET": path]).service.socketPath == path)
    }

    @Test func `without a file it says how to give one`() {
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationLoader(files: .none).load(path: nil, environment: [:])
        }
        #expect(error?.description == "configuration: error: there is none: give a file with --config or FANOUT_CONFIG")
    }

    @Test func `a file is read from the path of the variable`() throws {
        let loader = ConfigurationLoader(files: files(["/etc/f.yaml": SampleConfiguration.simulated]))
        let loaded = try loader.load(path: nil, environment: ["FANOUT_CONFIG": "/etc/f.yaml"])
        #expect(try loaded.deployments("demo").map(\.name) == ["simulated/first", "simulated/second"])
        #expect(throws: ConfigurationError.self) { try loader.load(path: "/etc/none.yaml", environment: [:]) }
    }

    @Test func `the example loads without a warning`() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let loaded = try ConfigurationLoader().load(
            path: "/\(root)/examples/config.yaml",
            environment: ["OPENAI_API_KEY": "k", "GROQ_API_KEY": "k"]
        )
        #expect(loaded.lines.isEmpty)
        #expect(loaded.snapshot.deployments.count == 3)
        #expect(loaded.snapshot.routing.batchConcurrency == 64)
    }
}
