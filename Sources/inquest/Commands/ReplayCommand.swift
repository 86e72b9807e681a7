import Events
import Incidents
import Recording
import Rendering

/// `inquest replay`: the recording's events through the correlator again.
enum ReplayCommand: Command {
    static let verb = Verbs.replay

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        var rules = Rules()
        do throws(UsageError) {
            try apply(invocation[Flags.thresholds], to: &rules)
        } catch {
            throw CommandError(error)
        }
        let reader = try openRecording(invocation[Flags.directory])
        var correlator: Correlator?
        var found: [Incident] = []
        var progress = ReplayProgress(console)
        var isAfterGap = false
        let onGap = { (_: RecordingGap) in isAfterGap = true }
        reader.forEach(from: 0, gap: onGap) { (event: Event) in
            progress.advance(event)
            switch event.payload {
            case .incident: return
            case .snapshot(let snapshot):
                // The first retained segment's state stands for everything before it, and the first after a gap for what is
                // missing; the others are what we have come to ourselves.
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
        console.endProgress()
        found += correlator?.openIncidents() ?? []
        for note in reader.damageNotes() { console.note("inquest: \(note)") }
        if invocation[Flags.json] {
            for incident in found {
                console.out.write(IncidentJSON.document(incident, pretty: false))
            }
        } else {
            console.write(found, from: invocation[Flags.directory])
        }
    }
}

/// Shown on a terminal while a long recording is read.
private struct ReplayProgress {
    private let console: Console
    private var count = 0

    init(_ console: Console) { self.console = console }

    mutating func advance(_ event: Event) {
        count += 1
        if count % 262_144 == 0 { console.progress("\(count) events read") }
    }
}
