import Events

/// Turns what a recorder sends into events, however the bytes arrive in pieces. Pure: no socket, no clock.
///
/// The other end is not trusted: lengths are bounded before anything is kept, and what does not decode is an error.
struct LiveDecoder: ~Copyable {
    enum Item {
        case greeting(BootID)
        case events([Event])
        case farewell(Farewell)
        case durable(UInt64)
    }

    enum Failure: Error, Equatable {
        case otherVersion(UInt32)
        case malformed(String)
    }

    private var buffer = Bytes()
    private var start = 0
    private var isGreeted = false
    private var decoder = EventDecoder()

    /// Adds received bytes; call `next` until it gives nil before adding more.
    mutating func feed(_ bytes: Span<UInt8>) {
        if start > 0 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer.reserveCapacity(buffer.count + bytes.count)
        for index in bytes.indices { buffer.append(bytes[index]) }
    }

    /// The next item that is complete; nil when more bytes are needed.
    mutating func next() throws(Failure) -> Item? {
        guard isGreeted else { return try greeting() }
        // A second reference, not a copy: the span may not borrow from what this function changes.
        let held = buffer
        while true {
            let bytes = held.span.extracting(start...)
            guard bytes.count >= 4 else { return nil }
            let length = Int(LiveProtocol.number(UInt32.self, bytes, at: 0))
            guard length >= LiveProtocol.frameHeaderBytes - 4, length <= LiveProtocol.frameLimit else {
                throw .malformed("a frame of \(length) bytes")
            }
            guard bytes.count >= 4 + length else { return nil }
            let kind = FrameKind(rawValue: bytes[4])
            let firstSeq = LiveProtocol.number(UInt64.self, bytes, at: 5)
            let count = Int(LiveProtocol.number(UInt32.self, bytes, at: 13))
            let payload = bytes.extracting(LiveProtocol.frameHeaderBytes..<4 + length)
            switch kind {
            case .events:
                let events = try Self.events(&decoder, payload, firstSeq, count)
                start += 4 + length
                return .events(events)
            case .farewell:
                let reason = payload.isEmpty ? .unknown : Farewell(rawValue: payload[0]) ?? .unknown
                start += 4 + length
                return .farewell(reason)
            case .durable:
                start += 4 + length
                return .durable(firstSeq)
            case nil: start += 4 + length
            }
        }
    }

    private mutating func greeting() throws(Failure) -> Item? {
        let held = buffer
        let bytes = held.span.extracting(start...)
        for (index, expected) in LiveProtocol.magic.enumerated() {
            guard index < bytes.count else { return nil }
            guard bytes[index] == expected else { throw .malformed("no greeting") }
        }
        guard bytes.count >= 16 else { return nil }
        let length = Int(LiveProtocol.number(UInt32.self, bytes, at: 8))
        let version = LiveProtocol.number(UInt32.self, bytes, at: 12)
        guard version == LiveProtocol.version else { throw .otherVersion(version) }
        guard length >= LiveProtocol.greetingBytes, length <= LiveProtocol.greetingLimit else {
            throw .malformed("a greeting of \(length) bytes")
        }
        guard bytes.count >= length else { return nil }
        let bootID = BootID(
            high: LiveProtocol.number(UInt64.self, bytes, at: 16).byteSwapped,
            low: LiveProtocol.number(UInt64.self, bytes, at: 24).byteSwapped)
        start += length
        isGreeted = true
        return .greeting(bootID)
    }

    private static func events(
        _ decoder: inout EventDecoder, _ payload: Span<UInt8>, _ firstSeq: UInt64, _ count: Int
    ) throws(Failure) -> [Event] {
        var events: [Event] = []
        // An event takes at least two bytes, so the count cannot promise more than the frame can hold.
        guard count <= payload.count / 2 else { throw .malformed("\(count) events in \(payload.count) bytes") }
        events.reserveCapacity(count)
        decoder.beginBlock(firstSeq: firstSeq)
        var offset = 0
        for index in 0..<count {
            do throws(DecodeError) {
                var event = try decoder.next(payload, at: &offset)
                // Outside the numbering, all of them.
                if firstSeq == 0 { event.seq = 0 }
                events.append(event)
            } catch {
                throw .malformed("event \(index) of a frame does not decode")
            }
        }
        guard offset == payload.count else {
            throw .malformed("\(payload.count - offset) bytes behind a frame's events")
        }
        return events
    }
}
