import Events

/// `/proc/pressure` totals, microseconds.
struct PressurePoint: WindowPoint {
    var ns: UInt64 = 0
    var memorySomeUs = Figure.unknown
    var memoryFullUs = Figure.unknown
    var ioFullUs = Figure.unknown
    static var capacity: Int { 136 }
    static var spacingNs: UInt64 { 250_000_000 }

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.figure("memory_some_us", &memorySomeUs)
        try w.figure("memory_full_us", &memoryFullUs)
        try w.figure("io_full_us", &ioFullUs)
    }
}

/// `/proc/vmstat` counters, pages.
struct PagingPoint: WindowPoint {
    var ns: UInt64 = 0
    var scanned = Figure.unknown
    var stolen = Figure.unknown
    var swappedIn = Figure.unknown
    var swappedOut = Figure.unknown
    var refaultAnon = Figure.unknown
    var refaultFile = Figure.unknown
    static var capacity: Int { 48 }
    static var spacingNs: UInt64 { 250_000_000 }

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.figure("scanned", &scanned)
        try w.figure("stolen", &stolen)
        try w.figure("swapped_in", &swappedIn)
        try w.figure("swapped_out", &swappedOut)
        try w.figure("refault_anon", &refaultAnon)
        try w.figure("refault_file", &refaultFile)
    }
}

/// Pages per second over a window; `nil` is unknown.
struct PagingRates {
    var scanned: UInt64?
    var stolen: UInt64?
    var swappedIn: UInt64?
    var swappedOut: UInt64?
    var refaultAnon: UInt64?
    var refaultFile: UInt64?

    var swapped: UInt64? { swappedIn == nil && swappedOut == nil ? nil : (swappedIn ?? 0) &+ (swappedOut ?? 0) }
    var refaulted: UInt64? { refaultAnon == nil && refaultFile == nil ? nil : (refaultAnon ?? 0) &+ (refaultFile ?? 0) }
}

/// Shares of a window in hundredths of a percent; `nil` is unknown.
struct PressureShares {
    var some: UInt64?
    var full: UInt64?
    var ioFull: UInt64?
}

/// How the whole machine feels.
struct HostState: Fields {
    var pressure = Window<PressurePoint>()
    var paging = Window<PagingPoint>()
    /// The last samples as they came, and when.
    var pressureSample = PressureSample()
    var pressureNs: UInt64 = 0
    var memory = MemorySample()
    var memoryNs: UInt64 = 0
    var load = LoadSample()
    var loadNs: UInt64 = 0
    /// Task time stalled in direct reclaim, summed over the cgroups, nanoseconds; and its last window.
    var reclaimStallNs: UInt64 = 0
    var reclaimStalls = Window<StallPoint>()
    var phase = ScopePhase()

    var reclaim = Onset()
    var swapOut = Onset()
    var refault = Onset()
    var stalls = Onset()
    var blocked = Onset()

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("pressure", &pressure)
        try w.group("paging", &paging)
        try w.group("pressure_sample", &pressureSample)
        try w.unsigned("pressure_ns", &pressureNs)
        try w.group("memory", &memory)
        try w.unsigned("memory_ns", &memoryNs)
        try w.group("load", &load)
        try w.unsigned("load_ns", &loadNs)
        try w.unsigned("reclaim_stall_ns", &reclaimStallNs)
        try w.group("reclaim_stalls", &reclaimStalls)
        try w.group("phase", &phase)
        try w.group("reclaim", &reclaim)
        try w.group("swap_out", &swapOut)
        try w.group("refault", &refault)
        try w.group("stalls", &stalls)
        try w.group("blocked", &blocked)
    }

    mutating func note(_ sample: VmstatSample, at ns: UInt64) {
        var point = PagingPoint()
        point.ns = ns
        point.scanned = sum(sample.pgscanKswapd, sample.pgscanDirect)
        point.stolen = sum(sample.pgstealKswapd, sample.pgstealDirect)
        point.swappedIn = sample.pswpin
        point.swappedOut = sample.pswpout
        point.refaultAnon = sample.workingsetRefaultAnon
        point.refaultFile = sample.workingsetRefaultFile
        paging.push(point)
    }

    mutating func note(_ sample: PressureSample, at ns: UInt64) {
        pressureSample = sample
        pressureNs = ns
        var point = PressurePoint()
        point.ns = ns
        point.memorySomeUs = sample.memorySomeUs
        point.memoryFullUs = sample.memoryFullUs
        point.ioFullUs = sample.ioFullUs
        pressure.push(point)
    }

    /// Shares of the window that ends with the last sample; a history shorter than the window counts as calm before it.
    func shares(over windowNs: UInt64) -> PressureShares {
        guard let from = pressure.start(of: windowNs) else { return PressureShares() }
        let to = pressure.latest
        let span = max(to.ns &- from.ns, windowNs)
        return PressureShares(
            some: stallShare(from.memorySomeUs, to.memorySomeUs, of: span),
            full: stallShare(from.memoryFullUs, to.memoryFullUs, of: span),
            ioFull: stallShare(from.ioFullUs, to.ioFullUs, of: span))
    }

    func rates(over windowNs: UInt64) -> PagingRates {
        guard let from = paging.start(of: windowNs) else { return PagingRates() }
        let to = paging.latest
        let span = max(to.ns &- from.ns, windowNs)
        return PagingRates(
            scanned: rate(from.scanned, to.scanned, over: span), stolen: rate(from.stolen, to.stolen, over: span),
            swappedIn: rate(from.swappedIn, to.swappedIn, over: span),
            swappedOut: rate(from.swappedOut, to.swappedOut, over: span),
            refaultAnon: rate(from.refaultAnon, to.refaultAnon, over: span),
            refaultFile: rate(from.refaultFile, to.refaultFile, over: span))
    }

    /// The share of time tasks stalled in direct reclaim (task time: may exceed the whole).
    func reclaimStallShare(over windowNs: UInt64, at ns: UInt64) -> UInt64? {
        guard let from = reclaimStalls.start(of: windowNs) else { return nil }
        let to = reclaimStalls.latest
        // The last interval may be long over: then nothing stalls now.
        if ns > to.ns &+ windowNs { return 0 }
        return hundredths(to.totalNs &- from.totalNs, of: max(to.ns &- from.ns, windowNs))
    }
}

/// Sum of stalled task time.
struct StallPoint: WindowPoint {
    var ns: UInt64 = 0
    var totalNs: UInt64 = 0
    static var capacity: Int { 48 }
    static var spacingNs: UInt64 { 250_000_000 }

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.unsigned("total_ns", &totalNs)
    }
}
