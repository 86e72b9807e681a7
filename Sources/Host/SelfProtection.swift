internal import CLinux
import Events
internal import Glibc

/// What makes the recorder the last to go. Each step stands alone: a refusal is a fact for the recorder's first line, not a
/// reason to stop.
public enum SelfProtection {
    public struct Step: Equatable, Sendable {
        /// `memory_locked`, `oom_score_adj`, `priority`, `io_priority`, `descriptors`; `reclaim`.
        public var name: String
        /// 0 when it was granted.
        public var errno: Int32
    }

    /// All steps, in order, but `reclaimWithoutIO`.
    public static func apply(_ paths: HostPaths = HostPaths()) -> [Step] {
        [
            Step(name: "memory_locked", errno: lockMemory(paths)),
            Step(name: "oom_score_adj", errno: exemptFromOom(paths)),
            Step(name: "priority", errno: raisePriority()),
            Step(name: "io_priority", errno: raiseIOPriority()),
            Step(name: "descriptors", errno: raiseDescriptorLimit()),
        ]
    }

    /// Pages stay once they were touched: the program's own code cannot be paged out, and what it never uses costs nothing.
    ///
    /// Without CAP_IPC_LOCK the limit counts every mapping, touched or not. One that holds what is mapped now and not what comes
    /// later would make later allocations fail: then nothing is locked.
    public static func lockMemory(_ paths: HostPaths = HostPaths()) -> Int32 {
        let resource = __rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue)
        var limit = rlimit()
        if unsafe getrlimit(resource, &limit) == 0, limit.rlim_max > limit.rlim_cur {
            limit.rlim_cur = limit.rlim_max
            _ = unsafe setrlimit(resource, &limit)
        }
        let capabilities = contents(of: paths.proc("self/status")).flatMap { Capabilities(status: $0) }
        guard capabilities?.has(.ipcLock) == true || limit.rlim_cur >= lockedBytesNeeded else { return ENOMEM }
        return -Calls.retrying { mlockall(Int32(MCL_CURRENT) | Int32(MCL_FUTURE) | Int32(MCL_ONFAULT)) }
    }

    /// Reads a byte of every page of the program and of the libraries it was loaded with, so that no part of it is still on a disk when it
    /// is wanted. Where memory is locked as it is touched, they also stay.
    public static func touchProgram(_ paths: HostPaths = HostPaths()) {
        let page = max(4096, sysconf(Int32(_SC_PAGESIZE)))
        for line in (contents(of: paths.proc("self/maps")) ?? []).split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: true)
            guard words.count >= 6, words[1].first == UInt8(ascii: "r"), words[5].first == UInt8(ascii: "/"),
                !words[5].starts(with: "/dev/".utf8)
            else { continue }
            let bounds = words[0].split(separator: UInt8(ascii: "-"))
                .compactMap { UInt(String(decoding: $0, as: UTF8.self), radix: 16) }
            guard bounds.count == 2, bounds[0] < bounds[1] else { continue }
            for address in stride(from: bounds[0], to: bounds[1], by: page) {
                _ = unsafe iq_touch(UnsafeRawPointer(bitPattern: address))
            }
        }
    }

    /// More address space than a recorder maps: thread stacks, the ring, what allocators reserve.
    private static let lockedBytesNeeded: rlim_t = 512 << 20

    public static func exemptFromOom(_ paths: HostPaths = HostPaths()) -> Int32 {
        Calls.write("-1000", to: paths.proc("self/oom_score_adj"))
    }

    /// A processor as soon as it is wanted: on a dying machine everybody who waits for memory or the disk becomes runnable at once,
    /// and who samples ten times a second is late behind them. Nice -20, not a real-time class: in a flood of events the recorder
    /// must not keep the processor from those whom it watches. For the calling thread; threads made by it later inherit it.
    public static func raisePriority() -> Int32 { nice(-20) }

    /// Back among the others, for a thread whose work is no part of that.
    public static func lowerPriority() { _ = nice(0) }

    /// Everything back, and behind the others, for a process that is about to become another program. (Locked memory does not outlive
    /// that; to wait for no IO does, and is nothing that others would miss.)
    public static func giveUp(_ paths: HostPaths = HostPaths()) {
        _ = nice(10)
        _ = Calls.retrying { iq_ioprio_set(ioprioWhoProcess, 0, 2 << 13 | 7) }
        _ = Calls.write("0", to: paths.proc("self/oom_score_adj"))
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { return }
        // The usual one: select(2) knows no more.
        limit.rlim_cur = min(limit.rlim_cur, 1024)
        _ = unsafe setrlimit(resource, &limit)
    }

    private static func nice(_ value: Int32) -> Int32 {
        -Calls.retrying { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, value) }
    }

    /// Ahead of everyone in the disk's queue (real time class, its lowest level), else first among equals. For the calling
    /// thread; threads made by it later inherit it.
    public static func raiseIOPriority() -> Int32 {
        let realTime = Calls.retrying { iq_ioprio_set(ioprioWhoProcess, 0, 1 << 13 | 7) }
        if realTime == 0 { return 0 }
        return -Calls.retrying { iq_ioprio_set(ioprioWhoProcess, 0, 2 << 13 | 0) }
    }

    /// What the recorder allocates, the kernel on its behalf included (each read of /proc/vmstat takes a page), never waits for somebody
    /// else's pages to be written out first: where memory is short, that wait is the storm itself. For the calling thread;
    /// threads made by it later inherit it.
    ///
    /// After the BPF programs are loaded: for one who must not wait, memory for each CPU comes only from what lies ready
    /// (mm/percpu.c, pcpu_alloc), and 5.10 was seen to refuse their maps for want of it.
    public static func reclaimWithoutIO() -> Step {
        Step(name: "reclaim", errno: -Calls.retrying { iq_set_io_flusher() })
    }

    /// IOPRIO_WHO_PROCESS (linux/ioprio.h; an anonymous enum).
    private static let ioprioWhoProcess: Int32 = 1

    /// Sampled cgroups keep their files open: the soft limit is raised to the hard one, at most to 65536.
    public static func raiseDescriptorLimit() -> Int32 {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { return EPERM }
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 65_536))
        return -Calls.retrying { unsafe setrlimit(resource, &limit) }
    }
}
