import CLinux
import Glibc

/// Where a page is served: `127.0.0.1:10137`, `[::1]:10137`, `unix:/run/inquest/metrics.sock`.
///
/// Addresses are numbers: a static program has no name service.
public enum ScrapeAddress: Equatable, Sendable {
    case ipv4(address: UInt32, port: UInt16)
    case ipv6(address: [UInt8], port: UInt16)
    case unix(path: String)

    /// `nil` for anything else.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), path.utf8.count <= Self.pathLimit, !path.utf8.contains(0) else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        let host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            var address = in6_addr()
            guard unsafe inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &address) == 1 else { return nil }
            self = .ipv6(address: unsafe withUnsafeBytes(of: address) { unsafe Array($0) }, port: port)
        } else {
            var address = in_addr()
            guard unsafe inet_pton(AF_INET, host, &address) == 1 else { return nil }
            self = .ipv4(address: address.s_addr, port: port)
        }
    }

    /// Bytes of a path, its NUL not counted (unix(7)).
    static let pathLimit = 107

    /// A listening, non-blocking socket.
    func listen() throws(ScrapeError) -> Int32 {
        let family: Int32 =
            switch self {
            case .ipv4: AF_INET
            case .ipv6: AF_INET6
            case .unix: AF_UNIX
            }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw ScrapeError(call: "socket", errno: errno) }
        do throws(ScrapeError) {
            try bind(descriptor)
            guard Glibc.listen(descriptor, 16) == 0 else { throw ScrapeError(call: "listen", errno: errno) }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private func bind(_ descriptor: Int32) throws(ScrapeError) {
        let result: Int32
        switch self {
        case .ipv4(let address, let port):
            reuse(descriptor)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = address
            result = unsafe Self.bind(descriptor, &name)
        case .ipv6(let address, let port):
            reuse(descriptor)
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &name.sin6_addr) { unsafe $0.copyBytes(from: address) }
            result = unsafe Self.bind(descriptor, &name)
        case .unix(let path):
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
            if unsafe Self.isDeserted(path, &name) { _ = unsafe unlink(path) }
            result = unsafe Self.bind(descriptor, &name)
            // Nobody can connect before listen(2): the mode is right before anyone could use a wrong one.
            if result == 0, unsafe chmod(path, 0o660) != 0 { throw ScrapeError(call: "chmod", errno: errno) }
        }
        guard result == 0 else { throw ScrapeError(call: "bind", errno: errno) }
    }

    /// A restart does not wait for the connections of the run before.
    private func reuse(_ descriptor: Int32) {
        var yes: Int32 = 1
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func bind<Name>(_ descriptor: Int32, _ name: UnsafePointer<Name>) -> Int32 {
        unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<Name>.size))
        }
    }

    /// Whether a socket is there behind which nobody listens any more. Anything else at the place is not ours to remove.
    private static func isDeserted(_ path: String, _ name: UnsafePointer<sockaddr_un>) -> Bool {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return false }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { return false }
        defer { close(probe) }
        let result = unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
        return result != 0 && errno == ECONNREFUSED
    }

    /// The address as bound: a port of 0 has become a real one.
    func bound(_ descriptor: Int32) -> ScrapeAddress {
        var name = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = unsafe withUnsafeMutablePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        guard result == 0 else { return self }
        // The port lies at the same place in both.
        let port = UInt16(bigEndian: name.sin6_port)
        return switch self {
        case .ipv4(let address, _): .ipv4(address: address, port: port)
        case .ipv6(let address, _): .ipv6(address: address, port: port)
        case .unix: self
        }
    }

    /// As a scraper's configuration wants it.
    public var words: String {
        switch self {
        case .ipv4(let address, let port):
            let bytes = unsafe withUnsafeBytes(of: address) { unsafe Array($0) }
            return "http://" + bytes.map { String($0) }.joined(separator: ".") + ":\(port)\(RequestHead.path)"
        case .ipv6(let address, let port):
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            _ = unsafe address.withUnsafeBytes {
                unsafe inet_ntop(AF_INET6, $0.baseAddress, &text, socklen_t(INET6_ADDRSTRLEN))
            }
            let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return "http://[\(words)]:\(port)\(RequestHead.path)"
        case .unix(let path): return "unix:\(path)"
        }
    }
}

/// Why a page cannot be served.
public struct ScrapeError: Error, Equatable, Sendable {
    public let call: String
    public let errno: Int32
}
