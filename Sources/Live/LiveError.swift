import Glibc

/// Why there is no live connection, or no more.
public enum LiveError: Error, Equatable, Sendable {
    /// Nothing is at the path, or nobody listens behind the socket.
    case noRecorder(path: String)
    case notAllowed(path: String)
    /// A server finds its place taken.
    case alreadyServed(path: String)
    /// A server finds something that is no socket, or a link, at its place.
    case occupied(path: String, by: String)
    /// Longer than a Unix socket's path may be.
    case pathTooLong(path: String, limit: Int)
    case otherVersion(path: String, theirs: UInt32, ours: UInt32)
    /// What is at the other end does not speak the protocol.
    case malformed(path: String, what: String)
    case farewell(path: String, Farewell)
    /// The connection ended without a word: the recorder died, or a reader far behind had to make room for another.
    case closed(path: String)
    /// No greeting within the time.
    case silent(path: String)
    case system(path: String, call: String, errno: Int32)

    /// One line: what failed, on what, what to do.
    public var message: String {
        switch self {
        case .noRecorder(let path):
            "no recorder listens at \(path); start one with 'inquest record', or name its socket with --live"
        case .notAllowed(let path), .farewell(let path, .notAllowed):
            "not allowed to read from the recorder at \(path); become a member of the group inquest, or use sudo"
        case .alreadyServed(let path):
            "a recorder already listens at \(path); stop it first, or choose another socket with --live"
        case .occupied(let path, let by):
            "cannot listen at \(path): there is \(by); remove it, or choose another socket with --live"
        case .pathTooLong(let path, let limit):
            "the socket path \(path) is longer than \(limit) bytes; choose a shorter one with --live"
        case .otherVersion(let path, let theirs, let ours):
            "the recorder at \(path) speaks version \(theirs) of the live protocol, this program version \(ours);"
                + " use the recorder's own binary"
        case .malformed(let path, let what):
            "what listens at \(path) is no recorder of ours: \(what); name the recorder's socket with --live"
        case .farewell(let path, .tooManyReaders):
            "the recorder at \(path) has as many readers as it takes; end one of them"
        case .farewell(let path, _): "the recorder at \(path) stopped"
        case .closed(let path):
            "the recorder at \(path) ended the connection without a word: it died, or this reader was too slow and another"
                + " one wanted its place; connect again"
        case .silent(let path): "what listens at \(path) does not answer; name the recorder's socket with --live"
        case .system(let path, let call, let code): "live socket \(path): \(call): \(Self.text(code))"
        }
    }

    private static func text(_ code: Int32) -> String {
        var text = [CChar](repeating: 0, count: 128)
        _ = unsafe strerror_r(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
