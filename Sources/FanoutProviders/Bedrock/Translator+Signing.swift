// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

extension Translator {
    /// Signs a finished request where the endpoint's credential asks for that, at the moment of sending it.
    ///
    /// A request that is sent a second time is encoded and signed anew.
    package static func sign(_ request: inout ProviderRequest, for endpoint: Endpoint, wallClockSeconds: Int64) {
        guard case .aws(let credentials) = endpoint.credential else { return }
        // Whoever passes a request on may change the other headers.
        var signed: [AWSSigner.Header] = [
            (name: "host", value: Endpoint.authority(endpoint.host, endpoint.port, isSecure: endpoint.isSecure))
        ]
        for header in request.headers
        where AnswerHead.same(header.name, "content-type") || AnswerHead.hasPrefix(header.name, "x-amz") {
            signed.append((name: header.name, value: header.value.revealed))
        }
        let signer = AWSSigner(credentials: credentials, region: endpoint.region, service: "bedrock")
        request.headers += signer.headers(
            method: "POST",
            target: request.path,
            headers: signed,
            body: request.body,
            seconds: wallClockSeconds
        )
        request.isSigned = true
    }
}
