import Events
import Incidents
import Testing

@testable import Rendering

private func line(_ payload: Payload, _ names: NameTable = table(), at milliseconds: UInt64 = 1180) -> String? {
    EventLine.render(Event(seq: 1, boottimeNs: at(milliseconds).boottimeNs, payload), names).map {
        String(decoding: $0, as: UTF8.self)
    }
}

/// A table that has heard who and what is on the machine.
private func table() -> NameTable {
    var names = NameTable()
    var start = RecorderStart()
    start.pageSize = 4096
    var alice = UserName()
    alice.uid = 1001
    alice.name = b("alice")
    var disk = DeviceName()
    disk.device = 253 << 20
    disk.name = b("vda")
    var cgroup = CgroupChange()
    cgroup.id = 8123
    cgroup.path = b("/user.slice/user-1001.slice/build.scope")
    for payload in [.clock(sampleClock()), .recorderStart(start), .userName(alice), .deviceName(disk), .cgroup(cgroup)]
        as [Payload]
    {
        names.note(Event(boottimeNs: 0, payload))
    }
    return names
}

private func task(_ comm: String, _ tgid: UInt32) -> TaskIdentity {
    var task = TaskIdentity()
    task.comm = Comm(comm)
    task.tgid = tgid
    task.pid = tgid
    task.uid = 1001
    task.cgroup = 8123
    return task
}

@Suite struct TailTests {
    @Test func `a kill is one line with who, where, why and how large`() {
        var kill = OomKill()
        kill.constraint = .memcg
        kill.oomCgroup = 8123
        kill.limitPages = 16_384
        kill.victim.task = task("cc1plus", 9120)
        kill.victim.anonRssPages = 15_667
        kill.victim.swapPages = 0
        kill.trigger = task("make", 9118)
        #expect(
            line(.oomKill(kill))
                == "07:06:08.430  KILL      cc1plus[9120] of alice (uid 1001) in user-1001.slice/build.scope by the kernel: "
                + "the memory limit of user-1001.slice/build.scope (64 MiB); 61.2 MiB anonymous, swap 0 B; trigger make[9118]\n"
        )
        kill.constraint = .unknown
        #expect(line(.oomKill(kill))?.contains("by the kernel: why is unknown") == true)
        kill.entry = .global
        #expect(line(.oomKill(kill))?.contains("the host was out of memory") == true)
    }

    @Test func `other events are told in words`() {
        var signal = Signal()
        signal.signal = 9
        signal.sender = task("bash", 77)
        signal.target.task = task("sleep", 78)
        #expect(
            line(.signal(signal))
                == "07:06:08.430  SIGNAL    SIGKILL to sleep[78] of alice (uid 1001) in user-1001.slice/build.scope"
                + " from bash[77] of alice (uid 1001)\n")
        signal.result = 2
        #expect(line(.signal(signal))?.hasSuffix("; already pending\n") == true)

        var exit = Exit()
        exit.task = task("sleep", 78)
        exit.exitCode = 9
        exit.markedBoottimeNs = at(1142).boottimeNs
        #expect(line(.exit(exit)) == "07:06:08.430  EXIT      sleep[78] ended by SIGKILL, 38 ms after it was told to\n")

        var io = SlowIO()
        io.device = 253 << 20
        io.bytes = 4096
        io.swap = true
        io.deviceNs = 2_100_000_000
        #expect(line(.slowIO(io)) == "07:06:08.430  SLOW IO   vda read of 4 KiB (swap) took 2.1 s\n")

        var stall = Stall()
        stall.task = task("web", 5)
        stall.durationNs = 2_020_000_000
        stall.mechanism = .memoryHigh
        #expect(
            line(.stall(stall))
                == "07:06:08.430  STALL     web[5] in user-1001.slice/build.scope stalled 2.0 s at memory.high\n")
        #expect(
            line(.lost(Lost(source: .ringFullOther, count: 12)))
                == "07:06:08.430  LOST      12 events: ring_full_other\n")
        var record = IncidentRecord()
        record.bootID = sampleHost().bootID
        record.openingSeq = 412
        #expect(line(.incident(record)) == "07:06:08.430  INCIDENT  01234567-412 opened\n")
    }

    @Test func `what no reader waits for has no line`() {
        let silent: [Payload] = [
            .memory(MemorySample()), .pressure(PressureSample()), .vmstat(VmstatSample()), .clock(ClockSnapshot()),
            .cgroupSample(CgroupSample()), .ioInterval(IOInterval()), .snapshot(StateSnapshot()),
            .hook(hook("x", .rich, "y")),
            .deviceName(DeviceName()), .userName(UserName()), .cgroup(CgroupChange()),
        ]
        for payload in silent { #expect(line(payload) == nil) }
        #expect(line(.hook(hook("memory_high", .absent, "", errno: 1, refused: "fentry/x"))) != nil)
    }

    @Test(arguments: EventKind.allCases)
    func `no event of any kind acts on the terminal, whatever its names are`(kind: EventKind) {
        for event in Documents.events where event.payload.kind == kind {
            guard let line = EventLine.render(event, table()) else { continue }
            let text = String(decoding: line, as: UTF8.self)
            #expect(text.hasSuffix("\n"))
            #expect(!actsOnTerminal(String(text.dropLast())), "\(text)")
        }
    }

    @Test func `names that nobody heard of are numbers`() {
        let names = NameTable()
        var stall = Stall()
        stall.task = task("a\u{1b}b", 5)
        stall.task.cgroup = 99
        #expect(
            line(.stall(stall), names) == "boot+5001.1 s  STALL     a\\x1bb[5] in cgroup 99 stalled 0 s in memory\n")
        #expect(names.device(8 << 20 | 1) == "8:1")
    }

    @Test func `a removed cgroup keeps its name until the room is needed`() {
        var names = NameTable(capacity: 2)
        func change(_ id: UInt64, _ path: String, _ action: CgroupAction) {
            var change = CgroupChange()
            change.id = id
            change.path = b(path)
            change.action = action
            names.note(Event(boottimeNs: 0, .cgroup(change)))
        }
        change(1, "/a", .created)
        change(1, "/a", .removed)
        change(2, "/b", .created)
        #expect(names.path(ofCgroup: 1) == b("/a"))
        change(3, "/c", .created)
        #expect(names.path(ofCgroup: 1) == b(""))
        #expect(names.path(ofCgroup: 3) == b("/c"))
        change(4, "/d", .created)
        #expect(names.path(ofCgroup: 4) == b(""), "nothing was removed: no room")
        change(2, "/b2", .renamed)
        #expect(names.path(ofCgroup: 2) == b("/b2"))
    }

    @Test func `the host line turns counters into rates`() {
        var host = HostLine()
        let names = table()
        #expect(host.line(at: at(0), names) == nil)
        func note(_ milliseconds: UInt64, _ payload: Payload) {
            let shown = host.note(Event(boottimeNs: at(milliseconds).boottimeNs, payload))
            #expect(shown)
        }
        func pressure(_ some: UInt64, _ full: UInt64, _ io: UInt64) -> Payload {
            var sample = PressureSample()
            sample.memorySomeUs = Figure(some)
            sample.memoryFullUs = Figure(full)
            sample.ioFullUs = Figure(io)
            return .pressure(sample)
        }
        note(0, pressure(0, 0, 0))
        #expect(host.line(at: at(0), names) == nil)
        note(2000, pressure(240_000, 62_000, 180_000))
        var memory = MemorySample()
        memory.availableBytes = Figure(3 << 30)
        memory.swapTotalBytes = Figure(8 << 30)
        memory.swapFreeBytes = Figure(7 << 30)
        note(2000, .memory(memory))
        var load = LoadSample()
        load.load1Milli = 2190
        load.blocked = 4
        note(2000, .load(load))
        var device = DeviceSample()
        device.device = 253 << 20
        device.readBytes = 0
        device.writeBytes = 0
        note(0, .device(device))
        device.writeBytes = Figure(116 << 20)
        note(2000, .device(device))
        let bytes = host.line(at: at(2000), names)
        #expect(
            bytes.map { String(decoding: $0, as: UTF8.self) }
                == "07:06:09.250  mem some 12 % full 3.1 %  io full 9.0 %  available 3 GiB  swap 1 GiB  blocked 4  load 2.1"
                + "  vda 58 MiB/s\n")
        let clockIsShown = host.note(Event(boottimeNs: 0, .clock(ClockSnapshot())))
        #expect(!clockIsShown)
    }
}
