public import Events
internal import Glibc

/// A disposable memory cgroup that contains a rehearsed kill: `inquest-drill-PID` at the root of the memory hierarchy.
///
/// It exists only if it truly contains: the limits are read back, and swap is shut off or absent. Otherwise `init` throws and
/// leaves nothing behind. It never changes what other cgroups may use.
public final class DrillCgroup {
    static let prefix = "inquest-drill-"

    /// As the kernel names it in its log: `/inquest-drill-4711`.
    public let path: Bytes
    /// kernfs id.
    public let id: UInt64
    public let hierarchy: CgroupHierarchy
    public let limitBytes: UInt64
    private let directory: Bytes
    private var isRemoved = false

    /// - Parameters:
    ///   - bytes: the limit; at least 4 MiB, so that a process can begin in it.
    ///   - highBytes: memory.high, for a rehearsal of throttling; cgroup v2 alone has it.
    ///   - pid: of the rehearsing process, which is how leftovers of a crashed one are told from a running one's.
    ///   - paths: where this machine shows what it is.
    public init(
        bytes: UInt64, highBytes: UInt64? = nil, pid: Int32, paths: HostPaths = HostPaths()
    ) throws(HostError) {
        guard bytes >= 4 << 20 else {
            throw HostError("contain the drill", on: "\(bytes) bytes", advice: "give it at least 4 MiB")
        }
        hierarchy = CgroupHierarchy.find(paths)
        limitBytes = bytes
        let name = Bytes("/\(DrillCgroup.prefix)\(pid)".utf8)
        directory = hierarchy.mountPoint + name
        path = hierarchy.prefix + name
        try DrillCgroup.refuseUncontainable(hierarchy, paths)
        if highBytes != nil, hierarchy.mode != .unified {
            throw HostError(
                "throttle the drill", on: hierarchy.mountPoint.printable,
                advice: "v1 memory cgroups have no memory.high; boot with cgroup v2")
        }

        let errno = Calls.makeDirectory(directory)
        guard errno == 0 else {
            throw HostError(
                "create the drill's cgroup", on: directory.printable, errno: errno,
                advice: errno == EEXIST
                    ? "another drill of this process is running" : "run as root, outside a container")
        }
        guard let status = Calls.status(directory) else {
            _ = Calls.removeDirectory(directory)
            throw HostError("examine the drill's cgroup", on: directory.printable)
        }
        id = status.inode
        do {
            try setLimits(paths)
            if let highBytes { try setHigh(highBytes) }
        } catch {
            _ = Calls.removeDirectory(directory)
            isRemoved = true
            throw error
        }
    }

    private static func refuseUncontainable(_ hierarchy: CgroupHierarchy, _ paths: HostPaths) throws(HostError) {
        switch hierarchy.mode {
        case .legacy: return
        case .unified:
            let control = hierarchy.mountPoint + Bytes("/cgroup.subtree_control".utf8)
            let names = (line(of: control) ?? [])[...].words
            guard names.contains(where: { $0.isText("memory") }) else {
                throw HostError(
                    "contain the drill", on: control.printable,
                    advice:
                        "the memory controller is off below this cgroup; enable it: echo +memory > \(control.printable)"
                )
            }
        case .none, .unknown:
            throw HostError(
                "contain the drill", on: paths.sys("fs/cgroup").printable,
                advice: "no memory controller is mounted here; mount cgroup v2 or the v1 memory controller")
        }
    }

    private func setLimits(_ paths: HostPaths) throws(HostError) {
        let isUnified = hierarchy.mode == .unified
        let memoryFile = isUnified ? "/memory.max" : "/memory.limit_in_bytes"
        try write("\(limitBytes)", memoryFile)
        try confirm(memoryFile, atMost: limitBytes)
        let swapFile = isUnified ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes"
        if Calls.exists(directory + Bytes(swapFile.utf8)) {
            let swapLimit = isUnified ? 0 : limitBytes
            try write("\(swapLimit)", swapFile)
            try confirm(swapFile, atMost: swapLimit)
        } else {
            var buffer = ReadBuffer(capacity: 4096)
            guard MemoryReader(paths).read(&buffer).swapTotalBytes == 0 else {
                throw HostError(
                    "contain the drill", on: (directory + Bytes(swapFile.utf8)).printable,
                    advice:
                        "swap is on and this kernel does not limit it per cgroup: swapoff -a, or boot with swapaccount=1"
                )
            }
        }
        guard !isUnified else { return }
        // The first is a preference only (memsw contains); the second would be inherited from a parent that forbids kills.
        _ = Calls.write("0", to: directory + Bytes("/memory.swappiness".utf8))
        let control = contents(of: directory + Bytes("/memory.oom_control".utf8)) ?? []
        if control.lines.contains(where: { $0.isText("oom_kill_disable 1") }) { try write("0", "/memory.oom_control") }
    }

    private func setHigh(_ bytes: UInt64) throws(HostError) {
        try write("\(bytes)", "/memory.high")
        try confirm("/memory.high", atMost: bytes)
    }

    /// Lifts memory.high: what was throttled goes on, up to the limit. - Returns: 0 or the errno.
    public func release() -> Int32 { Calls.write("max", to: directory + Bytes("/memory.high".utf8)) }

    private func write(_ value: String, _ file: String) throws(HostError) {
        let path = directory + Bytes(file.utf8)
        let errno = Calls.write(value, to: path)
        guard errno == 0 else {
            throw HostError("set the drill's limit to \(value)", on: path.printable, errno: errno)
        }
    }

    private func confirm(_ file: String, atMost bytes: UInt64) throws(HostError) {
        let path = directory + Bytes(file.utf8)
        guard let value = line(of: path)?[...].decimal, value <= bytes else {
            throw HostError(
                "contain the drill", on: path.printable,
                advice: "the kernel did not take the limit: it reads \((line(of: path) ?? []).printable)")
        }
    }

    /// Moves a process in; everything it allocates from then on counts against the limit.
    public func add(_ pid: Int32) throws(HostError) {
        let path = directory + Bytes("/cgroup.procs".utf8)
        let errno = Calls.write("\(pid)", to: path)
        guard errno == 0 else {
            throw HostError("move process \(pid) into the drill", on: path.printable, errno: errno)
        }
    }

    /// Ends what is left in it and removes it. Waits at most two seconds for the last process to go.
    public func remove() throws(HostError) {
        guard !isRemoved else { return }
        let errno = DrillCgroup.clear(directory)
        guard errno == 0 else {
            throw HostError(
                "remove the drill's cgroup", on: directory.printable, errno: errno,
                advice: "rmdir it when its processes are gone")
        }
        isRemoved = true
    }

    /// Removes the cgroups of drills whose process is gone. - Returns: their paths.
    @discardableResult
    public static func removeLeftovers(_ paths: HostPaths = HostPaths()) -> [Bytes] {
        let hierarchy = CgroupHierarchy.find(paths)
        guard !hierarchy.mountPoint.isEmpty else { return [] }
        var removed: [Bytes] = []
        for entry in Calls.entries(hierarchy.mountPoint) ?? [] where entry.isDirectory && entry.name.hasPrefix(prefix) {
            guard let pid = entry.name.dropFirst(prefix.utf8.count).decimal, pid > 0, pid <= UInt64(Int32.max),
                Calls.kill(Int32(pid), 0) == ESRCH
            else { continue }
            let name = [UInt8(ascii: "/")] + entry.name
            if clear(hierarchy.mountPoint + name) == 0 { removed.append(hierarchy.prefix + name) }
        }
        return removed
    }

    /// SIGKILL to each process by its number, then rmdir, until it works: a process that was killed leaves its cgroup only
    /// once it has exited. - Returns: 0 or the last errno.
    private static func clear(_ directory: Bytes) -> Int32 {
        var errno: Int32 = 0
        for _ in 0..<100 {
            for row in (contents(of: directory + Bytes("/cgroup.procs".utf8)) ?? []).lines {
                guard let pid = row.decimal, pid > 1, pid <= UInt64(Int32.max), Int32(pid) != getpid() else { continue }
                _ = Calls.kill(Int32(pid), SIGKILL)
            }
            errno = Calls.removeDirectory(directory)
            if errno == 0 || errno == ENOENT { return 0 }
            guard errno == EBUSY else { return errno }
            _ = poll(nil, 0, 20)
        }
        return errno
    }
}
