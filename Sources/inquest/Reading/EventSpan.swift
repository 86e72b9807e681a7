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
    ///
    /// - Parameter leadInNs: how much before that is wanted, too.
    init(of incident: Incident, leadInNs: UInt64 = 0) {
        self.incident = incident
        first =
            incident.chain.lazy.map(\.onset).filter { !$0.isUnknown }.min().map { min($0, incident.started) }
            ?? incident.started
        if !first.isUnknown { first.boottimeNs -= min(first.boottimeNs, leadInNs) }
    }

    /// - Parameters:
    ///   - since: earlier events are left out; `nil` for all that are retained.
    ///   - until: this moment, and later ones, are left out.
    init(since: Cutoff?, until: Cutoff?) {
        self.since = since
        self.until = until
    }

    /// Those of a recording's incidents that touch the span, as they are to be shown.
    func incidents(of store: IncidentStore) -> [Incident] {
        store.incidents.filter(touches).map { redaction?.redacted($0) ?? $0 }
    }

    /// Whether it began before the span's end, and was not over at its begin.
    private func touches(_ incident: Incident) -> Bool {
        let (boot, clock) = (incident.host.bootID, incident.clock)
        if let until, until.includes(incident.started, of: boot, clock: clock) { return false }
        guard let since, let ended = incident.ended, ended.by != .open, !ended.at.isUnknown else { return true }
        return since.includes(ended.at, of: boot, clock: clock)
    }

    /// What the correlator says of the span, beside its events.
    func findings(in reader: RecordingReader, _ store: IncidentStore) -> SpanFindings {
        var watch: PhaseWatch?
        _ = forEachRecorded(
            in: reader, wantsAll: true, { watch = PhaseWatch($0 ?? Correlator()) },
            { event, shown, names in watch?.take(event, isShown: shown != nil, names) })
        return SpanFindings(
            incidents: incidents(of: store), phases: watch?.phases ?? [], sinceRealtimeNs: since?.realtimeNs,
            untilRealtimeNs: until?.realtimeNs)
    }

    /// Hands over the events with what names and clock were at each. Only what may matter is read: from the state before the span on.
    ///
    /// - Parameter gap: told before the event that follows a gap.
    /// - Returns: the names at the end.
    func forEach(
        in reader: RecordingReader, gap: (RecordingGap) -> Void = { _ in }, _ body: (Event, borrowing NameTable) -> Void
    ) -> NameTable {
        forEachRecorded(in: reader, gap: gap) { _, shown, names in if let shown { body(shown, names) } }
    }

    /// The same with what comes before and after the span, from the state on.
    ///
    /// - Parameters:
    ///   - wantsAll: whether samples outside the span are wanted, too.
    ///   - begin: told the state before the first event; `nil` where everything retained is handed over.
    ///   - body: given each event as it was recorded, and as it is to be shown; `nil` outside the span.
    private func forEachRecorded(
        in reader: RecordingReader, wantsAll: Bool = false, _ begin: (Correlator?) -> Void = { _ in },
        gap: (RecordingGap) -> Void = { _ in }, _ body: (Event, Event?, borrowing NameTable) -> Void
    ) -> NameTable {
        var names = NameTable()
        let state = reader.newestSnapshot { isBefore($0, $1, $2, in: reader) }
        if let first = reader.segments.last(where: { $0.firstSeq <= state?.seq ?? 0 }) ?? reader.segments.first {
            names.begin(first.bootID, first.clock)
        }
        let known = state.flatMap { try? Correlator(snapshot: $0.state) }
        for event in known?.introduction ?? [] { names.note(redaction?.redacted(event) ?? event) }
        begin(known)
        struct Over: Error {}
        var missing: RecordingGap?
        do throws(Over) {
            // A boot's first events come before its first clock: the header of its first segment has one.
            func take(clockOf boot: BootID) {
                guard let segment = reader.segments.first(where: { $0.bootID == boot }) else { return }
                names.begin(boot, segment.clock)
            }
            func isShown(_ seq: UInt64, _ moment: Moment) -> Bool {
                let isShown = contains(seq, moment, names.boot, names.clock)
                if isShown, let gapBefore = missing { gap(gapBefore) }
                missing = nil
                return isShown
            }
            func take(_ decoded: borrowing DecodedEvent) throws(Over) {
                guard decoded.kind != .snapshot else { return }
                // Most are samples. They name nobody: nothing is to be learned from them, and nothing to be redacted.
                if decoded.isSample {
                    let isShown = isShown(decoded.seq, decoded.moment)
                    guard isShown || wantsAll else { return }
                    let event = decoded.event
                    body(event, isShown ? event : nil, names)
                    return
                }
                let event = decoded.event
                let shown = redaction?.redacted(event) ?? event
                let boot = names.boot
                names.note(shown)
                if names.boot != boot { take(clockOf: names.boot) }
                body(event, isShown(event.seq, event.moment) ? shown : nil, names)
                if isLast(event) { throw Over() }
            }
            try reader.forEachDecoded(from: known == nil ? 0 : state?.seq ?? 0, gap: { missing = $0 }, take)
        } catch {}
        return names
    }

    private func contains(_ seq: UInt64, _ moment: Moment, _ boot: BootID, _ clock: ClockSnapshot) -> Bool {
        if let incident {
            return seq >= incident.openingSeq || boot == incident.host.bootID && moment >= first
        }
        return isWithin(moment, boot, clock)
    }

    /// Whether nothing of the incident can follow. Of a span of time something always can: it may be told late.
    private func isLast(_ event: Event) -> Bool {
        guard case .incident(let record) = event.payload, let incident else { return false }
        return record.state == .closed && record.openingSeq == incident.openingSeq
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
