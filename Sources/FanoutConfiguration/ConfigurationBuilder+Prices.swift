// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What tokens cost at a deployment.
extension ConfigurationBuilder {
    /// The configuration's prices, of which those of `litellm_params` win over those of `model_info`, over what is
    /// known of the model; `nil` = not known.
    mutating func price(_ known: Price?, _ params: inout ParameterLayers, _ info: inout Section) -> Price? {
        func take(_ key: String) -> Double? {
            let own = params.take(key)
            let other = info.take(key)
            return self.reader.number(own ?? other)
        }
        let prompt = take("input_cost_per_token")
        let completion = take("output_cost_per_token")
        var price = known ?? Price(promptToken: 0, completionToken: 0)
        price.promptToken = prompt ?? price.promptToken
        price.completionToken = completion ?? price.completionToken
        price.cachedPromptToken = take("cache_read_input_token_cost") ?? price.cachedPromptToken
        price.cacheWriteToken = take("cache_creation_input_token_cost") ?? price.cacheWriteToken
        price.reasoningToken = take("output_cost_per_reasoning_token") ?? price.reasoningToken
        price.audioPromptToken = take("input_cost_per_audio_token") ?? price.audioPromptToken
        price.audioCompletionToken = take("output_cost_per_audio_token") ?? price.audioCompletionToken
        price.image = take("input_cost_per_image") ?? price.image
        return known == nil && prompt == nil && completion == nil ? nil : price
    }
}
