public import Events
internal import Glibc

/// Observes this machine: who it is once, how it feels at every tick.
///
/// The caller ticks (`sample`) once a second in calm and ten times a second under pressure. In calm an ordinary tick allocates
/// nothing, reads files that are kept open, and hands out only what moved; once a minute it writes everything (a keyframe) and
/// looks for new disks and backstops. It never reads a process's memory or command line under pressure.
///
/// Not thread-safe: one thread owns it.
public final class HostSampler {
    private let paths: HostPaths
    private let options: SamplerOptions
    private var buffer = ReadBuffer()

    private let pressure: PressureReader
    private let memory: MemoryReader
    private let vmstat: VmstatReader
    private let load: LoadReader
    private let devices: Devices
    private let cgroups: CgroupTable
    private let backstops: Backstops
    private var users: Users
    private var containers: ContainerNames

    private var pressureBand = DeadBand<PressureSample>()
    private var memoryBand = DeadBand<MemorySample>()
    private var vmstatBand = DeadBand<VmstatSample>()
    private var loadBand = DeadBand<LoadSample>()

    private var lastTickNs: UInt64?
    /// When it last looked at the clock, in the tick.
    private var lookedNs: UInt64 = 0
    private var lastAsleepNs: UInt64?
    private var lastIntervalNs: UInt64 = 0
    private var keyframeNs: UInt64?
    private var housekeepingNs: UInt64 = 0
    /// When all processes are looked at again.
    private var processesDueNs: UInt64 = 0
    private var capsNs: UInt64 = 0
    private var wasUnderPressure = false
    private var lastOffsetNs: UInt64 = 0
    private var memoryTotal = Figure.unknown
    private var devicesLeftOut = 0

    /// When a cgroup was last seen to have been throttled at memory.high since the tick before; 0 for never.
    public private(set) var throttleSeenNs: UInt64 = 0

    /// Tests put their own clock here.
    var clock: () -> ClockSnapshot = Clocks.snapshot
    var now: () -> UInt64 = Clocks.boottimeNs

    public init(paths: HostPaths = HostPaths(), options: SamplerOptions = SamplerOptions()) {
        self.paths = paths
        self.options = options
        pressure = PressureReader(paths)
        memory = MemoryReader(paths)
        vmstat = VmstatReader(paths)
        load = LoadReader(paths)
        devices = Devices(paths, ceilings: options.ceilings)
        cgroups = CgroupTable(CgroupHierarchy.find(paths), options)
        backstops = Backstops(paths, processLimit: options.processes)
        users = Users(paths, limit: options.users)
        containers = ContainerNames(options)
    }

    /// The hierarchy that cgroup ids and paths are of.
    public var hierarchy: CgroupHierarchy { cgroups.hierarchy }

    /// Whether this process sees the host's processes, by their numbers on the host.
    public var seesHostProcesses: Bool { Namespaces.isInitialPid(paths) != false }

    /// Who this machine is: recorder start, clock, disks, cgroups, users, backstops.
    public func startEvents(version: Bytes, recorderTgid: UInt32) -> [Event] {
        let snapshot = clock()
        let time = snapshot.boottimeNs
        var events: [Event] = []
        func add(_ payload: Payload) { events.append(Event(boottimeNs: time, payload)) }

        let host = memory.read(&buffer)
        memoryTotal = host.totalBytes
        var start = RecorderStart()
        start.bootID = Clocks.bootID(paths)
        start.version = version
        start.hostname = line(of: paths.proc("sys/kernel/hostname")) ?? []
        start.kernel = line(of: paths.proc("sys/kernel/osrelease")) ?? []
        start.pageSize = UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
        start.cpus = UInt32(max(0, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        start.memoryTotalBytes = host.totalBytes
        start.swapTotalBytes = host.swapTotalBytes
        start.pressureAvailable = pressure.isAvailable
        start.cgroupMode = cgroups.hierarchy.mode
        start.memoryHierarchy = cgroups.hierarchy.id
        start.ioAccounted = cgroups.hierarchy.accountsIO
        start.previousPanic = PanicRecord.isPresent(paths, snapshot)
        start.recorderTgid = recorderTgid
        add(.recorderStart(start))
        add(.clock(snapshot))
        lastOffsetNs = snapshot.realtimeNs &- time

        devices.refresh(swap: Swaps(paths).devices, &buffer) { add(.deviceName($0)) }
        cgroups.scan { change in
            add(.cgroup(change))
            containers.note(change.path)
            if let uid = Users.uid(ofSlice: change.path) { users.announce(uid) { add(.userName($0)) } }
        }
        let processes = backstops.scan(
            owner: { uid in users.announce(uid) { add(.userName($0)) } }, changed: { add(.backstop($0)) })
        processesDueNs = time &+ UInt64(processes) &* options.processScanNs
        users.announceRest { add(.userName($0)) }
        containers.look(paths, now: time) { add(.containerName($0)) }
        reportCaps(time) { events.append($0) }
        reportLosses(time) { events.append($0) }
        housekeepingNs = time
        return events
    }

    /// One tick.
    ///
    /// - Parameters:
    ///   - underPressure: write everything, look for the largest cgroups more often, and do nothing that could wait.
    ///   - tellAll: write everything, at calm's pace.
    ///   - lastCompletionNs: when a device last completed a request (boottime), where that is known.
    ///   - body: takes the events. It may `note` a cgroup, but must not `forget` one or tick again.
    public func sample(
        underPressure: Bool, tellAll: Bool = false, lastCompletionNs: (UInt32) -> UInt64? = { _ in nil },
        _ body: (Event) -> Void
    ) {
        let snapshot = clock()
        let time = snapshot.boottimeNs
        let interval = underPressure ? options.pressureIntervalNs : options.calmIntervalNs
        let slept = sleep(until: snapshot)
        reportGap(time, slept, interval, body)
        let isKeyframe = keyframeNs.map { time &- $0 >= options.keyframeNs } ?? true
        if isKeyframe { keyframeNs = time }
        let all = underPressure || tellAll || isKeyframe

        let offset = snapshot.realtimeNs &- time
        let drift = Int64(bitPattern: offset &- lastOffsetNs).magnitude
        if isKeyframe || drift > options.clockJumpNs || slept > 0 {
            lastOffsetNs = offset
            body(Event(boottimeNs: time, .clock(snapshot)))
        }

        sampleHost(all: all, body)
        sampleDevices(all: all, lastCompletionNs, body)
        sampleCgroups(all: all, underPressure: underPressure, body)
        reportLosses(time, body)
        if !underPressure, time &- housekeepingNs >= options.keyframeNs { keepHouse(time, body) }
        if !underPressure, containers.isDue(time) {
            containers.look(paths, now: time) { body(Event(boottimeNs: time, .containerName($0))) }
        }
        // What was made since the last look is often what the pressure is about.
        if underPressure, !wasUnderPressure, time &- capsNs >= options.tailNs { reportCaps(time, body) }
        wasUnderPressure = underPressure
    }

    private func sampleHost(all: Bool, _ body: (Event) -> Void) {
        var time = look(body)
        let tail = options.tailNs
        pressureBand.offer(
            pressure.read(&buffer), now: time, all: all, tailNs: tail, moved: options.moved,
            write: { body(Event(boottimeNs: $0, .pressure($1))) })
        time = look(body)
        let host = memory.read(&buffer)
        memoryTotal = host.totalBytes
        // Levels need no tail: the last one written holds.
        memoryBand.offer(
            host, now: time, all: all, tailNs: 0, moved: options.moved,
            write: { body(Event(boottimeNs: $0, .memory($1))) })
        time = look(body)
        vmstatBand.offer(
            vmstat.read(&buffer), now: time, all: all, tailNs: tail, moved: options.moved,
            write: { body(Event(boottimeNs: $0, .vmstat($1))) })
        time = look(body)
        loadBand.offer(
            load.read(&buffer), now: time, all: all, tailNs: 0, moved: options.moved,
            write: { body(Event(boottimeNs: $0, .load($1))) })
    }

    private func sampleDevices(all: Bool, _ lastCompletionNs: (UInt32) -> UInt64?, _ body: (Event) -> Void) {
        for position in devices.disks.indices {
            let time = look(body)
            let sample = devices.sample(position, now: time, &buffer, lastCompletionNs)
            devices.withBand(position) { band in
                band.offer(
                    sample, now: time, all: all, tailNs: options.tailNs, moved: options.moved,
                    write: { body(Event(boottimeNs: $0, .device($1))) })
            }
        }
    }

    private func sampleCgroups(all: Bool, underPressure: Bool, _ body: (Event) -> Void) {
        let time = look(body)
        cgroups.rank(now: time, underPressure: underPressure, &buffer)
        cgroups.sample(now: time, all: all, &buffer) { band, sample in
            if let before = band.previous, rose(sample.eventsHigh, since: before.eventsHigh, by: 1) {
                throttleSeenNs = time
            }
            band.offer(
                sample, now: time, all: all, tailNs: options.tailNs, moved: options.moved,
                write: { body(Event(boottimeNs: $0, .cgroupSample($1))) })
        }
    }

    /// How long the machine was suspended since the last tick: boottime went on, monotonic time did not. 0 below a step of the
    /// clocks that is worth recording; both are read one after the other.
    private func sleep(until snapshot: ClockSnapshot) -> UInt64 {
        let asleep = snapshot.boottimeNs &- snapshot.monotonicNs
        defer { lastAsleepNs = asleep }
        guard let last = lastAsleepNs, asleep > last, asleep - last > options.clockJumpNs else { return 0 }
        return asleep - last
    }

    /// A tick more than twice as late as it should be is a gap in what was seen; a machine that is suspended misses nothing.
    private func reportGap(_ time: UInt64, _ slept: UInt64, _ interval: UInt64, _ body: (Event) -> Void) {
        // The pace may have changed in between: the slower of the two was promised.
        if let last = lastTickNs {
            reportGap(from: last &+ slept, to: time, expected: max(interval, lastIntervalNs), body)
        }
        lastTickNs = time
        lookedNs = time
        lastIntervalNs = interval
    }

    /// The time at which the next file is read. Reading the one before may have hung: the kernel allocates for some of them, and
    /// reclaims first. That is told before anything that was seen after it.
    private func look(_ body: (Event) -> Void) -> UInt64 {
        let time = now()
        if reportGap(from: lookedNs, to: time, expected: lastIntervalNs, body) { lastTickNs = time }
        lookedNs = time
        return time
    }

    @discardableResult
    private func reportGap(
        from last: UInt64, to time: UInt64, expected: UInt64, _ body: (Event) -> Void
    ) -> Bool {
        guard time > last, time - last > expected * 2 else { return false }
        var gap = SamplerGap()
        gap.expectedNs = expected
        gap.actualNs = time - last
        body(Event(boottimeNs: time, .samplerGap(gap)))
        return true
    }

    private func reportLosses(_ time: UInt64, _ body: (Event) -> Void) {
        let notSampled = cgroups.takeNotSampled()
        if notSampled > 0 {
            body(Event(boottimeNs: time, .lost(Lost(source: .cgroupsNotSampled, count: notSampled))))
        }
        if devices.leftOut != devicesLeftOut {
            devicesLeftOut = devices.leftOut
            if devicesLeftOut > 0 {
                let lost = Lost(source: .devicesNotSampled, count: UInt64(devicesLeftOut))
                body(Event(boottimeNs: time, .lost(lost)))
            }
        }
    }

    /// Once a minute, in calm: what changes rarely. This allocates.
    private func keepHouse(_ time: UInt64, _ body: (Event) -> Void) {
        housekeepingNs = time
        devices.refresh(swap: Swaps(paths).devices, &buffer) { body(Event(boottimeNs: time, .deviceName($0))) }
        if time >= processesDueNs {
            let processes = backstops.scan(
                owner: { uid in users.announce(uid) { body(Event(boottimeNs: time, .userName($0))) } },
                changed: { body(Event(boottimeNs: time, .backstop($0))) })
            processesDueNs = time &+ UInt64(processes) &* options.processScanNs
        }
        reportCaps(time, body)
        users.reload(paths) { body(Event(boottimeNs: time, .userName($0))) }
    }

    private func reportCaps(_ time: UInt64, _ body: (Event) -> Void) {
        capsNs = time
        backstops.report(Caps(cgroups, &buffer).state(memoryTotal: memoryTotal)) {
            body(Event(boottimeNs: time, .backstop($0)))
        }
    }

    // MARK: - What the kernel side tells

    /// A cgroup exists by this name; it is sampled when it turns out to be among the largest.
    public func learn(cgroup: UInt64, path: Bytes) { cgroups.learn(cgroup, path) }

    /// Something happened to a cgroup: it is sampled for a while (`SamplerOptions.notedNs`), whatever its size. The path may be
    /// empty when the cgroup is known.
    public func note(cgroup: UInt64, path: Bytes) { cgroups.note(cgroup, path, now: now()) }

    /// Looks through the whole tree again for cgroups that no event named: for a recorder without cgroup hooks, now and then, in
    /// calm.
    public func rescan(_ body: (Event) -> Void) {
        let time = now()
        cgroups.scan { change in
            body(Event(boottimeNs: time, .cgroup(change)))
            containers.note(change.path)
        }
    }

    /// A cgroup was removed.
    public func forget(cgroup: UInt64) { cgroups.forget(cgroup) }

    /// Learns or forgets by a kernel event; other hierarchies' events are none of this room's business.
    public func consume(_ change: CgroupChange) {
        guard change.hierarchy == cgroups.hierarchy.id else { return }
        switch change.action {
        case .seen, .created, .renamed:
            learn(cgroup: change.id, path: change.path)
            users.note(slice: change.path)
            containers.note(change.path)
        case .removed: forget(cgroup: change.id)
        }
    }
}
