import Events
import Incidents
import Recording

/// The incidents of a recording: those that were closed, as the recorder kept them, and those still open at its end.
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
        let records = newestOnly ? reader.newestClosedIncident().map { [$0] } ?? [] : reader.closedIncidents()
        for record in records {
            do throws(DecodeError) {
                let incident = try Archive.read(Incident.self, from: record.document)
                if known.insert(incident.id).inserted { incidents.append(incident) }
            } catch {
                let id = Incident.identity(boot: record.bootID, openingSeq: record.openingSeq)
                notes.append(
                    "incident \(String(decoding: id, as: UTF8.self)) was written by another version: see inquest replay"
                )
            }
        }
        let last = reader.newestSnapshot()
        let end = RecoveredState(snapshot: last?.state, rules: Rules()) { reader.forEach(from: last?.seq ?? 0, $0) }
        if let note = end.note { notes.append(note) }
        for case .closed(let incident) in end.unrecorded where known.insert(incident.id).inserted {
            incidents.append(incident)
        }
        for incident in end.correlator.openIncidents() where known.insert(incident.id).inserted {
            incidents.append(incident)
        }
        notes += reader.damageNotes()
        incidents.sort { $0.openingSeq < $1.openingSeq }
        if newestOnly { incidents = incidents.suffix(1) }
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
