import CLinux
import Glibc

/// Starts programs with posix_spawn(3): fork(2) would copy the page tables of a locked address space.
enum Spawn {
    /// The child has no signal blocked (the stop signals are, here), and ends where it writes and nobody reads any more.
    ///
    /// - Parameters:
    ///   - arguments: its name first.
    ///   - environment: `NAME=VALUE`; this program's own where none is given.
    ///   - ownGroup: in a process group of its own.
    ///   - files: what becomes of its descriptors.
    /// - Throws: the errno of the call.
    static func start(
        _ path: String, _ arguments: [String], environment: [String]? = nil, ownGroup: Bool = false,
        files: (inout posix_spawn_file_actions_t) -> Void
    ) throws(ErrnoError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe files(&actions)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (ownGroup ? POSIX_SPAWN_SETPGROUP : 0)
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        var child: pid_t = 0
        let result = unsafe withCArguments(arguments) { arguments in
            guard let environment else {
                return unsafe posix_spawn(&child, path, &actions, &attributes, arguments, iq_environment())
            }
            return unsafe withCArguments(environment) {
                unsafe posix_spawn(&child, path, &actions, &attributes, arguments, $0)
            }
        }
        guard result == 0 else { throw ErrnoError(result, "posix_spawn of \(path)") }
        return child
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
