// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// An embedding of more inputs than its provider takes a request: the parts in which it goes out, and their sum.
///
/// Two calls take turns: ``next`` is sent, its answer goes to ``take(_:bytesMax:)``, until that gives the whole answer.
package struct EmbeddingParts: Sendable {
    private let request: Request
    private let embedding: EmbeddingRequest
    private let inputsMax: Int
    private var vectors: [[UInt8]] = []
    private var bytes = 0
    private var first: Response?
    /// Nil once a part's wasn't reported: a sum of some would be wrong.
    private var usage: Usage? = Usage()

    /// The parts of a request to an endpoint; nil = it goes out as it is.
    package init?(_ request: Request, at endpoint: Endpoint) {
        guard case .embedding(let embedding)? = request.task, embedding.inputs.count > 1,
            let most = InputLimit.inputs(of: endpoint.provider, model: endpoint.model), embedding.inputs.count > most
        else { return nil }
        self.request = request
        self.embedding = embedding
        self.inputsMax = most
    }

    /// Whether a part has been answered.
    package var hasAnswers: Bool { self.first != nil }

    /// The part that is to be sent now.
    package var next: Request {
        let start = self.vectors.count
        let end = min(start + self.inputsMax, self.embedding.inputs.count)
        var part = self.embedding
        part.inputs = Array(self.embedding.inputs[start..<end])
        var request = self.request
        request.task = .embedding(part)
        return request
    }

    /// Takes the answer to ``next``.
    /// - Parameters:
    ///   - response: The answer.
    ///   - bytesMax: The most bytes of all vectors.
    /// - Returns: The whole answer: all vectors in the order of their inputs, and the sum of the usage; nil = another
    ///   part is to be sent.
    /// - Throws: `invalidResponse` where the vectors are more bytes, or no vectors came.
    package mutating func take(_ response: Response, bytesMax: Int) throws(Failure) -> Response? {
        guard case .embedding(let vectors) = response.body, !vectors.isEmpty else {
            throw Failure(.invalidResponse, "a part of the inputs was answered without vectors; it can be tried again")
        }
        self.bytes += vectors.reduce(0) { $0 + $1.count }
        guard self.bytes <= bytesMax else {
            throw Failure(.invalidResponse, "the vectors of all inputs exceed \(bytesMax) bytes; send fewer inputs")
        }
        self.vectors += vectors
        if self.first == nil { self.first = response }
        if let usage = response.usage { self.usage?.add(usage) } else { self.usage = nil }
        guard self.vectors.count >= self.embedding.inputs.count, var whole = self.first else { return nil }
        whole.body = .embedding(self.vectors)
        whole.usage = self.usage
        return whole
    }
}
