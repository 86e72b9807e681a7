import Events
import Incidents

/// Makes a `Window` of the events of a span. Bounded, as the figures are that it is made of, however many events there are.
struct WindowCollector: ~Copyable {
    private static let cgroups = 8
    private static let gaps = 64
    private static let missing = 64
    /// A shorter gap is none that anybody would notice.
    private static let gapNs: UInt64 = 500_000_000

    private let findings: SpanFindings
    private var window = Window()
    private var times = ExportTimes()
    private var data = ChartData()
    private var kills: SpanKills
    /// When the boot's recorder stopped, while none has started since.
    private var stopped: Moment?

    init(_ findings: SpanFindings) {
        self.findings = findings
        kills = SpanKills(of: findings.incidents)
        window.span.sinceRealtimeNs = Figure(findings.sinceRealtimeNs)
        window.span.untilRealtimeNs = Figure(findings.untilRealtimeNs)
    }

    mutating func take(_ event: Event, _ names: borrowing NameTable) {
        if case .snapshot = event.payload { return }
        data.take(event, at: times.note(event, names), names)
        let boot = place(of: event, names)
        kills.take(event, names)
        switch event.payload {
        case .samplerGap(let gap) where gap.actualNs >= Self.gapNs:
            let from = Moment(boottimeNs: event.boottimeNs - min(event.boottimeNs, gap.actualNs))
            note(WindowGap(from: from, to: event.moment, .samplerLate), boot)
        case .recorderStart:
            if let stopped { note(WindowGap(from: stopped, to: event.moment, .notRecording), boot) }
            stopped = nil
        case .recorderStop: stopped = event.moment
        case .lost(let lost): window.lost.note(lost)
        case .memory(let sample):
            window.host.memoryTotal = most(window.host.memoryTotal, sample.totalBytes)
            window.host.swapTotal = most(window.host.swapTotal, sample.swapTotalBytes)
        default: break
        }
    }

    /// What the recording does not have any more, or never had.
    mutating func note(missing first: UInt64, to last: UInt64, _ why: String) {
        guard window.missing.count < Self.missing else {
            window.missing[Self.missing - 1].lastSeq = last
            return
        }
        var events = MissingEvents()
        (events.firstSeq, events.lastSeq, events.why) = (first, last, Bytes(why.utf8))
        window.missing.append(events)
    }

    // MARK: Boots

    private mutating func place(of event: Event, _ names: borrowing NameTable) -> Int {
        if window.boots.last?.host.bootID != names.boot || window.boots.isEmpty {
            window.boots.append(WindowBoot())
            stopped = nil
        }
        let boot = window.boots.count - 1
        if names.recorder.bootID == names.boot { window.boots[boot].host = HostIdentity(names.recorder) }
        window.boots[boot].host.bootID = names.boot
        window.boots[boot].clock = names.clock
        if window.boots[boot].hooks != names.hooks { window.boots[boot].hooks = names.hooks }
        window.boots[boot].note(event.moment)
        window.span.utcOffsetSeconds = names.clock.utcOffsetSeconds
        window.span.events += 1
        return boot
    }

    private mutating func note(_ gap: WindowGap, _ boot: Int) {
        window.boots[boot].gaps.append(gap)
        guard window.boots[boot].gaps.count > Self.gaps else { return }
        let gaps = window.boots[boot].gaps
        if let shortest = gaps.indices.min(by: { gaps[$0].lengthNs < gaps[$1].lengthNs }) {
            window.boots[boot].gaps.remove(at: shortest)
            window.gapsOmitted += 1
        }
    }

    // MARK: The end

    /// After the last event.
    mutating func finish(_ names: borrowing NameTable) -> Window {
        // By the last clock of each boot: the first events of a boot come before its first.
        if let first = window.boots.first, let last = window.boots.last {
            window.span.firstRealtimeNs = Figure(first.clock.realtimeNs(of: first.first))
            window.span.lastRealtimeNs = Figure(last.clock.realtimeNs(of: last.last))
        }
        for incident in findings.incidents { add(incident) }
        for index in window.boots.indices {
            let boot = window.boots[index].host.bootID
            window.boots[index].kills = kills.kills.filter { $0.bootID == boot }
            window.boots[index].phases = findings.phases.filter { $0.boot == boot }.map(\.change)
        }
        window.host = host(names)
        window.devices = data.busiestDevices.map { device($0, names) }
        window.cgroups = data.chosenCgroups(of: findings.incidents, Self.cgroups, names).map { cgroup($0, names) }
        window.killsOmitted = kills.omitted
        window.seriesOmitted = UInt64(data.omitted.count)
        return window
    }

    private mutating func add(_ incident: Incident) {
        var boot = window.boots.firstIndex { $0.host.bootID == incident.host.bootID }
        if boot == nil {
            // It lasts through the span, and nothing else is known of its boot.
            var alone = WindowBoot()
            (alone.host, alone.clock) = (incident.host, incident.clock)
            window.boots.insert(alone, at: 0)
            boot = 0
        }
        if let boot { window.boots[boot].incidents.append(WindowIncident(incident)) }
    }

    private func host(_ names: borrowing NameTable) -> WindowHost {
        var host = window.host
        func level(_ curve: HostCurve, _ unit: Double = 1) -> Extent {
            Extent(data.host[curve.rawValue].whole?.scaled(by: unit))
        }
        func stalled(_ curve: HostCurve) -> StalledShare { StalledShare(data.host[curve.rawValue]) }
        let pageSize = names.pageSize
        func paged(_ curve: HostCurve) -> Flow { Flow(data.host[curve.rawValue], unit: pageSize) }
        host.available = level(.memoryAvailable)
        host.swapUsed = level(.swapUsed)
        (host.memorySome, host.memoryFull) = (stalled(.memorySome), stalled(.memoryFull))
        (host.ioSome, host.ioFull, host.cpuSome) = (stalled(.ioSome), stalled(.ioFull), stalled(.cpuSome))
        (host.swapIn, host.swapOut, host.refaults) = (paged(.swapIn), paged(.swapOut), paged(.refaults))
        (host.blocked, host.running) = (level(.blocked, 1000), level(.running, 1000))
        host.load = level(.load)
        return host
    }

    private func device(_ data: DeviceData, _ names: borrowing NameTable) -> WindowDevice {
        var device = WindowDevice()
        device.name = names.devices[data.device] ?? Bytes("\(data.device >> 20):\(data.device & 0xfffff)".utf8)
        (device.reads, device.writes) = (Flow(data.reads), Flow(data.writes))
        if data.isHeard { device.swapBytes = Figure(whole(data.swap.total)) }
        device.readP50Us = Figure(data.readLatency.upperBoundUs(quantile: 0.5))
        device.readP99Us = Figure(data.readLatency.upperBoundUs(quantile: 0.99))
        device.writeP50Us = Figure(data.writeLatency.upperBoundUs(quantile: 0.5))
        device.writeP99Us = Figure(data.writeLatency.upperBoundUs(quantile: 0.99))
        return device
    }

    private func cgroup(_ data: CgroupData, _ names: borrowing NameTable) -> WindowCgroup {
        var cgroup = WindowCgroup()
        cgroup.cgroup = names.path(ofCgroup: data.cgroup)
        cgroup.cgroupID = data.cgroup
        (cgroup.memory, cgroup.swap) = (Extent(data.memory.whole), Extent(data.swap.whole))
        if names.hears("memory_high") || data.throttled.total > 0 {
            cgroup.throttledTaskNs = Figure(whole(data.throttled.total))
        }
        if names.hears("direct_reclaim") || names.hears("memcg_reclaim") || data.reclaiming.total > 0 {
            cgroup.reclaimTaskNs = Figure(whole(data.reclaiming.total))
        }
        return cgroup
    }
}

private func most(_ a: Figure, _ b: Figure) -> Figure {
    guard let x = a.value, let y = b.value else { return a.isUnknown ? b : a }
    return Figure(max(x, y))
}
