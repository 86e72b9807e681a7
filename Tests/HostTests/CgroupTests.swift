import CLinux
import Events
import Glibc
import Testing

@testable import Host

@Suite struct `Finding the memory controller` {
    @Test func `cgroup v2 with memory is the unified hierarchy, with id 0`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        let found = CgroupHierarchy.find(fixture.paths)
        #expect(found.mode == .unified)
        #expect(found.id == 0)
        #expect(found.mountPoint == Bytes(fixture.root + "/sys/fs/cgroup"))
        #expect(!found.accountsIO)
    }

    @Test func `IO is charged to cgroups only with io in the root's subtree control`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified(enabled: "cpuset io memory")
        #expect(CgroupHierarchy.find(fixture.paths).accountsIO)
    }

    @Test func `memory in a v1 mount decides on a hybrid machine`() {
        let fixture = Fixture()
        fixture.host()
        fixture.legacy()
        let found = CgroupHierarchy.find(fixture.paths)
        #expect(found.mode == .legacy)
        #expect(found.id == 4)
        #expect(found.mountPoint == Bytes(fixture.root + "/sys/fs/cgroup/memory"))
        #expect(found.unifiedMountPoint == Bytes(fixture.root + "/sys/fs/cgroup/unified"))
        #expect(!found.accountsIO)
    }

    @Test func `cgroup v2 without the memory controller is none, an unreadable mount table is unknown`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified(controllers: "cpu io pids")
        #expect(CgroupHierarchy.find(fixture.paths).mode == .none)
        fixture.remove("proc/self/mountinfo")
        #expect(CgroupHierarchy.find(fixture.paths).mode == .unknown)
    }

    @Test func `the mount of the whole hierarchy is preferred to one of a part, whose paths are made whole`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        let part = "29 24 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
        fixture.file("proc/self/mountinfo", part)
        fixture.directory("sys/fs/cgroup/inner")
        var paths: [Bytes] = []
        let hierarchy = CgroupHierarchy.find(fixture.paths)
        hierarchy.scan(limit: 10) { _, path in paths.append(path) }
        #expect(paths == [Bytes("/docker/abc"), Bytes("/docker/abc/inner")])
        #expect(hierarchy.directory(of: Bytes("/docker/abc/inner")) == Bytes(fixture.root + "/sys/fs/cgroup/inner"))
        #expect(hierarchy.directory(of: Bytes("/elsewhere")) == nil)
        fixture.file("proc/self/mountinfo", part + "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
        #expect(CgroupHierarchy.find(fixture.paths).prefix.isEmpty)
    }
}

@Suite struct `The scan at start` {
    @Test func `every cgroup is seen with its inode as id and its path from the root`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        fixture.unifiedGroup("/user.slice/user-1002.slice", current: 1)
        fixture.unifiedGroup("/system.slice", current: 1)
        let bench = Bench(fixture)
        let events = bench.start()
        let seen = events.compactMap(\.payload.cgroupChange)
        #expect(Set(seen.map(\.path.text)) == ["/", "/user.slice", "/user.slice/user-1002.slice", "/system.slice"])
        #expect(seen.allSatisfy { $0.action == .seen && $0.hierarchy == 0 })
        let slice = seen.first { $0.path == Bytes("/user.slice/user-1002.slice") }
        #expect(slice?.id == fixture.inode("sys/fs/cgroup/user.slice/user-1002.slice"))
        #expect(events.compactMap(\.payload.userName).contains { $0.uid == 1002 && $0.name == Bytes("kim") })
    }

    @Test func `a user who is younger than the recorder is named within a minute of coming, once`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        let bench = Bench(fixture)
        _ = bench.start()
        func come(_ uid: Int) {
            var change = CgroupChange()
            change.id = UInt64(uid)
            change.action = .created
            change.path = Bytes("/user.slice/user-\(uid).slice/session-1.scope")
            bench.sampler.consume(change)
        }
        func named() -> [UInt32] { bench.tick(after: 60_000_000_000).compactMap(\.payload.userName).map(\.uid) }
        come(1002)
        come(1009)
        #expect(named().isEmpty, "the one has a name already, the other has none yet")
        fixture.file("etc/passwd", "kim:x:1002:1002::/:/bin/sh\nnew:x:1009:1009::/:/bin/sh\n")
        come(1009)
        #expect(named() == [1009])
        come(1009)
        #expect(named().isEmpty)
    }

    @Test func `more cgroups than the bound are counted as not sampled`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        for index in 0..<20 { fixture.directory("sys/fs/cgroup/g\(index)") }
        var options = SamplerOptions()
        options.knownCgroups = 8
        let events = Bench(fixture, options).start()
        #expect(events.compactMap(\.payload.cgroupChange).count == 8)
        #expect(events.compactMap(\.payload.loss) == [Lost(source: .cgroupsNotSampled, count: 13)])
    }

    @Test func `a name of hostile bytes is kept as it is`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        let name = "evil\u{1b}[31m\nname\"'"
        fixture.unifiedGroup("/" + name, current: 1)
        let seen = Bench(fixture).start().compactMap(\.payload.cgroupChange)
        #expect(seen.contains { $0.path == Bytes("/" + name) })
    }
}

@Suite struct `Samples of a cgroup` {
    @Test func `every file of cgroup v2 is read`() throws {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        fixture.unifiedGroup("/a.slice", current: 100, swap: 7, max: "4096", swapMax: "max")
        let base = "sys/fs/cgroup/a.slice/"
        fixture.file(base + "memory.peak", "120\n")
        fixture.file(base + "memory.min", "0\n")
        fixture.file(base + "memory.low", "1\n")
        fixture.file(base + "memory.high", "max\n")
        fixture.file(base + "memory.events", "low 9\nhigh 9\nmax 9\noom 9\noom_kill 9\noom_group_kill 9\n")
        fixture.file(base + "memory.events.local", "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\noom_group_kill 0\n")
        fixture.file(base + "memory.pressure", "some avg10=0.00 total=50\nfull avg10=0.00 total=40\n")
        fixture.file(base + "io.pressure", "some avg10=0.00 total=30\nfull avg10=0.00 total=20\n")
        fixture.file(
            base + "memory.stat",
            "anon 11\nfile 12\nkernel 1\nshmem 13\nslab 14\nworkingset_refault_anon 16\nworkingset_refault_file 17\npgscan 15\n"
        )
        let bench = Bench(fixture)
        _ = bench.start()
        let sample = try #require(bench.tick().compactMap(\.payload.cgroupSample).first)
        var expected = CgroupSample()
        expected.cgroup = fixture.inode("sys/fs/cgroup/a.slice")
        expected.currentBytes = 100
        expected.peakBytes = 120
        expected.swapBytes = 7
        expected.minBytes = 0
        expected.lowBytes = 1
        expected.highBytes = .unlimited
        expected.maxBytes = 4096
        expected.swapMaxBytes = .unlimited
        expected.eventsHigh = 1
        expected.eventsMax = 2
        expected.eventsOom = 3
        expected.eventsOomKill = 4
        expected.memorySomeUs = 50
        expected.memoryFullUs = 40
        expected.ioFullUs = 20
        expected.anonBytes = 11
        expected.fileBytes = 12
        expected.shmemBytes = 13
        expected.slabBytes = 14
        expected.pgscan = 15
        expected.refaultAnon = 16
        expected.refaultFile = 17
        #expect(sample == expected)
    }

    @Test func `a cgroup that is throttled at memory.high is noticed, and one that only is near it is not`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        fixture.unifiedGroup("/a.slice", current: 100)
        let events = "sys/fs/cgroup/a.slice/memory.events.local"
        fixture.file(events, "high 7\n")
        let bench = Bench(fixture)
        _ = bench.start()
        for _ in 0..<3 { _ = bench.tick() }
        #expect(bench.sampler.throttleSeenNs == 0)
        fixture.file(events, "high 8\n")
        _ = bench.tick()
        let seen = bench.sampler.throttleSeenNs
        #expect(seen != 0)
        _ = bench.tick()
        #expect(bench.sampler.throttleSeenNs == seen)
    }

    @Test func `a kernel without memory.events.local is read from memory.events, one without PSI is unknown`() throws {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        fixture.unifiedGroup("/a", current: 100)
        fixture.file("sys/fs/cgroup/a/memory.events", "high 5\n")
        let bench = Bench(fixture)
        _ = bench.start()
        let sample = try #require(bench.tick().compactMap(\.payload.cgroupSample).first)
        #expect(sample.eventsHigh == 5)
        #expect(sample.eventsOomKill == .unknown)
        #expect(sample.memorySomeUs == .unknown)
        #expect(sample.peakBytes == .unknown)
    }

    private func legacyGroup(_ fixture: Fixture, limit: String, memsw: String?, soft: String) {
        let base = "sys/fs/cgroup/memory/a/"
        fixture.file(base + "memory.usage_in_bytes", "1000\n")
        fixture.file(base + "memory.max_usage_in_bytes", "1500\n")
        fixture.file(base + "memory.limit_in_bytes", limit + "\n")
        fixture.file(base + "memory.soft_limit_in_bytes", soft + "\n")
        fixture.file(base + "memory.failcnt", "3\n")
        fixture.file(base + "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
        fixture.file(
            base + "memory.stat",
            "cache 1\nrss 2\nshmem 1\ntotal_cache 21\ntotal_rss 22\ntotal_shmem 23\ntotal_swap 24\n")
        if let memsw {
            fixture.file(base + "memory.memsw.usage_in_bytes", "1250\n")
            fixture.file(base + "memory.memsw.limit_in_bytes", memsw + "\n")
        }
    }

    @Test func `the v1 controller is read in v2 terms`() throws {
        let fixture = Fixture()
        fixture.host()
        fixture.legacy()
        legacyGroup(fixture, limit: "8192", memsw: "12288", soft: "9223372036854771712")
        let bench = Bench(fixture)
        _ = bench.start()
        let sample = try #require(bench.tick().compactMap(\.payload.cgroupSample).first)
        #expect(sample.currentBytes == 1000)
        #expect(sample.peakBytes == 1500)
        #expect(sample.maxBytes == 8192)
        #expect(sample.swapMaxBytes == 4096, "memory + swap, less memory")
        #expect(sample.swapBytes == 250)
        #expect(sample.lowBytes == .unknown)
        #expect(sample.highBytes == .unknown)
        #expect(sample.eventsMax == 3)
        #expect(sample.eventsOomKill == 2)
        #expect(sample.anonBytes == 22)
        #expect(sample.fileBytes == 21)
        #expect(sample.shmemBytes == 23)
    }

    @Test(arguments: ["9223372036854771712", "9223372036854710272"])
    func `the largest page counter is no limit, with small and with large pages`(_ limit: String) throws {
        let fixture = Fixture()
        fixture.host()
        fixture.legacy()
        legacyGroup(fixture, limit: limit, memsw: limit, soft: "100")
        let bench = Bench(fixture)
        _ = bench.start()
        let sample = try #require(bench.tick().compactMap(\.payload.cgroupSample).first)
        #expect(sample.maxBytes == .unlimited)
        #expect(sample.swapMaxBytes == .unlimited)
        #expect(sample.lowBytes == 100)
    }

    @Test func `without memsw files swap comes from memory.stat and its limit is unknown`() throws {
        let fixture = Fixture()
        fixture.host()
        fixture.legacy()
        legacyGroup(fixture, limit: "8192", memsw: nil, soft: "100")
        let bench = Bench(fixture)
        _ = bench.start()
        let sample = try #require(bench.tick().compactMap(\.payload.cgroupSample).first)
        #expect(sample.swapBytes == 24)
        #expect(sample.swapMaxBytes == .unknown)
    }
}

@Suite struct `Which cgroups are sampled` {
    private func machine(_ count: Int) -> Fixture {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        for index in 0..<count { fixture.unifiedGroup("/g\(index)", current: UInt64(index + 1) << 20) }
        return fixture
    }

    private func id(_ fixture: Fixture, _ index: Int) -> UInt64 { fixture.inode("sys/fs/cgroup/g\(index)") }

    private func sampled(_ events: [Event]) -> Set<UInt64> { Set(events.compactMap(\.payload.cgroupSample?.cgroup)) }

    @Test func `only the largest are, up to the bound`() {
        let fixture = machine(50)
        var options = SamplerOptions()
        options.topCgroups = 4
        let bench = Bench(fixture, options)
        _ = bench.start()
        #expect(sampled(bench.tick()) == Set((46..<50).map { id(fixture, $0) }))
    }

    @Test func `those with the most swap are, though small`() {
        let fixture = machine(50)
        fixture.unifiedGroup("/g0", current: 1, swap: 9 << 20)
        var options = SamplerOptions()
        options.topCgroups = 2
        let bench = Bench(fixture, options)
        _ = bench.start()
        #expect(sampled(bench.tick()) == [id(fixture, 49), id(fixture, 48), id(fixture, 0)])
    }

    @Test func `one that something happened to is, for a while`() {
        let fixture = machine(10)
        var options = SamplerOptions()
        options.topCgroups = 1
        let bench = Bench(fixture, options)
        _ = bench.start()
        bench.tick()
        bench.sampler.note(cgroup: id(fixture, 3), path: Bytes("/g3"))
        #expect(sampled(bench.tick(underPressure: true)) == [id(fixture, 9), id(fixture, 3)])
        bench.tick(after: options.notedNs)
        #expect(sampled(bench.tick(underPressure: true)) == [id(fixture, 9)])
    }

    @Test func `noted ones are bounded, and what is left out is counted`() {
        let fixture = machine(10)
        var options = SamplerOptions()
        options.topCgroups = 0
        options.notedCgroups = 3
        let bench = Bench(fixture, options)
        _ = bench.start()
        for index in 0..<5 { bench.sampler.note(cgroup: id(fixture, index), path: Bytes("/g\(index)")) }
        let events = bench.tick()
        #expect(sampled(events).count == 3)
        #expect(events.compactMap(\.payload.loss).contains(Lost(source: .cgroupsNotSampled, count: 2)))
    }

    @Test func `the search reads a bounded number a tick and still finds the largest`() {
        let fixture = machine(50)
        var options = SamplerOptions()
        options.topCgroups = 1
        options.rankingBatch = 7
        let bench = Bench(fixture, options)
        _ = bench.start()
        var ticks = 0
        while ticks < 20 {
            ticks += 1
            if !sampled(bench.tick(underPressure: true)).isEmpty { break }
        }
        #expect(ticks == 8, "fifty cgroups, seven a tick")
        #expect(sampled(bench.tick(underPressure: true)) == [id(fixture, 49)])
    }

    @Test func `in calm the first search is as fast, and those after it read fewer a tick`() {
        let fixture = machine(50)
        var options = SamplerOptions()
        options.topCgroups = 1
        options.rankingBatch = 25
        options.rankingBatchInCalm = 5
        let bench = Bench(fixture, options)
        _ = bench.start()
        func ticks(until id: UInt64, underPressure: Bool = false) -> Int {
            (1...20).first { _ in sampled(bench.tick(underPressure: underPressure)).contains(id) } ?? 0
        }
        #expect(ticks(until: id(fixture, 49)) == 2)
        // The one that is looked at last grows; the next search begins ten seconds after the first.
        fixture.unifiedGroup("/g0", current: 900 << 20)
        #expect(sampled(bench.tick(after: 10_000_000_000)).isEmpty)
        let later = ticks(until: id(fixture, 0))
        #expect(later == 9, "fifty cgroups, five a tick, one tick before")
    }

    @Test func `one that is created later is found, one that is removed is forgotten`() {
        let fixture = machine(2)
        let bench = Bench(fixture)
        _ = bench.start()
        bench.tick()
        fixture.unifiedGroup("/late", current: 900 << 20)
        var change = CgroupChange()
        change.id = fixture.inode("sys/fs/cgroup/late")
        change.action = .created
        change.path = Bytes("/late")
        bench.sampler.consume(change)
        #expect(sampled(bench.tick(after: 10_000_000_000)).contains(change.id))
        change.action = .removed
        bench.sampler.consume(change)
        #expect(!sampled(bench.tick(underPressure: true)).contains(change.id))
    }

    @Test func `one that vanished without an event makes room`() {
        let fixture = machine(3)
        var options = SamplerOptions()
        options.knownCgroups = 4
        let bench = Bench(fixture, options)
        _ = bench.start()
        bench.tick()
        fixture.remove("sys/fs/cgroup/g1")
        bench.tick(after: 10_000_000_000)
        fixture.unifiedGroup("/new", current: 900 << 20)
        let id = fixture.inode("sys/fs/cgroup/new")
        bench.sampler.learn(cgroup: id, path: Bytes("/new"))
        let events = bench.tick(after: 10_000_000_000)
        #expect(sampled(events).contains(id))
        #expect(events.allSatisfy { $0.payload.loss == nil })
    }

    @Test func `a second look through the tree names only what is new`() {
        let fixture = machine(2)
        let bench = Bench(fixture)
        _ = bench.start()
        fixture.unifiedGroup("/g1/inner", current: 1)
        var seen: [Bytes] = []
        bench.sampler.rescan { if let change = $0.payload.cgroupChange { seen.append(change.path) } }
        #expect(seen == [Bytes("/g1/inner")])
    }

    @Test func `a cgroup that moved is written with its limits as they are now`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        fixture.unifiedGroup("/a", current: 1 << 30)
        let bench = Bench(fixture)
        _ = bench.start()
        bench.tick()
        bench.tick()
        fixture.unifiedGroup("/a", current: 2 << 30, max: "\(4 << 30)")
        let samples = bench.tick().compactMap(\.payload.cgroupSample)
        #expect(samples.map(\.maxBytes) == [.unlimited, Figure(4 << 30)])
    }

    @Test func `another hierarchy's cgroup of the same number is none of ours`() {
        let fixture = machine(1)
        let bench = Bench(fixture)
        _ = bench.start()
        bench.tick()
        var change = CgroupChange()
        change.id = id(fixture, 0)
        change.hierarchy = 9
        change.action = .removed
        bench.sampler.consume(change)
        #expect(sampled(bench.tick(underPressure: true)) == [change.id])
    }

    @Test func `a directory that was made anew by the same name is not taken for the old cgroup`() {
        let fixture = machine(1)
        let hierarchy = CgroupHierarchy.find(fixture.paths)
        let old = id(fixture, 0)
        #expect(CgroupFiles(hierarchy, id: old, path: Bytes("/g0")) != nil)
        #expect(CgroupFiles(hierarchy, id: old + 1_000_000, path: Bytes("/g0")) == nil)
    }

    @Test func `a cgroup that grows by a sixteenth is written, one that wobbles is not`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        fixture.unifiedGroup("/a", current: 1 << 30)
        let bench = Bench(fixture)
        _ = bench.start()
        bench.tick()
        fixture.unifiedGroup("/a", current: 1 << 30 + 40 << 20)
        #expect(bench.tick().isEmpty)
        fixture.unifiedGroup("/a", current: 1 << 30 + 80 << 20)
        #expect(sampled(bench.tick()) == [fixture.inode("sys/fs/cgroup/a")])
    }
}

@Suite struct `Cgroups of this machine` {
    @Test(
        .enabled(if: CgroupHierarchy.find(HostPaths()).mode != .none, "SKIPPED: no memory controller is mounted here"))
    func `the id of every cgroup is the kernel's own handle`() {
        var checked = 0
        let hierarchy = CgroupHierarchy.find(HostPaths())
        hierarchy.scan(limit: 64) { id, path in
            guard let directory = hierarchy.directory(of: path) else { return }
            // struct file_handle with room for 8 bytes; kernfs (FILEID_KERNFS, 0xfe) puts the node's id there.
            let raw = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 8)
            defer { raw.deallocate() }
            raw.storeBytes(of: UInt32(8), as: UInt32.self)
            var mount: Int32 = 0
            let result = Calls.withPath(directory) {
                name_to_handle_at(AT_FDCWD, $0, raw.assumingMemoryBound(to: file_handle.self), &mount, 0)
            }
            guard result == 0 else { return }
            #expect(raw.load(fromByteOffset: 8, as: UInt64.self) == id, "\(path.printable)")
            checked += 1
        }
        #expect(checked > 0)
    }
}
