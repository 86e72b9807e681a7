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
    /// Task time stalled at memory.high, summed over the intervals heard.
    var throttledNs: UInt64 = 0
    /// Bytes moved, and those of swap, summed over the intervals heard.
    var movedBytes: UInt64 = 0
    var swapBytes: UInt64 = 0
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
        try w.unsigned("throttled_ns", &throttledNs)
        try w.unsigned("moved_bytes", &movedBytes)
        try w.unsigned("swap_bytes", &swapBytes)
    }
}

/// Memory and swap of a cgroup, kept for minutes: where growth is measured from.
struct UsePoint: WindowPoint {
    var ns: UInt64 = 0
    var bytes: UInt64 = 0
    static var capacity: Int { 60 }
    static var spacingNs: UInt64 { 5_000_000_000 }

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.unsigned("bytes", &bytes)
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

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("id", &id)
        try w.group("sample", &sample)
        try w.unsigned("sampled_ns", &sampledNs)
        try w.unsigned("touched_ns", &touchedNs)
        try w.group("window", &window)
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
    var useBytes: UInt64? { sum(sample.currentBytes, sample.swapBytes).value }

    mutating func note(_ new: CgroupSample, at ns: UInt64) {
        sample = new
        sampledNs = ns
        touchedNs = ns
        var point = window.latest
        point.ns = ns
        point.memorySomeUs = new.memorySomeUs
        point.memoryFullUs = new.memoryFullUs
        point.ioFullUs = new.ioFullUs
        point.usage = new.currentBytes
        point.eventsHigh = new.eventsHigh
        point.scanned = new.pgscan
        point.refaultAnon = new.refaultAnon
        point.refaultFile = new.refaultFile
        window.push(point)
        if let bytes = useBytes {
            var usePoint = UsePoint()
            usePoint.ns = ns
            usePoint.bytes = bytes
            use.push(usePoint)
        }
    }

    mutating func note(throttledNs: UInt64, at ns: UInt64) {
        touchedNs = ns
        var point = window.latest
        point.ns = ns
        point.throttledNs &+= throttledNs
        window.push(point)
    }

    mutating func note(moved: UInt64, swap: Bool, at ns: UInt64) {
        touchedNs = ns
        var point = window.latest
        point.ns = ns
        point.movedBytes &+= moved
        if swap { point.swapBytes &+= moved }
        window.push(point)
    }

    func shares(over windowNs: UInt64) -> PressureShares {
        guard let from = window.start(of: windowNs) else { return PressureShares() }
        let to = window.latest
        let span = max(to.ns &- from.ns, windowNs)
        func share(_ a: Figure, _ b: Figure) -> UInt64? { rise(a, b).map { hundredths($0 &* 1000, of: span) } }
        return PressureShares(
            some: share(from.memorySomeUs, to.memorySomeUs), full: share(from.memoryFullUs, to.memoryFullUs),
            ioFull: share(from.ioFullUs, to.ioFullUs))
    }

    /// Task time at memory.high in a window, hundredths of a percent; may exceed the whole.
    func throttleShare(over windowNs: UInt64) -> UInt64 {
        guard let from = window.start(of: windowNs) else { return 0 }
        let to = window.latest
        return hundredths(to.throttledNs &- from.throttledNs, of: max(to.ns &- from.ns, windowNs))
    }

    func rates(over windowNs: UInt64) -> PagingRates {
        guard let from = window.start(of: windowNs) else { return PagingRates() }
        let to = window.latest
        let span = max(to.ns &- from.ns, windowNs)
        func rate(_ a: Figure, _ b: Figure) -> UInt64? { rise(a, b).map { perSecond($0, over: span) } }
        var rates = PagingRates()
        rates.scanned = rate(from.scanned, to.scanned)
        rates.refaultAnon = rate(from.refaultAnon, to.refaultAnon)
        rates.refaultFile = rate(from.refaultFile, to.refaultFile)
        return rates
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
        where use[index].ns > lowest.ns && use[index].bytes <= lowest.bytes + growth / 100 * share {
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
