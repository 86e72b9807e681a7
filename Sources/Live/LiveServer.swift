import CLinux
public import Events
import Glibc

public struct LiveServerOptions: Sendable {
    /// Readers at a time.
    public var maxReaders = 16
    /// What may wait for one reader, bytes; at least one largest frame.
    public var queueBytes = LiveProtocol.frameLimit + 64
    /// Bytes of a reader's socket buffer, as the kernel counts them; 0 leaves the system's default.
    public var socketBytes: Int32 = 128 << 10
    /// A block is sent when it holds this many bytes, also before `flush`.
    public var blockBytes = 32 << 10
    /// Its members may read.
    public var group = "inquest"
    public var groupFile = "/etc/group"

    public init() {}
}

/// Tells live readers what is recorded. Never waits for any of them, and costs next to nothing while there is none.
///
///     let live = try LiveServer(path: "/run/inquest/live.sock", bootID: bootID)
///     poll(live.descriptor) -> live.service()
///     live.broadcast(event); ...; live.flush()
///
/// Belongs to one thread. Events must come numbered. A block of events is encoded once and its bytes go to every reader; a
/// reader that cannot follow gets a counted gap. In the steady state nothing is allocated; what a reader costs is
/// allocated when it connects, at most `maxReaders` times.
public final class LiveServer {
    public let path: String
    private let options: LiveServerOptions
    private let listener: Int32
    private let identity: UnixSocket.Identity
    private let epoll: Int32
    private let greeting: Bytes
    /// Kept open so that a newcomer can be turned away when descriptors have run out; else it would wake us for ever.
    private var spare: Int32
    private var readers: [Reader?]
    private var subscribers = 0
    private var encoder = EventEncoder(capacity: 64 << 10)
    private var gapEncoder = EventEncoder(capacity: 256)
    private var firstSeq: UInt64 = 0
    private var lastNs: UInt64 = 0
    /// Durable up to and with this number, as the readers were told.
    private var durableSeq: UInt64 = 0
    private var isClosed = false

    private static let listenerTag = UInt64.max

    public init(
        path: String = LiveServer.defaultPath, bootID: BootID, options: LiveServerOptions = LiveServerOptions()
    ) throws(LiveError) {
        self.path = path
        self.options = options
        greeting = LiveProtocol.greeting(bootID)
        readers = Array(repeating: nil, count: options.maxReaders)
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw .system(path: path, call: "epoll_create1", errno: errno) }
        do throws(LiveError) {
            (listener, identity) = try UnixSocket.listen(path, group: options.group, groupFile: options.groupFile)
        } catch {
            Glibc.close(epoll)
            throw error
        }
        spare = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
        watch(listener, Self.listenerTag, EPOLL_CTL_ADD, room: false)
    }

    deinit { close() }

    public static let defaultPath = "/run/inquest/live.sock"

    /// Readable when `service` has something to do.
    public var descriptor: Int32 { epoll }

    /// Whether anybody has asked for events.
    public var isRead: Bool { subscribers > 0 }

    /// Those who have asked for events.
    public var peers: [LivePeer] {
        readers.compactMap { $0 }.filter(\.isSubscribed).map {
            LivePeer(pid: $0.peer.pid, uid: $0.peer.uid, gid: $0.peer.groups[0], lost: $0.lostTotal)
        }
    }

    /// Adds an event to the current block.
    public func broadcast(_ event: borrowing Event) {
        lastNs = event.boottimeNs
        guard subscribers > 0 else { return }
        if encoder.count > 0 {
            if event.seq == firstSeq &+ UInt64(encoder.count), add(event) { return sendIfFull() }
            flush()
        }
        encoder.beginBlock()
        firstSeq = event.seq
        // Larger than any frame: for every reader it is as if it had been lost.
        if !add(event) { for reader in readers { if let reader, reader.isSubscribed { reader.miss(1) } } }
        sendIfFull()
    }

    /// Sends the current block to every reader.
    public func flush() {
        guard encoder.count > 0 else { return }
        unsafe encoder.withBytes { payload in
            let header = FrameHeader(.events, firstSeq: firstSeq, count: encoder.count, payloadBytes: payload.count)
            for slot in readers.indices {
                // A gap without anything queued: nothing else would tell it.
                tellGap(slot)
                guard let reader = readers[slot], reader.isSubscribed else { continue }
                if unsafe reader.offer(header, payload, events: encoder.count) == .gone {
                    drop(slot)
                } else {
                    settle(slot)
                }
            }
        }
        encoder.beginBlock()
    }

    /// Tells every reader up to which number events survive a power cut; after `flush`, so that it follows what it is about.
    public func tellDurable(upTo seq: UInt64) {
        guard seq > durableSeq else { return }
        durableSeq = seq
        guard subscribers > 0 else { return }
        let header = FrameHeader(.durable, firstSeq: seq, count: 0, payloadBytes: 0)
        for slot in readers.indices {
            guard let reader = readers[slot], reader.isSubscribed else { continue }
            if unsafe reader.offer(header, UnsafeRawBufferPointer(start: nil, count: 0), events: 0) == .gone {
                drop(slot)
            } else {
                settle(slot)
            }
        }
    }

    /// Accepts newcomers, reads requests, sends what waited for room. Call when `descriptor` is readable.
    public func service() {
        var events: InlineArray<32, epoll_event> = unsafe InlineArray(repeating: epoll_event())
        let count = unsafe withUnsafeMutablePointer(to: &events) { pointer in
            unsafe pointer.withMemoryRebound(to: epoll_event.self, capacity: 32) { unsafe epoll_wait(epoll, $0, 32, 0) }
        }
        for index in 0..<max(0, Int(count)) {
            let event = unsafe events[index]
            let tag = unsafe event.data.u64
            if tag == Self.listenerTag { accept() } else { serve(Int(tag), unsafe event.events) }
        }
    }

    /// Says farewell, ends every connection and removes the socket, if it is still this server's.
    public func close() {
        guard !isClosed else { return }
        flush()
        for slot in readers.indices { part(slot, .stopping) }
        isClosed = true
        if UnixSocket.Identity(path) == identity { _ = unsafe unlink(path) }
        Glibc.close(listener)
        Glibc.close(epoll)
        if spare >= 0 { Glibc.close(spare) }
    }

    // MARK: - Blocks

    /// False when the event would make the block larger than a frame may be; the block is then as it was, and must be closed.
    private func add(_ event: borrowing Event) -> Bool {
        let (bytes, events) = (encoder.byteCount, encoder.count)
        encoder.append(event)
        if LiveProtocol.frameHeaderBytes - 4 + encoder.byteCount <= LiveProtocol.frameLimit { return true }
        encoder.rollBack(toBytes: bytes, events: events)
        return false
    }

    private func sendIfFull() {
        if encoder.byteCount >= options.blockBytes { flush() }
    }

    /// Tells a reader that has caught up what it missed.
    private func tellGap(_ slot: Int) {
        guard let reader = readers[slot], reader.isLagging, !reader.hasQueued else { return }
        let lost = reader.lostNow
        reader.clearGap()
        gapEncoder.beginBlock()
        gapEncoder.append(Event(boottimeNs: lastNs, .lost(Lost(source: .liveReaderSlow, count: lost))))
        unsafe gapEncoder.withBytes { payload in
            let header = FrameHeader(.events, firstSeq: 0, count: 1, payloadBytes: payload.count)
            if unsafe reader.offer(header, payload, events: 0) == .gone { drop(slot) }
        }
    }

    // MARK: - Readers

    private func serve(_ slot: Int, _ happened: UInt32) {
        guard slot < readers.count, let reader = readers[slot] else { return }
        if happened & ~EPOLLOUT.rawValue != 0, reader.listen() == .gone { return drop(slot) }
        if reader.hasAsked && !reader.isSubscribed {
            // What is in the block so far happened before this reader came.
            flush()
            reader.isSubscribed = true
            subscribers += 1
        }
        if reader.drain() == .gone { return drop(slot) }
        tellGap(slot)
        settle(slot)
    }

    /// Watches for room exactly while something waits for it.
    private func settle(_ slot: Int) {
        guard let reader = readers[slot], reader.hasQueued != reader.isWatchedForRoom else { return }
        reader.isWatchedForRoom = reader.hasQueued
        watch(reader.descriptor, UInt64(slot), EPOLL_CTL_MOD, room: reader.hasQueued)
    }

    private func accept() {
        // A bound, so that a flood of newcomers does not keep the recorder from its work.
        for _ in 0..<16 {
            let descriptor = unsafe accept4(
                listener, __SOCKADDR_ARG(), nil, Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue))
            if descriptor < 0 {
                let code = errno
                if code == EINTR || code == ECONNABORTED { continue }
                if code == EMFILE || code == ENFILE { turnAwayWithSpare() }
                return
            }
            let reader = Reader(descriptor: descriptor, queueBytes: options.queueBytes)
            if options.socketBytes > 0 {
                var bytes = options.socketBytes
                _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
            }
            reader.push(greeting)
            guard reader.peer.mayRead(servedBy: geteuid(), group: identity.group) else {
                sayFarewell(reader, .notAllowed)
                continue
            }
            guard let slot = place() else {
                sayFarewell(reader, .tooManyReaders)
                continue
            }
            readers[slot] = reader
            watch(descriptor, UInt64(slot), EPOLL_CTL_ADD, room: false)
            if reader.drain() == .gone { drop(slot) } else { settle(slot) }
        }
    }

    /// A free place; else that of a reader that is far behind; else that of one that connected and never asked.
    private func place() -> Int? {
        if let slot = readers.firstIndex(where: { $0 == nil }) { return slot }
        if let slot = readers.firstIndex(where: { $0?.isLagging ?? false }) {
            // It would not read a farewell either: the room for it is what is missing.
            drop(slot)
            return slot
        }
        guard let slot = readers.firstIndex(where: { !($0?.isSubscribed ?? true) }) else { return nil }
        part(slot, .tooManyReaders)
        return slot
    }

    private func turnAwayWithSpare() {
        guard spare >= 0 else { return }
        Glibc.close(spare)
        let descriptor = unsafe accept4(listener, __SOCKADDR_ARG(), nil, Int32(SOCK_CLOEXEC.rawValue))
        if descriptor >= 0 { Glibc.close(descriptor) }
        spare = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    }

    private func part(_ slot: Int, _ reason: Farewell) {
        guard let reader = readers[slot] else { return }
        sayFarewell(reader, reason)
        drop(slot)
    }

    /// As far as the socket takes it: who does not read will not read this either.
    private func sayFarewell(_ reader: Reader, _ reason: Farewell) {
        _ = reader.drain()
        let payload = InlineArray<1, UInt8>(repeating: reason.rawValue)
        unsafe withUnsafeBytes(of: payload) { payload in
            _ = unsafe reader.offer(
                FrameHeader(.farewell, firstSeq: 0, count: 0, payloadBytes: 1), payload, events: 0)
        }
        _ = reader.drain()
    }

    private func drop(_ slot: Int) {
        guard let reader = readers[slot] else { return }
        if reader.isSubscribed { subscribers -= 1 }
        // Closing the descriptor ends its watch, too.
        readers[slot] = nil
    }

    private func watch(_ descriptor: Int32, _ tag: UInt64, _ operation: Int32, room: Bool) {
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue | (room ? EPOLLOUT.rawValue : 0)
        unsafe event.data.u64 = tag
        _ = unsafe epoll_ctl(epoll, operation, descriptor, &event)
    }
}
