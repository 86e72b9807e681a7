import CLinux
import Glibc

/// Serves one page over HTTP/1.1: `GET /metrics`, a request a connection.
///
///     let server = try ScrapeServer(ScrapeAddress("127.0.0.1:10137")!)
///     poll(server.descriptor, timeout: server.timeoutMs) -> server.service { page }
///
/// Belongs to one thread and never waits for a client: a connection has a bounded request, a bounded time, and there is a bounded number
/// of them; when a newcomer finds all places taken, the one that has had its place for longest loses it. No TLS, no authentication:
/// it is meant for loopback, or for a socket with a mode.
public final class ScrapeServer {
    public let address: ScrapeAddress
    private let listener: Int32
    private let epoll: Int32
    private var connections: [Connection?]
    private let limitMs: Int64

    private static let listenerTag = UInt64.max

    /// - Parameters:
    ///   - address: listened on at once.
    ///   - places: connections at a time.
    ///   - limitMs: from accepting a connection to its end, whatever it does.
    public init(_ address: ScrapeAddress, places: Int = 16, limitMs: Int = 10_000) throws(ScrapeError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw ScrapeError(call: "epoll_create1", errno: errno) }
        do throws(ScrapeError) {
            listener = try address.listen()
        } catch {
            close(epoll)
            throw error
        }
        self.address = address.bound(listener)
        self.limitMs = Int64(limitMs)
        connections = Array(repeating: nil, count: places)
        watch(listener, Self.listenerTag, EPOLL_CTL_ADD, EPOLLIN.rawValue)
    }

    deinit {
        if case .unix(let path) = address { _ = unsafe unlink(path) }
        close(listener)
        close(epoll)
    }

    /// Readable when `service` has something to do.
    public var descriptor: Int32 { epoll }

    /// After how long `service` is to be called at the latest; -1 while nobody is connected.
    public var timeoutMs: Int32 {
        guard let first = connections.compactMap({ $0?.endMs }).min() else { return -1 }
        return Int32(clamping: max(0, first - Self.nowMs()))
    }

    /// Accepts, reads, answers, and ends what took too long.
    ///
    /// - Parameter page: asked for once for each scrape that is answered.
    public func service(_ page: () -> [UInt8]) {
        var events: InlineArray<32, epoll_event> = unsafe InlineArray(repeating: epoll_event())
        let count = unsafe withUnsafeMutablePointer(to: &events) { pointer in
            unsafe pointer.withMemoryRebound(to: epoll_event.self, capacity: 32) { unsafe epoll_wait(epoll, $0, 32, 0) }
        }
        for index in 0..<max(0, Int(count)) {
            let tag = unsafe events[index].data.u64
            if tag == Self.listenerTag { accept() } else { serve(Int(tag), page) }
        }
        let now = Self.nowMs()
        for slot in connections.indices {
            if let connection = connections[slot], connection.endMs <= now { connections[slot] = nil }
        }
    }

    private func accept() {
        for _ in connections.indices {
            let descriptor = unsafe accept4(
                listener, __SOCKADDR_ARG(), nil, Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue))
            guard descriptor >= 0 else { return }
            let slot = place()
            connections[slot] = Connection(descriptor, endMs: Self.nowMs() + limitMs)
            watch(descriptor, UInt64(slot), EPOLL_CTL_ADD, EPOLLIN.rawValue)
        }
    }

    /// A free place, or that of the connection that came first.
    private func place() -> Int {
        if let free = connections.firstIndex(where: { $0 == nil }) { return free }
        let oldest = connections.indices.min { connections[$0]?.endMs ?? 0 < connections[$1]?.endMs ?? 0 } ?? 0
        connections[oldest] = nil
        return oldest
    }

    private func serve(_ slot: Int, _ page: () -> [UInt8]) {
        guard let connection = connections[slot] else { return }
        switch connection.proceed(page) {
        case .over: connections[slot] = nil
        case .reads: break
        case .writes: watch(connection.descriptor, UInt64(slot), EPOLL_CTL_MOD, EPOLLOUT.rawValue)
        case .drains: watch(connection.descriptor, UInt64(slot), EPOLL_CTL_MOD, EPOLLIN.rawValue)
        }
    }

    private func watch(_ descriptor: Int32, _ tag: UInt64, _ operation: Int32, _ what: UInt32) {
        var event = unsafe epoll_event()
        unsafe event.events = what
        unsafe event.data.u64 = tag
        _ = unsafe epoll_ctl(epoll, operation, descriptor, &event)
    }

    /// Milliseconds of CLOCK_MONOTONIC.
    private static func nowMs() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// One client: its request as far as it came, then the answer as far as it has gone.
private final class Connection {
    let descriptor: Int32
    let endMs: Int64
    private var request: [UInt8] = []
    private var answer: [UInt8] = []
    private var sent = 0
    private var isAnswered = false

    enum Next { case reads, writes, drains, over }

    init(_ descriptor: Int32, endMs: Int64) {
        self.descriptor = descriptor
        self.endMs = endMs
    }

    deinit { close(descriptor) }

    /// Does what can be done without waiting.
    func proceed(_ page: () -> [UInt8]) -> Next {
        if answer.isEmpty {
            guard read() else { return .over }
            switch RequestHead.read(request) {
            case .incomplete: return .reads
            case .page: answer = RequestHead.response(.ok, page())
            case .refused(let status): answer = RequestHead.refusal(status)
            }
        }
        return isAnswered ? drain() : write()
    }

    /// Adds what has arrived to the request; `false` when the client is gone.
    private func read() -> Bool {
        while request.count < RequestHead.limit {
            var buffer = InlineArray<2048, UInt8>(repeating: 0)
            let got = unsafe withUnsafeMutableBytes(of: &buffer) { unsafe recv(descriptor, $0.baseAddress, 2048, 0) }
            if got < 0 { return errno == EAGAIN || errno == EINTR }
            guard got > 0 else { return false }
            for index in 0..<got { request.append(buffer[index]) }
        }
        return true
    }

    private func write() -> Next {
        while sent < answer.count {
            let count = unsafe answer.withUnsafeBytes { bytes in
                unsafe send(descriptor, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                return errno == EAGAIN || errno == EINTR ? .writes : .over
            }
            sent += count
        }
        isAnswered = true
        // Closed with bytes unread, the kernel would reset the connection, and the client could lose the answer.
        shutdown(descriptor, Int32(SHUT_WR))
        return drain()
    }

    private func drain() -> Next {
        var buffer = InlineArray<2048, UInt8>(repeating: 0)
        for _ in 0..<16 {
            let got = unsafe withUnsafeMutableBytes(of: &buffer) { unsafe recv(descriptor, $0.baseAddress, 2048, 0) }
            if got < 0 { return errno == EAGAIN || errno == EINTR ? .drains : .over }
            if got == 0 { return .over }
        }
        return .drains
    }
}
