import Events
import Glibc

@testable import Host

/// A directory of made-up /proc, /sys, ... that goes away with its owner.
final class Fixture {
    let root: String

    init() {
        var template = Array("/tmp/inquest-host-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }
        precondition(made != nil, "no temporary directory can be made")
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Fixture.remove(Bytes(root.utf8)) }

    var paths: HostPaths {
        HostPaths(
            proc: root + "/proc", sys: root + "/sys", etc: root + "/etc", passwd: root + "/etc/passwd",
            vendor: root + "/usr/lib", run: root + "/run", pstoreArchive: root + "/pstore",
            log: root + "/var/log")
    }

    func file(_ path: String, _ text: String) { file(path, Bytes(text.utf8)) }

    func file(_ path: String, _ bytes: Bytes) {
        directory(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        let descriptor = Calls.open(Bytes((root + "/" + path).utf8), O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        precondition(descriptor >= 0, "cannot write \(path): errno \(-descriptor)")
        defer { Calls.close(descriptor) }
        if !bytes.isEmpty { precondition(Calls.write(descriptor, bytes) == 0) }
    }

    func directory(_ path: String) {
        var made = root
        for part in path.split(separator: "/") {
            made += "/" + part
            _ = mkdir(made, 0o755)
        }
    }

    func link(_ path: String, to target: String) {
        directory(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        precondition(symlink(target, root + "/" + path) == 0)
    }

    func remove(_ path: String) { Fixture.remove(Bytes((root + "/" + path).utf8)) }

    func inode(_ path: String) -> UInt64 { Calls.status(Bytes((root + "/" + path).utf8))?.inode ?? 0 }

    private static func remove(_ path: Bytes) {
        for entry in (Calls.link(path) == nil ? Calls.entries(path) : nil) ?? [] {
            remove(path + [UInt8(ascii: "/")] + entry.name)
        }
        if unlinkat(AT_FDCWD, text(path), 0) != 0 { _ = Calls.removeDirectory(path) }
    }

    private static func text(_ path: Bytes) -> String { String(decoding: path, as: UTF8.self) }

    // MARK: - Whole machines

    static let someMeminfo = """
        MemTotal:       24684096 kB
        MemFree:        1048576 kB
        MemAvailable:   2097152 kB
        Cached:           660820 kB
        SwapTotal:       14680060 kB
        SwapFree:        14680060 kB
        Zswap:                 0 kB
        Zswapped:              0 kB
        Dirty:             42748 kB
        Writeback:             0 kB
        AnonPages:         21440 kB
        Shmem:              8788 kB
        Slab:             150596 kB

        """

    func pressure(memory: UInt64 = 0, io: UInt64 = 0, cpu: UInt64 = 0) {
        func text(_ total: UInt64) -> String {
            """
            some avg10=0.00 avg60=0.00 avg300=0.00 total=\(total)
            full avg10=0.00 avg60=0.00 avg300=0.00 total=\(total / 2)

            """
        }
        file("proc/pressure/memory", text(memory))
        file("proc/pressure/io", text(io))
        file("proc/pressure/cpu", text(cpu))
    }

    func vmstat(pgscan: UInt64 = 0, oomKill: UInt64 = 0) {
        file(
            "proc/vmstat",
            """
            nr_free_pages 5876980
            pgscan_kswapd \(pgscan)
            pgscan_direct 0
            pgscan_direct_throttle 99
            allocstall_dma32 1
            allocstall_normal 2
            allocstall_movable 3
            oom_kill \(oomKill)

            """)
    }

    /// The host's own files, without disks and cgroups.
    func host() {
        pressure()
        vmstat()
        file("proc/meminfo", Fixture.someMeminfo)
        file("proc/loadavg", "0.52 0.13 0.04 1/93 6732\n")
        file("proc/stat", "cpu  1 2 3\nintr 5 0 0\nprocs_running 2\nprocs_blocked 1\n")
        file("proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
        file("proc/sys/kernel/random/boot_id", "b1e7c2d4-0000-4000-8000-00000000002a\n")
        file("proc/sys/kernel/hostname", "devvm\n")
        file("proc/sys/kernel/osrelease", "6.1.0-50-amd64\n")
        file("proc/cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t80\t1\n")
        file("proc/self/mountinfo", "")
        directory("sys/block")
        file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nkim:x:1002:1002::/home/kim:/bin/bash\n")
    }

    func unified(controllers: String = "cpu io memory pids", enabled: String = "memory pids") {
        file("proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n")
        file("sys/fs/cgroup/cgroup.controllers", controllers + "\n")
        file("sys/fs/cgroup/cgroup.subtree_control", enabled + "\n")
    }

    func unifiedGroup(_ path: String, current: UInt64, swap: UInt64 = 0, max: String = "max", swapMax: String = "max") {
        let base = "sys/fs/cgroup" + path + "/"
        file(base + "memory.current", "\(current)\n")
        file(base + "memory.swap.current", "\(swap)\n")
        file(base + "memory.max", max + "\n")
        file(base + "memory.swap.max", swapMax + "\n")
    }

    func legacy() {
        file(
            "proc/self/mountinfo",
            """
            31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
            35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw

            """)
        file("proc/cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nmemory\t4\t18\t1\n")
        file("sys/fs/cgroup/unified/cgroup.controllers", "\n")
        directory("sys/fs/cgroup/memory")
    }
}

extension Payload {
    var pressureSample: PressureSample? { if case .pressure(let value) = self { value } else { nil } }
    var memorySample: MemorySample? { if case .memory(let value) = self { value } else { nil } }
    var vmstatSample: VmstatSample? { if case .vmstat(let value) = self { value } else { nil } }
    var loadSample: LoadSample? { if case .load(let value) = self { value } else { nil } }
    var deviceSample: DeviceSample? { if case .device(let value) = self { value } else { nil } }
    var deviceName: DeviceName? { if case .deviceName(let value) = self { value } else { nil } }
    var cgroupSample: CgroupSample? { if case .cgroupSample(let value) = self { value } else { nil } }
    var cgroupChange: CgroupChange? { if case .cgroup(let value) = self { value } else { nil } }
    var recorderStart: RecorderStart? { if case .recorderStart(let value) = self { value } else { nil } }
    var backstop: BackstopState? { if case .backstop(let value) = self { value } else { nil } }
    var containerName: ContainerName? { if case .containerName(let value) = self { value } else { nil } }
    var userName: UserName? { if case .userName(let value) = self { value } else { nil } }
    var samplerGap: SamplerGap? { if case .samplerGap(let value) = self { value } else { nil } }
    var clockSnapshot: ClockSnapshot? { if case .clock(let value) = self { value } else { nil } }
    var loss: Lost? { if case .lost(let value) = self { value } else { nil } }
}

extension Bytes {
    init(_ text: String) { self.init(text.utf8) }
    var text: String { String(decoding: self, as: UTF8.self) }
}

/// A sampler on a fixture, with a clock that only the test moves.
final class Bench {
    let sampler: HostSampler
    private var boottimeNs: UInt64 = 1_000_000_000_000
    private var realtimeNs: UInt64 = 1_750_000_000_000_000_000
    private var looks = 0
    private var hang: (look: Int, ns: UInt64)?
    /// Time that the machine was suspended since it was started.
    private var asleepNs: UInt64 = 7_000_000_000

    init(_ fixture: Fixture, _ options: SamplerOptions = SamplerOptions()) {
        sampler = HostSampler(paths: fixture.paths, options: options)
        sampler.clock = { [unowned self] in
            var snapshot = ClockSnapshot()
            snapshot.boottimeNs = boottimeNs
            snapshot.realtimeNs = realtimeNs
            snapshot.monotonicNs = boottimeNs - asleepNs
            return snapshot
        }
        sampler.now = { [unowned self] in
            looks += 1
            if looks == hang?.look { boottimeNs += hang?.ns ?? 0 }
            return boottimeNs
        }
    }

    /// Makes the clock jump before the sampler looks at it for the n-th time in the next tick, as if what it read before had hung.
    func hang(before look: Int, for ns: UInt64) { hang = (look, ns) }

    func start() -> [Event] { sampler.startEvents(version: Bytes("0.1.0"), recorderTgid: 77) }

    /// Moves the clock, then ticks.
    @discardableResult
    func tick(
        after ns: UInt64 = 1_000_000_000, underPressure: Bool = false, wallClockStep: Int64 = 0,
        asleep: UInt64 = 0, lastCompletion: UInt64? = nil
    ) -> [Event] {
        looks = 0
        defer { hang = nil }
        boottimeNs += ns + asleep
        asleepNs += asleep
        realtimeNs = UInt64(Int64(realtimeNs + ns + asleep) + wallClockStep)
        var events: [Event] = []
        let completion: (UInt32) -> UInt64? = { _ in lastCompletion }
        sampler.sample(underPressure: underPressure, lastCompletionNs: completion) { events.append($0) }
        return events
    }

    var now: UInt64 { boottimeNs }
}
