// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutTokens

/// A deployment on its way into the snapshot.
struct DeploymentDraft {
    /// `model_name`.
    var group: String
    /// Where the entry stands.
    var mark: Mark
    /// Its path, for example `model_list[0]`.
    var path: String
    /// Whether `identity` is `model_info.id`.
    var hasOwnID: Bool
    /// All but its group's place.
    var deployment: Deployment
    /// Its `tpm` without an `rpm`, at a provider that derives one from the other.
    var derivesRequests = false
}

/// What is gathered while a configuration is read.
///
/// The sections are read in the order in which later ones win: LiteLLM's settings, its router's, ours, the
/// environment's, the command line's; then the deployments, which build on all of them.
struct ConfigurationBuilder {
    /// A list of fallbacks in force.
    struct FallbackLists {
        var general: Field?
        var defaults: Field?
        var contextWindow: Field?
        var contentPolicy: Field?
        /// `context_window_fallback_dict` of the default parameters.
        var contextWindowDictionary: Field?
    }

    var reader: FieldReader
    let environment: [String: String]
    let overrides: ConfigurationOverrides
    var service: ServiceSettings
    var routing = RoutingSettings()
    var limits = Limits()
    var tenants = TenantPolicies()
    /// `models` of tenants, to look for groups of their names.
    var tenantModels: [Field] = []
    /// Numbers of users and groups.
    let identities: IdentityReader
    var tokenizers: [Tokenizer] = []
    var isStrict: Bool
    /// What happens to rates was said, so that nobody needs to be told.
    var ratesAreKnown = false
    /// How tags would filter, whether they do or not.
    var tagFiltering = TagFiltering()
    /// Groups whose deployments say themselves whether tags filter them.
    var tagging: [String: GroupTagging] = [:]
    /// Budgets of providers, to look for their deployments.
    var providerBudgets: [Field] = []
    /// `routing_groups`.
    var routingGroups: Field?
    /// `model_group_retry_policy`.
    var groupRetryPolicies: Field?
    /// `fanout.accounts`.
    var accounts: [AccountDraft] = []
    /// Where `fanout.limits` stands.
    var limitsMark = Mark(file: "", line: 0, column: 0)
    var fallbacks = FallbackLists()
    var aliases: Field?
    var dropsUnsupported = false
    var defaultParameters: Section?
    var credentials: [String: Section] = [:]
    var drafts: [DeploymentDraft] = []
    /// The groups in the order of the file.
    var groupNames: [String] = []
    /// The same, to look them up.
    var knownGroups: Set<String> = []

    init(
        log: DiagnosticLog,
        environment: [String: String],
        files: FileReader,
        identities: IdentityReader,
        overrides: ConfigurationOverrides
    ) {
        self.identities = identities
        self.reader = FieldReader(log: log, values: ValueSource(variables: environment, files: files))
        self.environment = environment
        self.overrides = overrides
        self.isStrict = overrides.strict
        self.service = ServiceSettings(socketPath: ServiceSettings.defaultSocketPath(environment: environment))
    }

    /// Reads the whole file.
    mutating func read(_ root: inout Section) {
        self.limitsMark = root.mark
        var fanout = self.reader.section(root.take("fanout"))
        self.readAccepted(&fanout)
        self.readVariables(root.take("environment_variables"))
        self.readCredentials(root.take("credential_list"))
        self.readGeneralSettings(root.take("general_settings"))
        self.readLiteLLMSettings(root.take("litellm_settings"))
        self.readRouterSettings(root.take("router_settings"))
        self.readFanout(&fanout)
        self.readEnvironment()
        self.readOverrides()
        self.checkLimits()
        self.readAccounts(fanout?.take("accounts"))
        self.readModelList(root.take("model_list"), file: root.mark)
        _ = root.take("include")
        self.reader.finish(root, .topLevel)
    }

    /// What the file says about warnings must be known before there are any.
    private mutating func readAccepted(_ fanout: inout Section?) {
        for field in self.reader.list(fanout?.take("ignore")) ?? [] {
            guard let path = self.reader.text(field) else { continue }
            self.reader.log.accepted.insert(DiagnosticLog.withoutIndices(path))
        }
        if let strict = self.reader.flag(fanout?.take("strict")) { self.isStrict = self.isStrict || strict }
    }

    /// LiteLLM exports them before it reads anything else, over what is set already.
    private mutating func readVariables(_ field: Field?) {
        guard let section = self.reader.section(field) else { return }
        for field in section.fields {
            guard let text = self.reader.text(field) else { continue }
            if field.key.hasPrefix("FANOUT_") {
                self.reader.warn(field, "FANOUT_… variables are read from the process only; use the fanout: section")
            } else {
                self.reader.values.variables[field.key] = text
            }
        }
    }

    private mutating func readCredentials(_ field: Field?) {
        for element in self.reader.list(field) ?? [] {
            guard var section = self.reader.section(element) else { continue }
            let name = self.reader.text(section.take("credential_name"))
            let values = self.reader.section(section.take("credential_values"))
            _ = section.take("credential_info")
            self.reader.finish(section, UnreadKeys())
            guard let name, let values else {
                self.reader.error(element, "needs credential_name and credential_values")
                continue
            }
            if self.credentials.updateValue(values, forKey: name) != nil {
                self.reader.error(element, "this credential_name is used twice; rename one")
            }
        }
    }
}
