// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutUpstream

/// Whether the providers can be reached, step by step.
struct ProviderChecks {
    let probe: UpstreamProbe
    let timeouts: Timeouts

    /// Name and connection of each host, once.
    func hosts(_ deployments: [Deployment]) async -> [Check] {
        var seen: Set<String> = []
        var checks: [Check] = []
        for deployment in deployments {
            let endpoint = deployment.endpoint
            guard endpoint.format != .simulated else { continue }
            let place = Endpoint.authority(endpoint.host, endpoint.port, isSecure: endpoint.isSecure)
            guard seen.insert("\(endpoint.isSecure) \(place)").inserted else { continue }
            let name = self.probe.isProxied(endpoint) ? nil : await self.name(endpoint)
            if let name { checks.append(name) }
            if name?.level != .fail { checks.append(await self.connection(endpoint, place)) }
        }
        return checks
    }

    private func name(_ endpoint: Endpoint) async -> Check {
        let subject = "dns \(endpoint.host)"
        do {
            let count = try await self.probe.addresses(of: endpoint.host, port: endpoint.port)
            return Check(.ok, subject, "\(count) address\(count == 1 ? "" : "es")")
        } catch {
            let words = (error as? NameResolutionError)?.words ?? "\(error)"
            return Check(.fail, subject, words, "check the host in api_base, and /etc/resolv.conf")
        }
    }

    private func connection(_ endpoint: Endpoint, _ place: String) async -> Check {
        let subject = "\(endpoint.isSecure ? "tls" : "tcp") \(place)"
        do {
            let took = try await self.probe.connect(to: endpoint, milliseconds: max(1_000, self.timeouts.connect))
            var words = endpoint.isSecure ? "connected, certificate good" : "connected, not encrypted"
            if self.probe.isProxied(endpoint) { words += ", through the proxy" }
            return Check(.ok, subject, "\(words), \(took / 1_000) ms")
        } catch {
            let words = (error as? Failure)?.message ?? "\(error)"
            return Check(.fail, subject, words, "check the firewall, and for an own certificate fanout.ca_file")
        }
    }

    /// One small call of each deployment.
    func calls(_ deployments: [Deployment]) async -> [Check] {
        var checks: [Check] = []
        for deployment in deployments {
            if deployment.servesAnyModel {
                let advice = "ask one by its name: fanout ask MODEL Hello"
                checks.append(Check(.warn, "call \(deployment.name)", "serves any model, none was called", advice))
            } else {
                checks.append(await self.call(deployment))
            }
        }
        return checks
    }

    private func call(_ deployment: Deployment) async -> Check {
        let subject = "call \(deployment.name)"
        do {
            var report = try await self.probe.call(deployment.endpoint, Self.chat(deployment), timeouts: self.timeouts)
            // A model for embeddings takes no chat.
            if case .failure(let failure) = report.result,
                failure.code.traits.fault == .caller || failure.code == .notFound
            {
                let other = try await self.probe.call(
                    deployment.endpoint,
                    Self.embedding(deployment),
                    timeouts: self.timeouts
                )
                if case .success = other.result { report = other }
            }
            switch report.result {
            case .success: return Check(.ok, subject, "answered in \(report.totalMicroseconds / 1_000) ms")
            case .failure(let failure):
                let words = "\(failure.code.name): \(failure.hidingSecrets(of: deployment.endpoint).message)"
                return Check(.fail, subject, words, Advice.remedy(failure.code) ?? "")
            }
        } catch {
            return Check(.fail, subject, "\(error)")
        }
    }

    private static func chat(_ deployment: Deployment) -> Request {
        var chat = ChatRequest(messages: [Message(role: .user, text: "Say ok.")])
        // Some providers refuse fewer.
        chat.sampling.maxTokens = 16
        return Request(model: deployment.endpoint.model, task: .chat(chat))
    }

    private static func embedding(_ deployment: Deployment) -> Request {
        Request(model: deployment.endpoint.model, task: .embedding(EmbeddingRequest(inputs: ["ok"])))
    }
}
