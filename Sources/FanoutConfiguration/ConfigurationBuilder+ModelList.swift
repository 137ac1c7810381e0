// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

extension ConfigurationBuilder {
    /// The most deployments of one file.
    static let deploymentsMax = 10_000

    mutating func readModelList(_ field: Field?, file: Mark) {
        guard let entries = self.reader.list(field), !entries.isEmpty else {
            if field == nil || field?.node.isFalsy == true {
                let example = "- model_name: NAME, with litellm_params: {model: openai/NAME}"
                self.reader.log.error(
                    field?.keyMark ?? file,
                    "model_list",
                    "is missing or empty; add an entry: \(example)"
                )
            }
            return
        }
        guard entries.count <= Self.deploymentsMax else {
            self.reader.log.error(
                entries[Self.deploymentsMax].mark,
                "model_list",
                "has \(entries.count) deployments, at most \(Self.deploymentsMax) are taken"
            )
            return
        }
        for entry in entries {
            for one in Self.byOrganization(entry) { self.readDeployment(one) }
        }
        self.checkPatterns()
        self.checkIDs()
        self.checkOrders()
        self.checkRates()
        self.checkBudgets()
        self.checkAccounts()
    }

    private mutating func readDeployment(_ entry: Field) {
        guard var section = self.reader.section(entry) else {
            if entry.node.isNull { self.reader.error(entry, "is empty; remove it") }
            return
        }
        let group = self.modelName(section.take("model_name"), entry)
        let own = self.reader.section(section.take("litellm_params"))
        var info =
            self.reader.section(section.take("model_info"))
            ?? Section(path: entry.path + ".model_info", mark: entry.mark)
        let top = self.rates(&section)
        self.reader.finish(section, .modelListEntry)
        guard let own else {
            self.reader.error(entry, "needs litellm_params with at least a model")
            return
        }
        var params = self.layers(own)
        guard self.isEnabled(&info), let (endpoint, identity) = self.endpoint(&params, of: group) else { return }
        let id = self.identifier(info.take("id"))
        var deployment = Deployment(
            identity: id ?? identity.text,
            name: id ?? endpoint.name,
            group: GroupID(0),
            endpoint: endpoint.endpoint
        )
        self.readRouting(&params, &info, into: &deployment)
        self.readRates(&params, top, &info, into: &deployment)
        self.readPlace(&params, &info, into: &deployment)
        deployment.region = endpoint.region.isEmpty ? nil : endpoint.region
        deployment.account = self.account(of: deployment.endpoint)
        let offers = ProviderCatalogue.offers(of: deployment.endpoint.provider)
        deployment.offers = self.offers(&info).intersection(offers)
        deployment.endpoint.defaultsJSON = self.defaults(params)
        self.readTagging(&info, of: group)
        self.reader.finish(info, .modelInfo)
        guard let group else { return }
        if self.knownGroups.insert(group).inserted { self.groupNames.append(group) }
        self.drafts.append(
            DeploymentDraft(
                group: group,
                mark: entry.mark,
                path: entry.path,
                hasOwnID: id != nil,
                deployment: deployment,
                derivesRequests: deployment.endpoint.provider == "azure" && deployment.requestsPerMinute == nil
            )
        )
    }

    /// The deployment's own parameters, then its named credential's, then the defaults of all.
    private mutating func layers(_ own: Section) -> ParameterLayers {
        var params = ParameterLayers([own] + (self.defaultParameters.map { [$0] } ?? []))
        guard let field = params.take("litellm_credential_name"), let name = self.reader.text(field) else {
            return params
        }
        if let credential = self.credentials[name] {
            params.add(beneath: credential)
        } else {
            self.reader.error(field, "there is no such credential_name in credential_list")
        }
        return params
    }

    private mutating func modelName(_ field: Field?, _ entry: Field) -> String? {
        guard let field, !field.node.isNull else {
            self.reader.error(field ?? entry, "model_name is missing: it is what callers ask for")
            return nil
        }
        guard let name = self.reader.text(field) else { return nil }
        guard (1...256).contains(name.utf8.count) else {
            self.reader.error(field, "must have from 1 to 256 bytes")
            return nil
        }
        return name
    }

    private mutating func identifier(_ field: Field?) -> String? {
        guard let field, let id = self.reader.text(field) else { return nil }
        if (1...256).contains(id.utf8.count) { return id }
        self.reader.error(field, "must have from 1 to 256 bytes")
        return nil
    }

    /// Whether the entry is switched on here.
    private mutating func isEnabled(_ info: inout Section) -> Bool {
        var isEnabled = true
        if let field = info.take("blocked"), self.reader.flag(field) == true {
            self.reader.warn(field, "this deployment is blocked, so it is left out")
            isEnabled = false
        }
        if let field = info.take("supported_environments"), let names = self.reader.texts(field), !names.isEmpty {
            guard let here = self.reader.values.variables["LITELLM_ENVIRONMENT"] else {
                self.reader.error(field, "needs the variable LITELLM_ENVIRONMENT, which says where this is; set it")
                return false
            }
            isEnabled = isEnabled && names.contains(here)
        }
        return isEnabled
    }

    /// Whether tags filter the deployments of this group, whatever they do to others; the first that says so counts.
    private mutating func readTagging(_ info: inout Section, of group: String?) {
        guard let filters = self.reader.flag(info.take("enable_tag_filtering")), let group else { return }
        if self.tagging[group] == nil { self.tagging[group] = filters ? .on(self.tagFiltering) : .off }
    }

    private mutating func readRouting(
        _ params: inout ParameterLayers,
        _ info: inout Section,
        into deployment: inout Deployment
    ) {
        deployment.weight = self.reader.number(params.take("weight"))
        let most = params.take("max_parallel_requests")
        deployment.maxConcurrency = self.reader.count(most, 0...1_000_000)
        if let most, deployment.maxConcurrency == 0 {
            self.reader.warn(most, "0 means that this deployment serves nothing")
        }
        let order = params.take("order")
        let infoOrder = info.take("order")
        deployment.order = self.reader.count(order ?? infoOrder, -1_000_000...1_000_000)
        deployment.retries = self.reader.count(params.take("num_retries"), 0...1_000)
        let fails = info.take("allowed_fails")
        deployment.allowedFails = self.reader.count(fails ?? params.take("allowed_fails"), 0...1_000_000)
        deployment.allowedFailsPolicy = self.failureCounts(info.take("allowed_fails_policy"), suffix: "AllowedFails")
        let infoCooldown = info.take("cooldown_time")
        let cooldown = params.take("cooldown_time")
        deployment.cooldownMilliseconds = self.reader.milliseconds(infoCooldown ?? cooldown)
        deployment.timeouts = self.timeouts(&params)
        deployment.tags = self.reader.texts(params.take("tags")) ?? []
        let budget = params.take("max_budget")
        deployment.budget = self.budget(budget, per: params.take("budget_duration"))
    }

    private mutating func timeouts(_ params: inout ParameterLayers) -> Timeouts? {
        let timeout = params.take("timeout")
        let requestTimeout = params.take("request_timeout")
        let total = self.reader.timer(timeout ?? requestTimeout)
        let stream = self.reader.timer(params.take("stream_timeout"))
        guard total != nil || stream != nil else { return nil }
        var timeouts = self.routing.timeouts
        if let total { timeouts.total = total }
        if let stream { timeouts.bound(streamBy: stream) }
        return timeouts
    }

    // MARK: Capabilities

    private mutating func offers(_ info: inout Section) -> Needs {
        var offers = Needs.all
        if let field = info.take("mode"), let mode = self.reader.text(field) {
            switch mode {
            case "chat": offers.subtract([.completion, .embedding])
            case "completion": offers = [.completion, .streaming, .logprobs, .choices]
            case "embedding": offers = [.embedding]
            default:
                self.reader.warn(field, "Fanout serves chat, completion and embedding; this is taken as all three")
            }
        }
        let abilities: [(String, Needs)] = [
            ("supports_function_calling", .tools), ("supports_vision", .vision), ("supports_pdf_input", .documents),
            ("supports_audio_input", .audio), ("supports_response_schema", .jsonSchema),
            ("supports_native_streaming", .streaming), ("supports_logprobs", .logprobs),
        ]
        for (key, ability) in abilities where self.reader.flag(info.take(key)) == false { offers.subtract(ability) }
        return offers
    }
}
