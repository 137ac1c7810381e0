// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC

/// Short names for the generated C structures.
enum Proto {
    typealias Bytes = ProtobufCBinaryData
    typealias ClientFrame = Fanout__V1__ClientFrame
    typealias ServerFrame = Fanout__V1__ServerFrame
    typealias Hello = Fanout__V1__Hello
    typealias Welcome = Fanout__V1__Welcome
    typealias Limits = Fanout__V1__Limits
    typealias GoAway = Fanout__V1__GoAway
    typealias Error = Fanout__V1__Error
    typealias Ping = Fanout__V1__Ping
    typealias Pong = Fanout__V1__Pong
    typealias Submit = Fanout__V1__Submit
    typealias Append = Fanout__V1__Append
    typealias Item = Fanout__V1__Item
    typealias FallbackRequest = Fanout__V1__FallbackRequest
    typealias Race = Fanout__V1__Race
    typealias CacheControl = Fanout__V1__CacheControl
    typealias BatchOptions = Fanout__V1__BatchOptions
    typealias Blob = Fanout__V1__Blob
    typealias Cancel = Fanout__V1__Cancel
    typealias Credit = Fanout__V1__Credit
    typealias Accepted = Fanout__V1__Accepted
    typealias Rejected = Fanout__V1__Rejected
    typealias Window = Fanout__V1__Window
    typealias ResultPart = Fanout__V1__ResultPart
    typealias Result = Fanout__V1__Result
    typealias Progress = Fanout__V1__Progress
    typealias Summary = Fanout__V1__Summary
    typealias CodeCount = Fanout__V1__CodeCount
    typealias Failure = Fanout__V1__Failure
    typealias Cause = Fanout__V1__Cause
    typealias Entry = Fanout__V1__Entry
    typealias Request = Fanout__V1__Request
    typealias Chat = Fanout__V1__Chat
    typealias TextCompletion = Fanout__V1__TextCompletion
    typealias Embedding = Fanout__V1__Embedding
    typealias Sampling = Fanout__V1__Sampling
    typealias Message = Fanout__V1__Message
    typealias Part = Fanout__V1__Part
    typealias Text = Fanout__V1__Text
    typealias Media = Fanout__V1__Media
    typealias Reasoning = Fanout__V1__Reasoning
    typealias ToolCall = Fanout__V1__ToolCall
    typealias ToolResult = Fanout__V1__ToolResult
    typealias ResultPiece = Fanout__V1__ResultPiece
    typealias Opaque = Fanout__V1__Opaque
    typealias CacheMarker = Fanout__V1__CacheMarker
    typealias Tool = Fanout__V1__Tool
    typealias ToolChoice = Fanout__V1__ToolChoice
    typealias ResponseFormat = Fanout__V1__ResponseFormat
    typealias ReasoningOptions = Fanout__V1__ReasoningOptions
    typealias Response = Fanout__V1__Response
    typealias ChatAnswer = Fanout__V1__ChatAnswer
    typealias Choice = Fanout__V1__Choice
    typealias TextAnswer = Fanout__V1__TextAnswer
    typealias TextChoice = Fanout__V1__TextChoice
    typealias EmbeddingAnswer = Fanout__V1__EmbeddingAnswer
    typealias Usage = Fanout__V1__Usage
    typealias Delta = Fanout__V1__Delta
    typealias ToolCallDelta = Fanout__V1__ToolCallDelta
    typealias Restart = Fanout__V1__Restart
    typealias Trail = Fanout__V1__Trail
    typealias Attempt = Fanout__V1__Attempt
    typealias StatusQuery = Fanout__V1__StatusQuery
    typealias Status = Fanout__V1__Status
    typealias LaneStatus = Fanout__V1__LaneStatus
    typealias ExplainQuery = Fanout__V1__ExplainQuery
    typealias Explanation = Fanout__V1__Explanation
    typealias CandidateNote = Fanout__V1__CandidateNote
    typealias ClassStatus = Fanout__V1__ClassStatus
    typealias Peer = Fanout__V1__Peer
    typealias MetricsQuery = Fanout__V1__MetricsQuery
    typealias Metrics = Fanout__V1__Metrics
}
