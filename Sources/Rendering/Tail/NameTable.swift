public import Events

/// Which name a number had: cgroups, users and devices; the boot, who records it and what is heard, the page size and the clock:
/// learned from the events themselves.
///
/// Feed it every event in order, before the event is shown. Bounded: beyond `capacity` cgroups, those removed longest ago go
/// first, then new names are not taken up.
public struct NameTable: Sendable {
    public private(set) var clock = ClockSnapshot()
    /// The boot that events are of.
    public private(set) var boot = BootID.unknown
    public private(set) var pageSize: UInt64 = 4096
    /// What the boot's recorder said of itself and of the machine; of an unknown boot while it has not.
    public private(set) var recorder = RecorderStart()
    /// How the boot's recorder hears each feature.
    public private(set) var hooks: [HookState] = []
    public private(set) var cgroups: [UInt64: Bytes] = [:]
    private var removed: [UInt64] = []
    public private(set) var users: [UInt32: Bytes] = [:]
    public private(set) var devices: [UInt32: Bytes] = [:]
    private let capacity: Int

    public init(capacity: Int = 65_536) { self.capacity = max(1, capacity) }

    public mutating func note(_ event: Event) {
        switch event.payload {
        case .cgroup(let change):
            switch change.action {
            case .seen, .created, .renamed: name(cgroup: change.id, change.path)
            case .removed:
                // Its name is still wanted: what it did may be told after it is gone.
                name(cgroup: change.id, change.path)
                if removed.count < capacity { removed.append(change.id) }
            }
        case .oomKill(let kill): name(cgroup: kill.victim.task.cgroup, kill.victim.cgroupPath)
        case .signal(let signal): name(cgroup: signal.target.task.cgroup, signal.target.cgroupPath)
        case .userName(let user): if users.count < capacity { users[user.uid] = user.name }
        case .deviceName(let device): if devices.count < capacity { devices[device.device] = device.name }
        case .clock(let snapshot): clock = snapshot
        case .recorderStart(let start):
            (boot, pageSize, recorder) = (start.bootID, start.pageSize, start)
            hooks = []
        case .hook(let hook):
            if let known = hooks.firstIndex(where: { $0.name == hook.name }) {
                hooks[known] = hook
            } else if hooks.count < 64 {
                hooks.append(hook)
            }
        default: break
        }
    }

    /// What is known of a boot before it says so itself.
    public mutating func begin(_ boot: BootID, _ clock: ClockSnapshot) { (self.boot, self.clock) = (boot, clock) }

    private mutating func name(cgroup id: UInt64, _ path: Bytes) {
        guard id != 0, !path.isEmpty else { return }
        if cgroups[id] == nil && cgroups.count >= capacity {
            guard let oldest = removed.first else { return }
            removed.removeFirst()
            cgroups[oldest] = nil
        }
        cgroups[id] = path
    }

    /// How a feature is heard; empty also while nobody said so.
    func mechanism(of feature: String) -> Bytes { hooks.first { $0.name == Bytes(feature.utf8) }?.mechanism ?? [] }

    func hears(_ feature: String) -> Bool { !mechanism(of: feature).isEmpty }

    /// The path, or empty.
    public func path(ofCgroup id: UInt64) -> Bytes { cgroups[id] ?? Bytes() }

    /// The user's name, or empty.
    public func name(ofUser uid: UInt32) -> Bytes { users[uid] ?? Bytes() }

    // MARK: In words

    package func cgroup(_ id: UInt64) -> String {
        if let path = cgroups[id] { return NameWords.cgroup(path) }
        return id == 0 ? "an unknown cgroup" : "cgroup \(id)"
    }

    /// (uid_t) -1 is nobody's.
    package func user(_ uid: UInt32) -> String {
        NameWords.user(uid: Figure(uid: uid), name: name(ofUser: uid))
    }

    /// `vda`, or `253:0`.
    package func device(_ number: UInt32) -> String {
        if let name = devices[number] { return Escaping.terminal(name) }
        return "\(number >> 20):\(number & 0xfffff)"
    }

    package func process(_ task: TaskIdentity) -> String { NameWords.process(task.comm, task.tgid) }
}
