import CLinux
import Events
import Glibc

/// Who reads, as the kernel vouches for it (SO_PEERCRED), and how well it keeps up.
public struct LivePeer: Equatable, Sendable {
    public let pid: Int32
    public let uid: UInt32
    public let gid: UInt32
    /// Events that it missed because it was too slow, since it connected.
    public let lost: UInt64
}

/// A process as the kernel vouched for it when it connected (unix(7), SO_PEERCRED and SO_PEERGROUPS).
struct Peer: Equatable {
    var pid: Int32
    var uid: UInt32
    /// Its own group first.
    var groups: [UInt32]

    init(pid: Int32, uid: UInt32, groups: [UInt32]) {
        self.pid = pid
        self.uid = uid
        self.groups = groups
    }

    /// Nobody, where the kernel does not say.
    init(of socket: Int32) {
        var credentials = ucred(pid: 0, uid: uid_t.max, gid: gid_t.max)
        var size = socklen_t(MemoryLayout<ucred>.size)
        _ = unsafe getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size)
        (pid, uid, groups) = (credentials.pid, credentials.uid, [credentials.gid])
        // Asked twice: the first time without room, for their number.
        size = 0
        guard unsafe getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nil, &size) != 0, errno == ERANGE else { return }
        var more = [gid_t](repeating: gid_t.max, count: Int(size) / MemoryLayout<gid_t>.stride)
        if unsafe getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, &more, &size) == 0 { groups += more }
    }

    /// The socket's mode says the same, as long as nobody changes it or reaches the socket in another way.
    func mayRead(servedBy uid: UInt32, group: UInt32) -> Bool {
        self.uid == 0 || self.uid == uid || groups.contains(group)
    }
}

/// One reader's connection, the recorder's side. Owns the descriptor.
///
/// What the socket does not take at once waits in a queue of fixed size. When that is full, whole frames are left out and their
/// events counted, until the queue has been emptied; then the reader is told how many it missed. Nothing here waits.
final class Reader {
    enum Condition { case fine, gone }

    let descriptor: Int32
    let peer: Peer
    /// Its request has come.
    private(set) var hasAsked = false
    /// It gets events from now on; set by the server, which first sends what happened before.
    var isSubscribed = false
    private(set) var lostTotal: UInt64 = 0
    /// Events left out since the last gap that the reader was told about.
    private(set) var lostNow: UInt64 = 0
    /// Whether the event loop watches for room in the socket.
    var isWatchedForRoom = false
    private var queue: ByteRing
    private var input = Bytes()

    init(descriptor: Int32, queueBytes: Int) {
        self.descriptor = descriptor
        queue = ByteRing(capacity: queueBytes)
        input.reserveCapacity(LiveProtocol.requestLimit)
        peer = Peer(of: descriptor)
    }

    deinit { close(descriptor) }

    var hasQueued: Bool { queue.count > 0 }
    /// Far behind: frames are being left out.
    var isLagging: Bool { lostNow > 0 }

    /// Sends or queues one frame, or counts its events as lost.
    func offer(_ header: borrowing FrameHeader, _ payload: UnsafeRawBufferPointer, events: Int) -> Condition {
        guard lostNow == 0, queue.free >= LiveProtocol.frameHeaderBytes + payload.count else {
            miss(events)
            return .fine
        }
        return unsafe withUnsafeBytes(of: header.bytes) { header in
            guard queue.count == 0 else {
                unsafe queue.push(header)
                unsafe queue.push(payload)
                return .fine
            }
            let sent = unsafe send(header, payload)
            guard sent >= 0 else { return .gone }
            unsafe queue.push(UnsafeRawBufferPointer(rebasing: header[min(sent, header.count)...]))
            unsafe queue.push(UnsafeRawBufferPointer(rebasing: payload[max(sent - header.count, 0)...]))
            return .fine
        }
    }

    /// Counts events that this reader will not see.
    func miss(_ events: Int) {
        lostNow += UInt64(events)
        lostTotal += UInt64(events)
    }

    /// The gap has been told.
    func clearGap() { lostNow = 0 }

    /// Queues bytes outside any frame: the greeting.
    func push(_ bytes: Bytes) {
        guard queue.free >= bytes.count else { return }
        unsafe bytes.withUnsafeBytes { unsafe queue.push($0) }
    }

    /// Hands the queue to the socket as far as it takes it.
    func drain() -> Condition {
        while queue.count > 0 {
            let sent = unsafe queue.withFront { front in
                retrying { unsafe Glibc.send(descriptor, front.baseAddress, front.count, Self.flags) }
            }
            if sent < 0 { return errno == EAGAIN ? .fine : .gone }
            queue.pop(sent)
        }
        return .fine
    }

    /// Reads what the reader says. Anything but one well-formed subscription ends the connection.
    func listen() -> Condition {
        while true {
            var block = InlineArray<64, UInt8>(repeating: 0)
            let got = unsafe withUnsafeMutableBytes(of: &block) { buffer in
                retrying {
                    unsafe recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                }
            }
            if got < 0 { return errno == EAGAIN ? .fine : .gone }
            guard got > 0, !hasAsked, input.count + got <= LiveProtocol.requestLimit else { return .gone }
            for index in 0..<got { input.append(block[index]) }
            guard understand() else { return .gone }
        }
    }

    /// False when the bytes so far cannot become the one request there is.
    private func understand() -> Bool {
        guard input.count >= 4 else { return true }
        let length = LiveProtocol.number(UInt32.self, input.span, at: 0)
        guard length == UInt32(LiveProtocol.requestBytes) else { return false }
        guard input.count >= 4 + LiveProtocol.requestBytes else { return true }
        guard input.count == 4 + LiveProtocol.requestBytes, RequestKind(rawValue: input[4]) == .subscribe,
            LiveProtocol.number(UInt32.self, input.span, at: 5) == LiveProtocol.version
        else { return false }
        hasAsked = true
        return true
    }

    private static let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)

    /// Header and payload in one call. Bytes taken, 0 when there is no room; -1 when the connection is gone.
    private func send(_ header: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer) -> Int {
        var parts: InlineArray<2, iovec> = [
            unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: header.baseAddress), iov_len: header.count),
            unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: payload.baseAddress), iov_len: payload.count),
        ]
        let sent = unsafe withUnsafeMutablePointer(to: &parts) { pointer in
            unsafe pointer.withMemoryRebound(to: iovec.self, capacity: 2) { pointer in
                var message = unsafe msghdr()
                unsafe message.msg_iov = pointer
                unsafe message.msg_iovlen = 2
                return retrying { unsafe sendmsg(descriptor, &message, Self.flags) }
            }
        }
        if sent >= 0 { return sent }
        return errno == EAGAIN ? 0 : -1
    }
}

/// Repeats a call while a signal interrupts it.
@inline(__always)
func retrying(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
