// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Configurations to begin with.
package enum SampleConfiguration {
    /// Needs no key and no network: every answer is made up by the daemon itself.
    package static let simulated = """
        model_list:
          - model_name: demo
            litellm_params:
              model: simulated/first?latency_ms=40&jitter_ms=20&seed=1
          - model_name: demo
            litellm_params:
              model: simulated/second?latency_ms=80&jitter_ms=40&error_rate=0.1&seed=2
        """
}
