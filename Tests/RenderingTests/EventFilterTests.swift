import Events
import Incidents
import Testing

@testable import Rendering

private let slice = b("/user.slice/user-1001.slice")

/// Two cgroups, one of alice and one of nobody; alice's number.
private func table() -> NameTable {
    var names = NameTable()
    var alice = UserName()
    alice.uid = 1001
    alice.name = b("alice")
    names.note(Event(boottimeNs: 0, .userName(alice)))
    for (id, path) in [(7, slice + b("/build.scope")), (8, b("/system.slice/docker.service"))] as [(UInt64, Bytes)] {
        var change = CgroupChange()
        change.id = id
        change.path = path
        names.note(Event(boottimeNs: 0, .cgroup(change)))
    }
    return names
}

private func exit(uid: UInt32, cgroup: UInt64) -> Payload {
    var exit = Exit()
    exit.task.uid = uid
    exit.task.cgroup = cgroup
    return .exit(exit)
}

private func passes(_ payload: Payload, _ change: (inout EventFilter) -> Void) -> Bool {
    var filter = EventFilter()
    change(&filter)
    return filter.passes(Event(seq: 1, boottimeNs: 1, payload), table())
}

@Suite struct EventFilterTests {
    @Test func `without a wish everything passes`() {
        #expect(passes(.reap(Reap())) { _ in })
        #expect(passes(.pressure(PressureSample())) { _ in })
    }

    @Test func `kinds let only themselves through, losses too`() {
        #expect(passes(.reap(Reap())) { $0.kinds = [.reap, .signal] })
        #expect(!passes(.pressure(PressureSample())) { $0.kinds = [.reap] })
        #expect(!passes(.lost(Lost())) { $0.kinds = [.reap] })
    }

    @Test(arguments: [
        ("/user.slice/user-1001.slice", true), ("/user.slice/user-1001.slice/", true), ("user-1001.slice", true),
        ("user-1001.slice/build.scope", true), ("build.scope", true), ("/", true), ("/user-1001.slice", false),
        ("user-100", false), ("user-1001.slice/other.scope", false), ("build.scope/deeper", false),
    ]) func `a cgroup is wanted by its path, or by a name anywhere in it`(wish: String, isWanted: Bool) {
        #expect(passes(exit(uid: 5, cgroup: 7)) { $0.cgroup = b(wish) } == isWanted)
    }

    @Test func `a user is wanted by name or number, and owns the slice of that number`() {
        #expect(passes(exit(uid: 1001, cgroup: 8)) { $0.user = b("alice") })
        #expect(passes(exit(uid: 1001, cgroup: 8)) { $0.user = b("1001") })
        #expect(passes(exit(uid: 0, cgroup: 7)) { $0.user = b("alice") })
        #expect(!passes(exit(uid: 0, cgroup: 8)) { $0.user = b("alice") })
        #expect(!passes(exit(uid: .max, cgroup: 8)) { $0.user = b("4294967295") })
        #expect(!passes(exit(uid: 1001, cgroup: 8)) { $0.user = b("bob") })
    }

    @Test func `of several parties one is enough, and what is about the host is nobody's`() {
        var signal = Signal()
        signal.target.task.cgroup = 8
        signal.sender.uid = 1001
        #expect(passes(.signal(signal)) { $0.user = b("alice") })
        #expect(passes(.signal(signal)) { $0.cgroup = b("docker.service") })
        #expect(!passes(.pressure(PressureSample())) { $0.user = b("alice") })
    }

    @Test func `what says how much was seen is never hidden by a cgroup or a user`() {
        for payload in [.lost(Lost()), .samplerGap(SamplerGap()), .recorderStop(RecorderStop())] as [Payload] {
            #expect(passes(payload) { $0.cgroup = b("nowhere") })
            #expect(passes(payload) { $0.user = b("nobody") })
        }
    }

    @Test func `an incident is of its scope, its victims and its suspects`() throws {
        var record = IncidentRecord()
        var incident = Incident()
        incident.scope.kind = .cgroup
        incident.scope.cgroup = slice
        var suspect = Suspect()
        suspect.cgroup = b("/system.slice/docker.service")
        suspect.uid = 1001
        incident.suspects = [suspect]
        record.document = Archive.write(incident)
        #expect(passes(.incident(record)) { $0.cgroup = b("user-1001.slice") })
        #expect(passes(.incident(record)) { $0.cgroup = b("docker.service") })
        #expect(passes(.incident(record)) { $0.user = b("alice") })
        #expect(!passes(.incident(record)) { $0.cgroup = b("ssh.service") })
        record.document = b("nonsense")
        #expect(!passes(.incident(record)) { $0.cgroup = b("user-1001.slice") })
    }
}
