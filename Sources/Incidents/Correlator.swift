public import Events

/// What the correlator found out.
public enum Finding: Sendable, Equatable {
    /// An incident began. Its document is complete so far; it changes until it closes.
    case opened(Incident)
    /// A process is being killed in an incident of this class so far: the record as it is known at once, and once more where the OOM
    /// killer overtakes another. Its end, and what is learned later of the killer, are in the incident's document.
    case kill(Kill, IncidentClass)
    /// A scope's phase changed; with the incident that is open for this very scope, if one is.
    case phase(Scope, PhaseChange, IncidentKey?)
    /// An incident is over: the document is final.
    case closed(Incident)

    /// How the finding is kept beside the events, so that a list needs no replay; `nil` for what is not kept.
    public var record: IncidentRecord? {
        let (incident, state): (Incident, IncidentState)
        switch self {
        case .opened(let opened): (incident, state) = (opened, .opened)
        case .closed(let closed): (incident, state) = (closed, .closed)
        case .kill, .phase: return nil
        }
        var record = IncidentRecord()
        record.state = state
        record.bootID = incident.host.bootID
        record.openingSeq = incident.openingSeq
        record.document = Archive.write(incident)
        return record
    }
}

/// An incident, and what it is so far.
public struct IncidentKey: Sendable, Equatable {
    public let id: Bytes
    public let incidentClass: IncidentClass

    public init(id: Bytes, incidentClass: IncidentClass) {
        self.id = id
        self.incidentClass = incidentClass
    }
}

/// Makes incidents of events.
///
///     var correlator = Correlator()
///     correlator.consume(event) { finding in ... }
///
/// Pure: time comes from the events alone, in the order of `seq`; the same events give the same findings, live and in
/// replay. `snapshot()` holds everything it knows; a correlator made from it goes on exactly like the original. Its memory
/// is bounded (`Bounds`). It never reads files, clocks or the terminal.
public struct Correlator: Sendable {
    var state = State()

    public init(rules: Rules = Rules()) { state.rules = rules }

    /// - Throws: `DecodeError` when the bytes are not a snapshot of this version.
    public init(snapshot: Bytes, rules: Rules = Rules()) throws(DecodeError) {
        state = try Archive.read(State.self, from: snapshot)
        guard state.formatVersion == State.version else { throw .unknownKind(state.formatVersion) }
        state.repair()
        state.rules = rules
        for index in state.devices.indices {
            guard let ceiling = rules.ceilings[state.devices[index].name] else { continue }
            state.devices[index].setBytes = ceiling
        }
    }

    /// Everything known so far, before the next event.
    public func snapshot() -> Bytes { Archive.write(state) }

    /// What somebody who goes on from here must know of what was said before: who records and hears what, which time it is, and the
    /// names of cgroups, users and devices; as the events that said so, without numbers.
    public var introduction: [Event] {
        var payloads: [Payload] = [.recorderStart(state.recorder), .clock(state.clock)]
        payloads += state.hooks.map { .hook($0) }
        payloads += state.users.map { .userName($0) }
        payloads += state.containers.map { .containerName($0) }
        for device in state.devices where !device.name.isEmpty {
            var name = DeviceName()
            name.device = device.device
            name.name = device.name
            name.swap = device.isSwap
            name.inMemory = device.inMemory
            name.ceilingBytes = device.setBytes
            name.rotational = device.isRotational
            payloads.append(.deviceName(name))
        }
        payloads += state.names.changes.map { .cgroup($0) }
        return payloads.map { Event(boottimeNs: state.nowNs, $0) }
    }

    /// The incidents that have not ended, oldest first, their documents complete so far.
    public func openIncidents() -> [Incident] { state.open.map { state.document($0) } }

    /// One of them.
    public func openIncident(_ id: Bytes) -> Incident? {
        state.open.first { $0.incident.id == id }.map { state.document($0) }
    }

    /// Whether the passing of time alone may change something: then an event with the time (a clock snapshot) is worth recording
    /// once in a while, for in calm no sample may come for a minute.
    public var wantsTicks: Bool { !state.open.isEmpty || !state.closing.isEmpty }

    /// The host's phase after the last event.
    public var hostPhase: Phase { state.host.phase.phase }

    /// Whether the phase of the host or of any cgroup is above calm.
    public var isUnderPressure: Bool {
        state.host.phase.phase > .calm || state.cgroups.contains { $0.phase.phase > .calm }
    }

    public mutating func consume(_ event: Event, _ emit: (Finding) -> Void) {
        state.consume(event, emit)
    }

    /// The same, of an event where it was decoded.
    public mutating func consume(_ decoded: borrowing DecodedEvent, _ emit: (Finding) -> Void) {
        state.consume(decoded, emit)
    }
}

extension State {
    /// Restored bytes may be damaged: what is relied on is made true.
    mutating func repair() {
        repairPageSize()
        cgroups.sort { $0.id < $1.id }
        devices.sort { $0.device < $1.device }
    }

    /// No architecture has pages beyond 16 MiB.
    mutating func repairPageSize() {
        if recorder.pageSize == 0 || recorder.pageSize > 16 << 20 { recorder.pageSize = 4096 }
    }

    mutating func consume(_ event: Event, _ emit: (Finding) -> Void) {
        let ns = event.boottimeNs
        // By the kind: a second look at the payload would copy it once more.
        switch event.payload.kind {
        // The recorder's own findings come back in a replay: they are results, not observations.
        case .incident, .snapshot: return
        // It begins another time.
        case .recorderStart: break
        default: hear(event.seq, ns)
        }
        switch event.payload {
        case .recorderStart(let start):
            begin(start, event, emit)
            return
        case .oomKill(let kill): mark(kill, event, emit)
        case .signal(let signal): note(signal, event, emit)
        case .exit(let exit): note(exit, event)
        case .reap(let reap): note(reap, event)
        case .stall(let stall): note(stall, event)
        case .slowIO(let io): note(io, event)
        case .cgroup(let change): note(change, event, emit)
        case .ioInterval(let interval): note(interval, ns)
        case .cgroupIO(let io): note(io, ns)
        case .cgroupStall(let stall): note(stall, ns, emit)
        case .lost(let lost): note(lost, event)
        case .census(let end): note(end, event)
        case .censusCgroup(let cgroup): note(cgroup, ns)
        case .censusTask(let task): if census.coming.count < Bounds.censusTasks { census.coming.append(task) }
        case .pressure(let sample): note(sample, ns, emit)
        case .memory(let sample): note(sample, ns)
        case .vmstat(let sample): note(sample, ns, emit)
        case .load(let sample): note(sample, ns)
        case .device(let sample): note(sample, ns)
        case .cgroupSample(let sample): note(sample, ns, emit)
        case .recorderStop(let stop): end(stop, event, emit)
        case .clock(let snapshot): note(snapshot, event, emit)
        case .hook(let hook): note(hook)
        case .samplerGap(let gap): note(gap, event)
        case .deviceName(let name): note(name)
        case .userName(let name): note(name)
        case .containerName(let name): note(name)
        case .backstop(let backstop): note(backstop, event)
        case .kernelLogKill(let kill): mark(kill, event, emit)
        case .incident, .snapshot: return
        }
        tickWhenDue(emit)
    }

    /// The samples, which are most of what there is, are taken from where they lie; the others as events.
    mutating func consume(_ decoded: borrowing DecodedEvent, _ emit: (Finding) -> Void) {
        guard decoded.isSample else { return consume(decoded.event, emit) }
        let ns = decoded.boottimeNs
        hear(decoded.seq, ns)
        switch decoded.kind {
        case .ioInterval: note(decoded.ioInterval, ns)
        case .cgroupIO: note(decoded.cgroupIO, ns)
        case .cgroupStall: note(decoded.cgroupStall, ns, emit)
        case .pressure: note(decoded.pressure, ns, emit)
        case .memory: note(decoded.memory, ns)
        case .vmstat: note(decoded.vmstat, ns, emit)
        case .load: note(decoded.load, ns)
        case .device: note(decoded.device, ns)
        case .cgroupSample: note(decoded.cgroupSample, ns, emit)
        default: break
        }
        tickWhenDue(emit)
    }

    private mutating func hear(_ seq: UInt64, _ ns: UInt64) {
        nowNs = max(nowNs, ns)
        lastSeq = seq
    }

    private mutating func tickWhenDue(_ emit: (Finding) -> Void) {
        guard nowNs >= nextTickNs else { return }
        nextTickNs = nowNs &+ 100_000_000
        tick(emit)
    }

    private mutating func note(_ hook: HookState) {
        if let index = hooks.firstIndex(where: { $0.name == hook.name }) {
            hooks[index] = hook
        } else if hooks.count < Bounds.hooks {
            hooks.append(hook)
        }
    }

    private mutating func note(_ name: DeviceName) {
        guard let index = deviceIndex(name.device) else { return }
        devices[index].name = name.name
        devices[index].isSwap = name.swap
        devices[index].inMemory = name.inMemory
        devices[index].setBytes = rules.ceilings[name.name] ?? name.ceilingBytes
        devices[index].isRotational = name.rotational
    }

    private mutating func note(_ name: UserName) {
        if let index = users.firstIndex(where: { $0.uid == name.uid }) {
            users[index] = name
        } else if users.count < Bounds.users {
            users.append(name)
        }
    }

    private mutating func note(_ backstop: BackstopState, _ event: Event) {
        if let index = backstops.firstIndex(where: { $0.kind == backstop.kind }) {
            backstops[index] = backstop
        } else if backstops.count < Bounds.backstops {
            backstops.append(backstop)
        }
    }
}
