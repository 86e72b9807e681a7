import CLinux
public import Events
import Glibc

/// Says things to a socket of the system's (the journal's, the service manager's), one datagram each, without ever waiting.
///
/// What is not taken at once is refused, and the caller counts it. The other side may come later, go, and come back: the address is
/// looked up with each datagram. Deliberately without a memfd for what does not fit into one: what is said here is small.
public final class DatagramSocket {
    private let descriptor: Int32
    private var address = sockaddr_un()
    private let addressLength: socklen_t

    /// - Parameter name: a path, or behind an `@` a name in the abstract namespace.
    /// - Throws: `pathTooLong`, or what socket(2) says.
    public init(_ name: String) throws(LiveError) {
        var bytes = Array(name.utf8)
        let isAbstract = bytes.first == UInt8(ascii: "@")
        guard !bytes.isEmpty, bytes.count <= UnixSocket.pathLimit, !bytes.contains(0) else {
            throw .pathTooLong(path: name, limit: UnixSocket.pathLimit)
        }
        if isAbstract { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        // An abstract name ends with the address, a path with its NUL (unix(7)).
        addressLength = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1))
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system(path: name, call: "socket", errno: errno) }
    }

    deinit { close(descriptor) }

    /// - Returns: 0, or the errno with which it was refused: EAGAIN when the other side does not read fast enough, ENOENT or
    ///   ECONNREFUSED when nobody is there.
    public func send(_ bytes: Bytes) -> Int32 {
        let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
        let length = addressLength
        let descriptor = descriptor
        while true {
            let sent = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    unsafe bytes.withUnsafeBytes { raw in
                        unsafe sendto(descriptor, raw.baseAddress, raw.count, flags, pointer, length)
                    }
                }
            }
            if sent >= 0 { return 0 }
            if errno != EINTR { return errno }
        }
    }
}
