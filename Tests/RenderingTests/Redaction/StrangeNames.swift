import Events
import Incidents

@testable import Rendering

/// Gives everything of everyone but one user a name that occurs nowhere else, so that a search for these names finds whatever a
/// redaction let through, and nothing but that.
///
/// Which names are that user's is decided here by what the kernel said of each task, not by what the redaction thinks.
struct StrangeNames {
    /// Begins every name that is somebody else's.
    static let mark = "zq"
    /// Added to every user id that is somebody else's: no figure looks like it.
    static let uidOffset: UInt32 = 4_123_000_000
    /// Begins every id of a container or pod that is somebody else's: digits, or they would be none.
    private static let idMark = Bytes("4123abcd".utf8)
    /// Finds each of them.
    static var pattern: Regex<Substring> { /zq|\b4123\d{6}\b|4123abcd/ }

    private let uid: UInt32
    /// Paths that are the user's, and those above them.
    private var own: Set<Bytes> = [Bytes("/".utf8)]
    private var strange: [Bytes: Bytes] = [:]

    /// What somebody who wants to be misread puts into a name: an escape, a quote, a tag, a column, a byte that is no UTF-8.
    private static let hostile: Bytes = [0x1b, 0x22, 0x3c, 0x7c, 0xff]

    /// Names by which the correlator knows what a process is for: what it finds depends on them, and they are nobody's.
    private static let roles = [
        "earlyoom", "systemd-oomd", "oomd", "nohang", "systemd", "runc", "crun", "conmon", "containerd-shim", "dockerd",
        "containerd", "kubelet", "podman",
    ]

    init(for uid: UInt32, _ events: [Event]) {
        self.uid = uid
        var names = NameTable()
        for event in events { names.note(event) }
        for event in events {
            var tasks = Tasks()
            event.payload.write(&tasks)
            for task in tasks.found where task.uid == uid { keep(names.path(ofCgroup: task.cgroup)) }
            for victim in tasks.victims where victim.task.uid == uid { keep(victim.cgroupPath) }
            if case .kernelLogKill(let kill) = event.payload, kill.uid == uid { keep(kill.cgroupPath) }
            if case .cgroup(let change) = event.payload, owner(of: change.path) == uid { keep(change.path) }
        }
    }

    private mutating func keep(_ path: Bytes) {
        guard owner(of: path) ?? uid == uid else { return }
        var parts = path.split(separator: UInt8(ascii: "/"))
        while !parts.isEmpty {
            own.insert(Bytes("/".utf8) + Bytes(parts.joined(separator: [UInt8(ascii: "/")])))
            parts.removeLast()
        }
    }

    private func owner(of path: Bytes) -> UInt32? {
        String(decoding: path, as: UTF8.self).firstMatch(of: /user[-@](\d+)\.s/).flatMap { UInt32($0.1) }
    }

    mutating func renamed(_ event: Event) -> Event {
        var event = event
        var reader = Rename(names: self)
        event.payload = event.payload.rewritten(by: &reader)
        self = reader.names
        return event
    }

    fileprivate mutating func name(_ original: Bytes) -> Bytes {
        if let known = strange[original] { return known }
        let fresh = Bytes("\(Self.mark)\(strange.count)x".utf8) + Self.hostile
        strange[original] = fresh
        return fresh
    }

    fileprivate mutating func comm(_ comm: Comm) -> Comm {
        let isRole = Self.roles.contains { Bytes($0.utf8.prefix(15)) == comm.bytes }
        return comm == Comm() || isRole ? comm : Comm(name(comm.bytes))
    }

    fileprivate mutating func executable(_ path: Bytes) -> Bytes {
        let base = Bytes(path.split(separator: UInt8(ascii: "/")).last ?? [])
        return Bytes("/\(Self.mark)/".utf8) + (Self.roles.contains { Bytes($0.utf8) == base } ? base : name(base))
    }

    /// Component by component, with what the correlator reads off it: whose slice, what kind of unit.
    fileprivate mutating func path(_ path: Bytes) -> Bytes {
        var result: Bytes = []
        var original: Bytes = []
        for part in path.split(separator: UInt8(ascii: "/")) {
            original += Bytes("/".utf8) + part
            result += Bytes("/".utf8) + (own.contains(original) ? Bytes(part) : component(Bytes(part)))
        }
        return result.isEmpty ? path : result
    }

    private mutating func component(_ part: Bytes) -> Bytes {
        let text = String(decoding: part, as: UTF8.self)
        if let match = text.wholeMatch(of: /(user[-@])(\d+)(\.slice|\.service)/), let uid = UInt32(match.2) {
            return Bytes("\(match.1)\(uid &+ Self.uidOffset)\(match.3)".utf8)
        }
        var container = ContainerPath([])
        container.add(part[...])
        for id in [container.containerID, container.podUID] where !id.isEmpty {
            let beginning = String(decoding: id.prefix(8), as: UTF8.self)
            return Bytes(text.replacing(beginning, with: String(decoding: Self.idMark, as: UTF8.self)).utf8)
        }
        let suffix = text.firstMatch(of: /\.(slice|service|scope)$/).map { String($0.0) } ?? ""
        return name(part) + Bytes(suffix.utf8)
    }

    /// Of earlyoom an argument each. Of the others a line each, with paths of cgroups (`capped=1 /a`) and names of units
    /// (`a.slice:ManagedOOMSwap=kill`), which are the names of the same cgroups elsewhere.
    fileprivate mutating func settings(_ text: Bytes) -> Bytes {
        if text.contains(0) { return text + Bytes("\0\(Self.mark)".utf8) }
        var lines: [Bytes] = []
        for line in text.split(separator: UInt8(ascii: "\n")) {
            if let slash = line.firstIndex(of: UInt8(ascii: "/")) {
                lines.append(Bytes(line[..<slash]) + path(Bytes(line[slash...])))
            } else if let colon = line.lastIndex(of: UInt8(ascii: ":")), !isTemplate(line[..<colon]) {
                lines.append(unit(Bytes(line[..<colon])) + Bytes(line[colon...]))
            } else {
                lines.append(Bytes(line))
            }
        }
        lines.append(Bytes("\(Self.mark)=1".utf8))
        return Bytes(lines.joined(separator: [UInt8(ascii: "\n")]))
    }

    /// `-.slice`, `user@.service`: everybody's.
    private func isTemplate(_ unit: ArraySlice<UInt8>) -> Bool {
        String(decoding: unit, as: UTF8.self).contains(/^-\.|[-@]\./)
    }

    private mutating func unit(_ unit: Bytes) -> Bytes {
        own.contains { $0.suffix(unit.count + 1) == (Bytes("/".utf8) + unit)[...] } ? unit : component(unit)
    }

    fileprivate func id(_ id: Bytes) -> Bytes { Self.idMark + id.dropFirst(8) }

    /// Whether a cgroup of theirs is this container, or lies in this pod.
    fileprivate func isOwn(_ name: ContainerName) -> Bool {
        own.map(ContainerPath.init).contains { own in
            name.containerID.isEmpty ? own.podUID == name.podUID : own.containerID == name.containerID
        }
    }

    fileprivate func isOwn(_ uid: Figure) -> Bool { uid.value == UInt64(self.uid) }
}

/// Every task that a payload names.
private struct Tasks: NameWalker {
    var found: [TaskIdentity] = []
    var victims: [Victim] = []

    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) {
        if let task = value as? TaskIdentity { found.append(task) }
        if let victim = value as? Victim { victims.append(victim) }
        value.walk(&self)
    }
}

private struct Rename: NameWalker {
    var names: StrangeNames
    private var isOwn = false

    init(names: StrangeNames) { self.names = names }

    mutating func begin<F: Fields>(_ value: F) {
        switch value {
        case let process as any NamedProcess: isOwn = names.isOwn(process.ownerUID)
        case let victim as Victim: isOwn = names.isOwn(victim.task.ownerUID)
        case let signal as Signal: isOwn = names.isOwn(signal.sender.ownerUID)
        case let kill as KernelLogKill: isOwn = names.isOwn(Figure(UInt64(kill.uid)))
        case let user as UserName: isOwn = names.isOwn(Figure(UInt64(user.uid)))
        case let name as ContainerName: isOwn = names.isOwn(name)
        default: isOwn = false
        }
    }

    mutating func comm(_ name: StaticString, _ value: inout Comm) { if !isOwn { value = names.comm(value) } }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) {
        // Root stays root: that process 1 is root's says nothing of anybody.
        if !isOwn, "\(name)".hasSuffix("uid"), value != 0 { value = UInt64(UInt32(value) &+ StrangeNames.uidOffset) }
    }

    mutating func text(_ name: StaticString, _ value: inout Bytes) {
        guard !value.isEmpty else { return }
        switch "\(name)" {
        case "cgroup", "path", "oom_cgroup": value = names.path(value)
        case "container_id", "pod_uid": if !isOwn { value = names.id(value) }
        case "cmdline", "name", "pod", "namespace": if !isOwn { value = names.name(value) }
        case "sender_exe": if !isOwn { value = names.executable(value) }
        case "settings": value = names.settings(value)
        default: break
        }
    }

    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) {
        let outer = isOwn
        begin(value)
        value.walk(&self)
        isOwn = outer
    }
}

/// A walker that goes through everything, and leaves alone what it does not name.
protocol NameWalker: FieldWalker where Failure == Never {}

extension NameWalker {
    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) {}
    mutating func signed(_ name: StaticString, _ value: inout Int64) {}
    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) {}
    mutating func flag(_ name: StaticString, _ value: inout Bool) {}
    mutating func figure(_ name: StaticString, _ value: inout Figure) {}
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) {}
    mutating func comm(_ name: StaticString, _ value: inout Comm) {}
    mutating func bootID(_ name: StaticString, _ value: inout BootID) {}
    mutating func text(_ name: StaticString, _ value: inout Bytes) {}
    mutating func blob(_ name: StaticString, _ value: inout Bytes) {}
    mutating func moment(_ name: StaticString, _ value: inout Moment) {}
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) {}
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) {}
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        guard var inner = value else { return }
        group(name, &inner)
        value = inner
    }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {
        for index in value.indices { group(name, &value[index]) }
    }
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {}
}

extension Payload {
    /// The payload after a walker changed it: only kinds that name somebody.
    func rewritten<W: NameWalker>(by walker: inout W) -> Payload {
        func walked<F: Fields>(_ value: F) -> F {
            var value = value
            walker.group("", &value)
            return value
        }
        return switch self {
        case .oomKill(let value): .oomKill(walked(value))
        case .signal(let value): .signal(walked(value))
        case .exit(let value): .exit(walked(value))
        case .stall(let value): .stall(walked(value))
        case .cgroup(let value): .cgroup(walked(value))
        case .censusTask(let value): .censusTask(walked(value))
        case .userName(let value): .userName(walked(value))
        case .containerName(let value): .containerName(walked(value))
        case .backstop(let value): .backstop(walked(value))
        case .kernelLogKill(let value): .kernelLogKill(walked(value))
        default: self
        }
    }
}
