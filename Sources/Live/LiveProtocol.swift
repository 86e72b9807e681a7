import Events

/// What a recorder and its live readers say to each other over a Unix stream socket. Numbers are little-endian.
///
///     recorder -> reader, once:      magic "INQLIVE\n"  length:u32  version:u32  boot id:16 bytes
///     reader -> recorder, once:      length:u32  kind:u8  version:u32
///     recorder -> reader, then on:   length:u32  kind:u8  firstSeq:u64  count:u32  bytes
///
/// * The greeting's length counts the whole greeting: a later version may append to it, and readers skip what they do not know.
/// * A request's and a frame's length count what follows the length itself.
/// * The recorder sends nothing but its greeting until it was asked (kind 1, subscribe). A request that is longer than
///   `requestLimit`, of another kind or version, or a second one, ends the connection.
/// * Frame kind 1, *events*: a block of `count` events with consecutive `seq` from `firstSeq`, decodable on its own (the
///   coding of `EventEncoder`). `firstSeq` 0 marks what the recorder says to this reader alone, outside the numbering: a
///   `lost` event with source `live_reader_slow` that counts the events which this reader missed at this place.
/// * Frame kind 2, *farewell*: `count` 0, one byte that says why; the connection ends.
/// * Frame kind 3, *durable*: no events and no bytes; everything up to and with `firstSeq` survives a power cut from now on. Left
///   out while a reader is behind: a later one says more.
/// * Readers skip frames of kinds that they do not know.
///
/// The version changes when an older reader could no longer read the frames rightly. `docs/live-protocol.md` is for people who
/// write a reader; where the two disagree, this file is right.
enum LiveProtocol {
    static let version: UInt32 = 3
    static let magic: Bytes = Array("INQLIVE\n".utf8)
    static let greetingBytes = 32
    /// A greeting may grow up to this.
    static let greetingLimit = 4096
    /// Bytes behind a request's length.
    static let requestBytes = 5
    static let requestLimit = 64
    /// Bytes of a frame before its payload, the length included.
    static let frameHeaderBytes = 17
    /// Bytes behind a frame's length, at most.
    static let frameLimit = 256 << 10

    static func greeting(_ bootID: BootID) -> Bytes {
        var bytes = magic
        append(UInt32(greetingBytes), to: &bytes)
        append(version, to: &bytes)
        append(bootID.high.byteSwapped, to: &bytes)
        append(bootID.low.byteSwapped, to: &bytes)
        return bytes
    }

    static func request(_ kind: RequestKind = .subscribe, version: UInt32 = version) -> Bytes {
        var bytes = Bytes()
        append(UInt32(requestBytes), to: &bytes)
        bytes.append(kind.rawValue)
        append(version, to: &bytes)
        return bytes
    }

    static func append<N: FixedWidthInteger>(_ number: N, to bytes: inout Bytes) {
        for index in 0..<N.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: number >> N(index * 8))) }
    }

    /// The number at an offset; the caller has checked that it is there.
    static func number<N: FixedWidthInteger>(_ type: N.Type, _ bytes: Span<UInt8>, at offset: Int) -> N {
        var result: N = 0
        for index in 0..<N.bitWidth / 8 { result |= N(truncatingIfNeeded: bytes[offset + index]) << N(index * 8) }
        return result
    }
}

enum RequestKind: UInt8 {
    case subscribe = 1
}

enum FrameKind: UInt8 {
    case events = 1
    case farewell = 2
    case durable = 3
}

/// Why a recorder ends a connection of its own accord.
public enum Farewell: UInt8, Sendable {
    /// Another reason, of a later version.
    case unknown = 0
    /// The recorder stops.
    case stopping = 1
    /// As many readers as there may be are reading already.
    case tooManyReaders = 2
    /// The reader is neither root, nor who runs the recorder, nor a member of the socket's group.
    case notAllowed = 3
}

/// The header of a frame as it goes before a payload that lies elsewhere.
struct FrameHeader {
    var bytes: InlineArray<17, UInt8>

    init(_ kind: FrameKind, firstSeq: UInt64, count: Int, payloadBytes: Int) {
        bytes = InlineArray(repeating: 0)
        store(UInt32(LiveProtocol.frameHeaderBytes - 4 + payloadBytes), at: 0)
        bytes[4] = kind.rawValue
        store(firstSeq, at: 5)
        store(UInt32(count), at: 13)
    }

    private mutating func store<N: FixedWidthInteger>(_ number: N, at offset: Int) {
        for index in 0..<N.bitWidth / 8 { bytes[offset + index] = UInt8(truncatingIfNeeded: number >> N(index * 8)) }
    }
}
