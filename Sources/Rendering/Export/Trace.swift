public import Events
public import Incidents

/// `export --format trace`: a trace for the Perfetto UI, chrome://tracing and Speedscope ("Trace Event Format", JSON object form).
///
/// One process of the trace for the host, one for each device and each cgroup that a sample or an event was about:
/// - counters (`C`): memory, pressure, swap and load of the host, throughput and requests in flight of a device, memory of a cgroup;
/// - slices: the incident's phases (`X`) on the host; slow IOs of a device and stalls of a cgroup, which overlap (`b` and `e`);
/// - instants (`i`): kills, across the whole trace and in the cgroup of the victim, and the links of the causal chain.
///
/// Times are microseconds since the first event; when that was, by both clocks, is in `otherData`. Within a boot they are those of
/// CLOCK_BOOTTIME, whatever became of the wall clock; the wall clock says how far one boot is from another.
public struct Trace: ~Copyable, EventExport {
    private var writer = JSONWriter(pretty: false, capacity: 1 << 16)
    private var tracks: [SeriesSubject: Int] = [:]
    private var rates = Rates()
    private let incident: Incident?
    private var times = ExportTimes()

    public init(of incident: Incident?) {
        self.incident = incident
        writer.beginObject()
        writer.key("displayTimeUnit")
        writer.literal("ms")
        writer.key("traceEvents")
        writer.beginArray()
        _ = track(.host)
    }

    public var waiting: Int { writer.sink.count }

    public mutating func drain(_ body: (UnsafeRawBufferPointer) -> Void) {
        unsafe writer.sink.withBytes(body)
        writer.sink.clear()
    }

    public mutating func take(_ event: Event, _ names: borrowing NameTable) {
        let at = times.note(event, names)
        switch event.payload {
        case .memory(let sample):
            let swapUsed = sample.swapTotalBytes.value.flatMap { total in
                sample.swapFreeBytes.value.map { total &- min($0, total) }
            }
            counter(
                "memory (bytes)", .host, at, Reading("available", sample.availableBytes.value),
                Reading("swap used", swapUsed))
        case .pressure(let sample):
            // Microseconds stalled a second: a ten-thousandth of them is the percentage.
            let stalled = rates.perSecond(
                .host, event, [sample.memorySomeUs.value, sample.memoryFullUs.value, sample.ioFullUs.value])
            counter(
                "pressure (%)", .host, at, Reading("memory some", stalled[0].map { $0 / 10_000 }),
                Reading("memory full", stalled[1].map { $0 / 10_000 }),
                Reading("io full", stalled[2].map { $0 / 10_000 }))
        case .vmstat(let sample):
            let pages = rates.perSecond(.host, event, [sample.pswpin.value, sample.pswpout.value, nil])
            counter("swap (pages/s)", .host, at, Reading("in", pages[0]), Reading("out", pages[1]))
        case .load(let sample):
            counter(
                "tasks", .host, at, Reading("running", sample.running.value), Reading("blocked", sample.blocked.value))
        case .device(let sample):
            let subject = SeriesSubject.device(sample.device)
            let bytes = rates.perSecond(subject, event, [sample.readBytes.value, sample.writeBytes.value, nil])
            counter("throughput (bytes/s)", subject, at, Reading("read", bytes[0]), Reading("write", bytes[1]))
            counter(
                "in flight", subject, at, Reading("reads", sample.inflightReads.value),
                Reading("writes", sample.inflightWrites.value))
        case .cgroupSample(let sample):
            counter(
                "memory (bytes)", .cgroup(sample.cgroup), at, Reading("current", sample.currentBytes.value),
                Reading("swap", sample.swapBytes.value))
        case .slowIO(let io):
            let duration = (io.deviceNs.value ?? 0) + (io.queueNs.value ?? 0)
            let what = "slow " + io.operation.label + (io.swap ? " (swap)" : "")
            span(what, .device(io.device), event.seq, at, duration)
        case .stall(let stall):
            let what = stall.mechanism.label + " " + NameWords.process(stall.task.comm, stall.task.tgid)
            span(what, .cgroup(stall.task.cgroup), event.seq, at, stall.durationNs)
        case .oomKill(let kill): killed(kill.victim.task, at, names)
        case .signal(let signal) where signal.signal == 9: killed(signal.target.task, at, names)
        default: break
        }
    }

    public mutating func end(_ names: borrowing NameTable) {
        chain()
        for (subject, track) in tracks.sorted(by: { $0.value < $1.value }) {
            begin("M", "process_name", track, at: nil)
            argument(name(subject, names))
            finish()
            begin("M", "process_sort_index", track, at: nil)
            writer.key("args")
            writer.beginObject()
            writer.key("sort_index")
            writer.number(UInt64(track))
            writer.endObject()
            finish()
        }
        for (thread, name) in Self.threads {
            begin("M", "thread_name", 1, thread: thread, at: nil)
            argument(name)
            finish()
        }
        writer.endArray()
        writer.key("otherData")
        writer.beginObject()
        writer.key("origin_boottime_ns")
        writer.number(times.origin.boottimeNs)
        writer.key("origin_realtime")
        writer.time(realtimeNs: times.origin.realtimeNs)
        if let incident {
            writer.key("incident")
            writer.string(incident.id)
        }
        writer.endObject()
        writer.endObject()
        writer.endDocument()
    }

    // MARK: - The incident

    private static let phases = 1
    private static let links = 2
    private static let kills = 3
    private static let threads = [(phases, "phase"), (links, "causal chain"), (kills, "kills")]

    private mutating func chain() {
        guard let incident else { return }
        let end = incident.ended.map { times.ofFirstBoot($0.at) } ?? times.last
        for (index, change) in incident.phases.enumerated() {
            let at = times.ofFirstBoot(change.at)
            let next = index + 1 < incident.phases.count ? times.ofFirstBoot(incident.phases[index + 1].at) : end
            begin("X", change.to.label, 1, thread: Self.phases, at: at)
            writer.key("dur")
            microseconds(next - min(at, next))
            finish()
        }
        for link in incident.chain where !link.onset.isUnknown {
            begin("i", link.kind.label, 1, thread: Self.links, at: times.ofFirstBoot(link.onset))
            writer.key("s")
            writer.literal("t")
            argument(Escaping.terminal(link.text))
            finish()
        }
    }

    private mutating func killed(_ task: TaskIdentity, _ at: UInt64, _ names: borrowing NameTable) {
        let title = "kill " + NameWords.process(task.comm, task.tgid)
        let places = [(1, Self.kills, "g" as StaticString), (track(.cgroup(task.cgroup)), 0, "p")]
        for (process, thread, scope) in places {
            begin("i", title, process, thread: thread, at: at)
            writer.key("s")
            writer.literal(scope)
            argument(names.user(task.uid))
            finish()
        }
    }

    // MARK: - Pieces

    /// The trace's process for a subject.
    private mutating func track(_ subject: SeriesSubject) -> Int {
        if let known = tracks[subject] { return known }
        let next = tracks.count + 1
        tracks[subject] = next
        return next
    }

    private func name(_ subject: SeriesSubject, _ names: borrowing NameTable) -> String {
        switch subject {
        case .host: "host"
        case .device: "disk " + subject.name(names)
        case .cgroup: subject.name(names)
        }
    }

    /// One value of a counter.
    private struct Reading {
        let name: StaticString
        let value: UInt64?

        init(_ name: StaticString, _ value: UInt64?) { (self.name, self.value) = (name, value) }
    }

    private mutating func counter(
        _ title: StaticString, _ subject: SeriesSubject, _ at: UInt64, _ first: Reading, _ second: Reading,
        _ third: Reading? = nil
    ) {
        guard first.value != nil || second.value != nil || third?.value != nil else { return }
        begin("C", at: at, track(subject)) { $0.literal(title) }
        writer.key("args")
        writer.beginObject()
        value(first)
        value(second)
        if let third { value(third) }
        writer.endObject()
        finish()
    }

    private mutating func value(_ reading: Reading) {
        guard let value = reading.value else { return }
        writer.key(reading.name)
        writer.number(value)
    }

    /// Something that lasted up to a moment, beside others of its kind.
    private mutating func span(
        _ title: String, _ subject: SeriesSubject, _ seq: UInt64, _ end: UInt64, _ lasted: UInt64
    ) {
        let track = track(subject)
        for (mark, at) in [("b" as StaticString, end - min(lasted, end)), ("e", end)] {
            begin(mark, title, track, at: at)
            writer.key("cat")
            writer.literal("wait")
            writer.key("id")
            writer.number(seq)
            finish()
        }
    }

    private mutating func begin(_ mark: StaticString, _ title: String, _ process: Int, thread: Int = 0, at: UInt64?) {
        begin(mark, at: at, process, thread: thread) { $0.string(shown: title) }
    }

    private mutating func begin(
        _ mark: StaticString, at: UInt64?, _ process: Int, thread: Int = 0, title: (inout JSONWriter) -> Void
    ) {
        writer.element()
        writer.sink.append("\n")
        writer.beginObject()
        writer.key("ph")
        writer.literal(mark)
        writer.key("name")
        title(&writer)
        writer.key("pid")
        writer.number(UInt64(process))
        writer.key("tid")
        writer.number(UInt64(thread))
        if let at {
            writer.key("ts")
            microseconds(at)
        }
    }

    private mutating func argument(_ text: String) {
        writer.key("args")
        writer.beginObject()
        writer.key("name")
        writer.string(shown: text)
        writer.endObject()
    }

    private mutating func microseconds(_ nanoseconds: UInt64) {
        writer.sink.append(decimal: nanoseconds / 1000)
        writer.sink.append(UInt8(ascii: "."))
        writer.sink.append(decimal: nanoseconds % 1000, width: 3)
    }

    private mutating func finish() { writer.endObject() }
}

/// Counters since boot as rates, between one sample of a series and the next.
private struct Rates {
    private struct Key: Hashable {
        let subject: SeriesSubject
        let kind: EventKind
    }
    typealias Counts = InlineArray<3, UInt64?>
    private var last: [Key: (boottimeNs: UInt64, counts: Counts)] = [:]

    /// Whole units a second; `nil` at a series' first sample, and where a counter is unknown or went back.
    mutating func perSecond(_ subject: SeriesSubject, _ event: Event, _ counts: Counts) -> Counts {
        let key = Key(subject: subject, kind: event.payload.kind)
        let before = last.updateValue((event.boottimeNs, counts), forKey: key)
        var rates = Counts(repeating: nil)
        guard let before, event.boottimeNs > before.boottimeNs else { return rates }
        let seconds = Double(event.boottimeNs - before.boottimeNs) / 1e9
        for index in counts.indices {
            guard let now = counts[index], let then = before.counts[index], now >= then else { continue }
            rates[index] = UInt64((Double(now - then) / seconds).rounded())
        }
        return rates
    }
}
