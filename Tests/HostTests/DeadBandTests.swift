import Events
import Testing

@testable import Host

@Suite struct `What a calm machine writes` {
    @Test func `the first tick writes every series and the clock`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        _ = bench.start()
        let events = bench.tick()
        #expect(events.map(\.payload.kind) == [.clock, .pressure, .memory, .vmstat, .load])
    }

    @Test func `a machine on which nothing moves writes nothing until the keyframe`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        for second in 1..<60 { #expect(bench.tick().isEmpty, "at second \(second)") }
        #expect(bench.tick().map(\.payload.kind).prefix(5) == [.clock, .pressure, .memory, .vmstat, .load])
    }

    @Test func `pressure that rises is written, with the tick before it, so that its onset is dated`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        for _ in 0..<30 { bench.tick() }
        let quiet = bench.now
        fixture.pressure(memory: 200_000)
        let events = bench.tick().filter { $0.payload.pressureSample != nil }
        #expect(events.map(\.boottimeNs) == [quiet, quiet + 1_000_000_000])
        #expect(events.map { $0.payload.pressureSample?.memorySomeUs } == [0, 200_000])
    }

    @Test func `a rise too small for one tick is written once it has added up`() {
        let fixture = Fixture()
        fixture.host()
        var options = SamplerOptions()
        options.tailNs = 0
        let bench = Bench(fixture, options)
        bench.tick()
        var written: [UInt64] = []
        for step in 1...20 {
            fixture.pressure(memory: UInt64(step) * 4_000)
            written += bench.tick().compactMap { $0.payload.pressureSample?.memorySomeUs.value }
        }
        #expect(written == [48_000, 52_000])
    }

    @Test func `after a movement the series goes on for the tail, so that its end is seen`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        fixture.pressure(io: 900_000)
        bench.tick()
        var written = 0
        for _ in 0..<20 { written += bench.tick().filter { $0.payload.pressureSample != nil }.count }
        #expect(written == 9, "the movement and nine more seconds are less than ten seconds old")
    }

    @Test func `under pressure every tick is written`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        for _ in 0..<5 {
            let kinds = bench.tick(after: 100_000_000, underPressure: true).map(\.payload.kind)
            #expect(kinds == [.pressure, .memory, .vmstat, .load])
        }
    }

    @Test func `a single OOM kill and a single scanned batch are written, a few scanned pages are not`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        fixture.vmstat(pgscan: 255)
        #expect(bench.tick().isEmpty)
        fixture.vmstat(pgscan: 255, oomKill: 1)
        #expect(bench.tick().compactMap { $0.payload.vmstatSample?.oomKill } == [0, 1])
    }

    @Test func `memory that becomes scarce is written, memory that wobbles is not`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        func available(_ kib: Int) {
            fixture.file(
                "proc/meminfo",
                Fixture.someMeminfo.split(separator: "\n").map {
                    $0.hasPrefix("MemAvailable:") ? "MemAvailable: \(kib) kB" : String($0)
                }.joined(separator: "\n") + "\n")
        }
        available(2_097_152 - 100_000)
        #expect(bench.tick().isEmpty)
        available(2_097_152 - 300_000)
        #expect(bench.tick().last?.payload.memorySample?.availableBytes == Figure((2_097_152 - 300_000) * 1024))
    }

    @Test func `the pressure thresholds stay far below what changes a phase`() {
        let options = SamplerOptions()
        // 15 % over a second, INCIDENT-MODEL's lowest level.
        #expect(options.pressureRiseUs * 10 <= 150_000)
        #expect(options.pressureDriftUs < 150_000)
    }
}

@Suite struct `Time in the samples` {
    @Test func `a step of the wall clock is recorded at once`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        #expect(bench.tick(wallClockStep: 50_000_000).isEmpty)
        let events = bench.tick(wallClockStep: -200_000_000)
        #expect(events.map(\.payload.kind) == [.clock])
        #expect(events.first?.payload.clockSnapshot?.boottimeNs == bench.now)
        #expect(bench.tick().isEmpty, "the new offset is the known one")
    }

    @Test func `slow drift adds up to a recorded step`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        let clocks = (0..<4).flatMap { _ in bench.tick(wallClockStep: 40_000_000) }
        #expect(clocks.filter { $0.payload.clockSnapshot != nil }.count == 1)
    }

    @Test func `a tick more than twice as late as promised is a gap with both times`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        #expect(bench.tick(after: 2_000_000_000).isEmpty, "exactly twice is not more")
        let gap = bench.tick(after: 2_000_000_001).first?.payload.samplerGap
        #expect(gap?.expectedNs == 1_000_000_000)
        #expect(gap?.actualNs == 2_000_000_001)
    }

    @Test func `a suspend is no gap of the sampler's, and the clocks tell of it at once`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        let events = bench.tick(asleep: 40_000_000_000)
        #expect(events.allSatisfy { $0.payload.samplerGap == nil })
        let clock = events.first?.payload.clockSnapshot
        #expect(clock?.boottimeNs == bench.now)
        #expect(clock.map { $0.boottimeNs - $0.monotonicNs } == 47_000_000_000)
        #expect(bench.tick().isEmpty, "the new difference is the known one")
        // Late after it woke up is late all the same.
        let late = bench.tick(after: 3_000_000_000, asleep: 40_000_000_000).compactMap(\.payload.samplerGap)
        #expect(late.map(\.actualNs) == [3_000_000_000])
    }

    @Test func `a change of pace is no gap, a late tick under pressure is one`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick()
        let first = bench.tick(after: 1_000_000_000, underPressure: true)
        #expect(first.allSatisfy { $0.payload.samplerGap == nil })
        let second = bench.tick(after: 300_000_000, underPressure: true)
        #expect(second.first?.payload.samplerGap?.expectedNs == 100_000_000)
    }

    @Test func `a read that hangs within a tick is a gap, told before anything that was seen after it, and once`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        bench.tick(underPressure: true)
        bench.hang(before: 3, for: 9_000_000_000)
        let events = bench.tick(after: 100_000_000, underPressure: true)
        #expect(events.map(\.payload.kind) == [.pressure, .memory, .samplerGap, .vmstat, .load])
        #expect(events[2].payload.samplerGap?.actualNs == 9_000_000_000)
        #expect(events[2].payload.samplerGap?.expectedNs == 100_000_000)
        #expect(bench.tick(after: 100_000_000, underPressure: true).allSatisfy { $0.payload.samplerGap == nil })
    }

    @Test func `every event of a tick has the tick's time or, held back, the one before`() {
        let fixture = Fixture()
        fixture.host()
        let bench = Bench(fixture)
        for step in 0..<50 {
            if step % 7 == 0 { fixture.pressure(memory: UInt64(step) * 100_000) }
            let before = bench.now
            for event in bench.tick() { #expect(event.boottimeNs == bench.now || event.boottimeNs == before) }
        }
    }
}

@Suite struct `What cannot be read` {
    @Test func `a machine without PSI has unknown pressure, not none`() {
        let fixture = Fixture()
        fixture.host()
        fixture.remove("proc/pressure")
        let bench = Bench(fixture)
        #expect(bench.start().first?.payload.recorderStart?.pressureAvailable == false)
        #expect(bench.tick().compactMap(\.payload.pressureSample) == [PressureSample()])
        #expect(PressureTriggers(fixture.paths).refused.map(\.errno) == [2, 2])
    }

    @Test func `an empty /proc gives unknown figures and no crash`() {
        let fixture = Fixture()
        fixture.directory("proc")
        fixture.directory("sys")
        let bench = Bench(fixture)
        let start = bench.start().first?.payload.recorderStart
        #expect(start?.bootID == .unknown)
        #expect(start?.memoryTotalBytes == .unknown)
        #expect(start?.cgroupMode == .unknown)
        let events = bench.tick()
        #expect(events.compactMap(\.payload.memorySample) == [MemorySample()])
        #expect(events.compactMap(\.payload.vmstatSample) == [VmstatSample()])
        #expect(events.compactMap(\.payload.loadSample) == [LoadSample()])
    }

    @Test func `a file larger than the buffer is read whole`() {
        let fixture = Fixture()
        fixture.host()
        let interrupts = String(repeating: "0 ", count: 60_000)
        fixture.file("proc/stat", "cpu 1\nintr \(interrupts)\nprocs_running 12\nprocs_blocked 34\n")
        let load = Bench(fixture).tick().compactMap(\.payload.loadSample).first
        #expect(load?.running == 12)
        #expect(load?.blocked == 34)
    }

    @Test func `a file larger than any the kernel makes is cut, not swallowed`() {
        let fixture = Fixture()
        fixture.host()
        fixture.file("proc/stat", Bytes(repeating: UInt8(ascii: "x"), count: 3 << 20) + Bytes("\nprocs_blocked 34\n"))
        #expect(Bench(fixture).tick().compactMap(\.payload.loadSample).first?.blocked == .unknown)
        var buffer = ReadBuffer()
        #expect(buffer.fill(path: fixture.paths.proc("stat")) == 0)
        #expect(buffer.count == ReadBuffer.limit)
    }
}
