import Events
import Testing

@testable import Live

private struct Decoded {
    var boots: [BootID] = []
    var events: [Event] = []
    var farewells: [Farewell] = []
    var durable: [UInt64] = []
}

/// Everything the decoder makes of the bytes, fed in the given pieces.
private func decode(_ pieces: [ArraySlice<UInt8>]) throws -> Decoded {
    var decoder = LiveDecoder()
    var result = Decoded()
    for piece in pieces {
        decoder.feed(Array(piece).span)
        while let item = try decoder.next() {
            switch item {
            case .greeting(let boot): result.boots.append(boot)
            case .events(let events): result.events += events
            case .farewell(let reason): result.farewells.append(reason)
            case .durable(let seq): result.durable.append(seq)
            }
        }
    }
    return result
}

private let stream: Bytes =
    LiveProtocol.greeting(bootID) + frame([event(5), event(6), event(7)]) + frame([event(8)], kind: 99)
    + frame([wideEvent(9, bytes: 300)]) + [13, 0, 0, 0, 3, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    + [14, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]

private let wanted = [event(5), event(6), event(7), wideEvent(9, bytes: 300)]

@Suite struct LiveDecoderTests {
    @Test func `the stream may be cut at every byte`() throws {
        for cut in 0...stream.count {
            let result = try decode([stream[..<cut], stream[cut...]])
            #expect(result.boots == [bootID])
            #expect(result.events == wanted)
            #expect(result.durable == [8])
            #expect(result.farewells == [.stopping])
        }
    }

    @Test func `the stream may come byte by byte`() throws {
        let result = try decode(stream.indices.map { stream[$0...$0] })
        #expect(result.events == wanted)
        #expect(result.farewells == [.stopping])
    }

    @Test func `another version is named, whatever follows`() {
        var bytes = LiveProtocol.greeting(bootID)
        bytes[12] = 1
        bytes[8] = 255
        #expect(throws: LiveDecoder.Failure.otherVersion(1)) { try decode([bytes[...]]) }
    }

    @Test func `a longer greeting of the same version is read`() throws {
        var bytes = LiveProtocol.greeting(bootID) + [1, 2, 3, 4]
        bytes[8] = 36
        let result = try decode([bytes[...], frame([event(1)])[...]])
        #expect(result.boots == [bootID])
        #expect(result.events == [event(1)])
    }

    @Test func `what is no greeting is refused at its first wrong byte`() {
        #expect(throws: LiveDecoder.Failure.malformed("no greeting")) { try decode([Array("SSH-2.0".utf8)[...]]) }
    }

    @Test func `lengths and counts are bounded before anything is kept`() {
        let greeting = LiveProtocol.greeting(bootID)
        for length: UInt32 in [0, 12, UInt32(LiveProtocol.frameLimit) + 1, .max] {
            var bytes = greeting
            LiveProtocol.append(length, to: &bytes)
            #expect(throws: LiveDecoder.Failure.malformed("a frame of \(length) bytes")) { try decode([bytes[...]]) }
        }
        var many = frame([event(1)])
        many[16] = 0xff
        #expect(throws: LiveDecoder.Failure.self) { try decode([greeting[...], many[...]]) }
        var fewer = frame([event(1), event(2)])
        fewer[13] = 1
        #expect(throws: LiveDecoder.Failure.self) { try decode([greeting[...], fewer[...]]) }
    }

    @Test(arguments: 0..<40)
    func `flipped bits give events or an error, never a crash`(seed: UInt64) {
        var generator = Seeded(state: seed)
        for _ in 0..<200 {
            var bytes = stream
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let position = Int.random(in: bytes.indices, using: &generator)
                bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            }
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            // More than what was sent can only come from frames that claim it: the bound holds for each of them.
            if let result = try? decode([bytes[..<cut], bytes[cut...]]) { #expect(result.events.count < stream.count) }
        }
    }

    @Test(arguments: 0..<40)
    func `random frames give events or an error, never a crash`(seed: UInt64) {
        var generator = Seeded(state: seed)
        for _ in 0..<200 {
            var bytes = LiveProtocol.greeting(bootID)
            let count = Int.random(in: 0..<600, using: &generator)
            LiveProtocol.append(UInt32(13 + count), to: &bytes)
            bytes.append(1)
            LiveProtocol.append(UInt64.random(in: 0...3, using: &generator), to: &bytes)
            LiveProtocol.append(UInt32.random(in: 0...UInt32(count), using: &generator), to: &bytes)
            for _ in 0..<count { bytes.append(UInt8.random(in: 0...255, using: &generator)) }
            if let result = try? decode([bytes[...]]) { #expect(result.events.count <= count) }
        }
    }
}

@Suite struct ByteRingTests {
    @Test func `bytes come out as they went in, around the end too`() {
        var ring = ByteRing(capacity: 7)
        var generator = Seeded(state: 1)
        var sent = Bytes()
        var received = Bytes()
        for _ in 0..<1000 {
            let piece = (0..<Int.random(in: 0...ring.free, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            piece.withUnsafeBytes { ring.push($0) }
            sent += piece
            let taken = ring.withFront { front in Bytes(front.prefix(Int.random(in: 0...7, using: &generator))) }
            ring.pop(taken.count)
            received += taken
            #expect(ring.count == sent.count - received.count)
        }
        #expect(sent.starts(with: received))
        #expect(received.count > 1000)
    }
}
