public import Events
public import Incidents

/// `--for USER`: events and incidents as one user may see them. Names of other users' processes and cgroups, command lines and
/// user ids are replaced, whatever is made of them afterwards; figures of the machine as a whole stay.
///
/// Closed by default: a name that nobody said is harmless is replaced. A new field or sentence is hidden until it is listed here.
public struct Redaction: Sendable {
    /// What stands for everybody else.
    public static let another = Bytes("another user".utf8)

    public let audience: Audience

    public init(for audience: Audience) { self.audience = audience }

    public func redacted(_ incident: Incident) -> Incident {
        var result = incident
        var fields = RedactedFields(audience)
        result.walk(&fields)
        return result
    }

    /// Samples and counts have no names: they come back as they are.
    public func redacted(_ event: Event) -> Event {
        var event = event
        var fields = RedactedFields(audience, numbersCgroups: true)
        switch event.payload {
        case .pressure, .memory, .vmstat, .load, .device, .cgroupSample, .ioInterval, .cgroupIO, .cgroupStall, .lost,
            .census, .censusCgroup, .clock, .samplerGap, .slowIO, .reap, .recorderStop:
            break
        case .oomKill(let value): event.payload = .oomKill(fields.redacted(value))
        case .signal(let value): event.payload = .signal(fields.redacted(value))
        case .exit(let value): event.payload = .exit(fields.redacted(value))
        case .stall(let value): event.payload = .stall(fields.redacted(value))
        case .cgroup(let value): event.payload = .cgroup(fields.redacted(value))
        case .censusTask(let value): event.payload = .censusTask(fields.redacted(value))
        case .recorderStart(let value): event.payload = .recorderStart(fields.redacted(value))
        case .hook(let value): event.payload = .hook(fields.redacted(value))
        case .deviceName(let value): event.payload = .deviceName(fields.redacted(value))
        case .userName(let value): event.payload = .userName(fields.redacted(value))
        case .backstop(let value): event.payload = .backstop(fields.redacted(value))
        case .containerName(let value): event.payload = .containerName(fields.redacted(value))
        case .kernelLogKill(let value): event.payload = .kernelLogKill(fields.redacted(value))
        case .incident(let value): event.payload = .incident(fields.redacted(value))
        case .snapshot(let value): event.payload = .snapshot(fields.redacted(value))
        }
        return event
    }
}

/// Replaces the names in whatever it walks.
private struct RedactedFields: FieldWalker {
    typealias Failure = Never

    private let audience: Audience
    /// Whether a cgroup's number is shown with it, so that the series of others stay apart.
    private let numbersCgroups: Bool
    /// Whose texts these are; `nil` where they are words of ours or of the machine's, by the list below.
    private var owner: Figure?
    private var cgroupID: UInt64 = 0
    /// Whether the name of this is one of the machine's or of ours.
    private var namesMachinery = false
    /// Of who the texts belong to.
    private var cgroup = Bytes()

    init(_ audience: Audience, numbersCgroups: Bool = false) {
        self.audience = audience
        self.numbersCgroups = numbersCgroups
    }

    /// Texts that name no process, cgroup or user, where they stand in nothing that has an owner.
    private static let words: [StaticString] = [
        "id", "incident_id", "hostname", "kernel", "version", "inquest_version", "mechanism", "refused",
        "unit", "source", "why", "partial_fields", "stack",
    ]
    private static let paths: [StaticString] = ["cgroup", "path", "oom_cgroup", "oom_memcg"]
    /// What a cgroup's path says, and the names of what it says.
    private static let partsOfPaths: [StaticString] = [
        "slice", "unit", "container_id", "pod_uid", "pod", "namespace", "container_name",
    ]
    private static let users: [StaticString] = ["uid", "ns_uid"]

    mutating func redacted<F: Fields>(_ value: F) -> F {
        var value = value
        enter(&value)
        return value
    }

    private mutating func enter<F: Fields>(_ value: inout F) {
        let outer = (owner, cgroupID, cgroup, namesMachinery)
        note(value)
        namesMachinery = value is HostIdentity || value is HookState || value is DeviceName || value is BackstopFinding
        value.walk(&self)
        (owner, cgroupID, cgroup, namesMachinery) = outer
    }

    /// Whose the texts of a value are, and which cgroup they speak of.
    private mutating func note<F: Fields>(_ value: F) {
        switch value {
        case let victim as KillVictim: (owner, cgroup) = (victim.uid, victim.cgroup)
        case let sender as Sender: (owner, cgroup) = (sender.uid, sender.cgroup)
        case let process as any NamedProcess: owner = process.ownerUID
        case let victim as Victim: (owner, cgroupID) = (victim.task.ownerUID, victim.task.cgroup)
        case let signal as Signal: owner = signal.sender.ownerUID
        case let kill as KernelLogKill: owner = Figure(uid: kill.uid)
        case let user as UserName: owner = Figure(uid: user.uid)
        case let change as CgroupChange: cgroupID = change.id
        case is Evidence: owner = nil
        // The settings of a userspace killer list names and cgroups of anybody.
        case is BackstopState: owner = .unknown
        // Nor does a container's name say whose processes run in it; their kills do.
        case is ContainerName: owner = .unknown
        default: break
        }
    }

    private var isTheirs: Bool { owner.map(audience.owns) ?? false }

    mutating func text(_ name: StaticString, _ value: inout Bytes) {
        guard !value.isEmpty else { return }
        if Self.paths.contains(where: name.equals) { return path(&value) }
        let isShown =
            if owner == nil {
                Self.words.contains(where: name.equals) || namesMachinery && name.equals("name")
            } else if Self.partsOfPaths.contains(where: name.equals) {
                audience.sees(cgroup: cgroup)
            } else {
                isTheirs
            }
        if !isShown { value = Redaction.another }
    }

    private func path(_ value: inout Bytes) {
        guard !audience.sees(cgroup: value) else { return }
        value = Redaction.another
        if numbersCgroups, cgroupID != 0 { value += Bytes(" (cgroup \(cgroupID))".utf8) }
    }

    mutating func comm(_ name: StaticString, _ value: inout Comm) {
        if !isTheirs, value != Comm() { value = Comm(Redaction.another) }
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) {
        if !isTheirs, Self.users.contains(where: name.equals) { value = UInt64(UInt32.max) }
    }

    mutating func figure(_ name: StaticString, _ value: inout Figure) {
        if !isTheirs, Self.users.contains(where: name.equals) { value = .unknown }
    }

    /// Documents inside are left out: what they say is said by the incident itself.
    mutating func blob(_ name: StaticString, _ value: inout Bytes) { value = [] }

    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {
        for index in value.indices { text(name, &value[index]) }
    }

    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) {
        if let sentence = value as? Sentence, let redacted = redacted(sentence) as? F {
            value = redacted
        } else {
            enter(&value)
        }
    }

    private func redacted(_ sentence: Sentence) -> Sentence {
        sentence.replacingNames { name, mark in
            switch mark.kind {
            case .cgroup: audience.sees(cgroup: Bytes(name)) ? nil : Redaction.another + Bytes("'s cgroup".utf8)
            case .process, .user: audience.owns(mark.uid) ? nil : Redaction.another
            case .unknown: Bytes("(left out: it may name another user)".utf8)
            }
        }
    }

    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        guard var inner = value else { return }
        group(name, &inner)
        value = inner
    }

    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {
        // Numbers alone.
        if F.self == SeriesPoint.self { return }
        for index in value.indices { group(name, &value[index]) }
    }

    mutating func signed(_ name: StaticString, _ value: inout Int64) {}
    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) {}
    mutating func flag(_ name: StaticString, _ value: inout Bool) {}
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) {}
    mutating func bootID(_ name: StaticString, _ value: inout BootID) {}
    mutating func moment(_ name: StaticString, _ value: inout Moment) {}
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) {}
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) {}
}
