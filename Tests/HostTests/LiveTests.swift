import Events
import Glibc
import Testing

@testable import Host

/// This machine's own files, against the same facts from elsewhere.
@Suite struct `This machine` {
    @Test func `the boot id, name, kernel and sizes are the machine's own`() throws {
        let start = try #require(
            HostSampler().startEvents(version: Bytes("test"), recorderTgid: 5).first?.payload.recorderStart)
        var name = utsname()
        uname(&name)
        func text<T>(_ field: T) -> Bytes { withUnsafeBytes(of: field) { Bytes($0.prefix { $0 != 0 }) } }
        #expect(start.kernel == text(name.release))
        #expect(start.hostname == text(name.nodename))
        #expect(start.bootID != .unknown)
        #expect(Bytes(start.bootID.description) == line(of: Bytes("/proc/sys/kernel/random/boot_id")))
        #expect(start.pageSize == UInt64(sysconf(Int32(_SC_PAGESIZE))))
        #expect(start.cpus == UInt32(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        #expect(start.recorderTgid == 5)
        #expect(start.memoryTotalBytes == Figure(UInt64(sysconf(Int32(_SC_PHYS_PAGES))) * start.pageSize))
        #expect(!start.swapTotalBytes.isUnknown)
    }

    @Test func `start events come in order, with one time, and no series is named twice`() {
        let events = HostSampler().startEvents(version: Bytes("test"), recorderTgid: 5)
        #expect(events.map(\.payload.kind).prefix(2) == [.recorderStart, .clock])
        #expect(Set(events.map(\.boottimeNs)).count == 1)
        let ids = events.compactMap(\.payload.cgroupChange?.id)
        #expect(Set(ids).count == ids.count)
        #expect(events.compactMap(\.payload.backstop).map(\.kind) == [.earlyoom, .systemdOomd, .oomd, .nohang, .caps])
        #expect(events.compactMap(\.payload.userName).contains { $0.uid == 0 && $0.name == Bytes("root") })
    }

    @Test func `a tick agrees with the files read beside it`() throws {
        let sampler = HostSampler()
        _ = sampler.startEvents(version: [], recorderTgid: 0)
        var events: [Event] = []
        sampler.sample(underPressure: true) { events.append($0) }
        func lines(_ path: String) -> [Substring] {
            (contents(of: Bytes(path)) ?? []).text.split(separator: "\n").map { $0[...] }
        }
        func value(_ path: String, _ key: String) -> UInt64? {
            for line in lines(path) {
                let words = line.split { $0 == " " || $0 == ":" }
                if words.count >= 2, words[0] == key { return UInt64(words[1]) }
            }
            return nil
        }
        let memory = try #require(events.compactMap(\.payload.memorySample).first)
        let total = try #require(value("/proc/meminfo", "MemTotal"))
        #expect(memory.totalBytes == Figure(total * 1024))
        let free = try #require(memory.freeBytes.value)
        #expect(free > 0 && free < total * 1024)
        let vmstat = try #require(events.compactMap(\.payload.vmstatSample).first)
        // Counters only rise: what is read later is at least as much.
        for (figure, key) in [
            (vmstat.pgmajfault, "pgmajfault"), (vmstat.pgscanKswapd, "pgscan_kswapd"), (vmstat.pswpout, "pswpout"),
            (vmstat.workingsetRefaultFile, "workingset_refault_file"), (vmstat.oomKill, "oom_kill"),
        ] {
            let now = value("/proc/vmstat", key)
            #expect(figure.value == nil ? now == nil : figure.value! <= now ?? 0, "\(key)")
        }
        let load = try #require(events.compactMap(\.payload.loadSample).first)
        #expect(load.running.value ?? 0 >= 1, "this very test runs")
        #expect(load.tasks.value ?? 0 > 1)
        for device in events.compactMap(\.payload.deviceSample) {
            #expect(device.reads.value ?? 0 > 0 || device.writes.value ?? 0 > 0)
            #expect(!device.inflightReads.isUnknown)
        }
    }

    @Test func `the clocks agree with each other`() {
        let before = Clocks.boottimeNs()
        let snapshot = Clocks.snapshot()
        #expect(snapshot.boottimeNs >= before)
        #expect(snapshot.boottimeNs <= Clocks.boottimeNs())
        // They differ by the time spent suspended; read one after the other, not at once.
        #expect(snapshot.monotonicNs <= snapshot.boottimeNs + 1_000_000)
        let seconds = Int64(time(nil)) - Int64(snapshot.realtimeNs / 1_000_000_000)
        #expect(seconds.magnitude <= 5)
        #expect(snapshot.utcOffsetSeconds.magnitude <= 14 * 3600)
    }

    @Test func `every process's own arguments come from the start scan`() {
        var own: Bytes?
        CommandLines.read { pid, line in if pid == UInt32(getpid()) { own = line } }
        #expect(own?.starts(with: CommandLine.arguments[0].utf8) == true)
    }

    @Test func `facts of this machine are readable`() {
        let facts = HostFacts(directory: Bytes("/tmp"))
        var name = utsname()
        uname(&name)
        #expect(facts["kernel_release"]?.state == .readable)
        #expect(facts.capabilities != nil)
        #expect(facts.isInitialPidNamespace != nil)
        #expect(facts.memoryLockLimit != .unknown)
        #expect(facts.directory?.exists == true)
        #expect(facts["backstop_earlyoom"]?.state == .readable)
        #expect(Set(facts.facts.map(\.name)).count == facts.facts.count, "names are unique")
    }

    @Test(
        .enabled(
            if: PressureTriggers().refused.isEmpty,
            "SKIPPED: PSI triggers are refused here: no PSI, or no right to set them"))
    func `pressure triggers can be polled and are quiet in calm`() {
        let triggers = PressureTriggers()
        #expect(triggers.descriptors.count == 2)
        for descriptor in triggers.descriptors {
            var polled = pollfd(fd: descriptor, events: Int16(POLLPRI), revents: 0)
            #expect(poll(&polled, 1, 0) >= 0)
            #expect(Int32(polled.revents) & Int32(POLLERR | POLLNVAL) == 0)
        }
    }

    @Test func `each protection is granted or says why not`() {
        // Memory locking is left to the recorder: a locked test process would be felt by the tests beside it.
        let priority = SelfProtection.raiseIOPriority()
        #expect(priority == 0 || priority == EPERM)
        #expect(SelfProtection.raiseDescriptorLimit() == 0)
        let fixture = Fixture()
        #expect(SelfProtection.exemptFromOom(fixture.paths) == ENOENT)
        fixture.file("proc/self/oom_score_adj", "0\n")
        #expect(SelfProtection.exemptFromOom(fixture.paths) == 0)
        #expect(line(of: fixture.paths.proc("self/oom_score_adj")) == Bytes("-1000"))
    }

    @Test func `what a calm tick costs (printed, never judged)`() {
        let sampler = HostSampler()
        _ = sampler.startEvents(version: [], recorderTgid: 0)
        sampler.sample(underPressure: false) { _ in }
        let ticks = 200
        var written = 0
        var before = timespec()
        var after = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before)
        for _ in 0..<ticks { sampler.sample(underPressure: false) { _ in written += 1 } }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after)
        let ns = (after.tv_sec - before.tv_sec) * 1_000_000_000 + after.tv_nsec - before.tv_nsec
        print("calm tick: \(ns / ticks) ns of CPU, \(written) events in \(ticks) ticks (parallel tests included)")
    }
}
