// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel

// MARK: Cohere's format

extension FuzzSeed {
    static let cohere: [FuzzSeed] = [
        FuzzSeed(
            "cohere whole",
            "cohere",
            #"""
            {"id":"i","message":{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text",
            "text":"caf\u00e9"}],"tool_plan":"I will.","tool_calls":[{"id":"c","type":"function","function":{"name":
            "f","arguments":"{\"a\":1}"}}],"citations":[{"start":0,"end":1,"text":"c","sources":[]}]},"finish_reason":
            "TOOL_CALL","logprobs":[{"token_ids":[1,2],"text":"It is","logprobs":[-0.5,-0.25]}],"usage":{"billed_units":
            {"input_tokens":3},"tokens":{"input_tokens":30.0,"output_tokens":4},"cached_tokens":16}}
            """#
        ),
        FuzzSeed(
            "cohere stream",
            "cohere",
            events: [
                #"{"id":"i","type":"message-start","delta":{"message":{"role":"assistant","content":[]}}}"#,
                #"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}"#,
                #"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
                #"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"It is"}}},"logprobs":"#
                    + #"{"token_ids":[1],"text":"It is","logprobs":[-0.5]}}"#,
                #"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"text":"x"}}}}"#,
                #"{"type":"citation-end","index":0}"#, #"{"type":"content-end","index":0}"#,
                #"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"c","function":{"name":"f"}}}}}"#,
                #"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}}"#,
                #"{"type":"tool-call-end","index":0}"#,
                #"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":3}}}}"#,
                "[DONE]",
            ]
        ),
        FuzzSeed(
            "cohere error in a stream",
            "cohere",
            events: [
                #"{"type":"message-start","delta":{"message":{"role":"assistant"}}}"#,
                #"{"type":"message-end","delta":{"error":"bad","error_type":"INVALID_TOOL_GENERATION","finish_reason":"ERROR"}}"#,
            ]
        ),
        FuzzSeed(
            "cohere failure",
            "cohere",
            status: 400,
            #"{"id":"i","message":"too many tokens: size limit exceeded by 9 tokens. The limit for this model is 5 tokens"}"#
        ),
        FuzzSeed(
            "cohere vectors",
            "cohere",
            #"""
            {"id":"i","embeddings":{"float":[[0.5,-1e-3],[1,2]],"int8":[[1,2],[3,4]]},"texts":["a","b"],"meta":
            {"api_version":{"version":"2"},"billed_units":{"input_tokens":2}},"response_type":"embeddings_by_type"}
            """#
        ).answering(Self.twoTexts),
    ]
}

// MARK: Ollama's format

extension FuzzSeed {
    private static let ollamaLines = [
        #"{"model":"q","created_at":"2024-05-24T20:48:36.2Z","message":{"role":"assistant","thinking":"hm"},"done":false}"#,
        #"{"model":"q","message":{"role":"assistant","content":"caf\u00e9"},"logprobs":[{"token":"x","logprob":-0.5,"#
            + #""bytes":[1],"top_logprobs":[{"token":"y","logprob":-2}]}],"done":false}"#,
        #"{"model":"q","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":"#
            + #"{"a":1}}},{"id":"c","function":{"index":1,"name":"g","arguments":{}}}]},"done":false}"#,
        #"{"model":"q","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","#
            + #""prompt_eval_count":10,"eval_count":20,"total_duration":900}"#,
    ]

    static let ollama: [FuzzSeed] = [
        FuzzSeed("ollama stream", "ollama", stream: true, Self.ollamaLines.map { $0 + "\n" }.joined()),
        FuzzSeed(
            "ollama whole",
            "ollama",
            #"""
            {"model":"q","created_at":"2024-05-24T20:48:36+02:00","message":{"role":"assistant","content":"x",
            "thinking":"hm","tool_calls":[{"function":{"name":"f","arguments":{"a":{"b":[]}}}}]},"done":true,
            "done_reason":"length","prompt_eval_count":10,"eval_count":20}
            """#
        ),
        FuzzSeed(
            "ollama error in a stream",
            "ollama",
            stream: true,
            Self.ollamaLines[0] + "\n" + #"{"error":"model runner has stopped","status":500}"# + "\n"
        ),
        FuzzSeed(
            "ollama completion",
            "ollama",
            stream: true,
            #"{"model":"q","response":"a","done":false}"# + "\n"
                + #"{"model":"q","response":"","done":true,"done_reason":"stop","context":[1,2],"eval_count":2}"# + "\n"
        ).answering(Self.onePrompt),
        FuzzSeed("ollama failure", "ollama", status: 404, #"{"error":"model 'x' not found"}"#),
        FuzzSeed(
            "ollama vectors",
            "ollama",
            #"{"model":"q","embeddings":[[0.5,-1e-3],[1,2]],"total_duration":9,"prompt_eval_count":4}"#
        ).answering(Self.twoTexts),
    ]

    private static let onePrompt = Request(model: "g", task: .completion(CompletionRequest(prompts: ["p"])))
}

// MARK: Text-generation-inference's format

extension FuzzSeed {
    static let textGeneration: [FuzzSeed] = [
        FuzzSeed(
            "tgi whole",
            "huggingface",
            #"""
            [{"generated_text":"caf\u00e9","details":{"finish_reason":"eos_token","generated_tokens":3,"input_length":7,
            "seed":null,"prefill":[{"id":1,"text":"p","logprob":null}],"tokens":[{"id":1,"text":"He","logprob":-0.5,
            "special":false},{"text":"</s>","logprob":-3,"special":true}],"top_tokens":[[{"text":"x","logprob":-1}]],
            "best_of_sequences":[]}}]
            """#
        ).answering(Self.logprobs),
        FuzzSeed(
            "tgi stream",
            "huggingface",
            events: [
                #"{"index":1,"token":{"id":1,"text":"He","logprob":-0.5,"special":false},"top_tokens":[{"text":"x","#
                    + #""logprob":-1}],"generated_text":null,"details":null}"#,
                #"{"index":2,"token":{"id":2,"text":"llo","logprob":-0.25,"special":false},"generated_text":null}"#,
                #"{"index":3,"token":{"text":"</s>","special":true},"generated_text":"Hello","details":{"finish_reason":"#
                    + #""stop_sequence","generated_tokens":3,"seed":1,"input_length":7}}"#,
            ]
        ).answering(Self.logprobs),
        FuzzSeed(
            "tgi error in a stream",
            "huggingface",
            events: [
                #"{"index":1,"token":{"text":"He","special":false}}"#,
                #"{"error":"Request failed during generation","error_type":"generation"}"#,
            ]
        ).answering(Self.onePrompt),
        FuzzSeed(
            "tgi failure",
            "huggingface",
            status: 503,
            #"{"error":"Model m is currently loading","estimated_time":20.5}"#
        ).answering(Self.onePrompt),
    ]

    private static let logprobs: Request = {
        var completion = CompletionRequest(prompts: ["p"])
        completion.logprobs = 1
        return Request(model: "g", task: .completion(completion))
    }()
}
