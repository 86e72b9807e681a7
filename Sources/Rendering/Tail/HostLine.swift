public import Events

/// How the host feels, in one line made of the latest samples: what `tail` shows between events.
///
///     07:06:08.000  mem some 12 % full 3.1 %  io full 9.0 %  available 1.2 GiB  swap 1.2 GiB  blocked 4  load 2.1  vda 58 MiB/s
///
/// Counters become rates over the time between two samples; what has not been sampled twice is left out.
public struct HostLine: Sendable {
    private var pressure: (at: UInt64, sample: PressureSample)?
    private var memorySome = Ratio.unknown
    private var memoryFull = Ratio.unknown
    private var ioFull = Ratio.unknown
    private var memory: MemorySample?
    private var load: LoadSample?
    private var devices: [UInt32: (at: UInt64, bytes: Figure, rate: Figure)] = [:]
    private static let deviceBound = 256

    public init() {}

    /// - Returns: whether the event is a sample that the line shows.
    @discardableResult
    public mutating func note(_ event: Event) -> Bool {
        switch event.payload {
        case .pressure(let sample):
            if let (at, last) = pressure, event.boottimeNs > at {
                let ns = event.boottimeNs - at
                memorySome = Self.share(last.memorySomeUs, sample.memorySomeUs, over: ns)
                memoryFull = Self.share(last.memoryFullUs, sample.memoryFullUs, over: ns)
                ioFull = Self.share(last.ioFullUs, sample.ioFullUs, over: ns)
            }
            pressure = (event.boottimeNs, sample)
        case .memory(let sample): memory = sample
        case .load(let sample): load = sample
        case .device(let sample):
            let bytes = Self.sum(sample.readBytes, sample.writeBytes)
            let last = devices[sample.device]
            guard last != nil || devices.count < Self.deviceBound else { return false }
            var rate = Figure.unknown
            if let last, event.boottimeNs > last.at, let before = last.bytes.value, let now = bytes.value, now >= before
            {
                let perSecond = Double(now - before) / Double(event.boottimeNs - last.at) * 1e9
                rate = Figure(UInt64(min(perSecond, 1e18)))
            }
            devices[sample.device] = (event.boottimeNs, bytes, rate)
        case .recorderStart: self = HostLine()
        default: return false
        }
        return true
    }

    /// The line with its line feed; `nil` as long as nothing is known.
    ///
    /// - Parameters:
    ///   - moment: what the line is for: its last sample's.
    ///   - names: what devices are called.
    ///   - options: colour and time zone.
    public func line(at moment: Moment, _ names: NameTable, _ options: TextOptions = TextOptions()) -> Bytes? {
        var parts: [String] = []
        if !memorySome.isUnknown {
            parts.append("mem some " + Units.percent(memorySome) + " full " + Units.percent(memoryFull))
        }
        if !ioFull.isUnknown { parts.append("io full " + Units.percent(ioFull)) }
        if let memory {
            parts.append("available " + Units.bytes(memory.availableBytes))
            if let total = memory.swapTotalBytes.value, let free = memory.swapFreeBytes.value, total >= free, total > 0
            {
                parts.append("swap " + Units.bytes(total - free))
            }
        }
        if let load {
            if !load.blocked.isUnknown { parts.append("blocked " + Units.count(load.blocked)) }
            if let milli = load.load1Milli.value { parts.append("load \(milli / 1000).\(milli % 1000 / 100)") }
        }
        let busiest = devices.filter { ($0.value.rate.value ?? 0) > 0 }.max {
            ($0.value.rate.raw, $1.key) < ($1.value.rate.raw, $0.key)
        }
        if let (device, state) = busiest, let rate = state.rate.value {
            parts.append(names.device(device) + " " + Units.bytesPerSecond(rate))
        }
        guard !parts.isEmpty else { return nil }
        let time = Style.time.paint(EventLine.time(moment, names, options), colour: options.colour)
        return Bytes(
            (time + "  " + Style.faint.paint(parts.joined(separator: "  "), colour: options.colour) + "\n").utf8)
    }

    /// Microseconds of stall in nanoseconds of time; unknown when a counter went back.
    private static func share(_ before: Figure, _ after: Figure, over ns: UInt64) -> Ratio {
        guard let before = before.value, let after = after.value, after >= before else { return .unknown }
        return Ratio(min(1, Double(after - before) * 1000 / Double(ns)))
    }

    private static func sum(_ a: Figure, _ b: Figure) -> Figure {
        guard let a = a.value, let b = b.value else { return .unknown }
        return Figure(a &+ b)
    }
}
