import Events

/// The host's curves.
enum HostCurve: Int, CaseIterable {
    case memoryUsed, memoryAvailable, swapUsed
    case memorySome, memoryFull, ioSome, ioFull, cpuSome
    case blocked, running, load
    case swapIn, swapOut, refaults

    /// Known only when it was sampled; the others are rates of counters, whose mean is known across any gap.
    var isLevel: Bool {
        switch self {
        case .memoryUsed, .memoryAvailable, .swapUsed, .blocked, .running, .load: true
        default: false
        }
    }
}

struct DeviceData {
    let device: UInt32
    var reads = Curve()
    var writes = Curve()
    var swap = Amounts()
    /// Whether the block IO hook was heard for it: then silence means that no IO was swap.
    var isHeard = false
    var readLatency = LatencyMap()
    var writeLatency = LatencyMap()
    var movedBytes: UInt64 = 0
}

struct CgroupData {
    let cgroup: UInt64
    var memory = Curve()
    var swap = Curve()
    var throttled = Amounts()
    var reclaiming = Amounts()
    var firstBytes: UInt64?
    var peakBytes: UInt64 = 0
}

/// What the panels are drawn from, gathered event by event. As much as the bounds say, however many events there are.
struct ChartData {
    private static let devices = 16
    private static let cgroups = 256
    private static let gaps = 64
    /// A shorter gap leaves no bin empty.
    private static let gapNs: UInt64 = 500_000_000

    private(set) var grid = TimeGrid()
    private(set) var host = HostCurve.allCases.map { _ in Curve() }
    private(set) var memoryTotal = Figure.unknown
    private(set) var swapTotal = Figure.unknown
    private(set) var devices: [DeviceData] = []
    private(set) var cgroups: [CgroupData] = []
    /// Cgroups and devices beyond the bounds.
    private(set) var omitted: Set<SeriesSubject> = []
    /// Times in which nothing was sampled, longest kept.
    private(set) var gaps: [Range<UInt64>] = []
    private(set) var endNs: UInt64 = 0
    private var places: [SeriesSubject: Int] = [:]
    private var boot: BootID?

    /// Makes room up to a time: for what has one without being an event.
    mutating func reach(_ ns: UInt64) {
        endNs = max(endNs, ns)
        grid.reach(ns)
    }

    /// - Parameter at: nanoseconds since the origin.
    mutating func take(_ event: Event, at: UInt64, _ names: borrowing NameTable) {
        let from = endNs
        reach(at)
        if boot != names.boot {
            if boot != nil { breakOff(from..<max(from, at)) }
            boot = names.boot
        }
        switch event.payload {
        case .memory(let sample): take(sample, at)
        case .pressure(let sample): take(sample, at)
        case .vmstat(let sample):
            let bytes = Double(names.pageSize)
            counter(.swapIn, sample.pswpin, at, bytes)
            counter(.swapOut, sample.pswpout, at, bytes)
            counter(.refaults, sum(sample.workingsetRefaultAnon, sample.workingsetRefaultFile), at, bytes)
        case .load(let sample):
            level(.blocked, sample.blocked, at)
            level(.running, sample.running, at)
            level(.load, sample.load1Milli, at)
        case .device(let sample):
            guard let place = place(of: .device(sample.device)) else { return }
            devices[place].reads.counter(sample.readBytes.value, at: at, grid)
            devices[place].writes.counter(sample.writeBytes.value, at: at, grid)
        case .ioInterval(let interval): take(interval, at)
        case .cgroupSample(let sample): take(sample, at)
        case .cgroupStall(let stall):
            guard let place = place(of: .cgroup(stall.cgroup)) else { return }
            // Counted when it ends: what lasted longer than the interval was there before it.
            let lasted = max(stall.intervalNs, stall.totalNs / max(1, stall.count))
            let from = at - min(at, lasted)
            switch stall.mechanism {
            case .memoryHigh, .memoryHighSleep: cgroups[place].throttled.add(stall.totalNs, from: from, to: at, grid)
            case .directReclaim, .memcgReclaim: cgroups[place].reclaiming.add(stall.totalNs, from: from, to: at, grid)
            case .unknown: break
            }
        case .samplerGap(let gap):
            if gap.actualNs >= Self.gapNs { note(gap: at - min(at, gap.actualNs)..<at) }
        default: break
        }
    }

    private mutating func take(_ sample: MemorySample, _ at: UInt64) {
        (memoryTotal, swapTotal) = (sample.totalBytes, sample.swapTotalBytes)
        level(.memoryUsed, difference(sample.totalBytes, sample.availableBytes), at)
        level(.memoryAvailable, sample.availableBytes, at)
        level(.swapUsed, difference(sample.swapTotalBytes, sample.swapFreeBytes), at)
    }

    private mutating func take(_ sample: PressureSample, _ at: UInt64) {
        // Microseconds a second: a ten-thousandth of them is the percentage.
        counter(.memorySome, sample.memorySomeUs, at, 1e-4)
        counter(.memoryFull, sample.memoryFullUs, at, 1e-4)
        counter(.ioSome, sample.ioSomeUs, at, 1e-4)
        counter(.ioFull, sample.ioFullUs, at, 1e-4)
        counter(.cpuSome, sample.cpuSomeUs, at, 1e-4)
    }

    private mutating func take(_ interval: IOInterval, _ at: UInt64) {
        guard let place = place(of: .device(interval.device)) else { return }
        devices[place].isHeard = true
        devices[place].movedBytes &+= interval.bytes
        let from = at - min(at, interval.intervalNs)
        if interval.swap { devices[place].swap.add(interval.bytes, from: from, to: at, grid) }
        switch interval.operation {
        case .read: devices[place].readLatency.add(interval.totalUs, from: from, to: at, grid)
        case .write: devices[place].writeLatency.add(interval.totalUs, from: from, to: at, grid)
        case .flush, .discard: break
        }
    }

    private mutating func take(_ sample: CgroupSample, _ at: UInt64) {
        guard let place = place(of: .cgroup(sample.cgroup)) else { return }
        cgroups[place].memory.level(sample.currentBytes.value, at: at, grid)
        cgroups[place].swap.level(sample.swapBytes.value, at: at, grid)
        guard let held = sum(sample.currentBytes, sample.swapBytes).value ?? sample.currentBytes.value else { return }
        if cgroups[place].firstBytes == nil { cgroups[place].firstBytes = held }
        cgroups[place].peakBytes = max(cgroups[place].peakBytes, held)
    }

    private mutating func level(_ curve: HostCurve, _ figure: Figure, _ at: UInt64) {
        host[curve.rawValue].level(figure.value, at: at, grid)
    }

    private mutating func counter(_ curve: HostCurve, _ figure: Figure, _ at: UInt64, _ unit: Double) {
        host[curve.rawValue].counter(figure.value, at: at, unit: unit, grid)
    }

    private mutating func place(of subject: SeriesSubject) -> Int? {
        if let known = places[subject] { return known }
        switch subject {
        case .host: return nil
        case .device(let device):
            guard devices.count < Self.devices else { return omit(subject) }
            devices.append(DeviceData(device: device))
            places[subject] = devices.count - 1
        case .cgroup(let cgroup):
            guard cgroups.count < Self.cgroups else { return omit(subject) }
            cgroups.append(CgroupData(cgroup: cgroup))
            places[subject] = cgroups.count - 1
        }
        return places[subject]
    }

    private mutating func omit(_ subject: SeriesSubject) -> Int? {
        if omitted.count < 10_000 { omitted.insert(subject) }
        return nil
    }

    private mutating func note(gap: Range<UInt64>) {
        guard !gap.isEmpty else { return }
        if let last = gaps.last, last.upperBound >= gap.lowerBound {
            gaps[gaps.count - 1] = min(last.lowerBound, gap.lowerBound)..<max(last.upperBound, gap.upperBound)
            return
        }
        gaps.append(gap)
        if gaps.count > Self.gaps, let shortest = gaps.indices.min(by: { gaps[$0].length < gaps[$1].length }) {
            gaps.remove(at: shortest)
        }
    }

    /// Another boot: its counters begin anew, and what was between is unknown.
    private mutating func breakOff(_ gap: Range<UInt64>) {
        note(gap: gap)
        for index in host.indices { host[index].breakOff() }
        for index in devices.indices {
            devices[index].reads.breakOff()
            devices[index].writes.breakOff()
        }
        for index in cgroups.indices {
            cgroups[index].memory.breakOff()
            cgroups[index].swap.breakOff()
        }
    }
}

extension Range<UInt64> {
    var length: UInt64 { upperBound - lowerBound }
}

private func sum(_ a: Figure, _ b: Figure) -> Figure {
    guard let x = a.value, let y = b.value else { return .unknown }
    return Figure(x.addingReportingOverflow(y).overflow ? nil : x + y)
}

private func difference(_ whole: Figure, _ part: Figure) -> Figure {
    guard let whole = whole.value, let part = part.value else { return .unknown }
    return Figure(whole - min(whole, part))
}
