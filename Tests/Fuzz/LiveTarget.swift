import EventSamples
import Events
import Glibc

@testable import Live

/// Both ends of the live socket: what a recorder sends to a reader, and what a reader says to a recorder. The first byte chooses, the
/// second says where the bytes are cut in two.
enum LiveTarget: FuzzTarget {
    static let name = "live"

    static func run(_ bytes: [UInt8]) {
        var input = Input(bytes)
        let choice = input.byte()
        let cut = Int(input.byte()) * 4
        let rest = input.rest
        let pieces = [rest.prefix(cut), rest.dropFirst(cut)].map { Array($0) }
        if choice % 4 == 0 { recorderHears(pieces) } else { readerHears(rest, pieces) }
    }

    // MARK: - The reader's end

    private enum Heard: Equatable {
        case greeting(BootID)
        case event(Event)
        case farewell(Farewell)
        case durable(UInt64)
        case error
    }

    private static func hear(_ pieces: [[UInt8]]) -> [Heard] {
        var decoder = LiveDecoder()
        var heard: [Heard] = []
        for piece in pieces {
            decoder.feed(piece.span)
            do {
                while let item = try decoder.next() {
                    switch item {
                    case .greeting(let boot): heard.append(.greeting(boot))
                    case .events(let events): heard += events.map { .event($0) }
                    case .farewell(let reason): heard.append(.farewell(reason))
                    case .durable(let seq): heard.append(.durable(seq))
                    }
                }
            } catch { return heard + [.error] }
        }
        return heard
    }

    /// However the bytes arrive in pieces, they say the same.
    private static func readerHears(_ whole: [UInt8], _ pieces: [[UInt8]]) {
        // The fuzzer is to get past the greeting.
        let greeting = LiveProtocol.greeting(BootID(high: 1, low: 2))
        let bytes = whole.starts(with: greeting.prefix(4)) ? [] : greeting
        precondition(hear([bytes + whole]) == hear([bytes] + pieces))
    }

    // MARK: - The recorder's end

    /// Anything but one request, whole and alone, ends the connection.
    private static func recorderHears(_ pieces: [[UInt8]]) {
        var ends: [CInt] = [0, 0]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0, &ends) == 0 else {
            fatalError("socketpair: \(errno)")
        }
        defer { close(ends[1]) }
        let reader = Reader(descriptor: ends[0], queueBytes: 4096)
        var sent: [UInt8] = []
        for piece in pieces where !piece.isEmpty {
            let count = send(ends[1], piece, min(piece.count, 4096), CInt(MSG_NOSIGNAL))
            guard count > 0 else { break }
            sent += piece.prefix(count)
            if reader.listen() == .gone {
                precondition(sent != LiveProtocol.request() && !LiveProtocol.request().starts(with: sent))
                return
            }
            precondition(reader.hasAsked == (sent == LiveProtocol.request()))
        }
    }

    // MARK: - Seeds

    private static func frame(_ events: [Event], first: UInt64) -> [UInt8] {
        var encoder = EventEncoder()
        encoder.beginBlock()
        for event in events { encoder.append(event) }
        let payload = encoder.withBytes { [UInt8]($0) }
        let header = FrameHeader(.events, firstSeq: first, count: events.count, payloadBytes: payload.count)
        return header.bytes.indices.map { header.bytes[$0] } + payload
    }

    static var seeds: [(name: String, bytes: [UInt8])] {
        let events = (5...9 as ClosedRange<UInt64>).map { EventSamples.event(seq: $0, seed: 2, longestName: 10) }
        let lost = Event(boottimeNs: 5, .lost(Lost(source: .liveReaderSlow, count: 7)))
        let farewell = FrameHeader(.farewell, firstSeq: 0, count: 0, payloadBytes: 1)
        let end = farewell.bytes.indices.map { farewell.bytes[$0] } + [Farewell.stopping.rawValue]
        let durable = FrameHeader(.durable, firstSeq: 6, count: 0, payloadBytes: 0)
        let greeting = LiveProtocol.greeting(BootID(high: 7, low: 8))
        return [
            ("request", [0, 1] + LiveProtocol.request()), ("request-twice", [0, 3] + LiveProtocol.request() + [1]),
            ("greeting", [1, 2] + greeting), ("events", [1, 9] + frame(events, first: 5)),
            ("gap", [1, 0] + frame([lost], first: 0) + frame([events[0]], first: 5)),
            (
                "durable",
                [1, 1] + frame(Array(events.prefix(2)), first: 5) + durable.bytes.indices.map { durable.bytes[$0] }
            ),
            ("farewell", [1, 1] + frame(Array(events.prefix(2)), first: 5) + end),
            ("whole", [1, 12] + greeting + frame(events, first: 5) + end),
        ]
    }
}
