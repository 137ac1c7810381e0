// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Who wants a connection, sends one request on it, and takes what comes back.
///
/// Called on the loop; ``answered()``, ``refused(_:)`` and the losses end the use of the connection.
protocol ConnectionUser: AnyObject {
    /// A new connection stands.
    func connected(_ connection: UpstreamHandler)
    /// No connection could be had.
    func connectFailed(_ failure: Failure)
    /// The final head has come; `true` = no more is wanted.
    func received(_ head: ResponseHead) -> Bool
    /// A piece of the body has come; `true` = no more is wanted.
    func received(_ bytes: UnsafeRawBufferPointer) -> Bool
    /// The answer is whole, or has all that is wanted of it.
    func answered()
    /// A reused connection turned out to be closed; nothing of an answer was seen.
    func lostReusedConnection(_ error: (any Error)?)
    /// The connection was lost.
    func lostConnection(amidAnswer: Bool, error: (any Error)?)
    /// What came is not taken.
    func refused(_ refusal: UpstreamConnection.Refusal)
}
