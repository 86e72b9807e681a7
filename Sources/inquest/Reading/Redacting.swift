import Events
import Incidents
import Recording
import Rendering

// `--for USER`: who is who is said anywhere in a span, so that it is read once more before it is shown.

extension EventSpan {
    /// The span as a user may see it; without a user all of it.
    ///
    /// - Throws: status 3 when the span says nothing of that user.
    func seen(by user: String?, in reader: RecordingReader) throws(CommandError) -> EventSpan {
        var seen = self
        seen.redaction = try redaction(for: user, in: reader)
        return seen
    }

    /// An incident with its span, both as a user may see them.
    static func of(
        _ incident: Incident, leadInNs: UInt64 = 0, seenBy user: String?, in reader: RecordingReader
    ) throws(CommandError) -> (incident: Incident, span: EventSpan) {
        let whole = EventSpan(of: incident, leadInNs: leadInNs)
        guard let redaction = try whole.redaction(for: user, in: reader) else { return (incident, whole) }
        let redacted = redaction.redacted(incident)
        var span = EventSpan(of: redacted, leadInNs: leadInNs)
        span.redaction = redaction
        return (redacted, span)
    }

    private func redaction(for user: String?, in reader: RecordingReader) throws(CommandError) -> Redaction? {
        guard let user else { return nil }
        var residents = Residents()
        let names = forEach(in: reader) { residents.learn($0, $1) }
        residents.learn(names)
        if let incident { residents.learn(incident) }
        guard let audience = residents.audience(user) else {
            throw .nothingMatched(
                "nothing here is of a user \(user); --for takes a name or a user id that was recorded")
        }
        return Redaction(for: audience)
    }
}
