import EventSamples
import Events
import Glibc
import Synchronization

@testable import Live

/// A directory that is removed with everything in it.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/inquest-live.XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    var socket: String { "\(path)/live.sock" }

    /// The names in it.
    var names: [String] {
        guard let listing = opendir(path) else { return [] }
        defer { closedir(listing) }
        var result: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { result.append(name) }
        }
        return result.sorted()
    }

    deinit {
        for name in names { if unlink("\(path)/\(name)") != 0 { rmdir("\(path)/\(name)") } }
        rmdir(path)
    }
}

/// Work on a thread of its own, because the server under test runs on the test's.
final class Background<T>: @unchecked Sendable {
    /// Written before `done` is set, read after.
    private var outcome: Result<T, any Error>?
    private let done = Atomic(false)
    private let body: () throws -> T

    init(_ body: @escaping () throws -> T) {
        self.body = body
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self as AnyObject).toOpaque()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                (Unmanaged<AnyObject>.fromOpaque(context).takeRetainedValue() as? any Runnable)?.run()
                return nil
            }, context)
        pthread_detach(thread)
    }

    var isDone: Bool { done.load(ordering: .acquiring) }

    func result() throws -> T {
        guard isDone, let outcome else { throw Timeout() }
        return try outcome.get()
    }

    fileprivate func run() {
        outcome = Result { try body() }
        done.store(true, ordering: .releasing)
    }
}

private protocol Runnable { func run() }
extension Background: Runnable {}

struct Timeout: Error {}

extension LiveServer {
    /// Serves until the condition holds; a bound only keeps a broken test from hanging.
    func serve(until condition: () throws -> Bool) throws {
        for _ in 0..<2000 {
            if try condition() { return }
            var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            poll(&request, 1, 10)
            service()
        }
        throw Timeout()
    }

    /// A client that has connected, and that the server has heard to ask.
    func client() throws -> LiveClient {
        let before = peers.count
        let path = path
        let connecting = Background { try LiveClient(path: path) }
        try serve { connecting.isDone && peers.count == before + 1 }
        return try connecting.result()
    }
}

extension LiveClient {
    /// At least this many events.
    func receive(atLeast count: Int) throws -> [Event] {
        var events: [Event] = []
        for _ in 0..<2000 where events.count < count { events += try receive(timeoutMs: 10) }
        guard events.count >= count else { throw Timeout() }
        return events
    }
}

/// A reader that does as it likes.
final class RawReader {
    let descriptor: Int32

    init(_ path: String) throws { descriptor = try UnixSocket.connect(path) }
    deinit { close(descriptor) }

    func send(_ bytes: Bytes) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// What has arrived; nil when the connection has ended.
    func read() -> Bytes? {
        var result = Bytes()
        var block = Bytes(repeating: 0, count: 64 << 10)
        while true {
            let got = recv(descriptor, &block, block.count, Int32(MSG_DONTWAIT))
            if got < 0 && errno == EAGAIN { return result }
            guard got > 0 else { return result.isEmpty ? nil : result }
            result += block.prefix(got)
        }
    }

    /// Whether the other end has closed, after everything it sent.
    var isEnded: Bool { read() == nil }
}

/// SplitMix64: the same numbers for the same seed.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

let bootID = BootID(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)

func event(_ seq: UInt64) -> Event {
    Event(seq: seq, boottimeNs: 1000 + seq * 7, .lost(Lost(source: .ringFullOther, count: seq * seq)))
}

/// An event whose name makes it large.
func wideEvent(_ seq: UInt64, bytes: Int) -> Event {
    var user = UserName()
    user.uid = UInt32(truncatingIfNeeded: seq)
    user.name = EventSamples.noise(bytes, seed: seq)
    return Event(seq: seq, boottimeNs: 1000 + seq, .userName(user))
}

/// A frame as the server writes it.
func frame(_ events: [Event], kind: UInt8 = 1) -> Bytes {
    var encoder = EventEncoder()
    encoder.beginBlock()
    for event in events { encoder.append(event) }
    let payload = encoder.withBytes { Bytes($0) }
    let header = FrameHeader(
        .events, firstSeq: events.first?.seq ?? 0, count: events.count, payloadBytes: payload.count)
    var bytes = withUnsafeBytes(of: header.bytes) { Bytes($0) }
    bytes[4] = kind
    return bytes + payload
}
