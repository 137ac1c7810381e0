// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

extension Item {
    /// Gives the fallbacks' own requests the batch's defaults and the models that they are for.
    /// - Throws: `invalidRequest` where one is of no fallback, or of another's kind, or no provider would take it.
    mutating func completeFallbackRequests(from defaults: Request?) throws(Failure) {
        var seen: Set<UInt32> = []
        for place in self.fallbackRequests.indices {
            let param = "fallback_requests[\(place)]"
            let fallback = self.fallbackRequests[place].fallback
            guard Int(fallback) < self.fallbacks.count else {
                let words = "there is no fallback \(fallback): the item names \(self.fallbacks.count)"
                throw Failure(.invalidRequest, words, param: "\(param).fallback")
            }
            guard seen.insert(fallback).inserted else {
                let words = "fallback \(fallback) has a request already: give it one"
                throw Failure(.invalidRequest, words, param: "\(param).fallback")
            }
            var request = self.fallbackRequests[place].request
            do throws(Failure) {
                if let defaults { request = try request.merged(over: defaults) }
                request.model = self.fallbacks[Int(fallback)]
                guard request.task?.isOfKind(self.request.task) == true else {
                    throw Failure(.invalidRequest, "a fallback is asked for what the item asks for", param: "request")
                }
                if let fault = RequestCheck.fault(in: request) { throw fault }
            } catch {
                var failure = error
                failure.param = failure.param.isEmpty ? param : "\(param).\(failure.param)"
                throw failure
            }
            self.fallbackRequests[place].request = request
        }
    }
}

extension Request.Task {
    fileprivate func isOfKind(_ other: Request.Task?) -> Bool {
        switch (self, other) {
        case (.chat, .chat), (.completion, .completion), (.embedding, .embedding): true
        default: false
        }
    }
}
