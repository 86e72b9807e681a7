public import Events
import Incidents

extension MetricsFold {
    /// The page that is scraped, in the text format 0.0.4.
    ///
    /// Unknown is left out, never 0: a phase before the first sample, a backstop that nobody looked for.
    ///
    /// - Parameters:
    ///   - isConnected: whether a recorder tells its events now.
    ///   - version: of this program.
    public func page(isConnected: Bool, version: String) -> Bytes {
        var page = Exposition()
        let overview = correlator.overview
        recorder(overview, isConnected, version, &page)
        losses(overview, &page)
        host(overview, &page)
        cgroups(&page)
        devices(&page)
        containment(overview, &page)
        return page.bytes
    }

    private func recorder(_ overview: Overview, _ isConnected: Bool, _ version: String, _ page: inout Exposition) {
        page.begin(Families.up)
        page.sample(Families.up, isConnected ? 1 : 0)
        page.begin(Families.buildInfo)
        page.sample(Families.buildInfo, 1, [Label("version", version)])
        page.begin(Families.recorderInfo)
        if !overview.recorder.version.isEmpty {
            page.sample(Families.recorderInfo, 1, [Label("version", overview.recorder.version)])
        }
        page.begin(Families.recorderStarts)
        page.sample(Families.recorderStarts, counters.starts)
        page.begin(Families.lastEvent)
        if counters.lastNs > 0, let ns = overview.clock.realtimeNs(of: Moment(boottimeNs: counters.lastNs)) {
            page.sample(Families.lastEvent, seconds: ns)
        }
        page.begin(Families.events)
        page.sample(Families.events, counters.events)
    }

    private func losses(_ overview: Overview, _ page: inout Exposition) {
        page.begin(Families.lost)
        for source in LossSource.allCases {
            page.sample(Families.lost, counters.lost[source] ?? 0, [Label("source", source.label)])
        }
        page.begin(Families.gaps)
        page.sample(Families.gaps, counters.gaps)
        page.begin(Families.gapSeconds)
        page.sample(Families.gapSeconds, seconds: counters.gapNs)
        page.begin(Families.hooks)
        guard !overview.hooks.isEmpty else { return }
        for mode in HookMode.allCases {
            let count = overview.hooks.count { $0.mode == mode }
            page.sample(Families.hooks, UInt64(count), [Label("mode", mode.label)])
        }
    }

    private func host(_ overview: Overview, _ page: inout Exposition) {
        page.begin(Families.phase)
        if let phase = overview.hostPhase { page.sample(Families.phase, UInt64(phase.rawValue)) }
        page.begin(Families.cgroups)
        for phase in Phase.allCases where phase > .calm {
            page.sample(Families.cgroups, UInt64(overview.cgroups[phase] ?? 0), [Label("phase", phase.label)])
        }
        page.begin(Families.incidentsOpen)
        for incidentClass in IncidentClass.allCases {
            let count = overview.openClasses.count { $0 == incidentClass }
            page.sample(Families.incidentsOpen, UInt64(count), [Label("class", incidentClass.label)])
        }
        page.begin(Families.incidents)
        for incidentClass in IncidentClass.allCases {
            let count = counters.incidents[incidentClass] ?? 0
            page.sample(Families.incidents, count, [Label("class", incidentClass.label)])
        }
        page.begin(Families.kills)
        for kind in KillKind.all { page.sample(Families.kills, counters.kills[kind] ?? 0, kind.labels) }
    }

    private func cgroups(_ page: inout Exposition) {
        page.begin(Families.highStall)
        for (cgroup, values) in counters.highStall.series {
            page.sample(Families.highStall, seconds: values[0], [cgroup])
        }
        page.begin(Families.reclaimStall)
        for (cgroup, values) in counters.reclaimStall.series {
            for kind in ReclaimKind.allCases {
                let labels = [cgroup, Label("reclaim", kind.label)]
                page.sample(Families.reclaimStall, seconds: values[kind.rawValue], labels)
            }
        }
        page.begin(Families.swapBytes)
        for (cgroup, values) in counters.swap.series {
            for direction in SwapDirection.allCases {
                let labels = [cgroup, Label("operation", direction.label)]
                page.sample(Families.swapBytes, values[direction.rawValue], labels)
            }
        }
    }

    private func devices(_ page: inout Exposition) {
        let series = counters.latency.sorted { a, b in
            if a.device != b.device { return a.device.lexicographicallyPrecedes(b.device) }
            return (a.operation.rawValue, a.swap ? 1 : 0) < (b.operation.rawValue, b.swap ? 1 : 0)
        }
        page.begin(Families.latency)
        for one in series { page.histogram(Families.latency, one.labels, one.buckets, sumNs: one.sumNs) }
        page.begin(Families.ioErrors)
        for one in series { page.sample(Families.ioErrors, one.errors, one.labels) }
        page.begin(Families.oldestRequest)
        for (name, ns) in oldestRequestsByName {
            page.sample(Families.oldestRequest, seconds: ns, [Label("device", name)])
        }
    }

    private func containment(_ overview: Overview, _ page: inout Exposition) {
        page.begin(Families.backstops)
        for backstop in overview.backstops.sorted(by: { $0.kind.rawValue < $1.kind.rawValue })
        where backstop.kind != .caps {
            page.sample(Families.backstops, backstop.running ? 1 : 0, [Label("backstop", backstop.kind.label)])
        }
        page.begin(Families.findings)
        // Before anything was heard of the machine nothing is known of what it would do.
        guard !overview.backstops.isEmpty else { return }
        let report = ContainmentReport(version: Bytes(), facts: correlator.containment(), censusRefused: Bytes())
        for rule in FindingRule.allCases {
            for verdict in FindingVerdict.allCases {
                let count = report.findings.count { $0.rule == rule && $0.verdict == verdict }
                guard count > 0 else { continue }
                let labels = [Label("rule", rule.label), Label("verdict", verdict.label)]
                page.sample(Families.findings, UInt64(count), labels)
            }
        }
    }
}

extension KillKind {
    fileprivate var labels: [Label] {
        [
            Label("killer", killer.label), Label("constraint", constraint?.label ?? ""),
            Label("drill", drill ? "true" : "false"),
        ]
    }
}

extension LatencySeries {
    fileprivate var labels: [Label] {
        [
            Label("device", device), Label("operation", operation.label),
            Label("swap", swap ? "true" : "false"),
        ]
    }
}

extension CgroupSeries {
    /// Those with a series of their own, then all the others together.
    fileprivate var series: [(cgroup: Label, values: InlineArray<2, UInt64>)] {
        let own = listed.map { entry in
            (Label("cgroup", entry.path.isEmpty ? Bytes("unknown".utf8) : entry.path), entry.values)
        }
        return own + [(Label("cgroup", otherLabel), others.values)]
    }
}
