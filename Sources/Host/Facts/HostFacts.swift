public import Events
internal import Glibc

/// One finding about this machine, as `inquest doctor` lists it.
public struct Fact: Equatable, Sendable {
    public enum State: Equatable, Sendable {
        case readable
        /// It could not be found out, which is not the same as "no". 0 when the file was there and made no sense.
        case unreadable(errno: Int32)
    }

    public var name: String
    /// A machine's text, possibly with hostile bytes (a path, a device's name); empty when unreadable.
    public var value: Bytes
    public var state: State

    init(_ name: String, _ value: Bytes) {
        self.name = name
        self.value = value
        state = .readable
    }
    init(_ name: String, _ value: String) { self.init(name, Bytes(value.utf8)) }
    init(_ name: String, unreadable errno: Int32) {
        self.name = name
        value = []
        state = .unreadable(errno: errno)
    }
    init(_ name: String, _ value: Bool?, unreadable errno: Int32 = 0) {
        if let value { self.init(name, value ? "yes" : "no") } else { self.init(name, unreadable: errno) }
    }
}

/// What this machine is, for the doctor: facts first, without a verdict.
///
/// The typed properties are for rules, `facts` for people; both come from the same reading. `nil` and `.unknown`: it could not be
/// read.
public struct HostFacts: Sendable {
    public var kernelRelease: Bytes?
    /// `/sys/kernel/btf/vmlinux`.
    public var hasBTF: Bool?
    public var hierarchy: CgroupHierarchy
    /// Controllers by hierarchy: `memory` -> 0 (cgroup v2) or the id of its v1 hierarchy.
    public var controllers: [(name: Bytes, hierarchy: UInt32)]
    public var accountsIO: Bool?
    /// 0: `/proc/pressure/memory` can be read; ENOENT: PSI is not built in; EOPNOTSUPP: switched off at boot.
    public var pressureErrno: Int32
    public var pressure: Bool { pressureErrno == 0 }
    public var swapTotalBytes: Figure
    public var swaps: [(path: Bytes, sizeBytes: Figure)]
    public var hasZramSwap: Bool
    public var zswapEnabled: Bool?
    public var schedulers: [DiskScheduler]
    /// RLIMIT_MEMLOCK, bytes.
    public var memoryLockLimit: Figure
    public var capabilities: Capabilities?
    public var isInitialPidNamespace: Bool?
    public var isInitialUserNamespace: Bool?
    /// `none`, `integrity`, `confidentiality`; `nil` where the kernel has no lockdown or securityfs is not mounted.
    public var lockdown: Bytes?
    /// `kernel.unprivileged_bpf_disabled`.
    public var unprivilegedBPFDisabled: Figure
    /// `kernel.ftrace_enabled`; `nil` where the kernel has no function tracer.
    public var runsTrampolines: Bool?
    /// Where tracefs is mounted and readable; empty when it is not.
    public var tracefs: Bytes
    /// How a recorder started here would be protected by its cgroup.
    public var recorderCgroup: String
    public var directory: DirectoryFacts?
    /// Empty inside a pid namespace, where the host's processes are not seen.
    public var backstops: [BackstopState]
    public private(set) var facts: [Fact] = []

    /// - Parameters:
    ///   - paths: where this machine shows what it is.
    ///   - directory: of the recording, to be examined; a small file is made in it and removed.
    public init(_ paths: HostPaths = HostPaths(), directory: Bytes? = nil) {
        kernelRelease = line(of: paths.proc("sys/kernel/osrelease"))
        hasBTF = Calls.exists(paths.sys("kernel")) ? Calls.exists(paths.sys("kernel/btf/vmlinux")) : nil
        hierarchy = CgroupHierarchy.find(paths)
        controllers = HostFacts.controllers(paths, hierarchy)
        accountsIO = hierarchy.mode == .unknown ? nil : hierarchy.accountsIO
        var buffer = ReadBuffer(capacity: 4096)
        pressureErrno = buffer.fill(path: paths.proc("pressure/memory"))
        swapTotalBytes = MemoryReader(paths).read(&buffer).swapTotalBytes
        let areas = Swaps(paths).areas
        swaps = areas.map { ($0.path, $0.sizeBytes) }
        hasZramSwap = areas.contains { $0.path.basename.hasPrefix("zram") }
        let zswap = line(of: paths.sys("module/zswap/parameters/enabled"))
        // No such module: a kernel without zswap.
        zswapEnabled = zswap.map { $0 == Bytes("Y".utf8) } ?? (Calls.exists(paths.sys("module")) ? false : nil)
        schedulers = DiskScheduler.all(paths, kernelRelease: kernelRelease)
        memoryLockLimit = HostFacts.memoryLockLimit()
        capabilities = contents(of: paths.proc("self/status")).flatMap { Capabilities(status: $0) }
        isInitialPidNamespace = Namespaces.isInitialPid(paths)
        isInitialUserNamespace = Namespaces.isInitialUser(paths)
        lockdown = line(of: paths.sys("kernel/security/lockdown")).flatMap(HostFacts.selected)
        unprivilegedBPFDisabled = Figure(line(of: paths.proc("sys/kernel/unprivileged_bpf_disabled"))?[...].decimal)
        runsTrampolines = line(of: paths.proc("sys/kernel/ftrace_enabled")).map { $0 != Bytes("0".utf8) }
        tracefs = HostFacts.tracefs(paths)
        recorderCgroup = ProtectedCgroup(enter: false, pid: 0, paths: paths).words
        self.directory = directory.map { DirectoryFacts($0, paths) }
        var found: [BackstopState] = []
        Backstops(paths, processLimit: SamplerOptions().processes).scan(owner: { _ in }, changed: { found.append($0) })
        backstops = found
        facts = list(paths)
    }

    public subscript(_ name: String) -> Fact? { facts.first { $0.name == name } }

    private static func memoryLockLimit() -> Figure {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0 else { return .unknown }
        return limit.rlim_cur == rlim_t.max ? .unlimited : Figure(UInt64(limit.rlim_cur))
    }

    /// v1 controllers of `/proc/cgroups` that are mounted somewhere, then those of cgroup v2.
    private static func controllers(
        _ paths: HostPaths, _ hierarchy: CgroupHierarchy
    ) -> [(name: Bytes, hierarchy: UInt32)] {
        var result: [(name: Bytes, hierarchy: UInt32)] = []
        for row in (contents(of: paths.proc("cgroups")) ?? []).lines where row.first != UInt8(ascii: "#") {
            let words = row.words
            guard words.count >= 4, let id = words[1].decimal, id != 0 else { continue }
            result.append((Bytes(words[0]), UInt32(truncatingIfNeeded: id)))
        }
        let unified = hierarchy.unifiedMountPoint
        guard !unified.isEmpty, let text = line(of: unified + Bytes("/cgroup.controllers".utf8)) else { return result }
        return result + text[...].words.map { (Bytes($0), 0) }
    }

    /// The word in brackets: `none [integrity] confidentiality`.
    static func selected(_ text: Bytes) -> Bytes? {
        guard let open = text.firstIndex(of: UInt8(ascii: "[")),
            let close = text[open...].firstIndex(of: UInt8(ascii: "]"))
        else { return nil }
        return Bytes(text[(open + 1)..<close])
    }

    private static func tracefs(_ paths: HostPaths) -> Bytes {
        for mount in Mount.all(paths) where mount.type == Bytes("tracefs".utf8) {
            let point = paths.resolve(mountPoint: mount.point)
            if Calls.entries(point + Bytes("/events".utf8), limit: 1) != nil { return point }
        }
        return []
    }
}
