import Events
import Glibc
import Testing

@testable import Host

private let isSystemAccount = getuid() < 1000

@Suite struct `Who would kill here` {
    private func process(_ fixture: Fixture, _ pid: Int, _ comm: String, _ arguments: [String], uid: UInt32 = 0) {
        fixture.file("proc/\(pid)/comm", comm + "\n")
        fixture.file("proc/\(pid)/cmdline", Bytes(arguments.joined(separator: "\0") + "\0"))
        _ = chown(fixture.root + "/proc/\(pid)", uid, 0)
    }

    private func backstops(_ fixture: Fixture) -> [BackstopKind: BackstopState] {
        var found: [BackstopKind: BackstopState] = [:]
        Backstops(fixture.paths, processLimit: 1000).scan(owner: { _ in }, changed: { found[$0.kind] = $0 })
        return found
    }

    @Test func `those that do not run are said not to run`() {
        let fixture = Fixture()
        fixture.host()
        let found = backstops(fixture)
        #expect(Set(found.keys) == [.earlyoom, .systemdOomd, .oomd, .nohang])
        #expect(found.values.allSatisfy { !$0.running && $0.pid == 0 && $0.settings.isEmpty })
    }

    @Test func `inside a pid namespace nobody is said not to run`() {
        let fixture = Fixture()
        fixture.host()
        fixture.link("proc/self/ns/pid", to: "pid:[4026532198]")
        #expect(backstops(fixture).isEmpty)
        let facts = HostFacts(fixture.paths)
        #expect(facts.backstops.isEmpty)
        #expect(facts["backstop_earlyoom"]?.state == .unreadable(errno: 0))
        #expect(!HostSampler(paths: fixture.paths).seesHostProcesses)
    }

    @Test(.enabled(if: isSystemAccount, "SKIPPED: the fixture's processes must belong to a system account"))
    func `earlyoom is found with its arguments`() {
        let fixture = Fixture()
        fixture.host()
        process(fixture, 612, "earlyoom", ["/usr/bin/earlyoom", "-m", "5,3", "--avoid", "^(sshd|systemd)$"])
        let state = backstops(fixture)[.earlyoom]
        #expect(state?.running == true)
        #expect(state?.pid == 612)
        #expect(state?.settings == Bytes("/usr/bin/earlyoom\0-m\05,3\0--avoid\0^(sshd|systemd)$"))
    }

    @Test(.enabled(if: getuid() == 0, "SKIPPED: needs root to give a directory another owner"))
    func `an ordinary user's process of that name is not believed, a service's own user is`() {
        let fixture = Fixture()
        fixture.host()
        process(fixture, 700, "earlyoom", ["earlyoom"], uid: 1002)
        #expect(backstops(fixture)[.earlyoom]?.running == false)
        process(fixture, 701, "earlyoom", ["earlyoom"], uid: 62_000)
        #expect(backstops(fixture)[.earlyoom]?.pid == 701)
    }

    @Test(.enabled(if: isSystemAccount, "SKIPPED: the fixture's processes must belong to a system account"))
    func `nohang is found behind its interpreter, another script is not`() {
        let fixture = Fixture()
        fixture.host()
        process(fixture, 700, "python3", ["/usr/bin/python3", "/opt/other.py", "/etc/nohang.conf"])
        #expect(backstops(fixture)[.nohang]?.running == false)
        process(fixture, 701, "python3", ["/usr/bin/python3", "/usr/bin/nohang", "--monitor"])
        #expect(backstops(fixture)[.nohang]?.pid == 701)
    }

    @Test(.enabled(if: isSystemAccount, "SKIPPED: the fixture's processes must belong to a system account"))
    func `only a change is reported again`() {
        let fixture = Fixture()
        fixture.host()
        let backstops = Backstops(fixture.paths, processLimit: 1000)
        var reports: [BackstopState] = []
        backstops.scan(owner: { _ in }, changed: { _ in })
        backstops.scan(owner: { _ in }, changed: { reports.append($0) })
        #expect(reports.isEmpty)
        process(fixture, 612, "earlyoom", ["earlyoom"])
        backstops.scan(owner: { _ in }, changed: { reports.append($0) })
        fixture.remove("proc/612")
        backstops.scan(owner: { _ in }, changed: { reports.append($0) })
        #expect(reports.map(\.kind) == [.earlyoom, .earlyoom])
        #expect(reports.map(\.running) == [true, false])
    }
}

@Suite struct `Settings of systemd-oomd` {
    @Test func `drop-ins override the file, the administrator overrides the vendor`() {
        let fixture = Fixture()
        fixture.file(
            "usr/lib/systemd/oomd.conf", "[OOM]\nSwapUsedLimit=90%\nDefaultMemoryPressureLimit=60%\n#Commented=1\n")
        fixture.file("usr/lib/systemd/oomd.conf.d/10.conf", "[OOM]\nDefaultMemoryPressureLimit=50%\n")
        fixture.file("etc/systemd/oomd.conf.d/20.conf", "[OOM]\nDefaultMemoryPressureLimit = 20%\r\n")
        let text = OomdSettings(fixture.paths).text.text
        #expect(text == "SwapUsedLimit=90%\nDefaultMemoryPressureLimit=20%\n")
    }

    @Test func `what is managed is told with its unit: slices, services and scopes, from files and drop-ins`() {
        let fixture = Fixture()
        fixture.file(
            "usr/lib/systemd/system/user.slice", "[Unit]\nDescription=User slice\n[Slice]\nManagedOOMSwap=auto\n")
        fixture.file("etc/systemd/system/user.slice.d/oom.conf", "[Slice]\nManagedOOMSwap=kill\nMemoryMax=8G\n")
        fixture.file("etc/systemd/system/user@.service.d/oom.conf", "[Service]\nManagedOOMMemoryPressure=kill\n")
        fixture.file("etc/systemd/system/nginx.service", "[Service]\nManagedOOMPreference=omit\n")
        fixture.file("run/systemd/transient/job.scope", "[Scope]\nManagedOOMMemoryPressure=kill\n")
        fixture.file("etc/systemd/system/nginx.socket", "[Socket]\nManagedOOMPreference=omit\n")
        let text = OomdSettings(fixture.paths).text.text
        #expect(
            text == """
                user.slice:ManagedOOMSwap=kill
                nginx.service:ManagedOOMPreference=omit
                job.scope:ManagedOOMMemoryPressure=kill
                user@.service:ManagedOOMMemoryPressure=kill

                """)
    }

    @Test(.enabled(if: isSystemAccount, "SKIPPED: the fixture's processes must belong to a system account"))
    func `a slice that systemd-oomd watches from now on is told without a restart of it`() {
        let fixture = Fixture()
        fixture.host()
        fixture.file("proc/612/comm", "systemd-oomd\n")
        let backstops = Backstops(fixture.paths, processLimit: 1000)
        var settings: [String] = []
        let scan: () -> Void = {
            backstops.scan(
                owner: { _ in }, changed: { if $0.kind == .systemdOomd { settings.append($0.settings.text) } })
        }
        scan()
        fixture.file("run/systemd/transient/jobs.slice", "[Slice]\nManagedOOMMemoryPressure=kill\n")
        scan()
        scan()
        #expect(settings == ["", "jobs.slice:ManagedOOMMemoryPressure=kill\n"])
    }

    @Test(arguments: ["", "=", "[", "novalue", "[OOM]\nA", "\0\0=\0", ";x=1\n"])
    func `hostile files are read without a crash`(_ content: String) {
        let fixture = Fixture()
        fixture.file("etc/systemd/oomd.conf", content)
        _ = OomdSettings(fixture.paths).text
    }
}

@Suite struct `Caps against memory` {
    private func caps(_ fixture: Fixture) -> Caps {
        let table = CgroupTable(CgroupHierarchy.find(fixture.paths), SamplerOptions())
        table.scan { _ in }
        var buffer = ReadBuffer()
        return Caps(table, &buffer)
    }

    @Test func `capped trees add up, uncapped ones are named, and a cap inside a cap does not count twice`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        fixture.unifiedGroup("/user.slice", current: 1)
        fixture.unifiedGroup("/user.slice/user-1001.slice", current: 1, max: "\(16 << 30)")
        fixture.unifiedGroup("/user.slice/user-1001.slice/session-1.scope", current: 1, max: "\(1 << 30)")
        fixture.unifiedGroup("/user.slice/user-1002.slice", current: 1)
        fixture.unifiedGroup("/docker.slice", current: 1, max: "\(8 << 30)")
        fixture.unifiedGroup("/system.slice", current: 1)
        fixture.unifiedGroup("/system.slice/ssh.service", current: 1)
        let caps = caps(fixture)
        #expect(caps.capped.map(\.path.text) == ["/user.slice/user-1001.slice", "/docker.slice"])
        #expect(caps.capped.map(\.bytes) == [16 << 30, 8 << 30])
        #expect(caps.uncapped.map(\.text) == ["/system.slice", "/user.slice/user-1002.slice"])
        let text = caps.state(memoryTotal: Figure(23 << 30)).settings.text
        #expect(text.contains("memory_total_bytes=\(23 << 30)\ncapped_trees=2\ncapped_total_bytes=\(24 << 30)\n"))
        #expect(text.contains("uncapped=/user.slice/user-1002.slice\n"))
    }

    @Test func `caps that were set since the last look are told when pressure begins, once`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        fixture.unifiedGroup("/batch", current: 1)
        let bench = Bench(fixture)
        _ = bench.start()
        fixture.file("sys/fs/cgroup/batch/memory.max", "\(1 << 30)\n")
        func told(after ns: UInt64, underPressure: Bool) -> [Bool] {
            bench.tick(after: ns, underPressure: underPressure).compactMap(\.payload.backstop).filter {
                $0.kind == .caps
            }
            .map { $0.settings.text.contains("capped=\(1 << 30) /batch\n") }
        }
        #expect(told(after: 20_000_000_000, underPressure: false).isEmpty)
        #expect(told(after: 1_000_000_000, underPressure: true) == [true])
        #expect(told(after: 1_000_000_000, underPressure: true).isEmpty)
    }

    @Test func `where the io controller ends above memory is told, once, by the topmost cgroup`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified(enabled: "io memory")
        for (path, enabled) in [
            ("/user.slice", "io memory"), ("/user.slice/user-1001.slice", "memory pids"),
            ("/user.slice/user-1001.slice/session-1.scope", "memory"),
            ("/user.slice/user-1001.slice/session-1.scope/inner", ""), ("/system.slice", "io memory"),
            // Nothing below it is controlled at all.
            ("/system.slice/ssh.service", ""),
        ] {
            fixture.unifiedGroup(path, current: 1)
            fixture.file("sys/fs/cgroup\(path)/cgroup.subtree_control", enabled + "\n")
        }
        func ends() -> [String] {
            caps(fixture).state(memoryTotal: 1).settings.text.split(separator: "\n").map(String.init)
                .filter { $0.hasPrefix("io_ends") }
        }
        #expect(ends() == ["io_ends_trees=1", "io_ends=/user.slice/user-1001.slice"])
        fixture.file("sys/fs/cgroup/user.slice/user-1001.slice/cgroup.subtree_control", "io memory\n")
        #expect(ends() == ["io_ends_trees=1", "io_ends=/user.slice/user-1001.slice/session-1.scope"])
        fixture.file("sys/fs/cgroup/cgroup.subtree_control", "memory\n")
        #expect(ends() == ["io_ends_trees=1", "io_ends=/"])
        // What cannot be read is not said to be anything.
        fixture.remove("sys/fs/cgroup/cgroup.subtree_control")
        #expect(ends() == [])
    }

    @Test func `a cgroup's name cannot forge a line`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        fixture.unifiedGroup("/x\ncapped_trees=99", current: 1)
        let lines = caps(fixture).state(memoryTotal: 1).settings.text.split(separator: "\n")
        #expect(!lines.contains("capped_trees=99"))
    }

    @Test func `the list is bounded, the counts are not`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        for index in 0..<100 { fixture.unifiedGroup("/g\(index)", current: 1, max: "\(UInt64(1) << 62)") }
        let caps = caps(fixture)
        let text = caps.state(memoryTotal: 1).settings.text
        #expect(text.contains("capped_trees=100\n"))
        #expect(text.contains("capped_total_bytes=\(UInt64.max - 2)\n"), "a sum beyond 64 bits does not wrap")
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("capped=") }.count == Caps.listed)
    }
}

@Suite struct `Users by name` {
    @Test func `a torn or hostile passwd gives the names that are whole`() {
        let fixture = Fixture()
        fixture.file(
            "etc/passwd", "root:x:0:0::/:/bin/sh\n:x:5:5\nbad\nhuge:x:4294967296:1\nkim:x:1002:1\nsecond:x:0:0\n")
        var users = Users(fixture.paths, limit: 10)
        var found: [UserName] = []
        for uid: UInt32 in [0, 5, 1002, 1002, 7] { users.announce(uid) { found.append($0) } }
        #expect(found.map(\.uid) == [0, 1002])
        #expect(found.map(\.name) == [Bytes("root"), Bytes("kim")])
    }

    @Test func `one who logs in later has a name from the start`() {
        let fixture = Fixture()
        fixture.host()
        let events = HostSampler(paths: fixture.paths).startEvents(version: Bytes("0.1.0"), recorderTgid: 1)
        #expect(events.compactMap(\.payload.userName).map(\.uid) == [0, 1002])
    }

    @Test func `names announced are bounded`() {
        let fixture = Fixture()
        fixture.file("etc/passwd", (0..<50).map { "u\($0):x:\($0):1\n" }.joined())
        var users = Users(fixture.paths, limit: 3)
        var count = 0
        for uid in 0..<UInt32(50) { users.announce(uid) { _ in count += 1 } }
        #expect(count == 3)
    }
}

@Suite struct `The previous boot` {
    private let clock: ClockSnapshot = {
        var clock = ClockSnapshot()
        clock.realtimeNs = Clocks.realtimeNs()
        clock.boottimeNs = 60_000_000_000
        return clock
    }()

    @Test func `a panic kept by pstore is found, an oops is not one`() {
        let fixture = Fixture()
        fixture.file("sys/fs/pstore/dmesg-efi-1", "Oops#1 Part1\n<4>...")
        #expect(!PanicRecord.isPresent(fixture.paths, clock))
        fixture.file("sys/fs/pstore/dmesg-efi-2", "Panic#2 Part1\n<4>...")
        #expect(PanicRecord.isPresent(fixture.paths, clock))
    }

    @Test func `one that systemd archived in this boot is found, an older one is not`() {
        let fixture = Fixture()
        fixture.file("pstore/1234/dmesg-efi-2", "Panic#2 Part1\n")
        #expect(PanicRecord.isPresent(fixture.paths, clock))
        var later = clock
        later.realtimeNs += 3_600_000_000_000
        #expect(!PanicRecord.isPresent(fixture.paths, later))
    }
}
