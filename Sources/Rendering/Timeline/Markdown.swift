public import Events
public import Incidents

/// `export --format markdown`: a post-mortem that people can publish after they have filled in what only people know.
///
/// Every sentence that can hold a name is escaped for Markdown as a whole: no name becomes a link with another text, an image, a
/// heading, a mention, HTML or a new table row.
public enum Markdown {
    /// - Parameters:
    ///   - incident: open or closed.
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
        return document.page.bytes
    }
}

private struct PostMortem {
    private(set) var page = MarkdownPage()
    let incident: Incident
    let words: IncidentWords

    init(_ incident: Incident, utcOffsetSeconds: Int32?) {
        self.incident = incident
        words = IncidentWords(incident, utcOffsetSeconds: utcOffsetSeconds)
    }

    // MARK: Sections

    mutating func head() {
        page.line("# Incident " + MarkdownPage.safe(NameWords.name(incident.id) + ": " + words.verdict))
        page.line()
        var facts = "Host " + NameWords.name(incident.host.name) + ", " + words.span + "."
        if let scope = words.scope { facts += " Scope: " + scope + "." }
        if let next = words.nextBoot { facts += " " + MarkdownPage.sentence(next) + "." }
        page.line(MarkdownPage.safe(facts))
        page.line("Times are local, " + Times.offset(words.clock.utcOffsetSeconds) + " from UTC.")
        page.section("Summary")
        page.line(MarkdownPage.safe(incident.summary.isEmpty ? "No summary." : Escaping.terminal(incident.summary)))
    }

    mutating func impact() {
        page.section("Impact")
        let scope = words.scope.map { "only " + $0 } ?? "the whole host"
        page.item("Severity " + incident.severity.label + ", " + scope + ".")
        page.item(
            incident.kills.isEmpty
                ? "Nothing was killed."
                : NameWords.plural(incident.kills.count, "process was", "processes were") + " killed.")
        if let unstopped = words.unstopped { page.item("Why nobody killed: " + unstopped + ".") }
        if incident.bystanders.isEmpty {
            page.item("No bystander is known to have stalled.")
        } else {
            page.item("Others stalled because of it:")
            page.line()
            page.table(
                ["Who", "Stalled", "Measured by"],
                incident.bystanders.map {
                    [NameWords.cgroup($0.cgroup), Units.duration($0.stalledNs), NameWords.name($0.source)]
                })
        }
    }

    mutating func chain() {
        page.section("How it came about")
        guard !incident.chain.isEmpty else { return page.line("No link of the chain has evidence.") }
        for (number, link) in incident.chain.enumerated() {
            var head = NameWords.name(link.text)
            if link.confidence != .high { head += " (confidence " + link.confidence.label + ")" }
            page.line(
                "\(number + 1). " + MarkdownPage.safe(words.clock.short(link.onset)) + " **"
                    + MarkdownPage.safe(NameWords.link(link.kind))
                    + "**: "
                    + MarkdownPage.safe(head))
            if link.outOfOrder { page.item("Began before the link above: the chain is broken here.", indent: 3) }
            for evidence in link.evidence { page.item(NameWords.evidence(evidence), indent: 3) }
        }
    }

    mutating func cause() {
        page.section("Root cause and trigger")
        if incident.suspects.isEmpty {
            page.line("No suspect was found.")
        } else {
            page.table(
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
        page.line()
        let triggers = incident.kills.compactMap { kill in KillWords(kill: kill).trigger.map { (kill.at, $0) } }
        if let (moment, trigger) = triggers.first {
            page.line(
                "First trigger of a kill: " + MarkdownPage.safe(words.clock.short(moment, decimals: 3) + ", " + trigger)
                    + ".")
        } else if let first = incident.chain.first {
            page.line(
                "It began with: " + MarkdownPage.safe(NameWords.link(first.kind) + ", " + NameWords.name(first.text))
                    + ".")
        } else {
            page.line("The trigger is not known.")
        }
        if !incident.alternatives.isEmpty {
            page.line()
            page.line("Also considered:")
            page.line()
            for alternative in incident.alternatives { page.item(NameWords.alternative(alternative) + ".") }
        }
        page.line()
        page.line("*Root cause in one sentence: to be filled in by people.*")
    }

    mutating func detection() {
        page.section("Detection")
        page.item(
            "For inquest it began at " + words.clock.short(incident.started) + "; event "
                + Units.count(incident.openingSeq) + " opened the incident.")
        for change in incident.classes {
            page.item("Class " + change.to.label + " from " + words.clock.short(change.at) + ".")
        }
        for change in incident.phases {
            page.item("Phase " + change.to.label + " from " + words.clock.short(change.at) + ".")
        }
        page.line("- *Who noticed, how and when: to be filled in by people.*")
    }

    mutating func kills() {
        page.section("Kills")
        guard !incident.kills.isEmpty else { return page.line("None.") }
        for (index, kill) in incident.kills.enumerated() {
            if index > 0 { page.line() }
            page.kill(kill, words.clock)
        }
    }

    mutating func backstops() {
        let title = words.backstopTitle
        let stoppers = words.stoppers
        let findings = words.otherFindings
        if stoppers.isEmpty && findings.isEmpty && !words.wantsBackstops { return }
        page.section(title.prefix(1) + title.dropFirst().lowercased())
        if stoppers.isEmpty && findings.isEmpty { return page.line("Nothing is known of the backstops.") }
        for stopper in stoppers { page.item(stopper.name + ": " + stopper.finding) }
        for finding in findings {
            page.item(NameWords.name(finding.name) + ": " + NameWords.name(finding.finding))
            if !finding.consequence.bytes.isEmpty {
                page.item("so: " + NameWords.name(finding.consequence.bytes), indent: 2)
            }
            if finding.verdict == .gap, !finding.setting.bytes.isEmpty {
                page.item("set: " + NameWords.name(finding.setting.bytes), indent: 2)
            }
            for evidence in finding.evidence { page.item(NameWords.evidence(evidence), indent: 2) }
        }
    }

    /// The links of the chain and the next boot stand among the entries: whoever reads this table alone reads the whole story.
    mutating func timeline(limit: Int?) {
        page.section("Timeline")
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
        guard !rows.isEmpty else { return page.line("Empty.") }
        page.table(["Time", "What", "Source"], rows)
    }

    mutating func quality() {
        page.section("How far to trust this")
        page.item("Recorded by inquest " + NameWords.name(incident.host.inquestVersion) + ", " + words.hooks + ".")
        page.item("Kernel " + NameWords.name(incident.host.kernel) + ", boot " + bootID + ".")
        page.item(MarkdownPage.sentence(words.losses) + ".")
        for name in words.deafTo { page.item("Not heard: " + name + ".") }
        for note in words.notes { page.item(MarkdownPage.sentence(note) + ".") }
    }

    private var bootID: String { incident.host.bootID == .unknown ? "unknown" : incident.host.bootID.description }

    mutating func lessons() {
        let lessons = Lessons(words)
        for (title, sentences) in [
            ("What went well", lessons.well), ("What went badly", lessons.badly),
            ("Where we were lucky", lessons.lucky),
        ] {
            page.section(title)
            for text in sentences { page.item(MarkdownPage.sentence(text)) }
            page.line("- *\(sentences.isEmpty ? "To" : "What else, to") be filled in by people.*")
        }
    }

    mutating func actions() {
        page.section("Action items")
        let proposals = Lessons(words).proposals
        if !proposals.isEmpty {
            page.line("Proposed by inquest from the findings above; *to decide, and to be added to, by people.*")
            page.line()
        }
        page.line("| What | Who | By when |")
        page.line("| --- | --- | --- |")
        for proposal in proposals {
            page.line("| Proposal: " + MarkdownPage.safe(proposal, lineStart: false) + " | | |")
        }
        page.line("| *to be filled in by people* | | |")
    }
}
