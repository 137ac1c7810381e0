// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension ConfigurationBuilder {
    /// Reads our own section.
    mutating func readFanout(_ section: inout Section?) {
        self.readRuntimeDirectory()
        guard var fanout = section else { return }
        _ = fanout.take("ignore")
        _ = fanout.take("strict")
        // Read later, when the keys in the environment are known.
        _ = fanout.take("accounts")
        if let field = self.reader.resolved(fanout.take("socket")), let path = self.reader.text(field) {
            self.setSocket(path, field.mark, field.path)
        }
        self.readSocketMode(fanout.take("socket_mode"))
        self.readMetrics(&fanout)
        if let group = self.reader.text(fanout.take("socket_group")) { self.service.socketGroup = group }
        if let loops: Int = self.reader.count(fanout.take("loops"), 1...256) { self.service.loops = loops }
        if let file = self.reader.text(fanout.take("ca_file")) { self.service.caFile = file }
        if let drain = self.reader.milliseconds(fanout.take("drain_seconds"), 0...86_400_000) {
            self.limits.drainMilliseconds = drain
        }
        self.readLog(fanout.take("log"))
        self.readConcurrency(fanout.take("concurrency"))
        self.readTimeouts(fanout.take("timeouts"))
        self.readLimits(fanout.take("limits"))
        self.readTokenizers(fanout.take("tokenizers"))
        self.readClasses(fanout.take("classes"))
        self.readTenants(fanout.take("tenants"))
        if let ratio = self.fraction(fanout.take("retry_budget"), 0...10) { self.routing.retryBudgetRatio = ratio }
        self.reader.finish(fanout, UnreadKeys())
        section = fanout
    }

    /// The mode is octal, as chmod(1) takes it, whatever YAML makes of its digits.
    private mutating func mode(_ field: Field?) -> UInt32? {
        guard let field, let text = self.reader.text(field) else { return nil }
        let digits = text.hasPrefix("0o") ? text.dropFirst(2) : Substring(text)
        if let mode = UInt32(digits, radix: 8), mode <= 0o777 { return mode }
        self.reader.error(field, "must be an octal mode such as 0660")
        return nil
    }

    private mutating func readSocketMode(_ field: Field?) {
        guard let field, let mode = self.mode(field) else { return }
        guard mode & 0o002 == 0 else {
            self.reader.error(
                field,
                "would let every user of this machine spend the keys' budget; use 0660 and a group"
            )
            return
        }
        self.service.socketMode = mode
    }

    /// Metrics are served in the runtime directory that systemd made, unless the file says otherwise.
    private mutating func readRuntimeDirectory() {
        guard let directory = self.environment["RUNTIME_DIRECTORY"]?.split(separator: ":").first,
            directory.hasPrefix("/")
        else { return }
        let path = "\(directory)/metrics.sock"
        if path.utf8.count <= Self.socketPathBytesMax { self.service.metricsSocketPath = path }
    }

    /// Nowhere for an empty path.
    private mutating func readMetrics(_ fanout: inout Section) {
        if let field = self.reader.resolved(fanout.take("metrics_socket")), let path = self.reader.text(field) {
            self.service.metricsSocketPath = path.isEmpty ? nil : self.socketPath(path, field.mark, field.path)
        }
        if let mode = self.mode(fanout.take("metrics_socket_mode")) { self.service.metricsSocketMode = mode }
        if let group = self.reader.text(fanout.take("metrics_socket_group")) { self.service.metricsSocketGroup = group }
    }

    private mutating func readLog(_ field: Field?) {
        guard var section = self.reader.section(field) else { return }
        if let field = section.take("level"), let text = self.reader.text(field) {
            self.setLogLevel(text, field.mark, field.path)
        }
        if let field = section.take("format"), let text = self.reader.text(field) {
            self.setLogFormat(text, field.mark, field.path)
        }
        if let bodies = self.reader.flag(section.take("bodies")) { self.service.logsBodies = bodies }
        self.reader.finish(section, UnreadKeys())
    }

    private mutating func readConcurrency(_ field: Field?) {
        guard var section = self.reader.section(field) else { return }
        let range: ClosedRange<UInt32> = 1...1_000_000
        if let most = self.reader.count(section.take("daemon"), range) { self.routing.daemonConcurrency = most }
        if let most = self.reader.count(section.take("tenant"), range) { self.routing.tenantConcurrency = most }
        if let most = self.reader.count(section.take("batch"), range) { self.routing.batchConcurrency = most }
        if let most = self.reader.count(section.take("lane"), range) { self.routing.laneConcurrency = most }
        self.reader.finish(section, UnreadKeys())
    }

    private mutating func readTimeouts(_ field: Field?) {
        guard var section = self.reader.section(field) else { return }
        let timers: [(String, WritableKeyPath<Timeouts, UInt64>)] = [
            ("connect", \.connect), ("headers", \.headers), ("first_content", \.firstContent), ("idle", \.idle),
            ("total", \.total),
        ]
        for (key, timer) in timers {
            if let value = self.reader.milliseconds(section.take(key)) { self.routing.timeouts[keyPath: timer] = value }
        }
        self.reader.finish(section, UnreadKeys())
    }

    /// What each priority class is given beside its rank.
    private mutating func readClasses(_ field: Field?) {
        guard var section = self.reader.section(field) else { return }
        for (index, name) in ["system", "interactive", "default", "bulk"].enumerated() {
            guard var own = self.reader.section(section.take(name)) else { continue }
            if let floor = self.fraction(own.take("floor"), 0...0.9) { self.routing.classes[index].floor = floor }
            if let promotion = self.reader.milliseconds(own.take("promotion_seconds"), 0...86_400_000) {
                self.routing.classes[index].promotionMilliseconds = promotion
            }
            self.reader.finish(own, UnreadKeys())
        }
        self.reader.finish(section, UnreadKeys())
        let kept = self.routing.classes.reduce(0) { $0 + $1.floor }
        if kept > 0.95, let field {
            self.reader.error(field, "the floors of all classes are \(kept) together; keep them below 0.95")
        }
    }

    // MARK: Limits

    private mutating func readLimits(_ field: Field?) {
        if let field, field.node.text == "weights_only" {
            self.ratesAreKnown = true
            self.routing.enforcesRates = false
            return
        }
        guard var section = self.reader.section(field) else { return }
        self.limitsMark = section.mark
        self.readSizes(&section)
        self.readCounts(&section)
        let durations: [(String, WritableKeyPath<Limits, UInt64>)] = [
            ("hello_ms", \.helloMilliseconds), ("frame_ms", \.frameMilliseconds),
            ("output_stall_ms", \.outputStallMilliseconds), ("batch_idle_ms", \.batchIdleMilliseconds),
        ]
        for (key, path) in durations {
            let value = self.reader.milliseconds(section.take(key), bareUnit: 1, 100...86_400_000)
            if let value { self.limits[keyPath: path] = value }
        }
        if let field = section.take("rates"), let text = self.reader.text(field) {
            self.ratesAreKnown = true
            self.routing.enforcesRates = text != "weights_only"
            if !["weights_only", "enforced"].contains(text) {
                self.reader.error(field, "must be weights_only or enforced")
            }
        }
        self.reader.finish(section, UnreadKeys())
    }

    private mutating func readSizes(_ section: inout Section) {
        let room = 1 << 40
        let sizes: [(String, WritableKeyPath<Limits, Int>, ClosedRange<Int>)] = [
            ("frame_bytes", \.frameBytes, 64 << 10...(16 << 20) - 1),
            ("hello_bytes", \.helloBytes, 1 << 10...1 << 20),
            ("upload_window_bytes", \.uploadWindowBytes, 1 << 20...room),
            ("batch_window_bytes", \.batchWindowBytes, 64 << 10...room),
            ("blob_bytes_per_connection", \.blobBytesPerConnection, 0...room),
            ("blob_bytes_per_tenant", \.blobBytesPerTenant, 0...room),
            ("output_soft_bytes", \.outputSoftBytes, 64 << 10...room),
            ("output_hard_bytes", \.outputHardBytes, 64 << 10...room),
            ("output_max_bytes", \.outputMaxBytes, 1 << 20...room),
            ("reorder_bytes", \.reorderBytes, 64 << 10...room),
            ("buffered_bytes", \.bufferedBytes, 16 << 20...room),
            ("answer_bytes", \.answerBytes, 64 << 10...1 << 30),
        ]
        for (key, path, range) in sizes {
            if let value = self.reader.bytes(section.take(key), range) { self.limits[keyPath: path] = value }
        }
    }

    private mutating func readCounts(_ section: inout Section) {
        let counts: [(String, WritableKeyPath<Limits, Int>, Int)] = [
            ("items_per_frame", \.itemsPerFrame, 1_000_000),
            ("batches_per_connection", \.batchesPerConnection, 1_000_000),
            ("connections", \.connections, 1_000_000),
            ("connections_per_tenant", \.connectionsPerTenant, 1_000_000),
            ("pending_connections", \.pendingConnections, 1_000_000),
            ("reorder_results", \.reorderResults, 1_000_000),
        ]
        for (key, path, most) in counts {
            if let value = self.reader.count(section.take(key), 1...most) { self.limits[keyPath: path] = value }
        }
        if let items: UInt64 = self.reader.count(section.take("items_per_batch"), 1...UInt64(UInt32.max)) {
            self.limits.itemsPerBatch = items
        }
    }

    /// Limits that build on each other.
    mutating func checkLimits() {
        let limits = self.limits
        let pairs: [(String, Int, String, Int)] = [
            ("hello_bytes", limits.helloBytes, "frame_bytes", limits.frameBytes),
            ("frame_bytes", limits.frameBytes, "batch_window_bytes", limits.batchWindowBytes),
            ("batch_window_bytes", limits.batchWindowBytes, "upload_window_bytes", limits.uploadWindowBytes),
            ("output_soft_bytes", limits.outputSoftBytes, "output_hard_bytes", limits.outputHardBytes),
            ("output_hard_bytes", limits.outputHardBytes, "output_max_bytes", limits.outputMaxBytes),
            ("upload_window_bytes", limits.uploadWindowBytes, "buffered_bytes", limits.bufferedBytes),
            ("output_max_bytes", limits.outputMaxBytes, "buffered_bytes", limits.bufferedBytes),
        ]
        for (small, value, large, bound) in pairs where value > bound {
            self.reader.log.error(
                self.limitsMark,
                "fanout.limits.\(small)",
                "\(value) is more than \(large), which is \(bound); lower the one or raise the other"
            )
        }
    }
}
