import EventSamples
import Testing

@testable import Events

/// Decodes a whole block; stops at the first error.
func decode(_ bytes: Bytes, first: UInt64, with decoder: inout EventDecoder) throws(DecodeError) -> [Event] {
    decoder.beginBlock(firstSeq: first)
    var events: [Event] = []
    var offset = 0
    while offset < bytes.count { events.append(try decoder.next(bytes.span, at: &offset)) }
    return events
}

@Suite struct CodecRoundTripTests {
    @Test(arguments: EventKind.allCases)
    func `every kind comes back from its block as it went in, with extremes`(kind: EventKind) throws {
        var encoder = EventEncoder()
        var decoder = EventDecoder()
        for seed in 0..<60 as Range<UInt64> {
            var events: [Event] = []
            encoder.beginBlock()
            let first: UInt64 = seed % 2 == 0 ? 1 : .max - 100
            for number in 0..<8 as Range<UInt64> {
                let seq = kind == .snapshot ? first : first + number
                let event = EventSamples.event(kind, seed: seed * 100 + number, seq: seq)
                events.append(event)
                encoder.append(event)
            }
            let bytes = encoder.withBytes { Bytes($0) }
            let decoded = try decode(bytes, first: first, with: &decoder)
            #expect(decoded == events)
        }
    }

    @Test func `a mixed run of events comes back in order with its numbers`() throws {
        var encoder = EventEncoder()
        var decoder = EventDecoder()
        encoder.beginBlock()
        let events = (500..<3500 as Range<UInt64>).map { EventSamples.event(seq: $0, seed: 4) }
        for event in events { encoder.append(event) }
        let bytes = encoder.withBytes { Bytes($0) }
        let decoded = try decode(bytes, first: 500, with: &decoder)
        #expect(decoded == events)
    }

    @Test func `blocks do not depend on one another`() throws {
        var encoder = EventEncoder()
        var blocks: [Bytes] = []
        for block in 0..<3 as Range<UInt64> {
            encoder.beginBlock()
            for seq in block * 50..<block * 50 + 50 { encoder.append(EventSamples.event(seq: seq, seed: 5)) }
            blocks.append(encoder.withBytes { Bytes($0) })
        }
        for block in [2, 0, 1] {
            var decoder = EventDecoder()
            let first = UInt64(block) * 50
            let decoded = try decode(blocks[block], first: first, with: &decoder)
            #expect(decoded == (first..<first + 50).map { EventSamples.event(seq: $0, seed: 5) })
        }
    }

    @Test func `bytes cut anywhere, or flipped anywhere, never crash the decoder`() {
        var encoder = EventEncoder()
        encoder.beginBlock()
        for seq in 0..<40 as Range<UInt64> { encoder.append(EventSamples.event(seq: seq, seed: 6, longestName: 20)) }
        let bytes = encoder.withBytes { Bytes($0) }
        var decoder = EventDecoder()
        func run(_ input: Bytes) -> Int {
            decoder.beginBlock(firstSeq: 0)
            var offset = 0
            var count = 0
            while offset < input.count {
                guard (try? decoder.next(input.span, at: &offset)) != nil else { break }
                count += 1
            }
            return count
        }
        #expect(run(bytes) == 40)
        for end in stride(from: 0, to: bytes.count, by: 3) { #expect(run(Bytes(bytes[..<end])) <= 40) }
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 1 << UInt8(place % 8)
            _ = run(damaged)
        }
    }

    @Test func `an event taken back leaves the block as it was`() throws {
        var encoder = EventEncoder()
        encoder.beginBlock()
        for seq in 0..<5 as Range<UInt64> { encoder.append(EventSamples.event(seq: seq, seed: 7)) }
        let before = encoder.withBytes { Bytes($0) }
        encoder.append(EventSamples.event(seq: 5, seed: 7))
        encoder.rollBack(toBytes: before.count, events: 5)
        #expect(encoder.count == 5)
        #expect(encoder.withBytes { Bytes($0) } == before)
    }
}
