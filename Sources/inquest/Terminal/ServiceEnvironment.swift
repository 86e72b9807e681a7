import Glibc

/// What a service manager tells a service through its environment (systemd.exec(5), sd_notify(3)).
struct ServiceEnvironment: Sendable {
    /// Whether standard error goes to the journal: JOURNAL_STREAM names the very file. A variable that was merely inherited (a shell
    /// in a terminal that a service started) names another.
    var isLogged = false
    /// NOTIFY_SOCKET: where to say how one is.
    var notifySocket: String?
    /// WATCHDOG_USEC in nanoseconds: a sign of life is expected within that time.
    var watchdogNs: UInt64?

    /// One that nobody started.
    static let none = ServiceEnvironment { _ in nil }

    /// - Parameter variable: looks up a variable.
    init(_ variable: (String) -> String?) {
        isLogged = variable("JOURNAL_STREAM").map { $0 == Self.identity(of: STDERR_FILENO) } ?? false
        notifySocket = variable("NOTIFY_SOCKET").flatMap { $0.isEmpty ? nil : $0 }
        // Inherited from another process that is watched, it names that one.
        let isMeant = variable("WATCHDOG_PID").map { $0 == String(getpid()) } ?? true
        let microseconds = variable("WATCHDOG_USEC").flatMap { UInt64($0) } ?? 0
        if isMeant, microseconds > 0 { watchdogNs = microseconds.multipliedReportingOverflow(by: 1000).partialValue }
    }

    /// `DEVICE:INODE`.
    private static func identity(of descriptor: Int32) -> String? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        return "\(status.st_dev):\(status.st_ino)"
    }
}
