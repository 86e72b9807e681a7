import Events
import Incidents
import Recording

/// The incidents of a recording: those that were closed, as the recorder kept them, and those still open at its end.
///
/// Documents, and the correlator's state, are read by the version that wrote them; events by every later one. What another version
/// recorded is therefore told anew from its events: nothing that was recorded is out of reach, and nothing is guessed.
struct IncidentStore {
    /// Oldest first.
    private(set) var incidents: [Incident] = []
    /// What could not be read, one sentence each.
    private(set) var notes: [String] = []

    /// - Parameters:
    ///   - reader: of a recording that may still be growing.
    ///   - newestOnly: leave out all but the incident that opened last, which is found without reading the others.
    init(_ reader: RecordingReader, newestOnly: Bool = false) {
        var known: Set<Bytes> = []
        func add(_ incidents: [Incident]) -> [Incident] { incidents.filter { known.insert($0.id).inserted } }
        var found: [Incident] = []
        // Opening numbers of those that another version wrote.
        var foreign: [UInt64] = []
        let records = newestOnly ? reader.newestClosedIncident().map { [$0] } ?? [] : reader.closedIncidents()
        for record in records {
            if let incident = try? Archive.read(Incident.self, from: record.document) {
                found += add([incident])
            } else {
                foreign.append(record.openingSeq)
            }
        }
        let last = reader.newestSnapshot()
        let end = RecoveredState(snapshot: last?.state, rules: Rules()) { reader.forEach(from: last?.seq ?? 0, $0) }
        let isEndKnown = end.note == nil
        if !foreign.isEmpty || !isEndKnown {
            let replay = Replay(reader, rules: Rules())
            // Up to the last of them: what this version wrote after that is read as it stands.
            let until = isEndKnown ? foreign.max() ?? 0 : .max
            found += add(replay.closed.filter { $0.openingSeq <= until })
            if !isEndKnown { found += add(replay.open) }
            notes.append(
                "another version of inquest wrote \(foreign.isEmpty ? "this recording" : Self.count(foreign.count)):"
                    + " told anew from the recorded events")
        }
        if isEndKnown {
            found += add(end.unrecorded.compactMap { if case .closed(let incident) = $0 { incident } else { nil } })
            found += add(end.correlator.openIncidents())
        }
        incidents = found.sorted { $0.openingSeq < $1.openingSeq }
        notes += reader.damageNotes()
        if newestOnly { incidents = incidents.suffix(1) }
    }

    private static func count(_ incidents: Int) -> String {
        incidents == 1 ? "an incident of this recording" : "\(incidents) incidents of this recording"
    }

    /// The incident with this id, or the newest for `last`.
    ///
    /// - Throws: status 3 when there is none.
    func incident(_ id: String, in directory: String) throws(CommandError) -> Incident {
        if id == "last" {
            guard let newest = incidents.last else {
                throw .nothingMatched("no incident in \(directory); inquest tail shows what happens now")
            }
            return newest
        }
        let wanted = Bytes(id.utf8)
        if let exact = incidents.first(where: { $0.id == wanted }) { return exact }
        let known = incidents.suffix(3).map { String(decoding: $0.id, as: UTF8.self) }
        throw .nothingMatched(
            "no incident \(id) in \(directory)"
                + (known.isEmpty ? ": it has none" : "; the newest are \(known.joined(separator: ", ")) (inquest list)")
        )
    }
}

extension RecordingReader {
    /// What is damaged and which events that cost, one sentence each, briefly. Says nothing, and reads nothing, when what was
    /// read so far is intact.
    func damageNotes() -> [String] {
        guard !damage.isEmpty else { return [] }
        var gaps: [String] = []
        forEach(from: 0, gap: { if $0.cause == .damage { gaps.append($0.message) } }, { (_: Event) in })
        return Self.brief(damage.map { "damaged: \($0.message)" }, "damaged places") + Self.brief(gaps, "gaps")
    }

    private static func brief(_ notes: [String], _ what: String) -> [String] {
        let shown = 3
        guard notes.count > shown else { return notes }
        return notes.prefix(shown) + ["\(notes.count - shown) more \(what): inquest verify names them"]
    }
}
