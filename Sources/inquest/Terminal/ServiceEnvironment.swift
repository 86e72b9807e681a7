import Glibc

/// What a service manager tells a service through its environment (systemd.exec(5), sd_notify(3)).
struct ServiceEnvironment: Sendable {
    /// Whether standard error goes to the journal: JOURNAL_STREAM names the very file. A variable that was merely inherited (a shell
    /// in a terminal that a service started) names another.
    var isLogged = false

    /// One that nobody started.
    static let none = ServiceEnvironment { _ in nil }

    /// - Parameter variable: looks up a variable.
    init(_ variable: (String) -> String?) {
        isLogged = variable("JOURNAL_STREAM").map { $0 == Self.identity(of: STDERR_FILENO) } ?? false
    }

    /// `DEVICE:INODE`.
    private static func identity(of descriptor: Int32) -> String? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        return "\(status.st_dev):\(status.st_ino)"
    }
}
