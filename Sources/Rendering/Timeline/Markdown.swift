public import Events
public import Incidents

/// `export --format markdown`: a post-mortem that people can publish after they have filled in what only people know.
///
/// Every sentence that can hold a name is escaped for Markdown as a whole: no name becomes a link with another text, an image, a
/// heading, a mention, HTML or a new table row.
public enum Markdown {
    /// - Parameters:
    ///   - utcOffsetSeconds: seconds east of UTC for local times; `nil`: as recorded with the clock.
    ///   - timelineEntries: entries of the timeline's table; `nil` for every one.
    public static func render(
        _ incident: Incident, utcOffsetSeconds: Int32? = nil, timelineEntries: Int? = 100
    ) -> Bytes {
        var document = PostMortem(incident, utcOffsetSeconds: utcOffsetSeconds)
        document.head()
        document.impact()
        document.chain()
        document.cause()
        document.detection()
        document.kills()
        document.backstops()
        document.lessons()
        document.timeline(limit: timelineEntries)
        document.quality()
        document.actions()
        return Bytes(document.text.utf8)
    }
}

private struct PostMortem {
    private(set) var text = ""
    let incident: Incident
    let words: IncidentWords

    init(_ incident: Incident, utcOffsetSeconds: Int32?) {
        self.incident = incident
        words = IncidentWords(incident, utcOffsetSeconds: utcOffsetSeconds)
    }

    // MARK: Pieces

    private mutating func line(_ line: String = "") { text += line + "\n" }

    private mutating func section(_ title: String) {
        line()
        line("## " + title)
        line()
    }

    private mutating func item(_ shown: String, indent: Int = 0) {
        line(String(repeating: " ", count: indent) + "- " + safe(shown))
    }

    private mutating func table(_ header: [String], _ rows: [[String]]) {
        line("| " + header.joined(separator: " | ") + " |")
        line("|" + header.map { _ in " --- |" }.joined())
        for row in rows { line("| " + row.map { safe($0, lineStart: false) }.joined(separator: " | ") + " |") }
    }

    /// Shown text (already safe for a terminal), safe for Markdown too.
    private func safe(_ shown: String, lineStart: Bool = true) -> String {
        Escaping.markdown(shown: shown, lineStart: lineStart)
    }

    /// A sentence's first letter large.
    private func sentence(_ shown: String) -> String {
        guard let first = shown.unicodeScalars.first, first.isASCII else { return shown }
        return shown.prefix(1).uppercased() + shown.dropFirst()
    }

    // MARK: Sections

    mutating func head() {
        line("# Incident " + safe(NameWords.name(incident.id) + ": " + words.verdict))
        line()
        var facts = "Host " + NameWords.name(incident.host.name) + ", " + words.span + "."
        if let scope = words.scope { facts += " Scope: " + scope + "." }
        if let next = words.nextBoot { facts += " " + sentence(next) + "." }
        line(safe(facts))
        line("Times are local, " + Times.offset(words.clock.utcOffsetSeconds) + " from UTC.")
        section("Summary")
        line(safe(incident.summary.isEmpty ? "No summary." : Escaping.terminal(incident.summary)))
    }

    mutating func impact() {
        section("Impact")
        let scope = words.scope.map { "only " + $0 } ?? "the whole host"
        item("Severity " + incident.severity.label + ", " + scope + ".")
        item(
            incident.kills.isEmpty
                ? "Nothing was killed."
                : NameWords.plural(incident.kills.count, "process was", "processes were") + " killed.")
        if incident.bystanders.isEmpty {
            item("No bystander is known to have stalled.")
        } else {
            item("Others stalled because of it:")
            line()
            table(
                ["Who", "Stalled", "Measured by"],
                incident.bystanders.map {
                    [NameWords.cgroup($0.cgroup), Units.duration($0.stalledNs), NameWords.name($0.source)]
                })
        }
    }

    mutating func chain() {
        section("How it came about")
        guard !incident.chain.isEmpty else { return line("No link of the chain has evidence.") }
        for (number, link) in incident.chain.enumerated() {
            var head = NameWords.name(link.text)
            if link.confidence != .high { head += " (confidence " + link.confidence.label + ")" }
            line(
                "\(number + 1). " + safe(words.clock.short(link.onset)) + " **" + safe(NameWords.link(link.kind))
                    + "**: "
                    + safe(head))
            if link.outOfOrder { item("Began before the link above: the chain is broken here.", indent: 3) }
            for evidence in link.evidence { item(NameWords.evidence(evidence), indent: 3) }
        }
    }

    mutating func cause() {
        section("Root cause and trigger")
        if incident.suspects.isEmpty {
            line("No suspect was found.")
        } else {
            table(
                ["Suspect", "Grew", "Swapped out", "Throttled (task time)", "Confidence"],
                incident.suspects.map { suspect in
                    var name = NameWords.cgroup(suspect.cgroup)
                    if suspect.pid != 0 { name = NameWords.process(suspect.comm, suspect.pid) + " in " + name }
                    if !suspect.user.isEmpty { name += " (" + Escaping.terminal(suspect.user) + ")" }
                    return [
                        name, Units.growth(suspect.grewBytes), Units.bytes(suspect.swapWrittenBytes),
                        Units.duration(suspect.throttledNs), suspect.confidence.label,
                    ]
                })
        }
        line()
        let triggers = incident.kills.compactMap { kill in KillWords(kill: kill).trigger.map { (kill.at, $0) } }
        if let (moment, trigger) = triggers.first {
            line("First trigger of a kill: " + safe(words.clock.short(moment, decimals: 3) + ", " + trigger) + ".")
        } else if let first = incident.chain.first {
            line("It began with: " + safe(NameWords.link(first.kind) + ", " + NameWords.name(first.text)) + ".")
        } else {
            line("The trigger is not known.")
        }
        if !incident.alternatives.isEmpty {
            line()
            line("Also considered:")
            line()
            for alternative in incident.alternatives { item(NameWords.alternative(alternative) + ".") }
        }
        line()
        line("*Root cause in one sentence: to be filled in by people.*")
    }

    mutating func detection() {
        section("Detection")
        item(
            "For inquest it began at " + words.clock.short(incident.started) + "; event "
                + Units.count(incident.openingSeq) + " opened the incident.")
        for change in incident.classes {
            item("Class " + change.to.label + " from " + words.clock.short(change.at) + ".")
        }
        for change in incident.phases {
            item("Phase " + change.to.label + " from " + words.clock.short(change.at) + ".")
        }
        line("- *Who noticed, how and when: to be filled in by people.*")
    }

    mutating func kills() {
        section("Kills")
        guard !incident.kills.isEmpty else { return line("None.") }
        for kill in incident.kills {
            let sentences = KillWords(kill: kill)
            line("### " + safe(words.clock.short(kill.at, decimals: 3) + " " + sentences.victim))
            line()
            item("Killed " + sentences.killer + ".")
            if let trigger = sentences.trigger { item(sentence(trigger) + ".") }
            item(sentence(sentences.size) + "; " + sentences.death + ".")
            if !kill.victim.cmdline.isEmpty {
                item(
                    "Command: " + Escaping.terminal(kill.victim.cmdline) + (kill.victim.cmdlineTruncated ? " ..." : ""))
            }
            for fact in sentences.belongings { item(sentence(fact) + ".") }
            if let others = sentences.others { item("With it died " + others + ".") }
            for cgroup in sentences.cgroups(all: true) { item("Cgroup " + cgroup + ".") }
            for fact in sentences.surroundings { item(sentence(fact) + ".") }
            item("Evidence: " + sentences.evidence(all: true) + ".")
            for other in kill.cause.alternatives { item("Considered: " + NameWords.alternative(other) + ".") }
            for caveat in sentences.caveats { item("Caveat: " + caveat + ".") }
            line()
        }
        text.removeLast()
    }

    mutating func backstops() {
        let title = words.backstopTitle
        let stoppers = words.stoppers
        let findings = words.otherFindings
        if stoppers.isEmpty && findings.isEmpty && !words.wantsBackstops { return }
        section(title.prefix(1) + title.dropFirst().lowercased())
        if stoppers.isEmpty && findings.isEmpty { return line("Nothing is known of the backstops.") }
        for stopper in stoppers { item(stopper.name + ": " + stopper.finding) }
        for finding in findings {
            item(NameWords.name(finding.name) + ": " + NameWords.name(finding.finding))
            if !finding.consequence.bytes.isEmpty {
                item("so: " + NameWords.name(finding.consequence.bytes), indent: 2)
            }
            if finding.verdict == .gap, !finding.setting.bytes.isEmpty {
                item("set: " + NameWords.name(finding.setting.bytes), indent: 2)
            }
            for evidence in finding.evidence { item(NameWords.evidence(evidence), indent: 2) }
        }
    }

    /// The links of the chain and the next boot stand among the entries: whoever reads this table alone reads the whole story.
    mutating func timeline(limit: Int?) {
        section("Timeline")
        var links = incident.chain.filter { !$0.onset.isUnknown && $0.kind != .kill }
            .sorted { $0.onset < $1.onset }[...]
        var rows: [[String]] = []
        func addLinks(until moment: Moment?) {
            while let link = links.first, moment.map({ link.onset <= $0 }) ?? true {
                links.removeFirst()
                rows.append([
                    words.clock.short(link.onset, decimals: 3),
                    NameWords.link(link.kind) + ": " + NameWords.name(link.text), NameWords.sources(link.evidence),
                ])
            }
        }
        for line in words.timeline(limit: limit) {
            switch line {
            case .omitted: rows.append(["", "... " + (line.omission ?? ""), ""])
            case .entry(let entry):
                addLinks(until: entry.at)
                rows.append([
                    words.clock.short(entry.at, decimals: 3), NameWords.name(entry.text), NameWords.name(entry.source),
                ])
            }
        }
        addLinks(until: nil)
        if let ending = words.ending, let boot = ending.nextBootRealtimeNs.value {
            rows.append([words.clock.short(realtimeNs: boot), "next boot", "wall clock"])
            if let start = ending.nextStartRealtimeNs.value {
                rows.append([words.clock.short(realtimeNs: start), "inquest records again", "wall clock"])
            }
        }
        guard !rows.isEmpty else { return line("Empty.") }
        table(["Time", "What", "Source"], rows)
    }

    mutating func quality() {
        section("How far to trust this")
        item("Recorded by inquest " + NameWords.name(incident.host.inquestVersion) + ", " + words.hooks + ".")
        item("Kernel " + NameWords.name(incident.host.kernel) + ", boot " + bootID + ".")
        item(sentence(words.losses) + ".")
        for name in words.deafTo { item("Not heard: " + name + ".") }
        for note in words.notes { item(sentence(note) + ".") }
    }

    private var bootID: String { incident.host.bootID == .unknown ? "unknown" : incident.host.bootID.description }

    mutating func lessons() {
        let lessons = Lessons(words)
        for (title, sentences) in [
            ("What went well", lessons.well), ("What went badly", lessons.badly),
            ("Where we were lucky", lessons.lucky),
        ] {
            section(title)
            for text in sentences { item(sentence(text)) }
            line("- *\(sentences.isEmpty ? "To" : "What else, to") be filled in by people.*")
        }
    }

    mutating func actions() {
        section("Action items")
        let proposals = Lessons(words).proposals
        if !proposals.isEmpty {
            line("Proposed by inquest from the findings above; *to decide, and to be added to, by people.*")
            line()
        }
        line("| What | Who | By when |")
        line("| --- | --- | --- |")
        for proposal in proposals { line("| Proposal: " + safe(proposal, lineStart: false) + " | | |") }
        line("| *to be filled in by people* | | |")
    }
}
