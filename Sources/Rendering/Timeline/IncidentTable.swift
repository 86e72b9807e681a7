public import Events
public import Incidents

/// `inquest list`: a line an incident, in the order given.
///
///     ID               CLASS           SEVERITY  STARTED                     DURATION     KILLS  SCOPE
public enum IncidentTable {
    public static func render(_ incidents: [Incident], _ options: TextOptions = TextOptions()) -> Bytes {
        var page = TextPage(options)
        let header = ["ID", "CLASS", "SEVERITY", "STARTED", "LASTED", "KILLS", "SCOPE"]
        let rows = incidents.map { row($0, options) }
        let widths = header.indices.map { column in
            ([header] + rows).map { displayWidth($0[column]) }.max() ?? 0
        }
        for (number, row) in ([header] + rows).enumerated() {
            var line = ""
            for (column, cell) in row.enumerated() {
                let last = column == row.count - 1
                let text = column == 5 ? rightAligned(cell, to: widths[column]) : last ? cell : padded(cell, to: widths[column])
                line += page.paint(text, number == 0 ? .section : column == 0 ? .heading : .plain) + (last ? "" : "  ")
            }
            page.line(line)
        }
        return page.bytes
    }

    private static func row(_ incident: Incident, _ options: TextOptions) -> [String] {
        let words = IncidentWords(incident, utcOffsetSeconds: options.utcOffsetSeconds)
        return [
            NameWords.name(incident.id), incident.incidentClass.label, incident.severity.label,
            words.clock.full(incident.started, decimals: 0), words.lasted, Units.count(UInt64(incident.kills.count)),
            incident.scope.kind == .host ? "host" : NameWords.cgroup(incident.scope.cgroup),
        ]
    }
}
