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
        for event in known?.introduction ?? [] { names.note(event) }
        struct Over: Error {}
        do throws(Over) {
            try reader.forEach(from: known == nil ? 0 : state?.seq ?? 0) { event throws(Over) in
                if case .snapshot = event.payload { return }
                names.note(event)
                if contains(event, names.boot, names.clock) { body(event, names) }
                if case .incident(let record) = event.payload, record.state == .closed, let incident,
                    record.openingSeq == incident.openingSeq
                {
                    throw Over()
                }
            }
        } catch {}
        return names
    }

    private func contains(_ event: Event, _ boot: BootID, _ clock: ClockSnapshot) -> Bool {
        if let incident {
            return event.seq >= incident.openingSeq
                || boot == incident.host.bootID && event.moment >= first
        }
        if let since, !since.includes(event.moment, of: boot, clock: clock) { return false }
        if let until, until.includes(event.moment, of: boot, clock: clock) { return false }
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
