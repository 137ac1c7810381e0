// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Configurations to begin with.
package enum SampleConfiguration {
    /// Needs no key and no network: every answer is made up by the daemon itself.
    package static let simulated = """
        model_list:
          - model_name: demo
            litellm_params:
              model: simulated/first
          - model_name: demo
            litellm_params:
              model: simulated/second
        """
}
