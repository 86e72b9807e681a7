import Events
import Incidents

/// The page around the panels: its head, and what is told in words and tables.
extension HTMLWriter {
    // MARK: Frame

    mutating func beginPage(_ title: String) {
        let hash = base64(SHA256.hash(Bytes(PageScript.text.utf8)))
        markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        // Nothing may be fetched, sent or framed; no script runs but the one below.
        open(
            "meta",
            [
                "http-equiv": "Content-Security-Policy",
                "content":
                    "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-\(hash)'; base-uri 'none'; form-action 'none'",
            ])
        markup("\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        markup(
            "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n")
        element("title", [:], title)
        markup("\n<style>")
        sink.append(contentsOf: Bytes(StyleSheet.text.utf8))
        markup(
            "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#charts\">To the charts</a>\n<a class=\"skip\" href=\"#events\">To the events</a>\n"
        )
    }

    mutating func endPage() {
        markup("</main>\n<script>")
        sink.append(contentsOf: Bytes(PageScript.text.utf8))
        markup("</script>\n</body>\n</html>\n")
    }

    /// What happened, in words, and the figures that say how bad it was.
    mutating func head(_ words: IncidentWords) {
        let incident = words.incident
        open("header", ["class": "severity-\(incident.severity.rawValue)"])
        markup("<p class=\"verdict\">")
        element("b", [:], words.verdict)
        text(" · incident " + NameWords.name(incident.id) + " · host " + NameWords.name(incident.host.name))
        markup("</p>\n")
        element("h1", [:], words.headline.prefix(1).uppercased() + words.headline.dropFirst())
        element("p", ["class": "lead"], incident.summary.isEmpty ? "No summary." : Escaping.terminal(incident.summary))
        var facts = [("Began", words.clock.full(incident.started)), ("Lasted", words.lasted)]
        facts.append(("End", NameWords.endedBy(words.ending?.by ?? .open)))
        if let scope = words.scope { facts.append(("Where", scope)) }
        facts.append(
            (
                "Killed",
                incident.kills.isEmpty ? "nothing" : NameWords.plural(incident.kills.count, "process", "processes")
            ))
        if let unstopped = words.unstopped { facts.append(("Why nobody killed", unstopped)) }
        if let development = words.development { facts.append(("Development", development)) }
        if let next = words.nextBoot { facts.append(("Afterwards", next)) }
        self.facts(facts)
        markup("</header>\n<main>\n")
    }

    /// The head of a page that is of no incident.
    mutating func head(_ headline: String, facts: [(String, String)]) {
        markup("<header>\n")
        element("h1", [:], headline)
        self.facts(facts)
        markup("</header>\n<main>\n")
    }

    private mutating func facts(_ facts: [(String, String)]) {
        markup("<dl class=\"facts\">")
        for (name, value) in facts {
            markup("<div>")
            element("dt", [:], name)
            element("dd", [:], value)
            markup("</div>")
        }
        markup("</dl>\n")
    }

    // MARK: Charts

    mutating func beginCharts(_ axis: TimeAxis, gaps: [Range<UInt64>], kills: [UInt64]) {
        markup("<section aria-labelledby=\"charts-title\"><h2 id=\"charts-title\">On one time axis</h2>\n")
        markup(
            "<p class=\"hint\" id=\"keys\">Point at a time to read values; drag to zoom in, <kbd>Esc</kbd> to see all again. "
        )
        markup(
            "Keys: <kbd>←</kbd> <kbd>→</kbd> move, <kbd>+</kbd> <kbd>−</kbd> zoom, <kbd>Enter</kbd> goes to the nearest event.</p>\n"
        )
        self.marks(axis, gaps: gaps, kills: kills)
        let length = decimal(axis.length)
        let binMs = decimal(Double(axis.binNs) / 1e6, 3)
        // Without a wall clock the script counts from zero, as the scale does.
        let origin = axis.originRealtimeNs.map {
            "\(Int64(bitPattern: $0 / 1_000_000) + Int64(axis.utcOffsetSeconds) * 1000)"
        }
        open(
            "div",
            [
                "id": "charts", "tabindex": "0", "role": "group", "aria-label": "Charts on one time axis",
                "aria-describedby": "keys", "data-length": length, "data-bin-ms": binMs, "data-origin-ms": origin ?? "",
            ])
        line()
        timeScale(axis)
    }

    mutating func endCharts(_ notes: [String]) {
        markup("</div>\n")
        element("p", ["class": "source"], notes.joined(separator: " "))
        markup("</section>\n")
    }

    // MARK: Words and tables

    /// Why nothing stopped it, or what did: of each finding the fact, what follows from it, and what would change it.
    mutating func explanation(_ words: IncidentWords) {
        let (stoppers, findings) = (words.stoppers, words.otherFindings)
        if stoppers.isEmpty && findings.isEmpty && !words.wantsBackstops { return }
        let title = words.backstopTitle
        begin(title.prefix(1) + title.dropFirst().lowercased(), id: "backstops")
        if stoppers.isEmpty && findings.isEmpty { element("p", [:], "Nothing is known of the backstops.") }
        markup("<ul class=\"findings\">\n")
        for stopper in stoppers {
            beginFinding(.holds, stopper.name)
            element("p", [:], stopper.finding)
            markup("</li>\n")
        }
        for other in findings { finding(other) }
        markup("</ul></section>\n")
    }

    private mutating func beginFinding(_ verdict: FindingVerdict, _ name: String) {
        open("li", ["class": "v\(verdict.rawValue)"])
        markup("<h3>")
        element("b", [:], verdict.label)
        text(" " + name)
        markup("</h3>")
    }

    private mutating func finding(_ finding: BackstopFinding) {
        beginFinding(finding.verdict, NameWords.name(finding.name))
        element("p", [:], NameWords.name(finding.finding))
        for (label, sentence) in [("so: ", finding.consequence), ("set: ", finding.setting)]
        where !sentence.bytes.isEmpty {
            markup("<p>")
            element("b", [:], label)
            text(NameWords.name(sentence.bytes))
            markup("</p>")
        }
        if !finding.evidence.isEmpty {
            markup("<ul class=\"evidence\">")
            for item in finding.evidence { element("li", [:], NameWords.evidence(item)) }
            markup("</ul>")
        }
        markup("</li>\n")
    }

    /// Who caused it, and who suffered.
    mutating func parties(_ words: IncidentWords) {
        let incident = words.incident
        begin("Who", id: "who")
        if incident.suspects.isEmpty {
            element("p", [:], "No suspect was found.")
        } else {
            beginTable("Suspects", ["Who", ">Grew", ">Swapped out", ">Throttled (task time)", "Confidence"])
            for suspect in incident.suspects {
                var name = NameWords.cgroup(suspect.cgroup)
                if suspect.pid != 0 { name = NameWords.process(suspect.comm, suspect.pid) + " in " + name }
                if !suspect.user.isEmpty { name += " (" + Escaping.terminal(suspect.user) + ")" }
                row(
                    name,
                    [
                        Units.growth(suspect.grewBytes), Units.bytes(suspect.swapWrittenBytes),
                        Units.duration(suspect.throttledNs), suspect.confidence.label,
                    ], figures: [0, 1, 2])
            }
            endTable()
        }
        if incident.bystanders.isEmpty {
            element("p", [:], "No bystander is known to have stalled.")
        } else {
            beginTable("Bystanders: others who stalled because of it", ["Who", ">Stalled", "Measured by"])
            for bystander in incident.bystanders {
                let stalled = [Units.duration(bystander.stalledNs), NameWords.name(bystander.source)]
                row(NameWords.cgroup(bystander.cgroup), stalled, figures: [0])
            }
            endTable()
        }
        if !incident.alternatives.isEmpty {
            markup("<h3>Also considered</h3><ul>")
            for alternative in incident.alternatives { element("li", [:], NameWords.alternative(alternative)) }
            markup("</ul>")
        }
        markup("</section>\n")
    }

    mutating func kills(_ words: IncidentWords) {
        guard !words.incident.kills.isEmpty else { return }
        begin("Kills", id: "kills")
        for kill in words.incident.kills {
            let sentences = KillWords(kill: kill)
            markup("<article class=\"kill\">")
            element("h3", [:], words.clock.short(kill.at, decimals: 3) + " " + sentences.victim)
            element("p", [:], "Killed " + sentences.killer + ".")
            markup("<ul>")
            if let trigger = sentences.trigger { element("li", [:], trigger) }
            element("li", [:], sentences.size + "; " + sentences.death)
            if !kill.victim.cmdline.isEmpty {
                markup("<li>command: ")
                element(
                    "code", [:], Escaping.terminal(kill.victim.cmdline) + (kill.victim.cmdlineTruncated ? " ..." : ""))
                markup("</li>")
            }
            for fact in sentences.belongings { element("li", [:], fact) }
            if let others = sentences.others { element("li", [:], "with it died " + others) }
            for cgroup in sentences.cgroups(all: true) { element("li", [:], "cgroup " + cgroup) }
            for fact in sentences.surroundings { element("li", [:], fact) }
            element("li", [:], "evidence: " + sentences.evidence(all: true))
            for other in kill.cause.alternatives { element("li", [:], "considered: " + NameWords.alternative(other)) }
            for caveat in sentences.caveats { element("li", ["class": "warn"], "caveat: " + caveat) }
            markup("</ul></article>\n")
        }
        markup("</section>\n")
    }

    /// The incidents of a span of time.
    mutating func incidents(_ incidents: [Incident]) {
        guard !incidents.isEmpty else { return }
        begin("Incidents that touch this time", id: "incidents")
        beginTable("Oldest first", ["Incident", "What", "Summary"], class: "incidents")
        for incident in incidents {
            let words = IncidentWords(incident, utcOffsetSeconds: nil)
            row(NameWords.name(incident.id), [words.verdict + "; " + words.span, Escaping.terminal(incident.summary)])
        }
        endTable()
        markup("</section>\n")
    }

    /// Every event that has a line, with a way to its place on the time axis.
    mutating func events(_ rows: [EventRow], _ axis: TimeAxis, omitted: UInt64) {
        begin("Events", id: "events")
        guard !rows.isEmpty else {
            element("p", [:], "None.")
            markup("</section>\n")
            return
        }
        beginTable(
            "Each time leads to its place in the charts, each mark there back here", ["Time", "What", "Source"],
            class: "events")
        for (index, row) in rows.enumerated() {
            if let at = row.at {
                open("tr", ["id": "e\(index)", "class": "l\(row.lane.rawValue)", "data-x": decimal(axis.x(at), 3)])
                open("th", ["scope": "row"])
                element("a", ["class": "jump", "href": "#m\(index)"], row.time)
                close("th")
            } else {
                open("tr", ["id": "e\(index)"])
                element("th", ["scope": "row"], row.time)
            }
            element("td", [:], row.text)
            element("td", ["class": "source"], row.source)
            markup("</tr>\n")
        }
        endTable()
        if omitted > 0 {
            element(
                "p", ["class": "warn"],
                Units.count(omitted) + " more events of this time have no line here: export it as ndjson.")
        }
        markup("</section>\n")
    }

    mutating func quality(_ words: IncidentWords) {
        let host = words.incident.host
        begin("How far to trust this", id: "quality")
        markup("<ul>")
        element("li", [:], "Recorded by inquest " + NameWords.name(host.inquestVersion) + ", " + words.hooks + ".")
        let boot = host.bootID == .unknown ? "unknown" : host.bootID.description
        element("li", [:], "Kernel " + NameWords.name(host.kernel) + ", boot " + boot + ".")
        element("li", [:], words.losses + ".")
        for name in words.deafTo { element("li", ["class": "warn"], "Not heard: " + name + ".") }
        for note in words.notes { element("li", ["class": "warn"], note + ".") }
        markup("</ul></section>\n")
    }

    private mutating func begin(_ title: String, id: String) {
        open("section", ["aria-labelledby": id])
        element("h2", ["id": id], title)
        line()
    }
}
