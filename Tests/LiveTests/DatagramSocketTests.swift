import Events
import Glibc
import Testing

@testable import Live

/// The other end: a datagram socket that a test reads when it likes to.
final class Listener {
    let descriptor: Int32

    init(_ name: String) {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var bytes = Array(name.utf8)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var length = MemoryLayout<sa_family_t>.size + bytes.count
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 } else { length += 1 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(length)) }
        }
        precondition(bound == 0, "bind: errno \(errno)")
    }

    deinit { close(descriptor) }

    /// `nil` when nothing waits.
    func receive() -> Bytes? {
        var buffer = Bytes(repeating: 0, count: 1 << 17)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : Bytes(buffer[..<count])
    }
}

@Suite struct DatagramSocketTests {
    let directory = TemporaryDirectory()

    @Test func `a datagram arrives whole, by a path and by an abstract name`() throws {
        for name in [directory.socket, "@inquest-test-\(getpid())"] {
            let listener = Listener(name)
            let socket = try DatagramSocket(name)
            let large = Bytes(repeating: 7, count: 60_000)
            #expect(socket.send(Bytes("READY=1".utf8)) == 0)
            #expect(socket.send(large) == 0)
            #expect(listener.receive() == Bytes("READY=1".utf8))
            #expect(listener.receive() == large)
            #expect(listener.receive() == nil)
        }
    }

    @Test func `nobody there is an error, and who comes later is heard by`() throws {
        let socket = try DatagramSocket(directory.socket)
        #expect(socket.send([1]) == ENOENT)
        var listener: Listener? = Listener(directory.socket)
        #expect(socket.send([2]) == 0)
        #expect(listener?.receive() == [2])
        listener = nil
        #expect(socket.send([3]) == ECONNREFUSED)
    }

    @Test func `who does not read is not waited for`() throws {
        let listener = Listener(directory.socket)
        let socket = try DatagramSocket(directory.socket)
        var taken = 0
        // The kernel holds net.unix.max_dgram_qlen of them (10, or what systemd sets: 512).
        while taken < 100_000, socket.send([1]) == 0 { taken += 1 }
        #expect(taken < 100_000)
        #expect(socket.send([2]) == EAGAIN)
        #expect(listener.receive() == [1])
        #expect(socket.send([3]) == 0)
    }

    @Test func `a name that is too long is refused`() {
        #expect(throws: LiveError.pathTooLong(path: String(repeating: "x", count: 108), limit: 107)) {
            _ = try DatagramSocket(String(repeating: "x", count: 108))
        }
    }
}
