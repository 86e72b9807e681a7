import Events
import Host
import Live

/// Tells the service manager how the recorder is: sd_notify(3), by a datagram of our own, never waited for.
///
/// The watchdog is fed by the loop that drains the ring, one full turn after the other: when that is wedged nothing is heard any more,
/// and a restart is better. What that loop does not wait for (the disk, the sampler, readers) does not count. Without a
/// service manager it says nothing.
final class ServiceManager {
    private let socket: DatagramSocket?
    /// Between two signs of life; `nil` where nobody waits for any.
    private let feedNs: UInt64?
    private var fedNs: UInt64 = 0

    init(_ environment: ServiceEnvironment) {
        // A socket that cannot be had is as good as none: the recorder goes on, and the service manager says what it misses.
        socket = environment.notifySocket.flatMap { try? DatagramSocket($0) }
        // Three times within the time, so that a turn that comes late is no death.
        feedNs = environment.watchdogNs.map { $0 / 3 }
    }

    /// - Parameter status: one line for people, shown by `systemctl status`.
    func ready(_ status: String) { say("READY=1\nSTATUS=\(oneLine(status))") }

    func stopping() { say("STOPPING=1\nSTATUS=making everything durable") }

    /// After each turn of the loop.
    func turned(at boottimeNs: UInt64 = Clocks.boottimeNs()) {
        guard let feedNs, boottimeNs >= fedNs &+ feedNs, say("WATCHDOG=1") else { return }
        fedNs = boottimeNs
    }

    /// - Returns: whether it was taken.
    @discardableResult
    private func say(_ text: String) -> Bool { socket?.send(Bytes(text.utf8)) == 0 }
}
