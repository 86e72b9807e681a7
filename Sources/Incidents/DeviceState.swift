import Events

/// A device's counters at one moment.
struct DevicePoint: WindowPoint {
    var ns: UInt64 = 0
    /// `/sys/block/*/stat`, since boot.
    var bytes = Figure.unknown
    var ios = Figure.unknown
    var busyMs = Figure.unknown
    static var capacity: Int { 48 }
    static var spacingNs: UInt64 { 250_000_000 }

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.figure("bytes", &bytes)
        try w.figure("ios", &ios)
        try w.figure("busy_ms", &busyMs)
    }
}

/// Bytes that the block IO hook heard of, summed over its intervals. Beside `DevicePoint`, not in it: the two sources tick apart,
/// and a point half new and half old would make rates up.
struct HeardPoint: WindowPoint {
    var ns: UInt64 = 0
    var bytes: UInt64 = 0
    var swapBytes: UInt64 = 0
    /// Requests that were timed, and their time in the kernel's queue and in the device.
    var requests: UInt64 = 0
    var queueNs: UInt64 = 0
    var deviceNs: UInt64 = 0
    static var capacity: Int { 48 }
    static var spacingNs: UInt64 { 250_000_000 }

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.unsigned("bytes", &bytes)
        try w.unsigned("swap_bytes", &swapBytes)
        try w.unsigned("requests", &requests)
        try w.unsigned("queue_ns", &queueNs)
        try w.unsigned("device_ns", &deviceNs)
    }
}

/// What a device did over a window.
struct DeviceRates {
    /// Where the window begins.
    var sinceNs: UInt64?
    var bytesPerSecond: UInt64?
    var iosPerSecond: UInt64?
    /// Hundredths of a percent.
    var busy: UInt64?
    var heardBytesPerSecond: UInt64?
    var swapBytesPerSecond: UInt64?
    /// The mean request: in the kernel's queue, and in the device, nanoseconds.
    var requestTimes: (queue: UInt64, device: UInt64)?

    /// The share of swap in what the hook heard, hundredths of a percent; `nil` when it heard nothing.
    var swapShare: UInt64? {
        guard let swap = swapBytesPerSecond, let all = heardBytesPerSecond, all > 0 else { return nil }
        return min(hundredths(swap, of: all), 10_000)
    }
    /// The better of both sources.
    var throughput: UInt64? { bytesPerSecond ?? heardBytesPerSecond }
}

/// One block device: throughput, learned ceiling, read latency now and in calm, and whether anything completes.
struct DeviceState: Fields {
    var device: UInt32 = 0
    var name = Bytes()
    var isSwap = false
    var inMemory = false
    var window = Window<DevicePoint>()
    var heard = Window<HeardPoint>()
    /// The most it was seen to sustain over `ceiling_window`.
    var learnedBytes: UInt64 = 0
    var ceilingIOs: UInt64 = 0
    /// The ceiling that somebody set, bytes per second: it counts, whatever was learned. 0: nobody did.
    var setBytes: UInt64 = 0
    /// Reads that are not swap-ins: in calm (halved now and then), and in the current and last five seconds.
    var calmReads = Histogram()
    var recentReads = Histogram()
    var previousReads = Histogram()
    var recentSinceNs: UInt64 = 0
    /// Whether the machine was calm all through those five seconds.
    var recentIsCalm = true
    var previousIsCalm = true
    /// Requests in flight while nothing completes: since when (0: not so), and the lower bound the sampler gave.
    var silentSinceNs: UInt64 = 0
    var silenceNs: UInt64 = 0
    var inflight: UInt64 = 0
    /// A read slower than the storm threshold was recorded: by which cgroups, in the current stretch.
    var slowReaders: [SlowReader] = []
    var saturation = Onset()
    var storm = Onset()
    var stalled = Onset()
    /// Samples in a row with requests in flight, and since when.
    var busySamples: UInt64 = 0
    var busySinceNs: UInt64 = 0
    var isRotational = false

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("device", &device)
        try w.text("name", &name)
        try w.flag("swap", &isSwap)
        try w.flag("in_memory", &inMemory)
        try w.group("window", &window)
        try w.group("heard", &heard)
        try w.unsigned("learned_bytes", &learnedBytes)
        try w.unsigned("ceiling_ios", &ceilingIOs)
        try w.histogram("calm_reads", &calmReads)
        try w.histogram("recent_reads", &recentReads)
        try w.histogram("previous_reads", &previousReads)
        try w.unsigned("recent_since_ns", &recentSinceNs)
        try w.flag("recent_is_calm", &recentIsCalm)
        try w.flag("previous_is_calm", &previousIsCalm)
        try w.unsigned("silent_since_ns", &silentSinceNs)
        try w.unsigned("silence_ns", &silenceNs)
        try w.unsigned("inflight", &inflight)
        try w.list("slow_readers", &slowReaders)
        try w.group("saturation", &saturation)
        try w.group("storm", &storm)
        try w.group("stalled", &stalled)
        try w.unsigned("busy_samples", &busySamples)
        try w.unsigned("busy_since_ns", &busySinceNs)
        try w.unsigned("set_bytes", &setBytes)
        try w.flag("rotational", &isRotational)
    }

    /// Bytes per second; 0 while none is known.
    var ceilingBytes: UInt64 { setBytes > 0 ? setBytes : learnedBytes }

    mutating func note(_ sample: DeviceSample, at ns: UInt64, _ rules: Rules) {
        let before = window.latest
        var point = DevicePoint()
        point.ns = ns
        point.bytes = sum(sample.readBytes, sample.writeBytes)
        point.ios = sum(sample.reads, sample.writes)
        point.busyMs = sample.busyMs
        window.push(point)
        // The sampler's own lower bound is not enough: a disk that was idle for a minute and got its first request a moment
        // ago would look silent. Requests must be seen in flight in two samples with nothing completed between them.
        let wasInFlight = inflight > 0
        inflight = sum(sample.inflightReads, sample.inflightWrites).value ?? 0
        if inflight > 0, wasInFlight, rise(before.ios, point.ios) == 0 {
            if silentSinceNs == 0 { silentSinceNs = max(before.ns, 1) }
            silenceNs = ns &- silentSinceNs
        } else {
            silentSinceNs = 0
            silenceNs = 0
        }
        if inflight == 0 {
            busySamples = 0
        } else {
            if busySamples == 0 { busySinceNs = ns }
            busySamples &+= 1
        }
        learnCeiling(rules)
    }

    private mutating func learnCeiling(_ rules: Rules) {
        let windowNs = rules[.ceilingWindow]
        let (to, from) = (window.latest, window.start(of: windowNs))
        guard let from, to.ns > from.ns else { return }
        let span = max(to.ns - from.ns, windowNs)
        learnedBytes = max(learnedBytes, rate(from.bytes, to.bytes, over: span) ?? 0)
        ceilingIOs = max(ceilingIOs, rate(from.ios, to.ios, over: span) ?? 0)
    }

    /// - Parameter calm: whether the machine was calm, so that these reads say what is normal here.
    mutating func note(_ interval: borrowing IOInterval, at ns: UInt64, calm: Bool) {
        var point = heard.latest
        point.ns = ns
        point.bytes &+= interval.bytes
        if interval.swap { point.swapBytes &+= interval.bytes }
        point.requests &+= interval.count &- min(interval.untimed, interval.count)
        point.queueNs &+= interval.queueTotalNs
        point.deviceNs &+= interval.deviceTotalNs
        heard.push(point)
        guard interval.operation == .read, !interval.swap else { return }
        if ns > recentSinceNs &+ 5_000_000_000 {
            // What is normal is learned late: the first slow reads of a storm come before it can be known for one.
            if calm, recentIsCalm, previousIsCalm { learnCalm(previousReads) }
            if ns > recentSinceNs &+ 10_000_000_000 {
                if calm, recentIsCalm { learnCalm(recentReads) }
                recentReads = Histogram()
            }
            previousReads = recentReads
            previousIsCalm = recentIsCalm
            recentReads = Histogram()
            recentIsCalm = true
            recentSinceNs = ns
        }
        recentReads.add(interval.totalUs)
        recentIsCalm = recentIsCalm && calm
    }

    private mutating func learnCalm(_ reads: Histogram) {
        calmReads.add(reads)
        if calmReads.total > 100_000 {
            for slot in 0..<Histogram.slots { calmReads.counts[slot] /= 2 }
        }
    }

    @inline(__always)
    func rates(over windowNs: UInt64) -> DeviceRates {
        var rates = DeviceRates()
        if let from = window.start(of: windowNs), window.latest.ns > from.ns {
            let to = window.latest
            let span = max(to.ns - from.ns, windowNs)
            rates.sinceNs = from.ns
            rates.bytesPerSecond = rate(from.bytes, to.bytes, over: span)
            rates.iosPerSecond = rate(from.ios, to.ios, over: span)
            rates.busy = rise(from.busyMs, to.busyMs).map { hundredths($0 &* 1_000_000, of: span) }
        }
        if let from = heard.start(of: windowNs), heard.latest.ns > from.ns {
            let to = heard.latest
            let span = max(to.ns - from.ns, windowNs)
            rates.heardBytesPerSecond = perSecond(to.bytes &- from.bytes, over: span)
            rates.swapBytesPerSecond = perSecond(to.swapBytes &- from.swapBytes, over: span)
            if to.requests > from.requests {
                let requests = to.requests - from.requests
                rates.requestTimes = (
                    (to.queueNs &- from.queueNs) / requests, (to.deviceNs &- from.deviceNs) / requests
                )
            }
        }
        return rates
    }

    /// Upper bound of the reads' 99th percentile over the last five to ten seconds, nanoseconds.
    func readP99Ns(at ns: UInt64) -> UInt64? {
        if ns > recentSinceNs &+ 10_000_000_000 { return nil }
        var reads = recentReads
        reads.add(previousReads)
        return reads.upperBoundUs(quantile: 0.99).map { $0 &* 1000 }
    }

    func calmP99Ns(_ rules: Rules) -> UInt64? {
        guard calmReads.total >= rules[.calmReads] else { return nil }
        return calmReads.upperBoundUs(quantile: 0.99).map { $0 &* 1000 }
    }

    /// Whether requests were always in flight: by the kernel's count of the time, which up to 5.10 forgets time whenever a request
    /// starts beside another; else by what each of many samples saw.
    @inline(__always)
    private func isBusy(_ rates: DeviceRates, _ rules: Rules) -> Bool {
        guard let busy = rates.busy else { return false }
        if busy >= rules[.saturationBusy] * 100 { return true }
        // Starts and completions alternate, so about half is forgotten: much less is rest.
        return busy >= rules[.saturationBusy] * 100 / 4 && busySamples >= rules[.saturationSamples]
            && window.latest.ns &- busySinceNs >= rules[.watchWindow] / 10 * 9
    }

    /// Whether requests were always in flight and the throughput is near the most it ever was.
    @inline(__always)
    func isSaturated(_ rates: DeviceRates, _ rules: Rules) -> Bool {
        guard !inMemory, isBusy(rates, rules) else { return false }
        if let bytes = rates.bytesPerSecond, ceilingBytes > 0,
            hundredths(bytes, of: ceilingBytes) >= rules[.saturationShare] * 100
        {
            return true
        }
        guard let ios = rates.iosPerSecond, ceilingIOs > 0 else { return false }
        return hundredths(ios, of: ceilingIOs) >= rules[.saturationShare] * 100
    }
}

/// A cgroup whose reads were slow on a device.
struct SlowReader: Fields {
    var cgroup: UInt64 = 0
    var count: UInt64 = 0
    var longestNs: UInt64 = 0
    var lastNs: UInt64 = 0

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("cgroup", &cgroup)
        try w.unsigned("count", &count)
        try w.unsigned("longest_ns", &longestNs)
        try w.unsigned("last_ns", &lastNs)
    }
}
