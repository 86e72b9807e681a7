import Events
import Incidents
import Recording

/// What the correlator of this version makes of a recording's events, from the first retained one on.
struct Replay {
    /// In the order of their closing.
    private(set) var closed: [Incident] = []
    /// Open at the end, oldest first.
    private(set) var open: [Incident] = []

    /// - Parameter observe: told each event before it is consumed, snapshots and the recorder's own findings among them.
    init(_ reader: RecordingReader, rules: Rules, observe: (Event) -> Void = { _ in }) {
        var correlator: Correlator?
        var found: [Incident] = []
        var isAfterGap = false
        let onGap = { (_: RecordingGap) in isAfterGap = true }
        reader.forEach(from: 0, gap: onGap) { (event: Event) in
            observe(event)
            switch event.payload {
            case .incident: return
            case .snapshot(let snapshot):
                // The first retained segment's state stands for everything before it, and the first after a gap for what is
                // missing; the others are what we have come to ourselves. What another version wrote cannot be taken up.
                if correlator == nil || isAfterGap {
                    correlator = try? Correlator(snapshot: snapshot.state, rules: rules)
                }
                isAfterGap = false
            default:
                if correlator == nil { correlator = Correlator(rules: rules) }
                correlator?.consume(event) { finding in
                    if case .closed(let incident) = finding { found.append(incident) }
                }
            }
        }
        closed = found
        open = correlator?.openIncidents() ?? []
    }
}
