import Events
import Incidents
import Live
import Rendering

/// Tells the system's journal what the recorder finds, and never waits for it: a journal that hangs in the storm must not hold up
/// who records the storm.
///
/// What the journal did not take is counted, and said by the first entry that it takes again (INQUEST_LOST_ENTRIES).
final class Journal {
    static let socketPath = "/run/systemd/journal/socket"

    private let socket: DatagramSocket
    /// Entries that were not taken, in all.
    private(set) var lost: UInt64 = 0
    private var untold: UInt64 = 0

    init(_ path: String = Journal.socketPath) throws(LiveError) { socket = try DatagramSocket(path) }

    func tell(_ finding: Finding) {
        guard socket.send(JournalEntry.render(finding, lost: untold)) != 0 else {
            untold = 0
            return
        }
        lost += 1
        untold += 1
    }
}
