import CLinux
import Events
import Glibc

/// Another's program, started to hear what it says: never left behind, never waited for beyond a bound.
final class WatchedProcess {
    enum End {
        /// It ended, or said what was waited for.
        case ended
        case bound
        case interrupted
    }

    /// Standard output and standard error, as they came; at most `limit` bytes.
    private(set) var output = Bytes()
    private static let limit = 256 << 10
    private let pid: pid_t
    private let said: Int32
    private var isReaped = false

    /// - Parameters:
    ///   - path: of the program.
    ///   - arguments: its name first.
    /// - Throws: the errno of the call that failed.
    init(_ path: String, _ arguments: [Bytes]) throws(ErrnoError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else { throw ErrnoError(errno, "pipe2") }
        let (hear, say) = (ends[0], ends[1])
        defer { close(say) }
        // What the child writes to must wait, not fail, when this one is slow.
        _ = fcntl(say, F_SETFL, fcntl(say, F_GETFL) & ~O_NONBLOCK)
        do throws(ErrnoError) {
            pid = try unsafe Spawn.start(path, arguments.map { String(decoding: $0, as: UTF8.self) }) { files in
                unsafe posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
                unsafe posix_spawn_file_actions_adddup2(&files, say, STDOUT_FILENO)
                unsafe posix_spawn_file_actions_adddup2(&files, say, STDERR_FILENO)
            }
        } catch {
            close(hear)
            throw error
        }
        said = hear
    }

    /// Reads what it says until a condition holds of all of it, it ends, the bound is reached, or somebody stops this program.
    func read(withinMs bound: Int32, _ stopSignals: StopSignals, until isEnough: (Bytes) -> Bool) -> End {
        let deadline = now() + Int64(bound)
        var chunk = Bytes(repeating: 0, count: 16 << 10)
        while true {
            let left = deadline - now()
            guard left > 0 else { return .bound }
            var descriptors = [
                pollfd(fd: said, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stopSignals.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            _ = unsafe poll(&descriptors, 2, Int32(left))
            if stopSignals.received { return .interrupted }
            let count = unsafe Glibc.read(said, &chunk, chunk.count)
            if count > 0 {
                output += chunk.prefix(min(count, Self.limit - output.count))
                if isEnough(output) { return .ended }
            } else if count == 0 {
                return .ended
            }
        }
    }

    /// Ends it, if it still runs, and reaps it. - Returns: its wait(2) status; `nil` when it is not known.
    @discardableResult
    func end() -> Int32? {
        guard !isReaped else { return nil }
        isReaped = true
        kill(pid, SIGKILL)
        var status: Int32 = 0
        return unsafe waitpid(pid, &status, 0) == pid ? status : nil
    }

    private func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    deinit {
        end()
        close(said)
    }
}
