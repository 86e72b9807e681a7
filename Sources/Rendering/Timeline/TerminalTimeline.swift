public import Events
public import Incidents

/// `inquest show`: one incident for a tired reader at a terminal.
///
/// First what happened in words, then the chain, then why nothing stopped it, then the details. Every figure has its source at
/// hand: the sources in brief, and with `timelineEntries: nil` each figure with its threshold and source.
public enum TerminalTimeline {
    public static func render(_ incident: Incident, _ options: TextOptions = TextOptions()) -> Bytes {
        var page = TimelinePage(incident, options)
        page.head()
        page.chain()
        page.backstops()
        page.suspects()
        page.bystanders()
        page.alternatives()
        page.kills()
        page.series()
        page.timeline()
        page.recordedBy()
        return page.page.bytes
    }
}

/// The sections, in the order in which they are called.
private struct TimelinePage {
    var page: TextPage
    let incident: Incident
    let words: IncidentWords
    let options: TextOptions

    var clock: LocalClock { words.clock }
    var all: Bool { options.timelineEntries == nil }

    init(_ incident: Incident, _ options: TextOptions) {
        self.incident = incident
        self.options = options
        page = TextPage(options)
        words = IncidentWords(incident, utcOffsetSeconds: options.utcOffsetSeconds)
    }

    // MARK: What happened

    mutating func head() {
        let id = "INCIDENT " + NameWords.name(incident.id)
        let host = "host " + NameWords.name(incident.host.name)
        let left = displayWidth(id + "   " + words.verdict)
        let gap = options.width - left - displayWidth(host)
        let verdict = style(of: incident.severity)
        if left <= options.width {
            let end = gap >= 2 ? String(repeating: " ", count: gap) + host : ""
            page.line(page.paint(id, .heading) + "   " + page.paint(words.verdict, verdict) + end)
        } else {
            page.paragraph(hanging: 0, id, .heading)
            page.paragraph(hanging: 0, words.verdict, verdict)
        }
        if gap < 2 { page.paragraph(hanging: 0, host) }
        page.paragraph(hanging: 0, words.span)
        if let next = words.nextBoot { page.paragraph(hanging: 0, next) }
        if let scope = words.scope { page.paragraph(hanging: 0, scope) }
        if let development = words.development { page.paragraph(hanging: 0, development) }
        page.blank()
        page.paragraph(
            hanging: 2, incident.summary.isEmpty ? "No summary." : Escaping.terminal(incident.summary))
        page.blank()
    }

    private func style(of severity: Phase) -> Style {
        switch severity {
        case .calm: .good
        case .watch, .pressure: .warning
        case .thrash, .critical: .alarm
        }
    }

    // MARK: Why, and why nothing stopped it

    mutating func chain() {
        if incident.chain.isEmpty { return page.section("CHAIN", "no link has evidence") }
        page.section("CHAIN")
        let times = incident.chain.map { clock.short($0.onset) }
        let timeWidth = times.map(displayWidth).max() ?? 0
        let hanging = 2 + timeWidth + 2 + 12
        for (link, time) in zip(incident.chain, times) {
            var text = NameWords.name(link.text)
            if link.confidence != .high { text += " (confidence " + link.confidence.label + ")" }
            page.paragraph(
                [
                    ("  ", .plain), (padded(time, to: timeWidth), .time), ("  ", .plain),
                    (NameWords.link(link.kind), link.kind == .kill || link.kind == .reset ? .alarm : .heading),
                ], hanging: hanging, text)
            if link.outOfOrder {
                page.paragraph(
                    hanging: hanging, "began before the link above: the chain is broken here", .warning)
            }
            if all {
                for item in link.evidence { page.paragraph(hanging: hanging, NameWords.evidence(item), .faint) }
            } else {
                sources(link.evidence, hanging: hanging)
            }
        }
    }

    /// The other classes, on request.
    mutating func alternatives() {
        guard all, !incident.alternatives.isEmpty else { return }
        page.section("CONSIDERED")
        for alternative in incident.alternatives {
            page.paragraph([("  ", .plain)], hanging: 4, NameWords.alternative(alternative), .faint)
        }
    }

    mutating func backstops() {
        let stoppers = words.stoppers
        let findings = words.otherFindings
        if stoppers.isEmpty && findings.isEmpty {
            if words.wantsBackstops { page.section(words.backstopTitle, "nothing is known of the backstops") }
            return
        }
        page.section(words.backstopTitle)
        let names = stoppers.map(\.name) + findings.map { NameWords.name($0.name) }
        let hanging = min(2 + (names.map(displayWidth).max() ?? 0) + 2, 20)
        for stopper in stoppers {
            page.paragraph([("  " + stopper.name, .good)], hanging: hanging, stopper.finding)
        }
        for finding in findings {
            page.paragraph(
                [("  " + NameWords.name(finding.name), .heading)], hanging: hanging, NameWords.name(finding.finding))
            if all, !finding.consequence.bytes.isEmpty {
                page.paragraph(hanging: hanging, "so: " + NameWords.name(finding.consequence.bytes))
            }
            if finding.verdict == .gap, !finding.setting.bytes.isEmpty {
                page.paragraph(hanging: hanging, "set: " + NameWords.name(finding.setting.bytes))
            }
            if all {
                for item in finding.evidence { page.paragraph(hanging: hanging, NameWords.evidence(item), .faint) }
            } else {
                sources(finding.evidence, hanging: hanging)
            }
        }
    }

    private mutating func sources(_ evidence: [Evidence], hanging: Int) {
        let sources = NameWords.sources(evidence)
        if !sources.isEmpty { page.paragraph(hanging: hanging, "from " + sources, .faint) }
    }

    // MARK: Who

    mutating func suspects() {
        if incident.suspects.isEmpty { return page.section("SUSPECTS", "none found") }
        let table = options.width >= 76
        let nameWidth = options.width - 50
        if table {
            page.line(
                page.paint(padded("SUSPECTS", to: nameWidth), .section) + rightAligned("grew", to: 12)
                    + rightAligned("swapped out", to: 13) + rightAligned("throttled", to: 12) + "   confidence")
        } else {
            page.section("SUSPECTS")
        }
        var owner = Bytes()
        for suspect in incident.suspects {
            let grew = Units.growth(suspect.grewBytes)
            let swapped = Units.bytes(suspect.swapWrittenBytes)
            let throttled = Units.duration(suspect.throttledNs)
            let confidence = suspect.confidence.label
            let figures =
                table
                ? rightAligned(grew, to: 12) + rightAligned(swapped, to: 13) + rightAligned(throttled, to: 12) + "   "
                    + confidence
                : "grew " + grew + ", swapped out " + swapped + ", throttled " + throttled + ", confidence "
                    + confidence
            row(name(of: suspect, under: owner), figures, nameWidth: table ? nameWidth : options.width)
            if suspect.pid == 0 { owner = suspect.cgroup }
        }
        if incident.suspects.contains(where: { ($0.throttledNs.value ?? 0) > 0 }) {
            page.paragraph(hanging: 2, "throttled: task time in memory.high; several tasks may stall at once", .faint)
        }
    }

    /// A process stands indented below its cgroup where that is a suspect itself.
    private func name(of suspect: Suspect, under owner: Bytes) -> String {
        var name = "  " + NameWords.cgroup(suspect.cgroup)
        if suspect.pid != 0 {
            let process = NameWords.process(suspect.comm, suspect.pid)
            name =
                suspect.cgroup == owner ? "    " + process : "  " + process + " in " + NameWords.cgroup(suspect.cgroup)
        }
        return suspect.user.isEmpty ? name : name + " (" + Escaping.terminal(suspect.user) + ")"
    }

    mutating func bystanders() {
        if incident.bystanders.isEmpty { return }
        let nameWidth = options.width / 2 - 6
        page.line(page.paint(padded("BYSTANDERS", to: nameWidth), .section) + "stalled")
        for bystander in incident.bystanders {
            let source = bystander.source.isEmpty ? "" : "  (" + Escaping.terminal(bystander.source) + ")"
            row(
                "  " + NameWords.cgroup(bystander.cgroup), Units.duration(bystander.stalledNs) + source,
                nameWidth: nameWidth)
        }
    }

    /// A name and its figures on one line; a name that is too long stands above them.
    private mutating func row(_ name: String, _ figures: String, nameWidth: Int) {
        let indent = name.prefix { $0 == " " }.count
        let fits = nameWidth + displayWidth(figures) <= options.width
        if fits && displayWidth(name) < nameWidth { return page.line(padded(name, to: nameWidth) + figures) }
        let room = options.width - indent
        var lines = wrapped(name, first: room, rest: room).map { String(repeating: " ", count: indent) + $0 }
        guard fits else {
            for line in lines { page.line(line) }
            return page.paragraph(hanging: indent + 2, figures)
        }
        // The figures stand behind the name's last line where it leaves room.
        if displayWidth(lines[lines.count - 1]) >= nameWidth { lines.append("") }
        for line in lines.dropLast() { page.line(line) }
        page.line(padded(lines[lines.count - 1], to: nameWidth) + figures)
    }

    // MARK: The kills

    mutating func kills() {
        if incident.kills.isEmpty { return page.section("KILLS", "none") }
        page.section("KILLS", incident.kills.count > 1 ? "(\(incident.kills.count))" : "")
        // Many kills in a row resemble each other: the first in full, the rest in a line each.
        let full = all ? incident.kills.count : 4
        let shown = all ? incident.kills.count : full + max(0, (options.timelineEntries ?? 0) - full)
        for (index, kill) in incident.kills.prefix(shown).enumerated() { self.kill(kill, full: index < full) }
        if incident.kills.count > shown {
            page.paragraph(hanging: 2, "... \(incident.kills.count - shown) more (--all for every one)", .faint)
        }
    }

    private mutating func kill(_ kill: Kill, full: Bool) {
        let kind = KillWords(kill: kill)
        let time = clock.short(kill.at, decimals: 3)
        let hanging = 2 + displayWidth(time) + 2
        page.paragraph(
            [("  ", .plain), (time, .time), ("  ", .plain), ("KILL", .alarm), (" ", .plain)], hanging: hanging,
            kind.victim)
        page.paragraph(hanging: hanging, kind.killer)
        guard full else { return }
        page.paragraph(
            hanging: hanging,
            ([kind.trigger, kind.size, kind.death] as [String?]).compactMap { $0 }.joined(separator: "; "))
        if !kill.victim.cmdline.isEmpty {
            let command = Escaping.terminal(kill.victim.cmdline) + (kill.victim.cmdlineTruncated ? " ..." : "")
            page.paragraph(hanging: hanging, "command: " + (all ? command : shortened(command, to: 120)), .faint)
        }
        for fact in kind.belongings { page.paragraph(hanging: hanging, fact, .faint) }
        if let others = kind.others { page.paragraph(hanging: hanging, "with it died " + others) }
        for cgroup in kind.cgroups(all: all) { page.paragraph(hanging: hanging, "cgroup " + cgroup, .faint) }
        page.paragraph(hanging: hanging, "evidence: " + kind.evidence(all: all), .faint)
        if all {
            for other in kill.cause.alternatives {
                page.paragraph(hanging: hanging, NameWords.alternative(other), .faint)
            }
            for fact in kind.surroundings { page.paragraph(hanging: hanging, fact, .faint) }
        }
        for caveat in kind.caveats { page.paragraph(hanging: hanging, caveat, .warning) }
    }

    private func shortened(_ text: String, to width: Int) -> String {
        text.unicodeScalars.count <= width ? text : String(text.unicodeScalars.prefix(width)) + " ..."
    }

    // MARK: What else

    mutating func series() {
        guard options.blockElements else { return }
        let lines = Sparklines(incident.series, width: options.width).lines
        guard !lines.isEmpty, let first = incident.series.first, let last = incident.series.last else { return }
        page.section("SERIES", clock.short(first.at, decimals: 0) + " to " + clock.short(last.at, decimals: 0))
        for line in lines { page.line("  " + line) }
    }

    mutating func timeline() {
        let count = incident.timeline.count
        guard count > 0 else { return page.section("TIMELINE", "empty") }
        let lines = words.timeline(limit: options.timelineEntries)
        let cut = lines.contains { if case .omitted = $0 { true } else { false } }
        let entries = NameWords.plural(count, "entry", "entries")
        page.section("TIMELINE", "(" + entries + (cut ? "; --all for every one)" : ")"))
        let times = incident.timeline.map { clock.short($0.at, decimals: 3) }
        let hanging = 2 + (times.map(displayWidth).max() ?? 0) + 2
        for line in lines {
            switch line {
            case .omitted:
                page.line(String(repeating: " ", count: hanging) + page.paint("... " + (line.omission ?? ""), .faint))
            case .entry(let entry):
                var text = NameWords.name(entry.text)
                if all && !entry.source.isEmpty { text += " [" + Escaping.terminal(entry.source) + "]" }
                page.paragraph(
                    [("  ", .plain), (clock.short(entry.at, decimals: 3), .time)], hanging: hanging, text,
                    style(of: entry.kind))
            }
        }
    }

    private func style(of kind: EntryKind) -> Style {
        switch kind {
        case .kill: .alarm
        case .loss, .gap: .warning
        default: .plain
        }
    }

    mutating func recordedBy() {
        let version = incident.host.inquestVersion
        let kernel = incident.host.kernel
        let text =
            "inquest " + NameWords.name(version) + ", " + words.hooks + ", "
            + (kernel.isEmpty ? "kernel unknown" : "linux " + Escaping.terminal(kernel))
        page.paragraph([("RECORDED BY", .section), (" ", .plain)], hanging: 2, text)
        page.paragraph(hanging: 2, words.losses)
        for name in words.deafTo { page.paragraph(hanging: 2, "not heard: " + name, .warning) }
        for note in words.notes { page.paragraph(hanging: 2, note, .faint) }
    }
}
