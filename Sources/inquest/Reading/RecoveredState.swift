import Events
import Incidents

/// The correlator as it stood at the end of a recording: its last snapshot, and what was recorded after it.
struct RecoveredState {
    var correlator: Correlator
    /// Findings of those events that are not in the recording, because it ended between an event and its finding.
    private(set) var unrecorded: [Finding] = []
    /// Why the state begins from nothing, when it should not.
    private(set) var note: String?

    /// - Parameter events: hands over the events after the snapshot, with the recorder's own findings among them.
    init(snapshot: Bytes?, rules: Rules, events: ((Event) -> Void) -> Void) {
        var state = Correlator(rules: rules)
        if let snapshot {
            do throws(DecodeError) {
                state = try Correlator(snapshot: snapshot, rules: rules)
            } catch {
                // The events are all there; only an incident open across the change is cut in two.
                note = "the correlator's state cannot be read (another version wrote it): it begins anew"
            }
        }
        var recorded: Set<Bytes> = []
        var found: [Finding] = []
        events { event in
            switch event.payload {
            case .incident(let record):
                if record.state == .closed {
                    recorded.insert(Incident.identity(boot: record.bootID, openingSeq: record.openingSeq))
                }
            case .snapshot(let snapshot):
                // After a loss another one stands where events go on: it knows what is missing here.
                if let known = try? Correlator(snapshot: snapshot.state, rules: rules) { state = known }
            default: state.consume(event) { found.append($0) }
            }
        }
        correlator = state
        unrecorded = found.filter { finding in
            guard case .closed(let incident) = finding else { return false }
            return !recorded.contains(incident.id)
        }
    }
}
