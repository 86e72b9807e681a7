import CLinux
import Glibc

/// A balloon that runs: started waiting, released once it sits in its cgroup, and never left behind.
final class BalloonProcess {
    let pid: pid_t
    private let release: Int32
    private var status: Int32?

    /// - Throws: the errno of the call that failed.
    init(ceilingBytes: Int) throws(ErrnoError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else { throw ErrnoError(errno, "pipe2") }
        let (wait, go) = (ends[0], ends[1])
        defer { close(wait) }
        do throws(ErrnoError) {
            pid = try unsafe Spawn.start("/proc/self/exe", ["inquest", BalloonCommand.verb.name, String(ceilingBytes)])
            {
                unsafe posix_spawn_file_actions_adddup2(&$0, wait, STDIN_FILENO)
            }
        } catch {
            close(go)
            throw error
        }
        release = go
    }

    /// Lets it grow.
    func inflate() {
        var go: UInt8 = 1
        _ = unsafe write(release, &go, 1)
    }

    /// Its wait(2) status once it has ended.
    func poll() -> Int32? {
        if let status { return status }
        var value: Int32 = 0
        if unsafe waitpid(pid, &value, WNOHANG) == pid { status = value }
        return status
    }

    /// Ends it, if it still runs, and reaps it.
    func end() {
        if poll() == nil {
            kill(pid, SIGKILL)
            var value: Int32 = 0
            if unsafe waitpid(pid, &value, 0) == pid { status = value }
        }
    }

    deinit {
        end()
        close(release)
    }
}
