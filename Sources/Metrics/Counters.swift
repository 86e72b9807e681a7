public import Events
import Incidents

/// Everything that is counted, and up to which event. Its walk is what `--once` keeps between two runs.
public struct Counters: Fields, Sendable {
    static let version: UInt64 = 1

    var formatVersion = Counters.version
    /// The latest numbered event; 0 before the first.
    public var lastSeq: UInt64 = 0
    /// Its time, and the boot it is of.
    public var lastNs: UInt64 = 0
    public var boot = BootID.unknown
    var events: UInt64 = 0
    var starts: UInt64 = 0
    var gaps: UInt64 = 0
    var gapNs: UInt64 = 0
    var lost: [LossSource: UInt64] = [:]
    var incidents: [IncidentClass: UInt64] = [:]
    var kills: [KillKind: UInt64] = [:]
    var highStall = CgroupSeries()
    var reclaimStall = CgroupSeries()
    var swap = CgroupSeries()
    var latency: [LatencySeries] = []

    public init() {}

    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("format_version", &formatVersion)
        try w.unsigned("last_seq", &lastSeq)
        try w.unsigned("last_ns", &lastNs)
        try w.bootID("boot", &boot)
        try w.unsigned("events", &events)
        try w.unsigned("starts", &starts)
        try w.unsigned("gaps", &gaps)
        try w.unsigned("gap_ns", &gapNs)
        for source in LossSource.allCases { try w.unsigned("lost", &lost[source, default: 0]) }
        for incidentClass in IncidentClass.allCases { try w.unsigned("class", &incidents[incidentClass, default: 0]) }
        for kind in KillKind.all { try w.unsigned("kills", &kills[kind, default: 0]) }
        try w.group("high_stall", &highStall)
        try w.group("reclaim_stall", &reclaimStall)
        try w.group("swap", &swap)
        try w.list("latency", &latency)
    }

    /// - Throws: `DecodeError` when the bytes are not counters of this version.
    public init(archived bytes: Bytes) throws(DecodeError) {
        self = try Archive.read(Counters.self, from: bytes)
        guard formatVersion == Self.version else { throw .unknownKind(formatVersion) }
    }

    public var archived: Bytes { Archive.write(self) }

    /// - Parameter seq: of the event that led to it.
    mutating func count(_ finding: Finding, seq: UInt64) {
        switch finding {
        // One that the kernel overtook is told again, under the number that it had.
        case .kill(let kill, _) where kill.seq == seq: kills[KillKind(kill), default: 0] &+= 1
        case .closed(let incident): incidents[incident.incidentClass, default: 0] &+= 1
        case .kill, .opened, .phase: break
        }
    }

    mutating func count(_ payload: Payload, path: (UInt64) -> Bytes, device: (UInt32) -> Bytes) {
        switch payload {
        case .lost(let loss): lost[loss.source, default: 0] &+= loss.count
        case .recorderStart: starts &+= 1
        case .samplerGap(let gap):
            gaps &+= 1
            gapNs &+= gap.actualNs
        case .cgroupStall(let stall): count(stall, path(stall.cgroup))
        case .cgroupIO(let io) where io.swap:
            guard let lane = SwapDirection(io.operation) else { return }
            swap.add(io.bytes, lane: lane.rawValue, to: path(io.cgroup))
        case .ioInterval(let interval): count(interval, device(interval.device))
        default: break
        }
    }

    private mutating func count(_ stall: CgroupStall, _ path: Bytes) {
        switch stall.mechanism {
        // One or the other, by what the kernel lets be heard.
        case .memoryHigh, .memoryHighSleep: highStall.add(stall.totalNs, lane: 0, to: path)
        case .directReclaim: reclaimStall.add(stall.totalNs, lane: ReclaimKind.direct.rawValue, to: path)
        case .memcgReclaim: reclaimStall.add(stall.totalNs, lane: ReclaimKind.memcg.rawValue, to: path)
        case .unknown: break
        }
    }

    private mutating func count(_ interval: IOInterval, _ device: Bytes) {
        let known = Set(latency.map(\.device))
        let name = known.contains(device) || known.count < LatencySeries.devices ? device : Bytes(otherLabel.utf8)
        var index = latency.firstIndex {
            $0.device == name && $0.operation == interval.operation && $0.swap == interval.swap
        }
        if index == nil {
            latency.append(LatencySeries(device: name, operation: interval.operation, swap: interval.swap))
            index = latency.count - 1
        }
        latency[index ?? 0].add(interval)
    }
}

/// The label of all who have no series of their own. No path is so called: they begin with a slash.
let otherLabel = "other"

/// Lanes of `CgroupSeries`.
enum SwapDirection: Int, CaseIterable {
    case read = 0
    case write = 1

    init?(_ operation: IOOperation) {
        switch operation {
        case .read: self = .read
        case .write: self = .write
        case .flush, .discard: return nil
        }
    }

    var label: String { self == .read ? "read" : "write" }
}

enum ReclaimKind: Int, CaseIterable {
    case direct = 0
    case memcg = 1

    var label: String { self == .direct ? "direct" : "memcg" }
}

/// Kills that are counted together. The set is closed: each has a series from the start, for a rise from nothing is no rise to Prometheus.
struct KillKind: Hashable {
    let killer: Killer
    /// Of the kernel's own kills; others have none.
    let constraint: Constraint?
    let drill: Bool

    init(_ kill: Kill) {
        killer = kill.cause.killer
        constraint = Self.constraints(of: killer).isEmpty ? nil : Self.known(kill.cause.constraint, of: killer)
        drill = kill.drill
    }

    private init(_ killer: Killer, _ constraint: Constraint?, drill: Bool) {
        (self.killer, self.constraint, self.drill) = (killer, constraint, drill)
    }

    static let all: [KillKind] = Killer.allCases.flatMap { killer in
        let reasons = constraints(of: killer)
        return [false, true].flatMap { drill in
            reasons.isEmpty
                ? [KillKind(killer, nil, drill: drill)] : reasons.map { KillKind(killer, $0, drill: drill) }
        }
    }

    private static func known(_ constraint: Constraint, of killer: Killer) -> Constraint {
        constraints(of: killer).contains(constraint) ? constraint : .unknown
    }

    private static func constraints(of killer: Killer) -> [Constraint] {
        switch killer {
        case .kernelMemcg: [.memcg, .unknown]
        case .kernelGlobal: [.none, .cpuset, .memoryPolicy, .unknown]
        case .sysrq: [.none, .unknown]
        default: []
        }
    }
}
