public import Events

/// How things stand at the last event: what somebody who watches wants to see of what the correlator knows.
///
///     let standing = correlator.standing()
///
/// Rates are over the last few seconds of samples. Unknown is unknown; what nothing was heard of for long is not moving.
public struct Standing: Sendable, Equatable {
    /// The last event's time, and the last sample's of the host's pressure or paging; 0 without one.
    public var nowNs: UInt64 = 0
    public var sampledNs: UInt64 = 0
    public var host = HostStanding()
    /// In no order.
    public var cgroups: [CgroupStanding] = []
    public var devices: [DeviceStanding] = []
    /// The tasks of the last whole census, and when it was; 0 before the first.
    public var tasks: [CensusTask] = []
    public var censusNs: UInt64 = 0

    public init() {}
}

public struct HostStanding: Sendable, Equatable {
    public var name = Bytes()
    public var phase = Phase.calm
    public var memorySome = Ratio.unknown
    public var memoryFull = Ratio.unknown
    public var ioFull = Ratio.unknown
    public var memoryTotalBytes = Figure.unknown
    public var availableBytes = Figure.unknown
    public var swapTotalBytes = Figure.unknown
    public var swapUsedBytes = Figure.unknown
    public var swapInBytesPerSecond = Figure.unknown
    public var swapOutBytesPerSecond = Figure.unknown
    /// File pages read again after they were evicted.
    public var refaultBytesPerSecond = Figure.unknown
    public var blockedTasks = Figure.unknown
    public var load1Milli = Figure.unknown

    public init() {}
}

public struct CgroupStanding: Sendable, Equatable {
    public var id: UInt64 = 0
    /// Empty when its name was not heard.
    public var path = Bytes()
    public var phase = Phase.calm
    public var memoryBytes = Figure.unknown
    public var swapBytes = Figure.unknown
    public var highBytes = Figure.unknown
    public var maxBytes = Figure.unknown
    /// Memory and swap, gained (or lost) over the last half minute; `nil` while that is not known.
    public var grewBytes: Int64?
    /// Task time stalled at memory.high, of the time: several tasks may stall at once.
    public var throttled = Ratio.unknown
    public var isLiveLocked = false
    /// What it moved to and from disks, and what of that was swap.
    public var movedBytesPerSecond: UInt64 = 0
    public var swapBytesPerSecond: UInt64 = 0

    public init() {}
}

public struct DeviceStanding: Sendable, Equatable {
    public var device: UInt32 = 0
    public var name = Bytes()
    public var isSwap = false
    public var bytesPerSecond = Figure.unknown
    /// The most that it can move: set, or else learned.
    public var ceilingBytes = Figure.unknown
    public var ceilingIsSet = false
    public var isSaturated = false
    public var swapShare = Ratio.unknown
    public var inflight: UInt64 = 0
    /// How long requests were in flight and none completed; 0 while some do.
    public var silenceNs: UInt64 = 0
    /// Reads that are not swap-ins, over the last five to ten seconds: an upper bound.
    public var readP99Ns = Figure.unknown

    public init() {}
}

extension Correlator {
    public func standing() -> Standing { state.standing() }
}

extension State {
    private static let rateNs: UInt64 = 3_000_000_000
    private static let trendNs: UInt64 = 30_000_000_000

    func standing() -> Standing {
        var standing = Standing()
        standing.nowNs = nowNs
        standing.sampledNs = max(host.pressureNs, host.paging.latest.ns)
        standing.host = hostStanding()
        standing.cgroups = cgroups.indices.map(cgroupStanding)
        standing.devices = devices.indices.filter { !devices[$0].inMemory }.map(deviceStanding)
        standing.tasks = census.tasks
        standing.censusNs = census.ns
        return standing
    }

    private func hostStanding() -> HostStanding {
        var result = HostStanding()
        result.name = recorder.hostname
        result.phase = host.phase.phase
        let shares = host.shares(over: rules[.watchWindow])
        result.memorySome = ratio(shares.some)
        result.memoryFull = ratio(shares.full)
        result.ioFull = ratio(shares.ioFull)
        result.memoryTotalBytes = host.memory.totalBytes
        result.availableBytes = host.memory.availableBytes
        result.swapTotalBytes = host.memory.swapTotalBytes
        result.swapUsedBytes = Figure(rise(host.memory.swapFreeBytes, host.memory.swapTotalBytes))
        let rates = host.rates(over: Self.rateNs)
        result.swapInBytesPerSecond = Figure(rates.swappedIn).scaled(by: recorder.pageSize)
        result.swapOutBytesPerSecond = Figure(rates.swappedOut).scaled(by: recorder.pageSize)
        result.refaultBytesPerSecond = Figure(rates.refaultFile).scaled(by: recorder.pageSize)
        result.blockedTasks = host.load.blocked
        result.load1Milli = host.load.load1Milli
        return result
    }

    private func cgroupStanding(_ index: Int) -> CgroupStanding {
        let cgroup = cgroups[index]
        var result = CgroupStanding()
        result.id = cgroup.id
        result.path = names.path(cgroup.id)
        result.phase = cgroup.phase.phase
        result.memoryBytes = cgroup.sample.currentBytes
        result.swapBytes = cgroup.sample.swapBytes
        result.highBytes = cgroup.sample.highBytes
        result.maxBytes = cgroup.sample.maxBytes
        if let use = cgroup.useBytes, let from = cgroup.use.start(of: Self.trendNs), from.ns < cgroup.use.latest.ns {
            result.grewBytes = Int64(clamping: use) - Int64(clamping: from.bytes)
        }
        result.isLiveLocked = cgroup.livelock.isOn(at: nowNs, hold: rules[.phaseWindow])
        // The hooks tell of what happens, not of what does not.
        let isHeard = cgroup.activity.latest.ns &+ Self.rateNs >= nowNs
        let heard = isHeard ? cgroup.heard(over: Self.rateNs) : ActivityPoint()
        if !cgroup.activity.isEmpty { result.throttled = ratio(hundredths(heard.throttledNs, of: heard.ns)) }
        result.movedBytesPerSecond = perSecond(heard.movedBytes, over: heard.ns)
        result.swapBytesPerSecond = perSecond(heard.swapBytes, over: heard.ns)
        return result
    }

    private func deviceStanding(_ index: Int) -> DeviceStanding {
        let device = devices[index]
        let rates = device.rates(over: Self.rateNs)
        var result = DeviceStanding()
        result.device = device.device
        result.name = device.name
        result.isSwap = device.isSwap
        result.bytesPerSecond = Figure(rates.throughput)
        if device.ceilingBytes > 0 { result.ceilingBytes = Figure(device.ceilingBytes) }
        result.ceilingIsSet = device.setBytes > 0
        result.isSaturated = device.saturation.isOn(at: nowNs, hold: rules[.watchWindow])
        result.swapShare = ratio(swapShare(of: index, rates))
        result.inflight = device.inflight
        result.silenceNs = device.silenceNs
        result.readP99Ns = Figure(device.readP99Ns(at: nowNs))
        return result
    }

    private func ratio(_ hundredths: UInt64?) -> Ratio {
        hundredths.map { Ratio(millionths: UInt32(min($0, 1_000_000) * 100)) } ?? .unknown
    }
}
