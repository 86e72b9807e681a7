public import Events

/// What is found without reading all of a recording: page headers tell where it is.
extension RecordingReader {
    /// The newest snapshot, with the number of the event that follows it; `nil` when there is none.
    ///
    /// None from behind missing events is taken, where its segment has one from before them: what they led to is not in it.
    ///
    /// - Parameter isWanted: whether one from a moment, of a boot, with that boot's clock as its segment has it, is taken. It must hold
    ///   for all moments of a boot up to some moment.
    public func newestSnapshot(
        where isWanted: (Moment, BootID, ClockSnapshot) -> Bool = { _, _, _ in true }
    ) -> (seq: UInt64, state: Bytes)? {
        for place in listing.segments.indices.reversed() {
            let header = listing.segments[place].header
            func isBefore(_ boottimeNs: UInt64) -> Bool {
                isWanted(Moment(boottimeNs: boottimeNs), header.bootID, header.clock)
            }
            guard isBefore(header.clock.boottimeNs) else { continue }
            var newest: (seq: UInt64, state: Bytes)?
            var isAfterGap = false
            var scan = ScanState(from: 0)
            scanSegment(
                place, &scan, glancing: true, gap: { _ in isAfterGap = true },
                pages: { $0.flags.contains(.snapshot) && isBefore($0.firstNs) },
                body: { decoded in
                    guard let snapshot = decoded.snapshot else { return }
                    if !isAfterGap || newest == nil { newest = (decoded.seq, snapshot.state) }
                })
            if let newest { return newest }
        }
        return nil
    }

    /// The records of closed incidents, in the order of their opening; of several for one incident the last.
    public func closedIncidents() -> [IncidentRecord] {
        var records: [UInt64: IncidentRecord] = [:]
        for place in listing.segments.indices { closings(in: place) { records[$0.openingSeq] = $0 } }
        return records.values.sorted { $0.openingSeq < $1.openingSeq }
    }

    /// The record of the closed incident that opened last; `nil` when there is none.
    public func newestClosedIncident() -> IncidentRecord? {
        var newest: IncidentRecord?
        for place in listing.segments.indices.reversed() {
            closings(in: place) { if $0.openingSeq >= newest?.openingSeq ?? 0 { newest = $0 } }
            // One that opened later closed later than that: it has been seen.
            if let newest, newest.openingSeq >= listing.segments[place].header.firstSeq { break }
        }
        return newest
    }

    private func closings(in place: Int, _ body: (IncidentRecord) -> Void) {
        guard mayHoldIncident(place) else { return }
        var scan = ScanState(from: 0)
        scanSegment(
            place, &scan, glancing: true, shortcut: { $0.closings() },
            pages: { $0.flags.contains($0.standsAlone ? .closing : .incident) },
            body: { decoded in
                if let record = decoded.incident, record.state == .closed { body(record) }
            })
    }
}
