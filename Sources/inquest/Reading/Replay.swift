import Events
import Incidents
import Recording

/// What the correlator of this version makes of a recording's events, from the first retained one on.
struct Replay {
    /// In the order of their closing.
    private(set) var closed: [Incident] = []
    /// Open at the end, oldest first.
    private(set) var open: [Incident] = []

    /// - Parameter observe: told of each event before it is consumed, snapshots and the recorder's own findings among them.
    init(_ reader: RecordingReader, rules: Rules, observe: () -> Void = {}) {
        var correlator = Correlator(rules: rules)
        var isFresh = true
        var found: [Incident] = []
        var isAfterGap = false
        func take(_ decoded: borrowing DecodedEvent) {
            observe()
            switch decoded.kind {
            case .incident: return
            case .snapshot:
                // The first retained segment's state stands for everything before it, and the first after a gap for what is
                // missing; the others are what we have come to ourselves. What another version wrote cannot be taken up.
                if isFresh || isAfterGap {
                    let known = decoded.snapshot.flatMap { try? Correlator(snapshot: $0.state, rules: rules) }
                    correlator = known ?? Correlator(rules: rules)
                    isFresh = known == nil
                }
                isAfterGap = false
            default:
                isFresh = false
                correlator.consume(decoded) { finding in
                    if case .closed(let incident) = finding { found.append(incident) }
                }
            }
        }
        reader.forEachDecoded(from: 0, gap: { _ in isAfterGap = true }, take)
        closed = found
        open = correlator.openIncidents()
    }
}
