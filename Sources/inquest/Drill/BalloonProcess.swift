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
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, wait, STDIN_FILENO)
        // The stop signals are blocked here (they come by descriptor); the child starts with none blocked.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var child: pid_t = 0
        let result = unsafe withCArguments(["inquest", BalloonCommand.verb.name, String(ceilingBytes)]) { arguments in
            unsafe posix_spawn(&child, "/proc/self/exe", &actions, &attributes, arguments, iq_environment())
        }
        guard result == 0 else {
            close(go)
            throw ErrnoError(result, "posix_spawn of /proc/self/exe")
        }
        pid = child
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

/// A call that failed, and why.
struct ErrnoError: Error {
    let number: Int32
    let call: String

    init(_ number: Int32, _ call: String) {
        self.number = number
        self.call = call
    }

    /// `pipe2: Too many open files`.
    var message: String { "\(call): \(errnoText(number))" }
}

/// Hands a NULL-terminated argument vector to a C call.
func withCArguments<R>(_ arguments: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R) -> R {
    var pointers = unsafe arguments.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    return unsafe pointers.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an argument vector has a terminator") }
        return unsafe body(base)
    }
}
