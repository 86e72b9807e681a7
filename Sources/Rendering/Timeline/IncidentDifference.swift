public import Events
public import Incidents

/// `replay --set`: what other thresholds make of the same events.
///
///     + found only now          ID  class, from when to when
///     - no longer found
///     ~ found both times, and different in class, severity, scope, begin, end or suspects
///
/// Two are the same incident when they have the same id, or else when they are of the same boot and scope and overlap: another
/// threshold opens the same incident earlier or later.
public enum IncidentDifference {
    /// - Parameters:
    ///   - before: with the default thresholds.
    ///   - after: with those that were set.
    ///   - options: the time zone.
    public static func render(
        _ before: [Incident], _ after: [Incident], _ options: TextOptions = TextOptions()
    ) -> Bytes {
        var rest = after
        var lines: [(at: UInt64, mark: String, text: String, style: Style)] = []
        for old in before {
            guard
                let place = rest.firstIndex(where: { $0.id == old.id }) ?? rest.firstIndex(where: { overlap($0, old) })
            else {
                lines.append((old.openingSeq, "-", brief(old, options), .warning))
                continue
            }
            let new = rest.remove(at: place)
            let changes = changes(old, new, options)
            if !changes.isEmpty {
                lines.append(
                    (old.openingSeq, "~", brief(new, options) + ": " + changes.joined(separator: "; "), .plain))
            }
        }
        lines += rest.map { ($0.openingSeq, "+", brief($0, options), .heading) }
        var page = TextPage(options)
        if lines.isEmpty {
            page.line(
                "The same \(before.count == 1 ? "incident" : "\(before.count) incidents") as with the default thresholds."
            )
        } else {
            page.line("Beside the default thresholds:")
            for line in lines.sorted(by: { $0.at < $1.at }) {
                page.paragraph([(line.mark, line.style)], hanging: 2, line.text, line.style)
            }
        }
        return page.bytes
    }

    private static func overlap(_ a: Incident, _ b: Incident) -> Bool {
        a.host.bootID == b.host.bootID && a.scope == b.scope && a.started <= end(b) && b.started <= end(a)
    }

    private static func end(_ incident: Incident) -> Moment { incident.ended?.at ?? .unknown }

    private static func brief(_ incident: Incident, _ options: TextOptions) -> String {
        let scope = incident.scope.kind == .host ? "the host" : NameWords.cgroup(incident.scope.cgroup)
        return "\(NameWords.name(incident.id)) \(incident.incidentClass.label) of \(scope), "
            + span(incident, options)
    }

    private static func span(_ incident: Incident, _ options: TextOptions) -> String {
        let clock = IncidentWords(incident, utcOffsetSeconds: options.utcOffsetSeconds).clock
        guard let ended = incident.ended else { return clock.full(incident.started) + ", still open" }
        return clock.full(incident.started) + " to " + clock.short(ended.at)
    }

    private static func changes(_ old: Incident, _ new: Incident, _ options: TextOptions) -> [String] {
        var changes: [String] = []
        func compare(_ what: String, _ a: String, _ b: String) {
            if a != b { changes.append("\(what) was \(a)") }
        }
        compare("class", old.incidentClass.label, new.incidentClass.label)
        compare("severity", old.severity.label, new.severity.label)
        compare("time", span(old, options), span(new, options))
        compare("kills", "\(old.kills.count)", "\(new.kills.count)")
        compare("end", old.ended?.by.label ?? "open", new.ended?.by.label ?? "open")
        compare("first suspect", suspect(old), suspect(new))
        return changes
    }

    private static func suspect(_ incident: Incident) -> String {
        incident.suspects.first.map { NameWords.cgroup($0.cgroup) } ?? "nobody"
    }
}
