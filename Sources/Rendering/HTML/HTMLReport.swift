public import Events
public import Incidents

/// `export --format html`: one file that shows an incident, or a span of time, and needs nothing else: no network, no script.
///
/// All panels lie on one time axis and are inline SVG; what they show is in bins, whose number does not grow with the recording's
/// length. The script in the page only adds to it: values under the pointer, zooming, jumps between table and axis. The page's content
/// security policy lets that script run, by its hash, and no request leave the page.
public struct HTMLReport: ~Copyable, EventExport {
    private var writer = HTMLWriter()
    private let incident: Incident?
    private let findings: SpanFindings
    private var times = ExportTimes()
    /// Of the page's incident: the first onset of its causes, and from when on events are shown.
    private var onset = Moment.unknown
    private var earliest = Moment.unknown
    private var data = ChartData()
    private var rows = SpanRows()
    private var spanKills: SpanKills
    private var kills: [UInt64] = []
    /// Of a span of time: those that are to come, and those that have their place on the axis.
    private var phases: ArraySlice<BootPhase>
    private var phaseMarks: [(at: UInt64, phase: Phase)] = []
    private var events: UInt64 = 0

    /// - Parameters:
    ///   - incident: the one that the events are of; `nil` for a span of time.
    ///   - findings: what else is known of the span of time.
    public init(of incident: Incident?, _ findings: SpanFindings = SpanFindings()) {
        self.incident = incident
        self.findings = findings
        spanKills = SpanKills(of: findings.incidents)
        phases = findings.phases[...]
        guard let incident, !incident.started.isUnknown else { return }
        let first = incident.chain.map(\.onset).filter { !$0.isUnknown }.min() ?? incident.started
        onset = min(first, incident.started)
        earliest = Moment(boottimeNs: onset.boottimeNs - min(onset.boottimeNs, Self.leadInNs(before: incident)))
        begin(at: onset, incident)
    }

    /// How long before an incident's first onset its page begins, as far as it was recorded, so that a reader sees what normal looked
    /// like: as long as the incident lasted, within bounds.
    public static func leadInNs(before incident: Incident) -> UInt64 {
        let bounds: ClosedRange<UInt64> = 5_000_000_000...30_000_000_000
        guard let ns = IncidentWords(incident, utcOffsetSeconds: nil).elapsedNs else { return bounds.upperBound }
        return min(max(ns, bounds.lowerBound), bounds.upperBound)
    }

    private mutating func begin(at origin: Moment, _ incident: Incident) {
        times = ExportTimes(
            origin: origin, realtimeNs: incident.clock.realtimeNs(of: origin), of: incident.host.bootID)
    }

    public mutating func take(_ event: Event, _ names: borrowing NameTable) {
        // What the next boot's recorder says of an incident that ended with a reset lies beyond the axis.
        if let incident, names.boot != incident.host.bootID, incident.host.bootID != .unknown { return }
        if let incident, !onset.isUnknown {
            if event.moment < earliest { return }
            // The first of the lead-in is where the axis begins.
            if events == 0, event.moment < onset { begin(at: event.moment, incident) }
        }
        let at = times.note(event, names)
        events += 1
        data.take(event, at: at, names)
        guard incident == nil else { return }
        rows.take(event, at: at, copy names)
        if spanKills.take(event, names) { kills.append(at) }
        while let next = phases.first, next.boot == names.boot, next.change.at <= event.moment {
            phases.removeFirst()
            phaseMarks.append((at: at, phase: next.change.to))
        }
    }

    public var waiting: Int { writer.sink.count }

    public mutating func drain(_ body: (UnsafeRawBufferPointer) -> Void) {
        unsafe writer.sink.withBytes(body)
        writer.sink.clear()
    }

    public mutating func end(_ names: borrowing NameTable) {
        if let incident { end(incident, names) } else { endSpan(names) }
    }

    // MARK: - An incident

    private mutating func end(_ incident: Incident, _ names: borrowing NameTable) {
        let words = IncidentWords(incident, utcOffsetSeconds: nil)
        let table = IncidentRows(words, times).rows
        for row in table { if let at = row.at { data.reach(at) } }
        if let end = words.ending?.at, !end.isUnknown { data.reach(times.ofFirstBoot(end)) }
        let axis = axis(utcOffsetSeconds: words.clock.utcOffsetSeconds)
        writer.beginPage(NameWords.name(incident.id) + ": " + words.headline)
        writer.head(words)
        writer.markup("<section aria-labelledby=\"chain\"><h2 id=\"chain\">How it came about</h2>\n")
        writer.chainPicture(words, table)
        writer.markup("</section>\n")
        let kills = incident.kills.filter { !$0.at.isUnknown }
        let killTimes = kills.map { times.ofFirstBoot($0.at) }
        let links = table.enumerated().compactMap { index, row -> (row: Int, link: Int, at: UInt64)? in
            guard let link = row.link, let at = row.at else { return nil }
            return (index, link, at)
        }
        writer.beginCharts(axis, gaps: data.gaps, kills: killTimes)
        let phases = incident.phases.filter { !$0.at.isUnknown }.map {
            (at: times.ofFirstBoot($0.at), phase: $0.to, time: words.clock.short($0.at))
        }
        writer.phases(phases, of: words.scope ?? "the host", axis)
        writer.chainLanes(
            links.sorted { $0.link < $1.link }.map {
                (
                    row: $0.row, at: $0.at, name: NameWords.link(incident.chain[$0.link].kind),
                    incident.chain[$0.link].outOfOrder
                )
            }, axis)
        writer.eventLanes(table, axis)
        let marks = kills.map { kill -> (at: UInt64, name: String) in
            (times.ofFirstBoot(kill.at), NameWords.name(kill.victim.comm.bytes))
        }
        writer.endCharts(panels(axis, marks, names))
        writer.explanation(words)
        writer.parties(words)
        writer.kills(words)
        writer.events(table, axis, omitted: 0)
        writer.quality(words)
        writer.endPage()
    }

    // MARK: - A span of time

    private mutating func endSpan(_ names: borrowing NameTable) {
        let axis = axis(utcOffsetSeconds: names.clock.utcOffsetSeconds)
        let span = axis.label(0, decimals: 0) + " to " + axis.label(axis.endNs, decimals: 0)
        let headline = events == 0 ? "Nothing was recorded in this time" : "What was recorded from " + span
        writer.beginPage(headline)
        writer.head(
            headline,
            facts: [
                ("Day", axis.date), ("Events", Units.count(events)),
                ("Kills", Units.count(UInt64(kills.count) + spanKills.omitted)),
                ("Incidents", findings.incidents.isEmpty ? "none" : Units.count(UInt64(findings.incidents.count))),
            ])
        if events > 0 {
            writer.beginCharts(axis, gaps: data.gaps, kills: kills)
            let phases = phaseMarks.map { (at: $0.at, phase: $0.phase, time: axis.label($0.at, decimals: 1)) }
            writer.phases(phases, of: "the host", axis)
            writer.eventLanes(rows.rows, axis)
            writer.endCharts(
                panels(axis, zip(kills, spanKills.kills).map { ($0, NameWords.name($1.victim.comm.bytes)) }, names))
        }
        writer.incidents(findings.incidents)
        writer.events(rows.rows, axis, omitted: rows.omitted)
        writer.endPage()
    }

    // MARK: - Both

    private mutating func axis(utcOffsetSeconds: Int32) -> TimeAxis {
        data.reach(max(times.last, 1_000_000_000))
        return TimeAxis(
            binNs: data.grid.binNs, endNs: data.endNs, originRealtimeNs: times.origin.realtimeNs,
            utcOffsetSeconds: utcOffsetSeconds)
    }

    /// - Returns: what a reader of the panels must know.
    private mutating func panels(
        _ axis: TimeAxis, _ kills: [(at: UInt64, name: String)], _ names: borrowing NameTable
    ) -> [String] {
        let panels = Panels(data: data, incidents: incident.map { [$0] } ?? findings.incidents).all(names)
        for (index, panel) in panels.filter({ !$0.isFlat }).enumerated() {
            writer.panel(panel, axis, id: "p\(index)", kills: panel.title == Panels.memory ? kills : [])
        }
        let flat = panels.filter(\.isFlat).map(\.title)
        var notes = flat.isEmpty ? [] : ["All the time at zero: " + flat.joined(separator: ", ") + "."]
        notes.append(
            "A point is " + Units.duration(data.grid.binNs)
                + "; a shade around a line reaches from the least to the most within a point."
                + " Where there is no line the value is unknown, not zero.")
        if !data.gaps.isEmpty {
            notes.append("In the grey times nothing was sampled: of counters the mean is known all the same.")
        }
        if !data.omitted.isEmpty {
            notes.append(Units.count(UInt64(data.omitted.count)) + " cgroups and disks were too many to be looked at.")
        }
        return notes
    }
}
