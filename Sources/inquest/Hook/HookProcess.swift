import CLinux
import Events
import Glibc
import Host

/// A hook that runs: in a process group of its own, the incident on its standard input, ended with its whole group.
///
/// It is started through a copy of this program (`HookExec`), which makes itself ordinary before it becomes the command: posix_spawn(3)
/// cannot.
final class HookProcess {
    let pid: pid_t
    /// Readable once it has ended (pidfd_open(2)).
    let ended: Int32
    /// Of CLOCK_BOOTTIME.
    let deadlineNs: UInt64
    private(set) var wasKilled = false

    /// - Parameters:
    ///   - input: what it finds on its standard input: a file in memory, for which nobody has to wait.
    ///   - variables: its whole environment, `NAME=VALUE`.
    /// - Throws: the errno of the call that failed.
    init(_ command: String, input: Bytes, variables: [String], deadlineNs: UInt64) throws(ErrnoError) {
        let file = try Self.file(holding: input)
        defer { close(file) }
        let arguments = ["inquest", HookExecCommand.verb.name, command]
        pid = try unsafe Spawn.start("/proc/self/exe", arguments, environment: variables, ownGroup: true) { files in
            unsafe posix_spawn_file_actions_adddup2(&files, file, STDIN_FILENO)
            // What it says goes where the recorder's own words go.
            unsafe posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO)
        }
        self.deadlineNs = deadlineNs
        ended = iq_pidfd_open(pid)
        guard ended >= 0 else {
            let reason = errno
            Self.end(pid)
            throw ErrnoError(reason, "pidfd_open")
        }
    }

    deinit { close(ended) }

    /// Ends it and everything in its group.
    func kill() {
        wasKilled = true
        _ = Glibc.kill(-pid, SIGKILL)
    }

    /// Reaps it, and ends what it left behind in its group. - Returns: its wait(2) status; `nil` while it runs.
    func reap() -> Int32? {
        var descriptor = pollfd(fd: ended, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&descriptor, 1, 0) == 1 else { return nil }
        return Self.end(pid)
    }

    /// Until it is reaped its number, and its group's, are nobody else's.
    @discardableResult
    private static func end(_ pid: pid_t) -> Int32 {
        _ = Glibc.kill(-pid, SIGKILL)
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status
    }

    private static func file(holding bytes: Bytes) throws(ErrnoError) -> Int32 {
        let file = unsafe memfd_create("inquest-hook", UInt32(MFD_CLOEXEC))
        guard file >= 0 else { throw ErrnoError(errno, "memfd_create") }
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { raw in
                unsafe write(file, raw.baseAddress.map { unsafe $0 + written }, raw.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = errno
                close(file)
                throw ErrnoError(reason, "write to memory")
            }
            written += count
        }
        lseek(file, 0, SEEK_SET)
        return file
    }
}
