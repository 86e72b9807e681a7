import Events

/// A cgroup's counters at one moment.
struct CgroupPoint: WindowPoint {
    var ns: UInt64 = 0
    var memorySomeUs = Figure.unknown
    var memoryFullUs = Figure.unknown
    var ioFullUs = Figure.unknown
    var usage = Figure.unknown
    var eventsHigh = Figure.unknown
    var scanned = Figure.unknown
    var refaultAnon = Figure.unknown
    var refaultFile = Figure.unknown
    static var capacity: Int { 66 }
    static var spacingNs: UInt64 { 500_000_000 }

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.figure("memory_some_us", &memorySomeUs)
        try w.figure("memory_full_us", &memoryFullUs)
        try w.figure("io_full_us", &ioFullUs)
        try w.figure("usage", &usage)
        try w.figure("events_high", &eventsHigh)
        try w.figure("scanned", &scanned)
        try w.figure("refault_anon", &refaultAnon)
        try w.figure("refault_file", &refaultFile)
    }
}

// Of the points alone: asked of the cgroup's state, each answer would copy all of that.
extension CgroupPoint {
    @inline(__always)
    func shares(to latest: CgroupPoint, over windowNs: UInt64) -> PressureShares {
        let span = max(latest.ns &- ns, windowNs)
        return PressureShares(
            some: stallShare(memorySomeUs, latest.memorySomeUs, of: span),
            full: stallShare(memoryFullUs, latest.memoryFullUs, of: span),
            ioFull: stallShare(ioFullUs, latest.ioFullUs, of: span))
    }

    @inline(__always)
    func rates(to latest: CgroupPoint, over windowNs: UInt64) -> PagingRates {
        let span = max(latest.ns &- ns, windowNs)
        var rates = PagingRates()
        rates.scanned = rate(scanned, latest.scanned, over: span)
        rates.refaultAnon = rate(refaultAnon, latest.refaultAnon, over: span)
        rates.refaultFile = rate(refaultFile, latest.refaultFile, over: span)
        return rates
    }
}

extension CgroupSample {
    /// Memory and swap.
    var useBytes: UInt64? { sum(currentBytes, swapBytes).value }
}

extension Window<CgroupPoint> {
    /// The share of a window in which it stalled in full, hundredths of a percent. Over the time between the samples, which may be a
    /// tenth less than the window: this one is shown to people, where `shares` is compared with thresholds.
    @inline(__always)
    func fullShare(over windowNs: UInt64) -> UInt64 {
        guard let from = start(of: windowNs), let stalled = rise(from.memoryFullUs, latest.memoryFullUs)
        else { return 0 }
        let elapsed = latest.ns &- from.ns
        return min(hundredths(stalled &* 1000, of: elapsed >= windowNs - windowNs / 10 ? elapsed : windowNs), 10_000)
    }
}

/// What the hooks heard of a cgroup, summed over their intervals.
struct ActivityPoint: WindowPoint {
    var ns: UInt64 = 0
    /// Task time stalled at memory.high.
    var throttledNs: UInt64 = 0
    /// Bytes moved, and those of swap.
    var movedBytes: UInt64 = 0
    var swapBytes: UInt64 = 0
    /// Of the bytes of swap those that were written.
    var swapWritten: UInt64 = 0
    /// Stalls at memory.high that ended.
    var throttles: UInt64 = 0
    static var capacity: Int { 32 }
    static var spacingNs: UInt64 { 500_000_000 }

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.unsigned("throttled_ns", &throttledNs)
        try w.unsigned("moved_bytes", &movedBytes)
        try w.unsigned("swap_bytes", &swapBytes)
        try w.unsigned("swap_written", &swapWritten)
        try w.unsigned("throttles", &throttles)
    }
}

/// Memory and swap of a cgroup, kept for minutes: where growth is measured from, and what it had moved by then.
struct UsePoint: WindowPoint {
    var ns: UInt64 = 0
    var bytes: UInt64 = 0
    var movedBytes: UInt64 = 0
    var swapWritten: UInt64 = 0
    static var capacity: Int { 60 }
    static var spacingNs: UInt64 { 5_000_000_000 }

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.unsigned("bytes", &bytes)
        try w.unsigned("moved_bytes", &movedBytes)
        try w.unsigned("swap_written", &swapWritten)
    }
}

/// One memory cgroup that is sampled, or had an event.
struct CgroupState: Fields {
    var id: UInt64 = 0
    var sample = CgroupSample()
    /// When it was last sampled; 0 never.
    var sampledNs: UInt64 = 0
    var touchedNs: UInt64 = 0
    var window = Window<CgroupPoint>()
    var activity = Window<ActivityPoint>()
    var use = Window<UsePoint>()
    var phase = ScopePhase()
    /// Stalled at memory.high for most of the time, without getting anywhere.
    var livelock = Onset()
    var throttle = Onset()
    var reclaim = Onset()
    var refault = Onset()
    var swapOut = Onset()
    var stalls = Onset()
    var thrash = Onset()

    /// Not part of the snapshot: where the cgroup is that was looked up after this one.
    var follower = 0

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("id", &id)
        try w.group("sample", &sample)
        try w.unsigned("sampled_ns", &sampledNs)
        try w.unsigned("touched_ns", &touchedNs)
        try w.group("window", &window)
        try w.group("activity", &activity)
        try w.group("use", &use)
        try w.group("phase", &phase)
        try w.group("livelock", &livelock)
        try w.group("throttle", &throttle)
        try w.group("reclaim", &reclaim)
        try w.group("refault", &refault)
        try w.group("swap_out", &swapOut)
        try w.group("stalls", &stalls)
        try w.group("thrash", &thrash)
    }

    /// Memory and swap now; `nil` before the first sample.
    var useBytes: UInt64? { sample.useBytes }

    /// - Returns: its shares over the short window.
    mutating func note(_ new: borrowing CgroupSample, at ns: UInt64, _ rules: Rules) -> PressureShares {
        sample = copy new
        sampledNs = ns
        touchedNs = ns
        var point = CgroupPoint()
        point.ns = ns
        point.memorySomeUs = new.memorySomeUs
        point.memoryFullUs = new.memoryFullUs
        point.ioFullUs = new.ioFullUs
        // With swap: what grows by pushing its other pages out does get on.
        point.usage = sum(new.currentBytes, new.swapBytes)
        point.eventsHigh = new.eventsHigh
        point.scanned = new.pgscan
        point.refaultAnon = new.refaultAnon
        point.refaultFile = new.refaultFile
        window.push(point)
        noteUse(at: ns)
        let span = rules[.watchWindow]
        let hold = rules[.phaseWindow]
        guard let from = window.start(of: span) else { return PressureShares() }
        let rates = from.rates(to: point, over: span)
        let scanned = rates.scanned ?? 0
        let refaulted = rates.refaulted ?? 0
        reclaim.note(scanned >= rules[.globalReclaimRate], scanned, at: ns, hold: hold)
        refault.note(refaulted >= rules[.pagingRate], refaulted, at: ns, hold: hold)
        let short = from.shares(to: point, over: span)
        let full = short.full ?? 0
        stalls.note(full >= rules[.memoryFullPressure] * 100, full, at: ns, hold: hold)
        return short
    }

    /// What a census found of a cgroup that the sampler does not follow: how large it is and what it may use, no counters.
    mutating func note(census new: CgroupSample, at ns: UInt64) {
        touchedNs = ns
        sample = new
        noteUse(at: ns)
    }

    private mutating func noteUse(at ns: UInt64) {
        guard let bytes = useBytes else { return }
        var point = UsePoint()
        point.ns = ns
        point.bytes = bytes
        point.movedBytes = activity.latest.movedBytes
        point.swapWritten = activity.latest.swapWritten
        use.push(point)
    }

    /// A stall is told when it ends, and may last many intervals (the kernel lets a task sleep 2 s): its time over one interval
    /// says nothing. So the onset keeps the task time so far, `first` before it and `peak` now, and begins with the stall.
    mutating func noteThrottle(_ stall: CgroupStall, at ns: UInt64, _ rules: Rules) {
        let before = activity.latest.throttledNs
        note(throttledNs: stall.totalNs, stall.count, at: ns)
        let holds = hundredths(stall.totalNs, of: max(stall.intervalNs, 1)) >= rules[.livelockStall] * 100
        let goesOn = throttle.isOn(at: ns, hold: rules[.phaseWindow])
        let lasted = max(stall.totalNs / max(stall.count, 1), stall.intervalNs)
        throttle.note(
            holds, activity.latest.throttledNs, at: ns, hold: rules[.phaseWindow], began: ns - min(lasted, ns))
        if holds, !goesOn { throttle.first = before }
    }

    /// Task time at memory.high since the throttling began, as a share of that time in hundredths of a percent: for a link.
    var throttleMean: Onset {
        var mean = throttle
        mean.peak = hundredths(
            throttle.peak &- min(throttle.first, throttle.peak),
            of: max(throttle.lastNs &- min(throttle.sinceNs, throttle.lastNs), 1))
        mean.first = mean.peak
        return mean
    }

    mutating func note(throttledNs: UInt64, _ count: UInt64, at ns: UInt64) {
        touchedNs = ns
        var point = activity.latest
        point.ns = ns
        point.throttledNs &+= throttledNs
        point.throttles &+= count
        activity.push(point)
    }

    mutating func note(moved: UInt64, swap: Bool, written: Bool, at ns: UInt64) {
        touchedNs = ns
        var point = activity.latest
        point.ns = ns
        point.movedBytes &+= moved
        if swap { point.swapBytes &+= moved }
        if swap, written { point.swapWritten &+= moved }
        activity.push(point)
    }

    /// What it moved since `ns`, and what of that was written to swap; as far back as it is known.
    func moved(since ns: UInt64) -> (bytes: UInt64, swapWritten: UInt64) {
        // The sums only grow: the latest known by then is the largest.
        var from: (bytes: UInt64, swapWritten: UInt64)?
        for index in 0..<use.count where use[index].ns <= ns { from = (use[index].movedBytes, use[index].swapWritten) }
        for index in 0..<activity.count where activity[index].ns <= ns {
            from = (
                max(from?.bytes ?? 0, activity[index].movedBytes),
                max(from?.swapWritten ?? 0, activity[index].swapWritten)
            )
        }
        if from == nil, activity.count == ActivityPoint.capacity {
            from = (activity[0].movedBytes, activity[0].swapWritten)
        }
        return (
            activity.latest.movedBytes &- (from?.bytes ?? 0),
            activity.latest.swapWritten &- (from?.swapWritten ?? 0)
        )
    }

    /// What the hooks heard within a window: the differences, over `ns` of time.
    func heard(over windowNs: UInt64) -> ActivityPoint {
        var result = ActivityPoint()
        result.ns = windowNs
        guard let from = activity.start(of: windowNs) else { return result }
        let to = activity.latest
        result.ns = max(to.ns &- from.ns, windowNs)
        result.throttledNs = to.throttledNs &- from.throttledNs
        result.throttles = to.throttles &- from.throttles
        result.movedBytes = to.movedBytes &- from.movedBytes
        result.swapBytes = to.swapBytes &- from.swapBytes
        return result
    }

    func shares(over windowNs: UInt64) -> PressureShares {
        window.start(of: windowNs)?.shares(to: window.latest, over: windowNs) ?? PressureShares()
    }

    /// Task time at memory.high in a window, hundredths of a percent; may exceed the whole.
    func throttleShare(over windowNs: UInt64) -> UInt64 {
        let heard = heard(over: windowNs)
        return hundredths(heard.throttledNs, of: heard.ns)
    }

    func rates(over windowNs: UInt64) -> PagingRates {
        window.start(of: windowNs)?.rates(to: window.latest, over: windowNs) ?? PagingRates()
    }

    /// The lowest and the highest use within a window; `nil` unless the samples cover nine tenths of it.
    func useRange(over windowNs: UInt64) -> (low: UInt64, high: UInt64)? {
        guard let from = window.start(of: windowNs), window.latest.ns &- from.ns >= windowNs - windowNs / 10 else {
            return nil
        }
        var low = UInt64.max
        var high: UInt64 = 0
        for index in 0..<window.count where window[index].ns >= from.ns {
            guard let use = window[index].usage.value else { continue }
            low = min(low, use)
            high = max(high, use)
        }
        return high > 0 ? (low, high) : nil
    }

    /// The lowest use since `ns`; dated to when use was last within `share` percent of the growth above it.
    func lowestUse(since ns: UInt64, share: UInt64) -> UsePoint? {
        var lowest: UsePoint?
        for index in 0..<use.count where use[index].ns >= ns {
            if use[index].bytes <= lowest?.bytes ?? .max { lowest = use[index] }
        }
        guard var lowest else { return nil }
        let growth = max(useBytes ?? 0, lowest.bytes) - lowest.bytes
        for index in 0..<use.count
        where use[index].ns > lowest.ns && use[index].bytes <= lowest.bytes &+ growth / 100 &* share {
            lowest.ns = use[index].ns
        }
        return lowest
    }

    /// The limit that its own use has reached (nine tenths of it), if any: high before max.
    var isNearLimit: Bool {
        guard let current = sample.currentBytes.value else { return false }
        let limit = min(sample.highBytes.value ?? .max, sample.maxBytes.value ?? .max)
        return limit != .max && current >= limit - limit / 10
    }
}
