import EventSamples
import Testing

@testable import Events

/// What a block saves: texts and masks that come again.
@Suite struct PackingTests {
    private func block(_ events: [Event]) -> Bytes {
        var encoder = EventEncoder()
        encoder.beginBlock()
        for event in events { encoder.append(event) }
        return encoder.withBytes { Bytes($0) }
    }

    private func named(_ texts: [Bytes]) -> [Event] {
        texts.enumerated().map { place, text in
            var user = UserName()
            user.name = text
            return Event(seq: UInt64(place + 1), boottimeNs: 5, .userName(user))
        }
    }

    private func text(_ seed: UInt64, _ count: Int) -> Bytes {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    @Test func `texts come back whatever their lengths and whatever they repeat`() throws {
        var texts: [Bytes] = []
        for length in [0, 1, 3, 4, 5, 14, 15, 16, 18, 19, 20, 143, 144, 270, 273, 274, 275, 600, 5000] {
            texts.append(text(UInt64(length), length))
            texts.append(Bytes(repeating: 7, count: length))
            texts.append(text(1, length) + text(UInt64(length), length))
            texts.append(Bytes((0..<length).map { UInt8($0 % 3) }))
        }
        texts += texts.reversed()
        var decoder = EventDecoder()
        let decoded = try decode(block(named(texts)), first: 1, with: &decoder)
        #expect(decoded == named(texts))
    }

    @Test func `a text that was there before costs a few bytes`() {
        let stack = text(3, 260)
        let once = block(named([stack])).count
        #expect(once >= 260)
        #expect(block(named([stack, stack])).count <= once + 8)
    }

    @Test func `a sample in which nothing changed costs two bytes`() {
        var sample = CgroupSample()
        sample.currentBytes = Figure(1 << 30)
        let events = (1...3 as ClosedRange<UInt64>).map { Event(seq: $0, boottimeNs: 9, .cgroupSample(sample)) }
        let two = block(Array(events[..<2])).count
        #expect(block(events).count == two + 2)
    }

    @Test func `a few bytes cannot become a large text, nor reach before the block`() {
        let tag = EventKind.userName.rawValue
        var decoder = EventDecoder()
        func failure(_ bytes: Bytes) -> DecodeError? {
            do throws(DecodeError) {
                _ = try decode(bytes, first: 1, with: &decoder)
                return nil
            } catch { return error }
        }
        // Mask (no number changes), count, token of one literal and a copy of four, the literal, distance.
        #expect(failure([tag, 0, 5, 0x10, 65, 1]) == nil)
        #expect(failure([tag, 0, 5, 0x10, 65, 2]) == .implausibleCount(2))
        #expect(failure([tag, 0, 5, 0x10, 65, 0]) == .implausibleCount(0))
        #expect(failure([tag, 0, 4, 0x10, 65, 1]) == .implausibleCount(4))
        #expect(failure([tag, 0, 5, 0x60, 65, 1]) == .implausibleCount(6))
        #expect(failure([tag, 0, 0xff, 0xff, 0xff, 0x7f, 0x10, 65, 1]) == .implausibleCount(0xfff_ffff))
    }

    @Test func `a block of the first format is read`() throws {
        // A user's name, timed: uid 1000 as a difference to zero, the name whole; then a record of the same time that keeps the uid.
        let name = EventKind.userName.rawValue
        let first: Bytes = [name | 0x80, 20, 1, 0xd0, 0x0f, 2, 97, 98]
        let second: Bytes = [name, 0, 2, 97, 98]
        var decoder = EventDecoder()
        decoder.format = 1
        let decoded = try decode(first + second, first: 4, with: &decoder)
        var user = UserName()
        user.uid = 1000
        user.name = Bytes("ab".utf8)
        #expect(
            decoded == [
                Event(seq: 4, boottimeNs: 10, .userName(user)), Event(seq: 5, boottimeNs: 10, .userName(user)),
            ])
    }
}
