import EventSamples
import Events
import Glibc
import Recording
import Testing

/// Makes a case of a recording: the same events, samples once in half a second, intervals added up over a second, and a few slow
/// IOs and stalls of each second. Counters since boot lose nothing by it; what is left out is written nowhere.
///
///     INQUEST_CUT=DIR INQUEST_CUT_TO=Tests/cases/NAME/events.txt [INQUEST_CUT_FROM=S] [INQUEST_CUT_UNTIL=S] swift test --filter Cutting
struct Cutter {
    var events: [Event] = []
    /// When each series of samples was last kept, and the interval that later ones are added to.
    private var sampled: [String: UInt64] = [:]
    private var same: [String: Payload] = [:]
    private var io: [String: Int] = [:]
    private var singles: [String: (second: UInt64, count: Int)] = [:]

    mutating func take(_ event: Event) {
        switch event.payload {
        case .incident, .snapshot: return
        case .recorderStart:
            sampled.removeAll()
            same.removeAll()
            io.removeAll()
            singles.removeAll()
            events.append(event)
        case .pressure, .vmstat: takeSample(event, event.payload.kind.label)
        case .memory, .load: takeSample(event, event.payload.kind.label, spacingNs: 1_900_000_000)
        case .device(let sample): takeSample(event, "device \(sample.device)")
        case .cgroupSample(let sample): takeSample(event, "cgroup \(sample.cgroup)")
        case .ioInterval(let interval):
            merge(event, "io \(interval.device) \(interval.operation) \(interval.swap)") { kept in
                guard case .ioInterval(var sum) = kept else { return nil }
                sum.intervalNs += interval.intervalNs
                sum.count += interval.count
                sum.bytes += interval.bytes
                sum.errors += interval.errors
                sum.untimed += interval.untimed
                sum.deviceTotalNs += interval.deviceTotalNs
                sum.queueTotalNs += interval.queueTotalNs
                sum.deviceUs.add(interval.deviceUs)
                sum.totalUs.add(interval.totalUs)
                return .ioInterval(sum)
            }
        case .cgroupIO(let interval):
            merge(event, "cgroup io \(interval.cgroup) \(interval.device) \(interval.operation) \(interval.swap)") {
                kept in
                guard case .cgroupIO(var sum) = kept else { return nil }
                sum.intervalNs += interval.intervalNs
                sum.count += interval.count
                sum.bytes += interval.bytes
                return .cgroupIO(sum)
            }
        case .cgroupStall(let interval):
            merge(event, "cgroup stall \(interval.cgroup) \(interval.mechanism)") { kept in
                guard case .cgroupStall(var sum) = kept else { return nil }
                sum.intervalNs += interval.intervalNs
                sum.count += interval.count
                sum.totalNs += interval.totalNs
                sum.maxNs = max(sum.maxNs, interval.maxNs)
                return .cgroupStall(sum)
            }
        case .slowIO, .stall, .lost: takeFew(event, event.payload.kind.label, 2)
        default: events.append(event)
        }
    }

    private mutating func takeSample(_ event: Event, _ key: String, spacingNs: UInt64 = 480_000_000) {
        if let last = sampled[key] {
            if event.boottimeNs < last + spacingNs { return }
            // What did not change says so now and then.
            if same[key] == event.payload, event.boottimeNs < last + 4_900_000_000 { return }
        }
        sampled[key] = event.boottimeNs
        same[key] = event.payload
        events.append(event)
    }

    private mutating func merge(_ event: Event, _ key: String, _ add: (Payload) -> Payload?) {
        if let index = io[key], event.boottimeNs < (sampled[key] ?? 0) + 1_000_000_000,
            let sum = add(events[index].payload)
        {
            // An interval is told when it ends.
            events.remove(at: index)
            for (other, position) in io where position > index { io[other] = position - 1 }
            events.append(Event(seq: event.seq, boottimeNs: event.boottimeNs, sum))
        } else {
            sampled[key] = event.boottimeNs
            events.append(event)
        }
        io[key] = events.count - 1
    }

    private mutating func takeFew(_ event: Event, _ key: String, _ most: Int) {
        let second = event.boottimeNs / 1_000_000_000
        var count = singles[key].flatMap { $0.second == second ? $0.count : nil } ?? 0
        count += 1
        singles[key] = (second, count)
        if count <= most { events.append(event) }
    }
}

@Suite struct CuttingTests {
    private static func setting(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    @Test(.enabled(if: setting("INQUEST_CUT") != nil, "a tool, not a test: set INQUEST_CUT to a recording's directory"))
    func `a recording becomes a case`() throws {
        let directory = try #require(Self.setting("INQUEST_CUT"))
        let path = try #require(Self.setting("INQUEST_CUT_TO"))
        let from = Self.setting("INQUEST_CUT_FROM").flatMap { UInt64($0) } ?? 0
        let until = Self.setting("INQUEST_CUT_UNTIL").flatMap { UInt64($0) } ?? .max / 1_000_000_000
        let reader = try RecordingReader(directory)
        var cutter = Cutter()
        reader.forEach({ (event: Event) in
            let isSample = event.boottimeNs > 0 && !event.isAboutTheStart
            if isSample, event.boottimeNs < from * 1_000_000_000 || event.boottimeNs > until * 1_000_000_000 { return }
            cutter.take(event)
        })
        var text = ""
        for (index, event) in cutter.events.enumerated() {
            if index > 0, event.payload.kind == .recorderStart { text += "---\n" }
            text += EventText.line(event) + "\n"
        }
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        fputs(text, file)
    }

    @Test(arguments: Cases.names)
    func `what is written of an event reads back the same`(_ name: String) throws {
        for event in try Cases.events(name) {
            let again = try EventText.parse(EventText.line(event))
            #expect(again.first?.payload == event.payload, "\(name): \(EventText.line(event))")
        }
    }
}

extension Event {
    /// Told once, when the recorder starts: a case needs it whatever part of the time it shows.
    fileprivate var isAboutTheStart: Bool {
        switch payload {
        case .recorderStart, .clock, .hook, .deviceName, .userName, .backstop, .cgroup, .recorderStop: true
        default: false
        }
    }
}
