public import Events
public import Incidents

/// Who is who in a recording: the names of users, and which cgroups they have processes in. Learned from what a redaction is about
/// to be made of, before it is made.
public struct Residents: Sendable {
    private var names: [UInt32: Bytes] = [:]
    private var cgroups: [UInt32: Set<Bytes>] = [:]

    public init() {}

    /// - Parameters:
    ///   - event: whose tasks are noted, with user and cgroup.
    ///   - names: what numbers were called up to this event.
    public mutating func learn(_ event: Event, _ names: borrowing NameTable) {
        func note(_ task: TaskIdentity) { add(task.ownerUID, names.path(ofCgroup: task.cgroup)) }
        switch event.payload {
        case .userName(let user): self.names[user.uid] = user.name
        case .cgroup(let change): add(.unknown, change.path)
        case .oomKill(let kill):
            note(kill.trigger)
            add(kill.victim.task.ownerUID, kill.victim.cgroupPath)
        case .signal(let signal):
            note(signal.sender)
            add(signal.target.task.ownerUID, signal.target.cgroupPath)
        case .exit(let exit): note(exit.task)
        case .stall(let stall): note(stall.task)
        case .censusTask(let task): note(task.task)
        case .kernelLogKill(let kill): add(Figure(uid: kill.uid), kill.cgroupPath)
        default: break
        }
    }

    /// What was known before the first event.
    public mutating func learn(_ names: borrowing NameTable) {
        for (uid, name) in names.users where self.names[uid] == nil { self.names[uid] = name }
        for path in names.cgroups.values { add(.unknown, path) }
    }

    public mutating func learn(_ incident: Incident) {
        for kill in incident.kills {
            add(kill.victim.uid, kill.victim.cgroup)
            if let uid = number(kill.victim.uid), !kill.victim.user.isEmpty { names[uid] = kill.victim.user }
            if let trigger = kill.trigger { add(trigger.uid, trigger.cgroup) }
            if let sender = kill.sender { add(sender.uid, sender.cgroup) }
            for cgroup in kill.cgroup { add(.unknown, cgroup.cgroup) }
        }
        for suspect in incident.suspects {
            add(suspect.uid, suspect.cgroup)
            if let uid = number(suspect.uid), !suspect.user.isEmpty { names[uid] = suspect.user }
        }
        for bystander in incident.bystanders { add(.unknown, bystander.cgroup) }
        add(.unknown, incident.scope.cgroup)
    }

    /// - Parameter uid: of a process there; unknown when only the path was heard.
    private mutating func add(_ uid: Figure, _ path: Bytes) {
        if let uid = number(uid), cgroups[uid] == nil { cgroups[uid] = [] }
        guard !path.isEmpty, let owner = CgroupOwner.of(path) ?? number(uid) else { return }
        cgroups[owner, default: []].insert(path)
    }

    private func number(_ uid: Figure) -> UInt32? { uid.value.flatMap { UInt32(exactly: $0) } }

    /// The user with this name or number; `nil` when nothing was heard of them.
    public func audience(_ user: String) -> Audience? {
        let named = names.filter { $0.value == Bytes(user.utf8) }.keys.min()
        guard let uid = named ?? UInt32(user), names[uid] != nil || cgroups[uid] != nil else { return nil }
        return Audience(uid: uid, cgroups: cgroups[uid] ?? [])
    }
}

/// Whose a cgroup is by its name, as systemd gives them.
package enum CgroupOwner {
    /// Of `user-UID.slice` or `user@UID.service`, wherever it is in the path.
    package static func of(_ path: Bytes) -> UInt32? {
        for component in path.split(separator: UInt8(ascii: "/")) {
            for (prefix, suffix) in [("user-", ".slice"), ("user@", ".service")] {
                guard component.starts(with: prefix.utf8), component.count > prefix.utf8.count + suffix.utf8.count,
                    component.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
                else { continue }
                let digits = component.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
                if let uid = UInt32(String(decoding: digits, as: UTF8.self)) { return uid }
            }
        }
        return nil
    }
}

/// One user, and what is theirs to see by name.
///
/// - A process is theirs when it runs under their uid.
/// - A cgroup is theirs when its path says so (`user-UID.slice`), or, where the path names no user, when a process of theirs was
///   seen in it: they read that path in their own `/proc/self/cgroup`. What is above it is part of its name, and seen too.
/// - Everyone and everything else is another user, root and its services too.
public struct Audience: Sendable {
    public let uid: UInt32
    private var visible: Set<Bytes> = []

    init(uid: UInt32, cgroups: Set<Bytes>) {
        self.uid = uid
        for cgroup in cgroups {
            var path = cgroup
            while visible.insert(path).inserted, let slash = path.lastIndex(of: UInt8(ascii: "/")), path.count > 1 {
                path = slash == 0 ? [UInt8(ascii: "/")] : Bytes(path[..<slash])
            }
        }
    }

    func owns(_ uid: Figure) -> Bool { uid.value == UInt64(self.uid) }

    func sees(cgroup path: Bytes) -> Bool { CgroupOwner.of(path).map { $0 == uid } ?? visible.contains(path) }
}
