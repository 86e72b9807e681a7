import CLibbpf
import CLinux
public import Events
import Glibc
import KernelWire

/// The BPF programs on the running kernel, and what they say.
///
/// Made once, drained by one thread: draining never waits for anything but the kernel. Closing, or letting go of it, takes every
/// program off.
///
/// Deliberately without a thread, a timer or a file of its own: who owns it decides when to look.
public final class Probes {
    let options: ProbeOptions
    private var object: BpfObject?
    private var ring: Ring?
    private var drops: Drops?
    private var missedRuns: MissedRuns?
    private var intervals: IntervalReader?
    private var censusTaker: CensusReader?
    private let choice: HookChoice

    /// Every feature: by which hook it is heard, and what was refused.
    public let hooks: [HookState]

    /// Loads the programs, chooses for each feature the richest hook that this kernel takes, and attaches them.
    ///
    /// - Throws: `ProbeError` when nothing can be heard at all. A feature without any hook is no error: `hooks` says it.
    public init(_ options: ProbeOptions = ProbeOptions()) throws(ProbeError) {
        if Capabilities.isUserNamespace { throw .userNamespace }
        if let missing = Capabilities.missingForTracing() { throw .missingCapability(missing) }
        self.options = options
        // What is large is short-lived here: kept apart from the rest, so that its pages go back when it does. glibc would raise
        // this limit with the first large block that is freed.
        mallopt(M_MMAP_THRESHOLD, 128 << 10)
        var choice = HookChoice(features: Feature.table(options))
        let types = try Probes.screen(&choice, options)
        // The kernel takes long to write its symbols, and to check the programs: it does both at once.
        let lookup = Concurrently { [absent = choice.absentFunctions] in
            KernelSymbols(
                looking: KernelSymbols.oomNames + Probes.symbolVariables.map(\.symbol), absent: absent)
        }
        let object = try Probes.attach(&choice, options, types)
        self.object = object
        self.choice = choice
        hooks = choice.states
        // Everything is heard from here on; what the records refer to may come while they wait in the ring.
        let symbols = lookup.value
        for (symbol, variable) in Probes.symbolVariables {
            guard let map = object.mapDescriptor(variable), var address = symbols.address(symbol) else { continue }
            var key: UInt32 = 0
            _ = unsafe bpf_map_update_elem(map, &key, &address, 0)
        }
        guard let ringMap = object.mapDescriptor("iq_ring"), let dropMap = object.mapDescriptor("iq_drops") else {
            throw .badObject("has no ring")
        }
        ring = try Ring(map: ringMap, size: Int(Probes.ringSize(options.ringBytes)), symbols: symbols.oom)
        drops = Drops(map: dropMap)
        missedRuns = MissedRuns(programs: object.programDescriptors)
        intervals = IntervalReader(beganNs: readingNs(), map: object.mapDescriptor)
        censusTaker = object.linkDescriptor("iq_census").map {
            CensusReader(link: $0, cgroups: object.linkDescriptor("iq_census_cgroups"))
        }
        // libbpf's copy of the kernel's types is freed by now: give its pages back.
        malloc_trim(0)
    }

    /// The capabilities that listening needs and this process lacks, as a sentence's object; `nil` when it has them.
    public static var missingCapabilities: String? { Capabilities.missingForTracing() }

    deinit { close() }

    /// Takes every program off and unmaps the ring. What was in it is lost: drain first.
    public func close() {
        ring = nil
        drops = nil
        missedRuns = nil
        intervals = nil
        censusTaker = nil
        object = nil
    }

    // MARK: Hearing

    /// To poll: readable when the ring has records that should not wait. The others are there to be drained at any time.
    public var descriptor: Int32 { ring?.descriptor ?? -1 }

    /// Hands on the records that are there, decoded, with `seq` 0, in the order of the ring. Never waits.
    ///
    /// - Returns: how many there were, those that could not be decoded among them.
    @discardableResult
    public func drain(_ body: (Event) -> Void) -> Int { ring?.drain(body) ?? 0 }

    /// Hands on what the programs counted since the last call: block IO by device (`IOInterval`) and by cgroup (`CgroupIO`),
    /// stalls by cgroup (`CgroupStall`), for what moved; then what was lost (`Lost`). All with the time of the call.
    public func readIntervals(_ body: (Event) -> Void) {
        intervals?.read(nowNs: readingNs(), body)
        readDrops(body)
    }

    /// Takes a census: the largest processes and the blocked tasks (`CensusTask`), the largest cgroups (`MemcgState`), then the
    /// `Census` itself. It waits for no task's locks. Without the hook `census` it says nothing.
    public func census(_ reason: CensusReason, _ body: (Event) -> Void) { censusTaker?.take(reason, body) }

    /// Every process there is, whatever its size; `nil` without the hook `census`, or when not all could be read.
    public func everybody() -> [CensusTask]? { censusTaker?.everybody() }

    /// When a device last completed a request, nanoseconds of CLOCK_BOOTTIME; `nil` when it has not since the programs were
    /// attached.
    ///
    /// - Parameter device: `major << 20 | minor` of the whole disk.
    public func lastCompletionNs(device: UInt32) -> UInt64? { intervals?.lastCompletionNs(device: device) }

    /// Records that were lost since the last call: in the kernel, by reason, and here, when they could not be decoded.
    private func readDrops(_ body: (Event) -> Void) {
        let now = clockNs(CLOCK_BOOTTIME)
        drops?.read(boottimeNs: now, body)
        missedRuns?.read(boottimeNs: now, body)
        if let undecodable = ring?.takeUndecodable(), undecodable > 0 {
            body(Event(boottimeNs: now, .lost(Lost(source: .undecodable, count: undecodable))))
        }
    }

    // MARK: Telling

    /// For the command lines of processes that run already; `nil` when none are kept.
    public func commandLineSeeds() -> CommandLineSeeds? {
        guard options.keepCommandLines, let map = map("iq_cmdlines") else { return nil }
        return CommandLineSeeds(copyOf: map)
    }

    /// Attaches or takes off the hooks that cost something on a busy machine (`sched_switch`).
    public func setPressureHooks(_ attached: Bool) {
        guard let object else { return }
        for feature in choice.features {
            guard let candidate = choice.candidate(of: feature), candidate.underPressureOnly else { continue }
            if attached, candidate.programs.contains("iq_sched_switch"), iterator("iq_sched_switch") == nil,
                let begun = map("iq_stalls_begun")
            {
                forgetBegunSleeps(map: begun)
            }
            for program in candidate.programs {
                if attached { _ = object.attach(program) } else { object.detach(program) }
            }
        }
    }

    // MARK: For the readers of maps and iterators

    /// A map's descriptor; `nil` when the object has none of that name.
    func map(_ name: String) -> Int32? { object?.mapDescriptor(name) }

    /// Descriptor of an attached iterator's link, for `bpf_iter_create`; `nil` when it is not attached.
    func iterator(_ program: String) -> Int32? { object?.linkDescriptor(program) }

    // MARK: Starting

    /// Kernel symbols whose address a variable of the programs holds (a section of its own, eight bytes).
    private static let symbolVariables = [(symbol: "end_swap_bio_read", variable: ".data.swap_read")]

    /// Rules out what the kernel's type information rules out.
    ///
    /// - Returns: what of that information the programs refer to.
    private static func screen(
        _ choice: inout HookChoice, _ options: ProbeOptions
    ) throws(ProbeError) -> TypesFile? {
        let object = try BpfObject()
        let types = try KernelTypes(
            looking: choice.neededTypes(object).union(KernelSymbols.optional), excerpting: object.typeNames)
        choice.screen(object, types, others: KernelSymbols.optional)
        return TypesFile(types.excerpt)
    }

    /// Loads and attaches; whatever is refused costs one more round without it.
    private static func attach(
        _ choice: inout HookChoice, _ options: ProbeOptions, _ types: TypesFile?
    ) throws(ProbeError) -> BpfObject {
        while true {
            let object = try opened(options, types)
            let programs = choice.programs
            try object.select(programs)
            // The file is read while loading.
            let code = withExtendedLifetime(types) { object.load() }
            if code != 0 {
                guard let program = LibbpfLog.program, programs.contains(program) else { throw loadError(code) }
                choice.refuse(program, code, lockedDown: code == EINVAL && HookChoice.isLockedDown)
            } else if let (program, code) = attachAll(object, choice) {
                choice.refuse(program, code)
            } else {
                return object
            }
        }
    }

    /// - Returns: the first program that was refused, with the errno; `nil` when all are attached.
    private static func attachAll(_ object: BpfObject, _ choice: HookChoice) -> (String, Int32)? {
        for feature in choice.features {
            guard let candidate = choice.candidate(of: feature) else { continue }
            for program in candidate.programs {
                let code = object.attach(program)
                if code != 0 { return (program, code) }
            }
        }
        // Tried, so that doctor tells the truth; off until they are asked for. After all the others: having emptied a tracepoint,
        // the kernel makes whoever fills the next one wait until no CPU is in the first any more (10 ms).
        for candidate in choice.features.compactMap(choice.candidate) where candidate.underPressureOnly {
            candidate.programs.forEach(object.detach)
        }
        return nil
    }

    private static func opened(_ options: ProbeOptions, _ types: TypesFile?) throws(ProbeError) -> BpfObject {
        let object = try BpfObject(cgroups: options.memoryCgroups, types: types?.path)
        var config = iq_config()
        config.slow_io_ns = options.slowIONs
        config.long_stall_ns = options.longStallNs
        config.slow_io_per_second = options.slowIOsPerSecond
        config.long_stalls_per_second = options.longStallsPerSecond
        config.signals_per_second = options.signalsPerSecond
        config.memory_hierarchy = memoryHierarchy()
        config.census_cgroup_pages = options.censusCgroupBytes / UInt64(max(4096, sysconf(Int32(_SC_PAGESIZE))))
        try object.setContents(".rodata.config", config)
        try object.setCapacity("iq_ring", ringSize(options.ringBytes))
        try object.setCapacity("iq_cmdlines", options.keepCommandLines ? max(options.commandLines, 1) : 1)
        return object
    }

    /// The kernel takes only powers of two of whole pages.
    private static func ringSize(_ bytes: Int) -> UInt32 {
        var size = UInt32(max(4096, sysconf(Int32(_SC_PAGESIZE))))
        while size < bytes && size < 1 << 30 { size <<= 1 }
        return size
    }

    private static func loadError(_ code: Int32) -> ProbeError {
        var limit = rlimit()
        let known = unsafe getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0
        if code == EPERM, known, limit.rlim_cur != rlim_t.max { return .lockedMemory }
        return .refused(what: "the BPF programs", errno: code, reason: LibbpfLog.reason)
    }
}
