public import Events
public import Incidents

/// `inquest list`: a line an incident, in the order given.
///
///     ID               STARTED +02:00       LASTED         CLASS           SEVERITY  KILLS  SCOPE
///
/// On a narrow terminal without the severity. A scope's path is never cut: it may run over the edge.
public enum IncidentTable {
    /// - Parameters:
    ///   - incidents: in the order of their lines.
    ///   - options: without `utcOffsetSeconds` all times are in the last incident's recorded time zone.
    public static func render(_ incidents: [Incident], _ options: TextOptions = TextOptions()) -> Bytes {
        let offset = options.utcOffsetSeconds ?? incidents.last?.clock.utcOffsetSeconds ?? 0
        var columns = [
            Column("ID", incidents.map { NameWords.name($0.id) }),
            Column("STARTED " + Times.offset(offset), incidents.map { started($0, offset) }),
            Column("LASTED", incidents.map { lasted($0, offset) }),
            Column("CLASS", incidents.map(\.incidentClass.label)),
            Column("SEVERITY", incidents.map(\.severity.label)),
            Column("KILLS", incidents.map { Units.count(UInt64($0.kills.count)) }, toTheRight: true),
        ]
        if columns.reduce(0, { $0 + $1.width + 2 }) + 10 > options.width { columns.remove(at: 4) }
        let scopes = ["SCOPE"] + incidents.map { $0.scope.kind == .host ? "host" : NameWords.cgroup($0.scope.cgroup) }
        var page = TextPage(options)
        for row in scopes.indices {
            let cells = columns.enumerated().map { number, column in
                page.paint(column.cell(row), row == 0 ? .section : number == 0 ? .heading : .plain)
            }
            page.line((cells + [page.paint(scopes[row], row == 0 ? .section : .plain)]).joined(separator: "  "))
        }
        return page.bytes
    }

    private static func started(_ incident: Incident, _ offset: Int32) -> String {
        let clock = IncidentWords(incident, utcOffsetSeconds: offset).clock
        guard let time = clock.civil(incident.started) else { return clock.full(incident.started) }
        return time.date + " " + time.timeOfDay(decimals: 0)
    }

    private static func lasted(_ incident: Incident, _ offset: Int32) -> String {
        let words = IncidentWords(incident, utcOffsetSeconds: offset)
        let lasted = words.elapsedNs.map(Units.duration) ?? "?"
        return words.ending == nil ? lasted + ", open" : lasted
    }
}
