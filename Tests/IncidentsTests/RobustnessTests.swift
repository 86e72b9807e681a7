import EventSamples
import Events
import Incidents
import Testing

@Suite struct RobustnessTests {
    /// Events of every kind with random fields; `orderly` keeps time and boot, as a recording would.
    private func events(seed: UInt64, count: Int, orderly: Bool) -> [Event] {
        var random = Seeded(seed)
        var now: UInt64 = 1_000_000_000
        return (0..<count).map { index in
            var event = EventSamples.event(seq: UInt64(index + 1), seed: random.next(), longestName: 60)
            if orderly {
                now += random.next() % 400_000_000
                event.boottimeNs = now
                if case .recorderStart(var start) = event.payload {
                    start.bootID = BootID(high: 1, low: 1)
                    start.pageSize = 4096
                    event.payload = .recorderStart(start)
                }
            }
            return event
        }
    }

    @Test(arguments: 0..<24 as Range<UInt64>)
    func `no stream of events, however absurd, breaks the correlator`(_ seed: UInt64) throws {
        let events = events(seed: seed, count: 1500, orderly: seed % 2 == 0)
        let (findings, open, state) = Cases.run(events)
        #expect(open.count <= 24)
        // Whatever came of it can be archived and read again.
        for case .closed(let incident) in findings {
            #expect(try Archive.read(Incident.self, from: Archive.write(incident)) == incident)
        }
        #expect(try Correlator(snapshot: state).snapshot() == state)
        let replay = try Cases.replay(events)
        #expect(replay.findings == findings && replay.open == open && replay.state == state)
    }

    @Test(arguments: 100..<106 as Range<UInt64>)
    func `the same absurd events give the same findings, cut anywhere`(_ seed: UInt64) throws {
        let events = events(seed: seed, count: 400, orderly: true)
        let whole = Cases.run(events)
        for cut in stride(from: 7, to: events.count, by: 61) {
            var first = Correlator()
            var findings: [Finding] = []
            for event in events[..<cut] { first.consume(event) { findings.append($0) } }
            var second = try Correlator(snapshot: first.snapshot())
            for event in events[cut...] { second.consume(event) { findings.append($0) } }
            #expect(findings == whole.findings)
            #expect(second.snapshot() == whole.state)
        }
    }

    @Test func `a damaged snapshot is refused or continued, never a crash`() throws {
        let events = try Cases.events("contained-kill")
        var correlator = Correlator()
        for event in events[..<55] { correlator.consume(event) { _ in } }
        let snapshot = correlator.snapshot()
        var random = Seeded(7)
        for _ in 0..<400 {
            var damaged = snapshot
            for _ in 0...Int(random.next() % 3) {
                damaged[Int(random.next() % UInt64(damaged.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.next() % 4 == 0 { damaged.removeLast(Int(random.next() % UInt64(damaged.count))) }
            guard var restored = try? Correlator(snapshot: damaged) else { continue }
            for event in events[55...] { restored.consume(event) { _ in } }
            _ = restored.openIncidents()
        }
        #expect(throws: DecodeError.self) { try Correlator(snapshot: []) }
        #expect(throws: DecodeError.self) { try Correlator(snapshot: Bytes(snapshot.dropLast())) }
    }

    @Test func `two incidents never have the same id`() throws {
        for name in Cases.names {
            var ids: [Bytes] = []
            for case .opened(let incident) in Cases.run(try Cases.events(name)).findings { ids.append(incident.id) }
            #expect(Set(ids).count == ids.count)
        }
        var ids: [Bytes] = []
        for case .opened(let incident) in Cases.run(events(seed: 5, count: 3000, orderly: true)).findings {
            ids.append(incident.id)
        }
        #expect(Set(ids).count == ids.count)
    }

    @Test func `every incident that opened closes, or is still open`() throws {
        for name in Cases.names {
            let (findings, open, _) = Cases.run(try Cases.events(name))
            var opened: Set<Bytes> = []
            for finding in findings {
                switch finding {
                case .opened(let incident): opened.insert(incident.id)
                case .closed(let incident):
                    #expect(opened.remove(incident.id) != nil, "\(name): closed without opening")
                    #expect(incident.ended != nil)
                case .kill, .phase: break
                }
            }
            #expect(opened == Set(open.map(\.id)), "\(name)")
        }
    }

    @Test func `memory is bounded when everything comes at once`() throws {
        var correlator = Correlator()
        var seq: UInt64 = 0
        func take(_ ns: UInt64, _ payload: Payload) {
            seq += 1
            correlator.consume(Event(seq: seq, boottimeNs: ns, payload)) { _ in }
        }
        let second: UInt64 = 1_000_000_000
        for id in 1...6000 as ClosedRange<UInt64> {
            var change = CgroupChange()
            change.id = id
            change.path = Bytes("/\(String(repeating: "x", count: 100))/\(id)".utf8)
            take(second, .cgroup(change))
        }
        for id in 1...300 as ClosedRange<UInt64> {
            for time in 1...70 as ClosedRange<UInt64> {
                var sample = CgroupSample()
                sample.cgroup = id
                sample.currentBytes = Figure(time << 40)
                sample.memorySomeUs = Figure(time << 30)
                take(time * second, .cgroupSample(sample))
            }
        }
        for scope in 0..<40 as Range<UInt64> {
            for number in 0..<80 as Range<UInt64> {
                var kill = OomKill()
                kill.entry = .memcg
                kill.victim.task.tgid = UInt32(scope * 1000 + number)
                kill.victim.task.cgroup = scope * 10
                kill.victim.cgroupPath =
                    Bytes("/\(1000 + scope)".utf8) + Bytes(repeating: UInt8(ascii: "y"), count: 500)
                kill.victim.cmdline = Bytes(repeating: UInt8(ascii: "z"), count: 256)
                kill.ancestors = (0..<8 as Range<UInt64>).map { index in
                    var memcg = MemcgState()
                    memcg.id = scope * 10 + index
                    memcg.usagePages = Figure(1 << 30)
                    memcg.maxPages = index == 0 ? Figure(1 << 30) : .unlimited
                    return memcg
                }
                take(100 * second + scope * 1_000_000 + number, .oomKill(kill))
            }
        }
        #expect(correlator.openIncidents().count == 24)
        let bytes = correlator.snapshot().count
        print("snapshot with every bound reached: \(bytes) bytes")
        #expect(bytes < 16 << 20)
    }

    @Test func `how fast it is`() {
        var host = BusyHost()
        let events = (1...50_000).map { host.next(seq: UInt64($0)) }
        var correlator = Correlator()
        var findings = 0
        let clock = ContinuousClock()
        let elapsed = clock.measure { for event in events { correlator.consume(event) { _ in findings += 1 } } }
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        print(
            "correlated \(Int(Double(events.count) / seconds)) events/s (this build), \(findings) findings, snapshot \(correlator.snapshot().count) bytes"
        )
        #expect(correlator.snapshot().count < 4 << 20)
    }
}
