import EventSamples
import Testing

@testable import Events

/// Samples are decoded in another way than the other kinds are: they must mean the same.
@Suite struct DecodedEventTests {
    private static let samples: [EventKind] = [
        .ioInterval, .cgroupIO, .cgroupStall, .pressure, .memory, .vmstat, .load, .device, .cgroupSample,
    ]

    /// A block of one kind, in which most fields are now as they were before.
    private func block(_ kind: EventKind, seed: UInt64) -> Bytes {
        var random = Seeded(seed)
        var encoder = EventEncoder()
        encoder.beginBlock()
        for number in 1...12 as ClosedRange<UInt64> {
            let seed = random.next() % 3
            var event = EventSamples.event(kind, seed: seed, seq: number)
            event.boottimeNs = number / 3 * 50_000
            encoder.append(event)
        }
        return encoder.withBytes { Bytes($0) }
    }

    private func events(_ bytes: Bytes, format: UInt16) -> [Event] {
        var decoder = EventDecoder()
        decoder.format = format
        decoder.beginBlock(firstSeq: 1)
        var events: [Event] = []
        var offset = 0
        while offset < bytes.count, let event = try? decoder.next(bytes.span, at: &offset) { events.append(event) }
        return events
    }

    /// The same by the reader of all kinds.
    private func plainly(_ bytes: Bytes, format: UInt16) -> [Event] {
        var delta = DeltaState()
        delta.beginBlock()
        var texts = ByteSink()
        var events: [Event] = []
        var ns: UInt64 = 0
        var seq: UInt64 = 1
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var source = ByteSource(cursor: base, end: base + buffer.count)
            func read(_ source: inout ByteSource) throws(DecodeError) {
                let tag = try source.byte()
                guard let kind = format == 1 ? EventKind(rawValue: tag & 0x7f) : EventKind(tag: tag) else { return }
                let series = kind.hasSeries ? Int(try source.byte()) : 0
                var at = ns
                if tag & EventTag.timed != 0 {
                    let elapsed = format == 1 ? unzigzag(try source.varint()) : try source.difference()
                    at &+= UInt64(bitPattern: elapsed)
                }
                let payload = try withUnsafeMutablePointer(to: &texts) { texts throws(DecodeError) in
                    var reader = DeltaReader(
                        slot: delta.slot(kind, series), source: source, texts: format == 1 ? nil : texts,
                        masksKept: format != 1 && tag & EventTag.masksKept != 0)
                    let payload = try Payload.read(kind, &reader)
                    reader.endEvent()
                    source = reader.source
                    return payload
                }
                ns = at
                events.append(Event(seq: seq, boottimeNs: ns, payload))
                if kind != .snapshot { seq += 1 }
            }
            while source.remaining > 0 {
                let before = events.count
                try? read(&source)
                if events.count == before { break }
            }
        }
        return events
    }

    @Test(arguments: samples, [1, 2] as [UInt16])
    func `damaged or not, samples are read as any other payload is`(_ kind: EventKind, _ format: UInt16) {
        for seed in 0..<3 as Range<UInt64> {
            let bytes = block(kind, seed: seed)
            #expect(events(bytes, format: 2).count == 12)
            #expect(events(bytes, format: format) == plainly(bytes, format: format))
            for place in bytes.indices {
                for bit in 0..<8 as Range<UInt8> {
                    var damaged = bytes
                    damaged[place] ^= 1 << bit
                    let read = events(damaged, format: format)
                    if read != plainly(damaged, format: format) {
                        Issue.record("\(kind), seed \(seed): bit \(bit) of byte \(place)")
                        return
                    }
                }
            }
        }
    }

    @Test func `what is looked at in place is what the event has`() throws {
        var encoder = EventEncoder()
        var decoder = EventDecoder()
        for kind in EventKind.allCases {
            let event = EventSamples.event(kind, seed: 9, seq: 7)
            encoder.beginBlock()
            encoder.append(event)
            let bytes = encoder.withBytes { Bytes($0) }
            decoder.beginBlock(firstSeq: 7)
            var offset = 0
            try decoder.advance(bytes.span, at: &offset)
            #expect(offset == bytes.count)
            #expect(decoder.decoded.event == event)
            #expect(decoder.decoded.seq == 7 && decoder.decoded.moment == event.moment && decoder.decoded.kind == kind)
            #expect(decoder.decoded.isSample == Self.samples.contains(kind))
            let inPlace: Payload? =
                switch kind {
                case .ioInterval: .ioInterval(decoder.decoded.ioInterval)
                case .cgroupIO: .cgroupIO(decoder.decoded.cgroupIO)
                case .cgroupStall: .cgroupStall(decoder.decoded.cgroupStall)
                case .pressure: .pressure(decoder.decoded.pressure)
                case .memory: .memory(decoder.decoded.memory)
                case .vmstat: .vmstat(decoder.decoded.vmstat)
                case .load: .load(decoder.decoded.load)
                case .device: .device(decoder.decoded.device)
                case .cgroupSample: .cgroupSample(decoder.decoded.cgroupSample)
                default: nil
                }
            #expect(inPlace == nil || inPlace == event.payload)
            #expect(decoder.decoded.snapshot.map { .snapshot($0) } == (kind == .snapshot ? event.payload : nil))
            #expect(decoder.decoded.incident.map { .incident($0) } == (kind == .incident ? event.payload : nil))
        }
    }
}
