import Events

/// A signal that may yet be the first step of a kill, or a part of an OOM.
struct PendingSignal: Fields {
    var ns: UInt64 = 0
    var signal: Int32 = 0
    var fromKernel = false
    var senderTgid: UInt32 = 0
    var tgid: UInt32 = 0
    var comm = Comm()
    /// A service manager's SIGTERM: the unit that it stops, as a path.
    var stoppedUnit = Bytes()

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.signed("signal", &signal)
        try w.flag("from_kernel", &fromKernel)
        try w.unsigned("sender_tgid", &senderTgid)
        try w.unsigned("tgid", &tgid)
        try w.comm("comm", &comm)
        try w.text("stopped_unit", &stoppedUnit)
    }
}

/// A unit whose process ended as its service manager had asked it to.
struct StoppedUnit: Fields {
    var ns: UInt64 = 0
    var path = Bytes()

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.text("path", &path)
    }
}

/// A kill by the kernel, remembered beyond its incident.
struct RecentKill: Fields {
    var ns: UInt64 = 0
    var tgid: UInt32 = 0
    var triggerTgid: UInt32 = 0
    var openingSeq: UInt64 = 0

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("ns", &ns)
        try w.unsigned("tgid", &tgid)
        try w.unsigned("trigger_tgid", &triggerTgid)
        try w.unsigned("opening_seq", &openingSeq)
    }
}

/// The tasks of a census: those of the one being heard, and of the last complete one.
struct CensusState: Fields {
    var coming: [CensusTask] = []
    var tasks: [CensusTask] = []
    /// Time of the complete one; 0 without one.
    var ns: UInt64 = 0

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.list("coming", &coming)
        try w.list("tasks", &tasks)
        try w.unsigned("ns", &ns)
    }
}

/// Everything the correlator knows. Its walk is the snapshot that begins each segment of a recording.
struct State: Fields {
    static let version: UInt64 = 8

    var formatVersion = State.version
    /// The time of the latest event, and of the sampler's latest sign of life.
    var nowNs: UInt64 = 0
    var samplerNs: UInt64 = 0
    var nextTickNs: UInt64 = 0
    var lastSeq: UInt64 = 0
    /// Of the event that opened the latest incident.
    var lastOpenedSeq = UInt64.max
    /// Whether a recorder start was heard, and no stop since.
    var recording = false
    var recorder = RecorderStart()
    var clock = ClockSnapshot()
    var hooks: [HookState] = []
    var users: [UserName] = []
    var backstops: [BackstopState] = []
    var names = CgroupNames()
    /// Sorted by id. What only reads a stored field of a large element says `span[index]`: that looks at it in place, where the array's
    /// own subscript, and any function of the element, copies it.
    var cgroups: [CgroupState] = []
    /// Sorted by number.
    var devices: [DeviceState] = []
    var host = HostState()
    var census = CensusState()
    var pending: [PendingSignal] = []
    var recentKills: [RecentKill] = []
    var stoppedUnits: [StoppedUnit] = []
    /// Oldest first.
    var containers: [ContainerName] = []
    var open: [OpenIncident] = []
    /// Ended by the end of a boot or of a recorder, waiting for the next start's wall clock.
    var closing: [Incident] = []
    /// Wall clock of the last record before that.
    var closingRealtimeNs = Figure.unknown
    /// When the next start was heard, by its own boot's clock.
    var closingSinceNs: UInt64 = 0

    /// Not part of the snapshot: whoever restores it brings the rules.
    var rules = Rules()
    /// Nor is this: where the cgroup is that was looked up last.
    private var lastCgroup = 0

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("format_version", &formatVersion)
        try w.unsigned("now_ns", &nowNs)
        try w.unsigned("sampler_ns", &samplerNs)
        try w.unsigned("next_tick_ns", &nextTickNs)
        try w.unsigned("last_seq", &lastSeq)
        try w.unsigned("last_opened_seq", &lastOpenedSeq)
        try w.flag("recording", &recording)
        try w.group("recorder", &recorder)
        try w.group("clock", &clock)
        try w.list("hooks", &hooks)
        try w.list("users", &users)
        try w.list("backstops", &backstops)
        try w.group("names", &names)
        try w.list("cgroups", &cgroups)
        try w.list("devices", &devices)
        try w.group("host", &host)
        try w.group("census", &census)
        try w.list("pending", &pending)
        try w.list("recent_kills", &recentKills)
        try w.list("open", &open)
        try w.list("closing", &closing)
        try w.figure("closing_realtime_ns", &closingRealtimeNs)
        try w.unsigned("closing_since_ns", &closingSinceNs)
        try w.list("stopped_units", &stoppedUnits)
        try w.list("containers", &containers)
    }

    // Lookups

    /// The index of a cgroup's state, made when it is new; the one untouched longest makes room.
    mutating func cgroupIndex(_ id: UInt64) -> Int {
        if lastCgroup < cgroups.count {
            // Samples come in the same order again and again: the next one is most often the one that came next before.
            if cgroups.span[lastCgroup].id == id { return lastCgroup }
            let next = cgroups.span[lastCgroup].follower
            if next < cgroups.count, cgroups.span[next].id == id {
                lastCgroup = next
                return next
            }
        }
        let position = searchCgroup(id)
        if lastCgroup < cgroups.count { cgroups[lastCgroup].follower = position }
        lastCgroup = position
        return position
    }

    private mutating func searchCgroup(_ id: UInt64) -> Int {
        var position = cgroups.position(of: id)
        if position < cgroups.count, cgroups.span[position].id == id { return position }
        if cgroups.count >= Bounds.cgroups {
            var oldest = 0
            for index in cgroups.indices where cgroups[index].touchedNs < cgroups[oldest].touchedNs { oldest = index }
            cgroups.remove(at: oldest)
            position = cgroups.position(of: id)
        }
        var fresh = CgroupState()
        fresh.id = id
        fresh.touchedNs = nowNs
        cgroups.insert(fresh, at: position)
        return position
    }

    func knownCgroup(_ id: UInt64) -> Int? {
        let position = cgroups.position(of: id)
        return position < cgroups.count && cgroups.span[position].id == id ? position : nil
    }

    /// The index of a device's state, made when it is new; `nil` beyond the bound.
    mutating func deviceIndex(_ device: UInt32) -> Int? {
        var position = 0
        while position < devices.count, devices.span[position].device < device { position += 1 }
        if position < devices.count, devices.span[position].device == device { return position }
        guard devices.count < Bounds.devices else { return nil }
        var fresh = DeviceState()
        fresh.device = device
        devices.insert(fresh, at: position)
        return position
    }

    func userName(_ uid: UInt32) -> Bytes {
        users.first { $0.uid == uid }?.name ?? Bytes()
    }

    /// A device's name, or its numbers.
    func deviceName(_ index: Int) -> Bytes {
        nameOfDevice(devices.span[index].device, devices.span[index].name)
    }

    func hookMechanism(_ feature: String, otherwise: String) -> Bytes {
        let found = hooks.first { $0.name == Bytes(feature.utf8) && !$0.mechanism.isEmpty }
        return found?.mechanism ?? Bytes(otherwise.utf8)
    }

    var hostIdentity: HostIdentity { HostIdentity(recorder) }

    func bytes(_ pages: Figure) -> Figure { pages.scaled(by: recorder.pageSize) }

    /// The scope of a cgroup, by id and path.
    func cgroupScope(_ id: UInt64, _ path: Bytes) -> Scope {
        var scope = Scope()
        scope.kind = .cgroup
        scope.cgroupID = id
        scope.cgroup = path
        return scope
    }
}

func nameOfDevice(_ device: UInt32, _ name: Bytes) -> Bytes {
    name.isEmpty ? ("\(device >> 20):\(device & 0xfffff)" as Phrase).sentence.bytes : name
}

extension [CgroupState] {
    /// Where a cgroup is, or would be: they are sorted by id. (Asked of the state, it would copy all of that.)
    fileprivate func position(of id: UInt64) -> Int {
        let cgroups = span
        var low = 0
        var high = cgroups.count
        while low < high {
            let middle = (low + high) / 2
            if cgroups[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
