// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The exceptions by which AWS's services name a failure: in a header, in the body's `__type`, or in a stream's frame.
///
/// Source: Amazon Bedrock API reference, the errors of "Converse" and "ConverseStream"; AWS's common errors.
enum AWSException {
    /// The class of an exception.
    /// - Parameters:
    ///   - name: For example `ThrottlingException`; a stream's frames begin it in lower case.
    ///   - text: The failure's words in lower case.
    /// - Returns: nil for a name that is none of them.
    static func code(of name: String, text: [UInt8]) -> FailureCode? {
        switch name.prefix(1).uppercased() + name.dropFirst() {
        case "ThrottlingException", "TooManyRequestsException": return .rateLimited
        case "ServiceQuotaExceededException": return .quotaExhausted
        // A model that isn't loaded yet is there in a while.
        case "ModelNotReadyException", "ServiceUnavailableException": return .overloaded
        case "ModelTimeoutException": return .timeout
        case "ModelErrorException", "ModelStreamErrorException", "InternalServerException", "InternalFailure":
            return .providerError
        case "ResourceNotFoundException": return .notFound
        case "AccessDeniedException":
            // An API key that isn't one is told apart by its words alone.
            return TextSearch.contains(["api key is valid", "invalid api key", "authentication failed"], in: text)
                ? .authentication : .permission
        case "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException",
            "IncompleteSignatureException", "MissingAuthenticationTokenException", "InvalidClientTokenId",
            "SignatureDoesNotMatchException":
            return .authentication
        case "RequestEntityTooLargeException": return .tooLarge
        case "ValidationException":
            // Whatever the request is refused for; inside a stream the status says nothing.
            return FailurePatterns.code(in: text, status: 400) ?? .invalidRequest
        default: return nil
        }
    }
}
