import EventSamples
import Events
import KernelWire

/// What the kernel side writes and what the codec reads: a record of the ring, the iterators' streams, a block of events (in each
/// format), an archive. The first byte chooses.
///
/// Whatever is understood must come back the same when it is written and read again.
enum EventsTarget: FuzzTarget {
    static let name = "events"

    static func run(_ bytes: [UInt8]) {
        var input = Input(bytes)
        let choice = input.byte()
        let rest = input.rest
        switch choice % 7 {
        case 0: block(rest)
        case 1: record(rest)
        case 2: census(rest)
        case 3: cgroups(rest)
        case 4: archive(OomKill.self, rest)
        case 5: archive(CgroupSample.self, rest)
        default: block(rest, format: 1)
        }
    }

    private static func decode(_ bytes: [UInt8], format: UInt16 = BlockFormat.current) -> [Event] {
        var decoder = EventDecoder()
        decoder.format = format
        decoder.beginBlock(firstSeq: 1)
        var events: [Event] = []
        var offset = 0
        while offset < bytes.count {
            let before = offset
            guard let event = try? decoder.next(bytes.span, at: &offset) else { break }
            precondition(offset > before && offset <= bytes.count)
            events.append(event)
        }
        return events
    }

    private static func encode(_ events: [Event]) -> [UInt8] {
        var encoder = EventEncoder()
        encoder.beginBlock()
        for event in events { encoder.append(event) }
        return encoder.withBytes { [UInt8]($0) }
    }

    private static func block(_ bytes: [UInt8], format: UInt16 = BlockFormat.current) {
        let events = decode(bytes, format: format)
        precondition(decode(encode(events)) == events)
    }

    private static func record(_ bytes: [UInt8]) {
        let event = bytes.withUnsafeBytes { buffer in
            try? WireDecoder.event(from: buffer.bytes, symbols: OomSymbols())
        }
        guard var event else { return }
        event.seq = 1
        precondition(decode(encode([event])) == [event])
    }

    private static func census(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while let record = CensusStream.next(in: buffer.bytes, at: &offset) {
                precondition(offset <= buffer.count && record.stack.upperBound <= offset)
            }
        }
    }

    private static func cgroups(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while CensusStream.nextCgroup(in: buffer.bytes, at: &offset) != nil { precondition(offset <= buffer.count) }
        }
    }

    private static func archive<F: Fields & Equatable>(_ type: F.Type, _ bytes: [UInt8]) {
        guard let value = try? Archive.read(F.self, from: bytes) else { return }
        precondition((try? Archive.read(F.self, from: Archive.write(value))) == value)
    }

    static var seeds: [(name: String, bytes: [UInt8])] {
        var seeds: [(name: String, bytes: [UInt8])] = []
        for kind in EventKind.allCases {
            let events = (1...3 as ClosedRange<UInt64>).map {
                EventSamples.event(kind, seed: $0, seq: kind == .snapshot ? 1 : $0, longestName: 12)
            }
            seeds.append(("block-\(kind.label)", [0] + encode(events)))
        }
        for (name, bytes) in records { seeds.append(("record-\(name)", [1] + bytes)) }
        var task = iq_census_task()
        task.stack_lines = 2
        let stack = Array("schedule+0x1/0x2\nio_schedule+0x3/0x4\n".utf8)
        seeds.append(("census", [2] + raw(task) + stack + raw(iq_census_task())))
        seeds.append(("cgroups", [3] + raw(iq_memcg()) + raw(iq_memcg())))
        var fields = RandomFields(seed: 3)
        fields.longestName = 12
        var kill = OomKill()
        kill.walk(&fields)
        seeds.append(("archive-oom-kill", [4] + Archive.write(kill)))
        var sample = CgroupSample()
        sample.walk(&fields)
        seeds.append(("archive-cgroup-sample", [5] + Archive.write(sample)))
        return seeds
    }

    private static func raw<T: BitwiseCopyable>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value) { [UInt8]($0) } }

    private static func header<T>(_ kind: iq_kind, _ type: T.Type) -> iq_header {
        iq_header(boottime_ns: 77, kind: UInt16(kind.rawValue), size: UInt16(MemoryLayout<T>.size), cpu: 1)
    }

    /// One record of each kind, as the BPF programs lay it out.
    private static var records: [(String, [UInt8])] {
        var kill = iq_oom_kill()
        kill.header = header(IQ_KIND_OOM_KILL, iq_oom_kill.self)
        kill.flags = UInt32(IQ_OOM_FACTS)
        kill.ancestor_count = 2
        kill.stack_count = 3
        kill.victim.path_len = 8
        kill.victim.cmdline_len = 9
        var signal = iq_signal()
        signal.header = header(IQ_KIND_SIGNAL, iq_signal.self)
        signal.signal = 9
        signal.exe_len = 5
        var exit = iq_exit()
        exit.header = header(IQ_KIND_EXIT, iq_exit.self)
        var reap = iq_reap()
        reap.header = header(IQ_KIND_REAP, iq_reap.self)
        var stall = iq_stall()
        stall.header = header(IQ_KIND_STALL, iq_stall.self)
        var slow = iq_slow_io()
        slow.header = header(IQ_KIND_SLOW_IO, iq_slow_io.self)
        var cgroup = iq_cgroup()
        cgroup.header = header(IQ_KIND_CGROUP, iq_cgroup.self)
        cgroup.path_len = 12
        return [
            ("oom-kill", raw(kill)), ("signal", raw(signal)), ("exit", raw(exit)), ("reap", raw(reap)),
            ("stall", raw(stall)), ("slow-io", raw(slow)), ("cgroup", raw(cgroup)),
        ]
    }
}
