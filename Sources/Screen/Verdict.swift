import Events
import Incidents
import Rendering

/// The first row: how bad it is, who does it, and what it costs, in one line of plain words.
///
///     thrash: user-1002.slice is swapping, vda 57.9 of 60 MiB/s, 91 % of it swap
struct Verdict {
    let phase: Phase
    let text: String

    init(_ model: ScreenModel) {
        let standing = model.standing
        let worst = model.incidents.max { ($0.incidentClass, $0.openingSeq) < ($1.incidentClass, $1.openingSeq) }
        phase =
            ([standing.host.phase, worst?.incidentClass.standingPhase ?? .calm] + standing.cgroups.map(\.phase))
            .max() ?? .calm
        var parts: [String] = []
        if let worst, let words = Self.words(worst) {
            parts.append(words)
        } else if phase > .calm {
            parts.append(Self.who(standing, worst))
        }
        if phase > .calm, worst?.incidentClass.isAboutDisk ?? true { parts += Self.disk(standing) }
        if phase == .calm || worst == nil && parts.count < 2 { parts += Self.memory(standing.host) }
        guard !parts.isEmpty else {
            text = "no sample yet"
            return
        }
        text = phase.label + ": " + parts.joined(separator: ", ")
    }

    /// What is no matter of who swaps: a kill, a disk, a live-lock.
    private static func words(_ incident: Incident) -> String? {
        switch incident.incidentClass {
        case .fileThrash, .swapThrash: return nil
        default:
            let words = IncidentWords(incident, utcOffsetSeconds: nil).happened
            // In the middle of a sentence; a name stays as it is.
            return ["A ", "The "].contains { words.hasPrefix($0) }
                ? words.prefix(1).lowercased() + words.dropFirst() : words
        }
    }

    static func who(_ standing: Standing, _ incident: Incident?) -> String {
        let suspect = incident?.suspects.first { $0.pid == 0 }?.cgroup
        let swapper = standing.cgroups.filter { $0.swapBytesPerSecond > 0 }
            .max { $0.swapBytesPerSecond < $1.swapBytesPerSecond }
        let grower = standing.cgroups.filter { $0.grewBytes ?? 0 > 0 && $0.path.count > 1 }
            .max { ($0.grewBytes ?? 0, $0.path.count) < ($1.grewBytes ?? 0, $1.path.count) }
        let path = suspect ?? swapper?.path ?? grower?.path ?? Bytes()
        let name = path.isEmpty ? "somebody" : NameWords.cgroup(path)
        let mebibyte: UInt64 = 1 << 20
        if standing.host.swapBytesPerSecond.value ?? 0 >= mebibyte { return name + " is swapping" }
        if standing.host.refaultBytesPerSecond.value ?? 0 >= mebibyte { return name + " reads evicted files again" }
        if let grew = standing.cgroups.first(where: { $0.path == path })?.grewBytes, grew > 0 {
            return name + " grows, " + Units.growth(Figure(UInt64(grew))) + " in 30 s"
        }
        return name + " stalls on memory"
    }

    /// The disk that pays: the one that is silent, else a saturated one, else the busiest.
    private static func disk(_ standing: Standing) -> [String] {
        func weight(_ device: DeviceStanding) -> (UInt64, UInt64, UInt64) {
            (device.silenceNs / 1_000_000_000, device.isSaturated ? 1 : 0, device.bytesPerSecond.value ?? 0)
        }
        guard let device = standing.devices.max(by: { weight($0) < weight($1) }) else { return [] }
        if weight(device).0 >= 2 {
            let requests = Units.count(device.inflight) + (device.inflight == 1 ? " request waits" : " requests wait")
            return [device.shownName + " silent for " + Units.duration(device.silenceNs), requests]
        }
        guard let bytes = device.bytesPerSecond.value else { return [] }
        var parts = [device.shownName + " " + Quantity.rate(bytes, of: device.ceilingBytes)]
        if let share = device.swapShare.value, share >= 0.01 {
            parts.append(Units.percent(device.swapShare) + " of it swap")
        }
        return parts
    }

    private static func memory(_ host: HostStanding) -> [String] {
        var parts: [String] = []
        if host.availableBytes.value != nil {
            parts.append(Quantity.size(host.availableBytes, of: host.memoryTotalBytes) + " available")
        }
        if host.swapTotalBytes.value ?? 0 > 0, host.swapUsedBytes.value != nil {
            parts.append(Quantity.size(host.swapUsedBytes, of: host.swapTotalBytes) + " swap used")
        }
        return parts
    }
}

/// Quantities beside what they are part of, the unit once where it is the same: `57.9 of 60 MiB/s`.
enum Quantity {
    /// Without a ceiling that was learned too low to be one.
    static func rate(_ bytes: UInt64, of ceiling: Figure) -> String {
        guard let most = ceiling.value, most >= bytes else { return Units.bytesPerSecond(bytes) }
        return joined(Units.bytes(bytes), ceiling) + "/s"
    }

    static func size(_ bytes: Figure, of total: Figure) -> String {
        total.value == nil || total.value == 0 ? Units.bytes(bytes) : joined(Units.bytes(bytes), total)
    }

    private static func joined(_ part: String, _ whole: Figure) -> String {
        let all = Units.bytes(whole)
        let unit = all.drop { $0 != " " }
        return (part.hasSuffix(unit) ? String(part.dropLast(unit.count)) : part) + " of " + all
    }
}

extension DeviceStanding {
    var shownName: String { name.isEmpty ? "\(device >> 20):\(device & 0xfffff)" : Escaping.terminal(name) }
}

extension IncidentClass {
    fileprivate var isAboutDisk: Bool {
        switch self {
        case .ioStorm, .deviceStall, .fileThrash, .swapThrash: true
        case .containedKill, .userspaceKill, .throttleLivelock, .globalOom: false
        }
    }

    /// What an open incident of this class means for the first word, whatever the phases say.
    fileprivate var standingPhase: Phase {
        switch self {
        case .containedKill, .userspaceKill: .calm
        case .ioStorm, .throttleLivelock: .pressure
        case .fileThrash, .swapThrash: .thrash
        case .deviceStall, .globalOom: .critical
        }
    }
}
