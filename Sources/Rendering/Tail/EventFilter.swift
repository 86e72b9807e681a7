public import Events
import Incidents

/// Which events somebody wants to see: of some kinds, of one cgroup and what is below it, of one user.
///
///     filter.passes(event, names)
///
/// An event is of a cgroup or user when one of those whom it is about is: victim, trigger, sender, whoever waited. What is about the
/// whole host is of nobody. Losses, gaps, and the recorder's own start and stop say what was seen at all: cgroup and user never hide
/// them.
public struct EventFilter: Sendable {
    /// Empty: all.
    public var kinds: Set<EventKind> = []
    /// A path from the root (`/user.slice/user-1002.slice`), or the name of a cgroup wherever it is (`user-1002.slice`).
    public var cgroup: Bytes?
    /// A name, or a number.
    public var user: Bytes?

    public init() {}

    /// - Parameters:
    ///   - event: passes when it is of a kind, in the cgroup and of the user that were asked for.
    ///   - names: has already noted this event.
    public func passes(_ event: Event, _ names: borrowing NameTable) -> Bool {
        guard kinds.isEmpty || kinds.contains(event.payload.kind) else { return false }
        guard cgroup != nil || user != nil else { return true }
        switch event.payload {
        case .lost, .samplerGap, .recorderStart, .recorderStop: return true
        default: break
        }
        let parties = Self.parties(of: event.payload, names)
        if cgroup != nil, !parties.contains(where: { isWanted(cgroup: $0.cgroup) }) { return false }
        if user != nil, !parties.contains(where: { isWanted(user: $0.uid, in: $0.cgroup, names) }) { return false }
        return true
    }

    /// Whether a path is the wanted cgroup, or below it.
    public func isWanted(cgroup path: Bytes) -> Bool {
        guard let cgroup else { return true }
        let slash = UInt8(ascii: "/")
        let wanted = cgroup.split(separator: slash)
        let parts = path.split(separator: slash)
        if wanted.isEmpty { return !path.isEmpty }
        guard parts.count >= wanted.count else { return false }
        if cgroup.first == slash { return parts.starts(with: wanted) }
        return (0...parts.count - wanted.count).contains { parts[$0...].starts(with: wanted) }
    }

    /// Whether a task, or a cgroup whose path names its owner, is the wanted user's.
    public func isWanted(user uid: UInt32?, in path: Bytes, _ names: borrowing NameTable) -> Bool {
        guard let user else { return true }
        for uid in [uid, CgroupOwner.of(path)] {
            guard let uid, uid != .max else { continue }
            if user.elementsEqual(String(uid).utf8) || user == names.name(ofUser: uid) { return true }
        }
        return false
    }

    /// Somebody whom an event is about.
    private struct Party {
        var uid: UInt32?
        var cgroup: Bytes
    }

    private static func parties(of payload: Payload, _ names: borrowing NameTable) -> [Party] {
        func of(_ id: UInt64) -> Party { Party(uid: nil, cgroup: names.path(ofCgroup: id)) }
        func of(_ task: TaskIdentity) -> Party { Party(uid: task.uid, cgroup: names.path(ofCgroup: task.cgroup)) }
        func of(_ victim: Victim) -> Party {
            victim.cgroupPath.isEmpty ? of(victim.task) : Party(uid: victim.task.uid, cgroup: victim.cgroupPath)
        }
        switch payload {
        case .oomKill(let kill):
            return [of(kill.victim), of(kill.trigger)] + (kill.oomCgroup.value.map { [of($0)] } ?? [])
        case .signal(let signal): return [of(signal.target), of(signal.sender)]
        case .exit(let exit): return [of(exit.task)]
        case .stall(let stall): return [of(stall.task)]
        case .censusTask(let task): return [of(task.task)]
        case .slowIO(let io): return [of(io.cgroup)]
        case .cgroup(let change): return [Party(uid: nil, cgroup: change.path)]
        case .cgroupIO(let io): return [of(io.cgroup)]
        case .cgroupStall(let stall): return [of(stall.cgroup)]
        case .cgroupSample(let sample): return [of(sample.cgroup)]
        case .censusCgroup(let state): return [of(state.id)]
        case .userName(let user): return [Party(uid: user.uid, cgroup: Bytes())]
        case .kernelLogKill(let kill):
            return [
                Party(uid: kill.uid, cgroup: kill.cgroupPath), Party(uid: nil, cgroup: kill.oomCgroupPath),
            ]
        case .incident(let record): return parties(of: record)
        case .reap, .ioInterval, .lost, .census, .pressure, .memory, .vmstat, .load, .device, .recorderStart,
            .recorderStop, .clock, .hook, .samplerGap, .deviceName, .containerName, .backstop, .snapshot:
            return []
        }
    }

    /// Its scope, its victims and its suspects.
    private static func parties(of record: IncidentRecord) -> [Party] {
        guard let incident = try? Archive.read(Incident.self, from: record.document) else { return [] }
        func number(_ uid: Figure) -> UInt32? { uid.value.flatMap { UInt32(exactly: $0) } }
        return [Party(uid: nil, cgroup: incident.scope.cgroup)]
            + incident.kills.map { Party(uid: number($0.victim.uid), cgroup: $0.victim.cgroup) }
            + incident.suspects.map { Party(uid: number($0.uid), cgroup: $0.cgroup) }
    }
}
