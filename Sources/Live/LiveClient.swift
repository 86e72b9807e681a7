import CLinux
public import Events
import Glibc

/// A reader's connection to a running recorder.
///
///     let client = try LiveClient()
///     while true { for event in try client.receive(timeoutMs: 1000) { ... } }
///
/// Events come in the order of `seq`; where the recorder had to leave some out, a `lost` event with `seq` 0 and source
/// `live_reader_slow` says how many. Does not reconnect: a recorder that comes back is a new connection, with numbers that go on.
public final class LiveClient {
    public let path: String
    /// The boot that the recorder records.
    public let bootID: BootID
    /// Everything up to and with this number survives a power cut, says the recorder; 0 before it said so.
    public private(set) var durableSeq: UInt64 = 0
    private let connection: Int32
    private var decoder: LiveDecoder
    private var block = Bytes(repeating: 0, count: 64 << 10)
    private var ending: LiveError?

    /// Connects and asks for events.
    ///
    /// - Parameters:
    ///   - path: of the recorder's socket.
    ///   - timeoutMs: how long to wait for the greeting.
    public init(path: String = LiveServer.defaultPath, timeoutMs: Int = 5000) throws(LiveError) {
        self.path = path
        connection = try UnixSocket.connect(path)
        decoder = LiveDecoder()
        do throws(LiveError) {
            bootID = try Self.handshake(connection, path, &decoder, &block, timeoutMs, &ending)
        } catch {
            close(connection)
            throw error
        }
    }

    deinit { close(connection) }

    /// Whether somebody listens at the path.
    public static func isServed(_ path: String) -> Bool { UnixSocket.isServed(path) }

    /// Readable when `receive` would not wait.
    public var descriptor: Int32 { connection }

    /// Events, as soon as there are some; none when more is durable, the time is up, or a signal came.
    ///
    /// - Parameter timeoutMs: 0 looks without waiting, -1 waits for ever.
    /// - Throws: once the connection has ended, after everything that came before was returned.
    public func receive(timeoutMs: Int) throws(LiveError) -> [Event] {
        let deadline = Self.deadline(timeoutMs)
        let durable = durableSeq
        while true {
            var events: [Event] = []
            try take(&events)
            if !events.isEmpty || durableSeq != durable { return events }
            if let ending { throw ending }
            switch try Self.receive(connection, path, &decoder, &block, deadline) {
            case .bytes: continue
            case .nothing: return []
            case .end: ending = .closed(path: path)
            }
        }
    }

    /// Moves everything that is complete into `events`.
    private func take(_ events: inout [Event]) throws(LiveError) {
        guard ending == nil else { return }
        do throws(LiveDecoder.Failure) {
            while let item = try decoder.next() {
                switch item {
                case .greeting: break
                case .events(let more): if events.isEmpty { events = more } else { events += more }
                case .durable(let seq): durableSeq = seq
                case .farewell(let reason):
                    ending = .farewell(path: path, reason)
                    return
                }
            }
        } catch {
            // What came before the nonsense is good; the error follows with the next call.
            ending = Self.error(error, path)
        }
    }

    private static func handshake(
        _ connection: Int32, _ path: String, _ decoder: inout LiveDecoder, _ block: inout Bytes, _ timeoutMs: Int,
        _ ending: inout LiveError?
    ) throws(LiveError) -> BootID {
        let deadline = deadline(timeoutMs)
        let request = LiveProtocol.request()
        // A fresh socket takes a few bytes at once. When the server has gone by now, the reading below says why.
        _ = unsafe request.withUnsafeBytes { bytes in
            retrying { unsafe send(connection, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
        }
        while true {
            do throws(LiveDecoder.Failure) {
                if case .greeting(let bootID)? = try decoder.next() { return bootID }
            } catch {
                throw Self.error(error, path)
            }
            switch try receive(connection, path, &decoder, &block, deadline) {
            case .bytes: continue
            // A signal ends the wait only when the time is up: connecting is short.
            case .nothing: if now() >= deadline { throw .silent(path: path) }
            case .end: throw .closed(path: path)
            }
        }
    }

    private enum Arrival { case bytes, nothing, end }

    /// One reading from the socket, at most one block.
    private static func receive(
        _ connection: Int32, _ path: String, _ decoder: inout LiveDecoder, _ block: inout Bytes, _ deadline: Int64
    ) throws(LiveError) -> Arrival {
        var request = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
        let left = deadline == .max ? -1 : min(max(0, deadline - now()), Int64(Int32.max))
        let ready = unsafe poll(&request, 1, Int32(left))
        if ready < 0 && errno != EINTR { throw .system(path: path, call: "poll", errno: errno) }
        guard ready > 0 else { return .nothing }
        let got = unsafe block.withUnsafeMutableBytes { buffer in
            retrying { unsafe recv(connection, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT)) }
        }
        if got < 0 {
            if errno == EAGAIN { return .nothing }
            if errno == ECONNRESET { return .end }
            throw .system(path: path, call: "recv", errno: errno)
        }
        guard got > 0 else { return .end }
        decoder.feed(block.span.extracting(..<got))
        return .bytes
    }

    private static func error(_ failure: LiveDecoder.Failure, _ path: String) -> LiveError {
        switch failure {
        case .otherVersion(let theirs): .otherVersion(path: path, theirs: theirs, ours: LiveProtocol.version)
        case .malformed(let what): .malformed(path: path, what: what)
        }
    }

    /// Milliseconds of CLOCK_MONOTONIC.
    private static func now() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    private static func deadline(_ timeoutMs: Int) -> Int64 { timeoutMs < 0 ? .max : now() + Int64(timeoutMs) }
}
