import CLinux
import Events
import Glibc
import Host
import Incidents
import Rendering
import Synchronization

/// Runs the command of `record --hook` for each kill and each change of a phase, beside the recorder and never in its way.
///
/// The recorder's thread only writes the document down and hands it over through a pipe that does not block; a thread of its own starts
/// the hooks, waits for them, and ends those that hang. Bounded: so many at once; a finding that comes when all are taken has no
/// hook, is counted, and the next hook says so (INQUEST_DROPPED_HOOKS). Nothing waits in a queue: a hook that comes minutes late warns
/// nobody.
final class HookRunner: @unchecked Sendable {
    static let atOnce = 4
    /// How long a stop waits for hooks that run.
    private static let stopSeconds = 5

    private let command: String
    private let timeoutNs: UInt64
    /// Hooks that were handed over and have not ended.
    private let running = Atomic<Int>(0)
    private let hand: Int32
    private let take: Int32
    private var thread = pthread_t()
    // The recorder's thread alone.
    private var waiting: [Finding] = []
    private(set) var dropped: UInt64 = 0
    /// Of those, what no hook has been told of yet.
    private(set) var untold: UInt64 = 0

    /// What a hook is given.
    private final class Work {
        let document: Bytes
        let variables: [String]

        init(_ document: Bytes, _ variables: [String]) {
            self.document = document
            self.variables = variables
        }
    }

    /// - Parameter command: a path that `HookExec.problem` finds nothing wrong with.
    init(_ command: String, timeoutNs: UInt64) throws(ErrnoError) {
        self.command = command
        self.timeoutNs = timeoutNs
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else { throw ErrnoError(errno, "pipe2") }
        (take, hand) = (ends[0], ends[1])
        let context = unsafe Unmanaged.passRetained(self)
        let status = unsafe pthread_create(&thread, nil, hookMain, context.toOpaque())
        guard status == 0 else {
            unsafe context.release()
            throw ErrnoError(status, "pthread_create")
        }
    }

    // The recorder's thread

    /// Remembers a finding for `serve`: while it is being made the correlator cannot be asked for its incident.
    func note(_ finding: Finding) {
        switch finding {
        case .kill, .phase: break
        case .opened, .closed: return
        }
        if waiting.count + running.load(ordering: .acquiring) < Self.atOnce {
            waiting.append(finding)
        } else {
            dropped += 1
            untold += 1
        }
    }

    /// Hands over what was noted, with the incident as it stands.
    ///
    /// - Parameter incident: the open incident with an id.
    func serve(_ incident: (Bytes) -> Incident?) {
        guard !waiting.isEmpty else { return }
        for finding in waiting {
            let document = finding.incidentID.flatMap(incident).map { IncidentJSON.document($0, pretty: false) }
            give(
                Work(
                    document ?? Bytes("null\n".utf8), HookExec.environment + HookVariables.of(finding, dropped: untold))
            )
        }
        waiting.removeAll(keepingCapacity: true)
    }

    private func give(_ work: Work) {
        running.add(1, ordering: .releasing)
        var pointer = unsafe UInt(bitPattern: Unmanaged.passRetained(work).toOpaque())
        guard unsafe write(hand, &pointer, MemoryLayout<UInt>.size) == MemoryLayout<UInt>.size else {
            release(pointer)
            running.subtract(1, ordering: .releasing)
            dropped += 1
            untold += 1
            return
        }
        untold = 0
    }

    /// Gives the hooks that run some seconds, then ends them.
    func stop() {
        close(hand)
        var deadline = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += Self.stopSeconds + 1
        _ = unsafe iq_join_until(thread, &deadline)
    }

    // The hooks' thread

    fileprivate func main() {
        var blocked = sigset_t()
        unsafe sigfillset(&blocked)
        unsafe pthread_sigmask(SIG_BLOCK, &blocked, nil)
        // No part of what the recorder is ahead of others for.
        SelfProtection.lowerPriority()
        var hooks: [HookProcess] = []
        var lastDeadlineNs = UInt64.max
        while true {
            var descriptors = [pollfd(fd: take, events: Int16(POLLIN), revents: 0)]
            if lastDeadlineNs != .max { descriptors[0].fd = -1 }
            descriptors += hooks.map { pollfd(fd: $0.ended, events: Int16(POLLIN), revents: 0) }
            _ = unsafe poll(&descriptors, nfds_t(descriptors.count), timeoutMs(hooks, lastDeadlineNs))
            if lastDeadlineNs == .max, !receive(&hooks) {
                lastDeadlineNs = Clocks.boottimeNs() + UInt64(Self.stopSeconds) * 1_000_000_000
            }
            look(after: &hooks, lastDeadlineNs)
            if lastDeadlineNs != .max, hooks.isEmpty { break }
        }
        close(take)
    }

    /// - Returns: `false` once nobody will hand over anything any more.
    private func receive(_ hooks: inout [HookProcess]) -> Bool {
        var pointer: UInt = 0
        while true {
            let count = unsafe read(take, &pointer, MemoryLayout<UInt>.size)
            guard count == MemoryLayout<UInt>.size else { return count != 0 }
            guard let work = release(pointer) else { continue }
            do throws(ErrnoError) {
                hooks.append(
                    try HookProcess(
                        command, input: work.document, variables: work.variables,
                        deadlineNs: Clocks.boottimeNs() &+ timeoutNs))
            } catch {
                say(" could not be started: \(error.message)")
                running.subtract(1, ordering: .releasing)
            }
        }
    }

    private func look(after hooks: inout [HookProcess], _ lastDeadlineNs: UInt64) {
        let now = Clocks.boottimeNs()
        hooks.removeAll { hook in
            guard let status = hook.reap() else {
                if now >= min(hook.deadlineNs, lastDeadlineNs), !hook.wasKilled {
                    say(
                        "[\(hook.pid)] was still running after its time (--hook-timeout), and was killed with its group"
                    )
                    hook.kill()
                }
                return false
            }
            if status != 0, !hook.wasKilled { say("[\(hook.pid)] ended with \(NameWords.exit(Int64(status)))") }
            running.subtract(1, ordering: .releasing)
            return true
        }
    }

    /// Until the next deadline; -1 without one.
    private func timeoutMs(_ hooks: [HookProcess], _ lastDeadlineNs: UInt64) -> Int32 {
        guard let next = hooks.lazy.filter({ !$0.wasKilled }).map(\.deadlineNs).min() else {
            return hooks.isEmpty ? -1 : 1000
        }
        let now = Clocks.boottimeNs()
        let deadline = min(next, lastDeadlineNs)
        return deadline <= now ? 0 : Int32(clamping: (deadline - now) / 1_000_000 + 1)
    }

    /// One line for people, written at once: the console belongs to the recorder's thread.
    private func say(_ text: String) {
        let line = Array(("inquest: hook " + oneLine(command + text) + "\n").utf8)
        _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    @discardableResult
    private func release(_ pointer: UInt) -> Work? {
        unsafe UnsafeRawPointer(bitPattern: pointer).map {
            unsafe Unmanaged<Work>.fromOpaque($0).takeRetainedValue()
        }
    }
}

extension Finding {
    /// The incident it belongs to.
    fileprivate var incidentID: Bytes? {
        switch self {
        case .kill(let kill, _): kill.incidentID
        case .phase(_, _, let incident): incident?.id
        case .opened(let incident), .closed(let incident): incident.id
        }
    }
}

private func hookMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    unsafe Unmanaged<HookRunner>.fromOpaque(context).takeRetainedValue().main()
    return nil
}
