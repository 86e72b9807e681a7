import Events

/// The phase of a scope, entered at once, left after `phase_leave` under its entry level.
struct ScopePhase: Fields {
    var phase = Phase.calm
    /// When the measured level last was at least watch, pressure, thrash, critical; 0 never.
    private var watchNs: UInt64 = 0
    private var pressureNs: UInt64 = 0
    private var thrashNs: UInt64 = 0
    private var criticalNs: UInt64 = 0
    /// The changes since it left calm.
    var changes: [PhaseChange] = []

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.choice("phase", &phase)
        try w.unsigned("watch_ns", &watchNs)
        try w.unsigned("pressure_ns", &pressureNs)
        try w.unsigned("thrash_ns", &thrashNs)
        try w.unsigned("critical_ns", &criticalNs)
        try w.list("changes", &changes)
    }

    /// When it last was at least on watch; 0 never.
    var lastWatchNs: UInt64 { watchNs }

    mutating func note(_ level: Phase, at ns: UInt64) {
        if level >= .watch { watchNs = ns }
        if level >= .pressure { pressureNs = ns }
        if level >= .thrash { thrashNs = ns }
        if level >= .critical { criticalNs = ns }
    }

    /// Takes the levels that held at a moment to have held until another.
    mutating func hold(from: UInt64, to ns: UInt64, leave: UInt64) {
        func held(_ last: UInt64) -> UInt64 { last != 0 && from < last &+ leave ? max(last, ns) : last }
        (watchNs, pressureNs) = (held(watchNs), held(pressureNs))
        (thrashNs, criticalNs) = (held(thrashNs), held(criticalNs))
    }

    /// The new phase, if it changed.
    mutating func settle(at ns: UInt64, leave: UInt64) -> Phase? {
        func holds(_ last: UInt64) -> Bool { last != 0 && ns < last &+ leave }
        let next: Phase =
            holds(criticalNs)
            ? .critical : holds(thrashNs) ? .thrash : holds(pressureNs) ? .pressure : holds(watchNs) ? .watch : .calm
        guard next != phase else { return nil }
        if phase == .calm { changes.removeAll(keepingCapacity: true) }
        phase = next
        var change = PhaseChange()
        change.at = Moment(boottimeNs: ns)
        change.to = next
        if changes.count < Bounds.phaseChanges { changes.append(change) }
        return next
    }

    mutating func reset() { self = ScopePhase() }
}

extension State {
    /// The host's level by the last samples.
    func hostLevel() -> Phase { knowsPressure ? hostLevelByPressure() : hostLevelWithoutPressure() }

    /// Whether there are figures of PSI. (Booted with `psi=0` its files are there, and samples of them without a figure.)
    var knowsPressure: Bool { recorder.pressureAvailable || !host.pressureSample.memorySomeUs.isUnknown }

    private func hostLevelByPressure() -> Phase {
        let short = host.shares(over: rules[.watchWindow])
        let long = host.shares(over: rules[.phaseWindow])
        var level = Phase.calm
        if short.some ?? 0 >= rules[.memorySomeWatch] * 100 { level = .watch }
        guard hasGlobalReclaim else { return level }
        // Over the long window, and over the short one too: a phase is left 5 s after the stalls end, not after the window's end,
        // and a cgroup that stalls at its own limit right after a storm is no second storm.
        let (some, full) = (min(long.some ?? 0, short.some ?? 0), min(long.full ?? 0, short.full ?? 0))
        if full >= rules[.memoryFullPressure] * 100 || some >= rules[.memorySomePressure] * 100 { level = .pressure }
        if full >= rules[.memoryFullThrash] * 100 || some >= rules[.memorySomeThrash] * 100,
            hostPages, waitsForPaging(min(long.ioFull ?? 0, short.ioFull ?? 0))
        {
            level = .thrash
        }
        let critical = min(host.shares(over: rules[.criticalWindow]).full ?? 0, short.full ?? 0)
        if critical >= rules[.memoryFullCritical] * 100 { level = .critical }
        return level
    }

    /// Some distributions boot with PSI off: reclaim rates, reclaim stalls and blocked tasks stand in for it.
    private func hostLevelWithoutPressure() -> Phase {
        let short = host.rates(over: rules[.watchWindow])
        let long = host.rates(over: rules[.phaseWindow])
        var level = Phase.calm
        if short.scanned ?? 0 >= rules[.scanRateWatch]
            || host.reclaimStallShare(over: rules[.watchWindow], at: nowNs) ?? 0 >= rules[.reclaimStallWatch] * 100
        {
            level = .watch
        }
        if level == .calm, host.phase.phase > .calm, waitsForSwap { level = .watch }
        guard hasGlobalReclaim else { return level }
        if long.scanned ?? 0 >= rules[.scanRatePressure]
            || host.reclaimStallShare(over: rules[.phaseWindow], at: nowNs) ?? 0 >= rules[.reclaimStallPressure] * 100
        {
            level = .pressure
        }
        if level >= .pressure, host.load.blocked.value ?? 0 >= rules[.blockedTasksThrash], hostPages,
            pagingDevice() != nil
        {
            level = .thrash
            if host.blocked.isOn(at: nowNs, hold: rules[.phaseLeave]),
                nowNs &- host.blocked.sinceNs >= rules[.criticalWindow]
            {
                level = .critical
            }
        }
        return level
    }

    /// Whether many tasks wait for a disk that swaps. While they wait for it nothing is scanned, and still nobody is calm.
    private var waitsForSwap: Bool {
        host.load.blocked.value ?? 0 >= rules[.blockedTasksThrash]
            && pagingDevice()?.swapShare ?? 0 >= rules[.pagingShare] * 100
    }

    /// Whether the host itself reclaims: a cgroup's own reclaim does not count there, but its stalls count in host PSI.
    var hasGlobalReclaim: Bool {
        host.rates(over: rules[.phaseWindow]).scanned ?? 0 >= rules[.globalReclaimRate]
    }

    /// Whether pages go out to swap, come in from it, or are read again after eviction.
    var hostPages: Bool {
        let rates = host.rates(over: rules[.phaseWindow])
        return max(rates.swapped ?? 0, rates.refaulted ?? 0) >= rules[.pagingRate]
    }

    /// Whether the paging makes tasks wait for a disk: by their IO pressure, or because that disk is saturated, and has been for long.
    /// Since 5.16 who waits in reclaim until pages are written stalls on memory alone (mm/vmscan.c, reclaim_throttle).
    func waitsForPaging(_ ioFull: UInt64) -> Bool {
        guard let device = pagingDevice() else { return false }
        if ioFull >= rules[.ioFullThrash] * 100 { return true }
        let saturation = devices[device.index].saturation
        return saturation.isOn(at: nowNs, hold: rules[.watchWindow])
            && nowNs &- saturation.sinceNs >= rules[.phaseWindow]
    }

    /// The device that pays for the paging: saturated, or most of its bytes are swap and refaults. The index, and its swap share.
    func pagingDevice() -> (index: Int, swapShare: UInt64?)? {
        var best: (index: Int, swapShare: UInt64?)?
        var bestBytes: UInt64 = 0
        let refaulted = (host.rates(over: rules[.phaseWindow]).refaultFile ?? 0) &* recorder.pageSize
        for index in devices.indices where !devices[index].inMemory {
            let rates = devices.span[index].rates(over: rules[.phaseWindow])
            guard let bytes = rates.throughput, bytes > 0 else { continue }
            let swap = swapShare(of: index, rates)
            let swapBytes = (swap ?? 0) / 100 &* bytes / 100
            let paging = hundredths(min(swapBytes &+ refaulted, bytes), of: bytes)
            guard devices.span[index].isSaturated(rates, rules) || paging >= rules[.pagingShare] * 100 else { continue }
            if best == nil || swapBytes > bestBytes {
                best = (index, swap)
                bestBytes = swapBytes
            }
        }
        return best
    }

    /// Swap's share of a device's bytes, by the block IO hook, or by vmstat on the one device that holds swap.
    func swapShare(of index: Int, _ rates: DeviceRates) -> UInt64? {
        if let share = rates.swapShare { return share }
        guard devices[index].isSwap, !swapIsInMemory, let bytes = rates.bytesPerSecond, bytes > 0,
            let pages = host.rates(over: rules[.phaseWindow]).swapped
        else { return nil }
        return min(hundredths(pages &* recorder.pageSize, of: bytes), 10_000)
    }

    /// Whether some swap lies in compressed memory: vmstat's counts then say nothing about a disk.
    var swapIsInMemory: Bool { devices.contains { $0.isSwap && $0.inMemory } }

    /// A cgroup's level by its own pressure.
    ///
    /// - Parameter short: its shares over the short window.
    func cgroupLevel(_ index: Int, _ short: PressureShares) -> Phase {
        guard let shortSome = short.some else { return .calm }
        var level = Phase.calm
        if shortSome >= rules[.memorySomeWatch] * 100 { level = .watch }
        let long = cgroups.span[index].shares(over: rules[.phaseWindow])
        // Over the long window, and over the short one too: a phase is left 5 s after the stalls end, not after the window's end.
        let (some, full) = (min(long.some ?? 0, short.some ?? 0), min(long.full ?? 0, short.full ?? 0))
        if full >= rules[.memoryFullPressure] * 100 || some >= rules[.memorySomePressure] * 100 {
            level = max(level, .pressure)
        }
        if full >= rules[.memoryFullThrash] * 100 || some >= rules[.memorySomeThrash] * 100 {
            let longIO = long.ioFull ?? host.shares(over: rules[.phaseWindow]).ioFull ?? 0
            let shortIO = short.ioFull ?? host.shares(over: rules[.watchWindow]).ioFull ?? 0
            if cgroupPages(index), waitsForPaging(min(longIO, shortIO)) { level = .thrash }
        }
        let critical = min(cgroups.span[index].shares(over: rules[.criticalWindow]).full ?? 0, short.full ?? 0)
        if critical >= rules[.memoryFullCritical] * 100 { level = .critical }
        return level
    }

    func cgroupPages(_ index: Int) -> Bool {
        let rates = cgroups.span[index].rates(over: rules[.phaseWindow])
        return max(rates.refaulted ?? 0, cgroupSwapRate(index) / max(recorder.pageSize, 1)) >= rules[.pagingRate]
    }

    /// Swap bytes per second that the block IO hook charged to the cgroup.
    func cgroupSwapRate(_ index: Int) -> UInt64 {
        let heard = cgroups.span[index].heard(over: rules[.phaseWindow])
        return perSecond(heard.swapBytes, over: heard.ns)
    }

    /// The clock by which calm is measured: the sampler's last sign of life, or now when it had nothing to say for long. A gap
    /// in the samples during a wedge is not calm.
    var calmClockNs: UInt64 {
        nowNs > samplerNs &+ rules[.samplerSilence] ? nowNs : samplerNs
    }
}

extension IncidentClass {
    /// The least severity of a class: what it means for the scope whatever its PSI says.
    var leastSeverity: Phase {
        switch self {
        case .containedKill, .userspaceKill: .calm
        case .ioStorm, .throttleLivelock: .pressure
        case .fileThrash, .swapThrash: .thrash
        case .deviceStall, .globalOom: .critical
        }
    }
}

extension Rules {
    /// A cgroup's level where its shares over the short window rule out all above watch; `nil` where the longer windows decide.
    func levelAtMostWatch(_ short: PressureShares) -> Phase? {
        guard let some = short.some else { return .calm }
        let leastSome = min(self[.memorySomePressure], self[.memorySomeThrash])
        let leastFull = min(self[.memoryFullPressure], self[.memoryFullThrash], self[.memoryFullCritical])
        guard some < leastSome * 100, short.full ?? 0 < leastFull * 100 else { return nil }
        return some >= self[.memorySomeWatch] * 100 ? .watch : .calm
    }
}
