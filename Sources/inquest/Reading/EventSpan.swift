import Events
import Incidents
import Recording
import Rendering

/// A stretch of a recording: an incident's, or a span of time.
struct EventSpan {
    /// Whose events they are; `nil` for a span of time.
    private(set) var incident: Incident?
    /// Of an incident.
    private var first = Moment.unknown
    private var since: Cutoff?
    private var until: Cutoff?
    /// As whom to show it; everything without.
    var redaction: Redaction?

    /// From the first onset of an incident's causes, which is before the event that opened it, to the record of its end.
    init(of incident: Incident) {
        self.incident = incident
        first =
            incident.chain.lazy.map(\.onset).filter { !$0.isUnknown }.min().map { min($0, incident.started) }
            ?? incident.started
    }

    /// - Parameters:
    ///   - since: earlier events are left out; `nil` for all that are retained.
    ///   - until: this moment, and later ones, are left out.
    init(since: Cutoff?, until: Cutoff?) {
        self.since = since
        self.until = until
    }

    /// Those of a recording's incidents that began in the span, as they are to be shown.
    func incidents(of store: IncidentStore) -> [Incident] {
        store.incidents.filter { isWithin($0.started, $0.host.bootID, $0.clock) }
            .map { redaction?.redacted($0) ?? $0 }
    }

    /// Hands over the events with what names and clock were at each. Only what may matter is read: from the state before the span on.
    ///
    /// - Returns: the names at the end.
    func forEach(in reader: RecordingReader, _ body: (Event, borrowing NameTable) -> Void) -> NameTable {
        var names = NameTable()
        let state = reader.newestSnapshot { isBefore($0, $1, $2, in: reader) }
        if let first = reader.segments.last(where: { $0.firstSeq <= state?.seq ?? 0 }) ?? reader.segments.first {
            names.begin(first.bootID, first.clock)
        }
        let known = state.flatMap { try? Correlator(snapshot: $0.state) }
        for event in known?.introduction ?? [] { names.note(redaction?.redacted(event) ?? event) }
        struct Over: Error {}
        do throws(Over) {
            try reader.forEachDecoded(from: known == nil ? 0 : state?.seq ?? 0) { decoded throws(Over) in
                guard decoded.kind != .snapshot else { return }
                // Most are samples. They name nobody: nothing is to be learned from them, and nothing to be redacted.
                if decoded.isSample {
                    if contains(decoded.seq, decoded.moment, names.boot, names.clock) { body(decoded.event, names) }
                    return
                }
                let event = decoded.event
                let shown = redaction?.redacted(event) ?? event
                names.note(shown)
                if contains(event.seq, event.moment, names.boot, names.clock) { body(shown, names) }
                if case .incident(let record) = event.payload, record.state == .closed, let incident,
                    record.openingSeq == incident.openingSeq
                {
                    throw Over()
                }
            }
        } catch {}
        return names
    }

    private func contains(_ seq: UInt64, _ moment: Moment, _ boot: BootID, _ clock: ClockSnapshot) -> Bool {
        if let incident {
            return seq >= incident.openingSeq || boot == incident.host.bootID && moment >= first
        }
        return isWithin(moment, boot, clock)
    }

    private func isWithin(_ moment: Moment, _ boot: BootID, _ clock: ClockSnapshot) -> Bool {
        if let since, !since.includes(moment, of: boot, clock: clock) { return false }
        if let until, until.includes(moment, of: boot, clock: clock) { return false }
        return true
    }

    /// Whether a moment is before the span.
    private func isBefore(_ moment: Moment, _ boot: BootID, _ clock: ClockSnapshot, in reader: RecordingReader) -> Bool
    {
        if let incident {
            if boot == incident.host.bootID { return moment < first }
            return reader.segments.contains { $0.bootID == boot && $0.firstSeq < incident.openingSeq }
        }
        return !(since?.includes(moment, of: boot, clock: clock) ?? true)
    }
}
