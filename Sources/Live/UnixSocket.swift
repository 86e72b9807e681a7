import CLinux
import Events
import Glibc

/// The socket calls of this room; EINTR and errno are dealt with here.
enum UnixSocket {
    /// Bytes of a path, its NUL not counted (unix(7)).
    static let pathLimit = 107

    /// A non-blocking stream socket that listens at the path.
    ///
    /// It is made beside its place and renamed onto it, complete with mode and group: there is no moment at which nobody
    /// listens at an existing path, or at which the wrong people could connect. A socket behind which nobody listens any more is
    /// replaced; a link, or anything else, is refused.
    static func listen(_ path: String, group: String, groupFile: String) throws(LiveError) -> (Int32, Identity) {
        try checkPlace(path)
        let temporary = "\(path).\(getpid())"
        let descriptor = try open(path)
        var isDone = false
        defer { if !isDone { close(descriptor) } }
        func failed(_ call: String) -> LiveError {
            let code = errno
            return code == EACCES || code == EPERM
                ? .notAllowed(path: path) : .system(path: path, call: call, errno: code)
        }
        _ = unsafe unlink(temporary)
        guard try unsafe address(temporary, { unsafe Glibc.bind(descriptor, $0, $1) }) == 0 else {
            throw failed("bind")
        }
        var isRenamed = false
        defer { if !isRenamed { _ = unsafe unlink(temporary) } }
        // Until listen(2) nobody can connect, so the mode is right before anyone could use a wrong one.
        guard unsafe chmod(temporary, 0o660) == 0 else { throw failed("chmod") }
        if let id = Self.group(group, groupFile) {
            // Only root may give a file to a group it is not in; then the group stays the process's own.
            _ = unsafe lchown(temporary, uid_t.max, id)
        }
        guard Glibc.listen(descriptor, 16) == 0 else { throw failed("listen") }
        guard let identity = Identity(temporary) else { throw failed("stat") }
        guard unsafe rename(temporary, path) == 0 else { throw failed("rename") }
        isRenamed = true
        isDone = true
        return (descriptor, identity)
    }

    /// A connected, non-blocking stream socket.
    static func connect(_ path: String) throws(LiveError) -> Int32 {
        let descriptor = try open(path)
        let result = try unsafe address(path) { pointer, length in
            var result: Int32
            repeat { result = unsafe Glibc.connect(descriptor, pointer, length) } while result != 0 && errno == EINTR
            return result
        }
        guard result != 0 else { return descriptor }
        let code = errno
        close(descriptor)
        switch code {
        case ENOENT, ECONNREFUSED, ENOTDIR: throw .noRecorder(path: path)
        case EACCES, EPERM: throw .notAllowed(path: path)
        // The recorder's queue of newcomers is full.
        case EAGAIN: throw .farewell(path: path, .tooManyReaders)
        default: throw .system(path: path, call: "connect", errno: code)
        }
    }

    /// What a file is, whatever its name.
    struct Identity: Equatable {
        let device: dev_t
        let inode: ino_t
        let group: gid_t

        init?(_ path: String) {
            var status = stat()
            guard unsafe lstat(path, &status) == 0 else { return nil }
            device = status.st_dev
            inode = status.st_ino
            group = status.st_gid
        }

        /// The same file, whoever may use it meanwhile.
        static func == (a: Identity, b: Identity) -> Bool { a.device == b.device && a.inode == b.inode }
    }

    /// Refuses a place where something stands that is not ours to replace; makes the directory when only that is missing.
    private static func checkPlace(_ path: String) throws(LiveError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
                _ = unsafe mkdir(String(path[..<slash]), 0o755)
            }
            return
        }
        switch status.st_mode & S_IFMT {
        case S_IFSOCK: break
        case S_IFLNK: throw .occupied(path: path, by: "a symbolic link")
        case S_IFDIR: throw .occupied(path: path, by: "a directory")
        default: throw .occupied(path: path, by: "a file that is no socket")
        }
        guard !isServed(path) else { throw .alreadyServed(path: path) }
    }

    static func isServed(_ path: String) -> Bool {
        do throws(LiveError) {
            close(try connect(path))
            return true
        } catch {
            switch error {
            case .farewell, .notAllowed: return true
            default: return false
            }
        }
    }

    private static func open(_ path: String) throws(LiveError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw .system(path: path, call: "socket", errno: errno) }
        return descriptor
    }

    private static func address(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(LiveError) -> Int32 {
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count <= pathLimit, !bytes.contains(0) else {
            throw .pathTooLong(path: path, limit: pathLimit)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe body(pointer, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// The group's number, read from the group file itself: a static binary has no name service.
    static func group(_ name: String, _ file: String) -> gid_t? {
        let descriptor = unsafe Glibc.open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // Group files of large sites are some hundred kilobytes; beyond a megabyte the group counts as missing.
        var bytes = Bytes(repeating: 0, count: 1 << 20)
        var count = 0
        while count < bytes.count {
            let got = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe read(descriptor, buffer.baseAddress! + count, buffer.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            if got <= 0 { break }
            count += got
        }
        for line in bytes[..<count].split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            if fields.count >= 3, fields[0].elementsEqual(name.utf8) {
                return gid_t(String(decoding: fields[2], as: UTF8.self))
            }
        }
        return nil
    }
}
