public import Events
public import Incidents

/// `inquest doctor --containment` for a terminal: facts first, then the findings, gaps before all others.
public enum ContainmentPage {
    public static func render(_ report: ContainmentReport, _ options: TextOptions = TextOptions()) -> Bytes {
        var page = TextPage(options)
        let facts = report.facts
        host(facts, &page)
        trees(facts, &page)
        victims(report, &page)
        page.section("FINDINGS")
        for verdict in [FindingVerdict.gap, .unknown, .note, .holds] {
            for finding in report.findings where finding.verdict == verdict { self.finding(finding, &page) }
        }
        return page.bytes
    }

    private static func host(_ facts: ContainmentFacts, _ page: inout TextPage) {
        page.section("FACTS")
        func fact(_ name: String, _ value: String) { page.paragraph([("  " + name, .plain)], hanging: 18, value) }
        fact("memory", Units.bytes(facts.memoryTotalBytes) + ", available " + Units.bytes(facts.availableBytes))
        fact(
            "swap",
            facts.swapTotalBytes == 0
                ? "none"
                : Units.bytes(facts.swapTotalBytes)
                    + ", free " + Units.bytes(facts.swapFreeBytes))
        for device in facts.swapDevices {
            let kind = device.inMemory ? "memory (zram)" : device.rotational ? "rotating disk" : "disk"
            let ceiling = device.ceilingBytes.value.map { ", sustains " + Units.bytesPerSecond($0) } ?? ""
            fact("swap on", Escaping.terminal(device.name) + ": " + kind + ceiling)
        }
        fact("memory cgroups", facts.cgroupMode.label)
        fact("IO of cgroups", facts.ioAccounted ? "charged" : "not charged")
        for state in facts.backstops where state.kind != .caps {
            fact(state.kind.label, state.running ? "running, pid \(state.pid)" : "not running")
        }
    }

    private static func trees(_ facts: ContainmentFacts, _ page: inout TextPage) {
        guard !facts.trees.isEmpty else { return page.section("TREES", "none known") }
        let trees = facts.trees
        var columns = [
            Column("TREES", trees.map { "  " + NameWords.cgroup($0.path) }),
            Column("memory", trees.map { Units.bytes($0.currentBytes) }, toTheRight: true),
            Column("swap", trees.map { Units.bytes($0.swapBytes) }, toTheRight: true),
            Column("max", trees.map { Units.bytes($0.maxBytes) }, toTheRight: true),
            Column("swap max", trees.map { Units.bytes($0.swapMaxBytes) }, toTheRight: true),
            Column("first to die", trees.map { $0.next.map { NameWords.process($0.comm, $0.pid) } ?? "?" }),
        ]
        if facts.cgroupMode == .unified {
            columns.insert(Column("high", trees.map { Units.bytes($0.highBytes) }, toTheRight: true), at: 3)
        }
        table(columns, rows: trees.count, &page)
        if facts.treesLeftOut > 0 { page.line("  and \(facts.treesLeftOut) smaller ones") }
    }

    private static func victims(_ report: ContainmentReport, _ page: inout TextPage) {
        let title = "THE KERNEL WOULD KILL"
        guard report.censusRefused.isEmpty else {
            return page.section(title, "unknown: no census (" + Escaping.terminal(report.censusRefused) + ")")
        }
        let ranking = report.facts.ranking
        guard !ranking.isEmpty else { return page.section(title, "nobody that is known") }
        let columns = [
            Column(title, ranking.map { "  " + NameWords.process($0.comm, $0.pid) }),
            Column("user", ranking.map { user($0) }),
            Column("memory", ranking.map { Units.bytes($0.rssBytes) }, toTheRight: true),
            Column("swap", ranking.map { Units.bytes($0.swapBytes) }, toTheRight: true),
            Column("adj", ranking.map { "\($0.oomScoreAdj)" }, toTheRight: true),
            Column("oom_score", ranking.map { "\($0.oomScore)" }, toTheRight: true),
            Column("in", ranking.map { NameWords.cgroup($0.cgroup) }),
        ]
        table(columns, rows: ranking.count, &page)
        page.line("  of \(report.facts.processes) processes")
    }

    private static func user(_ candidate: KillCandidate) -> String {
        if !candidate.user.isEmpty { return Escaping.terminal(candidate.user) }
        return candidate.ownerUID.value.map { "\($0)" } ?? "?"
    }

    private static func table(_ columns: [Column], rows: Int, _ page: inout TextPage) {
        for row in 0...rows {
            var cells = columns.map { $0.cell(row) }.joined(separator: "  ")
            while cells.last == " " { cells.removeLast() }
            page.line(page.paint(cells, row == 0 ? .section : .plain))
        }
    }

    private static func finding(_ finding: BackstopFinding, _ page: inout TextPage) {
        let style: Style =
            switch finding.verdict {
            case .gap: .alarm
            case .unknown: .warning
            case .note: .plain
            case .holds: .good
            }
        let name = NameWords.name(finding.name)
        page.paragraph(
            [("  " + padded(finding.verdict.label, to: 7), style), ("  " + name + ": ", .heading)], hanging: 11,
            NameWords.name(finding.finding))
        if !finding.consequence.bytes.isEmpty {
            page.paragraph(hanging: 11, "so: " + NameWords.name(finding.consequence.bytes))
        }
        if !finding.setting.bytes.isEmpty {
            page.paragraph(hanging: 11, "set: " + NameWords.name(finding.setting.bytes))
        }
    }
}
