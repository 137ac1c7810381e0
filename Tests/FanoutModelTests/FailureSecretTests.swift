// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@Suite struct FailureSecretTests {
    private static func endpoint(_ credential: Credential) -> Endpoint {
        var endpoint = Endpoint(
            provider: "openai",
            format: .openAI,
            isSecure: true,
            host: "h",
            port: 443,
            pathPrefix: "",
            model: "m"
        )
        endpoint.credential = credential
        return endpoint
    }

    @Test func `a key that a provider repeats is hidden, and short texts are left`() {
        var failure = Failure(.authentication, "no: key sk-long-enough is wrong, says short")
        failure.providerMessage = "key sk-long-enough is wrong, says short"
        var endpoint = Self.endpoint(.bearer(Secret("sk-long-enough")))
        endpoint.headers = [.init(name: "x", value: Secret("short"))]
        let hidden = failure.hidingSecrets(of: endpoint)
        #expect(hidden.message == "no: key <redacted> is wrong, says short")
        #expect(hidden.providerMessage == "key <redacted> is wrong, says short")
    }

    @Test func `each kind of key is hidden`() {
        let keys = AWSCredentials(
            accessKeyID: Secret("id"),
            secretAccessKey: Secret("aws-secret-key"),
            sessionToken: Secret("aws-session-token")
        )
        var failure = Failure(.permission, "m")
        failure.providerMessage = "aws-secret-key aws-session-token header-value-1"
        #expect(
            failure.hidingSecrets(of: Self.endpoint(.aws(keys))).providerMessage
                == "<redacted> <redacted> header-value-1"
        )
        let header = Credential.header(name: "api-key", value: Secret("header-value-1"))
        #expect(failure.hidingSecrets(of: Self.endpoint(header)).providerMessage.hasSuffix("<redacted>"))
        #expect(failure.hidingSecrets(of: Self.endpoint(.none)) == failure)
    }
}
