/// A kind of entry in the journal: the id that stands for it for ever, and what `journalctl -x` says of it.
///
/// The catalogue file (`packaging/inquest.catalog`) is made of this table; a test compares the two. In its texts `@FIELD@` stands for
/// a field's value, so only fields that every entry of the kind has are used there.
public struct JournalMessage: Sendable {
    /// MESSAGE_ID: 128 random bits in hexadecimal. Never used again for anything else.
    public let id: String
    public let name: String
    let subject: String
    let explanation: String

    public static let all: [JournalMessage] = [kill, phase, opened, ended]

    public static let kill = JournalMessage(
        id: "c72e3e68ce3047e3a3f17ed01f41b5ae", name: "kill", subject: "A process was killed",
        explanation: """
            Somebody or something ended this process: the kernel for want of memory, a userspace
            killer, a service manager, or a user. INQUEST_KILLER says which, as far as it was known
            at once. The kill belongs to incident @INQUEST_INCIDENT@. What led to it, and
            whether more was killed:

                inquest show @INQUEST_INCIDENT@
            """)

    public static let phase = JournalMessage(
        id: "6f6ca16eeba44efb88c79ba1935d3e14", name: "phase change",
        subject: "Memory pressure has changed: @INQUEST_PHASE@",
        explanation: """
            The host, or one cgroup (INQUEST_SCOPE, INQUEST_CGROUP), has entered another phase. From
            harmless to hopeless they are calm, watch, pressure, thrash and critical. In thrash
            memory is paged out and in again faster than the disk can follow; in critical hardly
            any task makes progress. What would stop a runaway now:

                inquest doctor --containment
            """)

    public static let opened = JournalMessage(
        id: "40bf8d6bc8664774874cd76ce3943aed", name: "incident begins",
        subject: "Incident @INQUEST_INCIDENT@ has begun: @INQUEST_CLASS@",
        explanation: """
            inquest has begun to follow an incident. Its class may still rise. So far:

                inquest show @INQUEST_INCIDENT@
            """)

    public static let ended = JournalMessage(
        id: "a436ac828adc4504a0cd9cf4833026a8", name: "incident is over",
        subject: "Incident @INQUEST_INCIDENT@ is over: @INQUEST_CLASS@",
        explanation: """
            The incident has ended (INQUEST_ENDED_BY says how), and its document is complete.

                inquest show @INQUEST_INCIDENT@
                inquest export @INQUEST_INCIDENT@ --format markdown
            """)

    /// The catalogue file of all messages (systemd's journal-message-catalogs).
    public static var catalogue: String {
        all.map {
            "-- \($0.id)\nSubject: \($0.subject)\nDefined-By: inquest\n\n\($0.explanation)\n"
        }.joined(separator: "\n")
    }
}
