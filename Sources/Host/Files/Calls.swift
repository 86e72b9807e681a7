internal import CLinux
import Events
internal import Glibc

/// The few system calls this room makes. EINTR is handled here and nowhere else; errno is read here and nowhere else, at
/// once after the call, and travels as a negative result, as the kernel itself returns it.
enum Calls {
    /// A call that gives -1 on failure, as `-errno`; repeated while a signal interrupts it.
    @inline(__always)
    static func retrying<N: FixedWidthInteger & SignedInteger>(_ call: () -> N) -> N {
        while true {
            let result = call()
            if result != -1 { return result }
            let reason = Glibc.errno
            if reason != EINTR { return N(-reason) }
        }
    }

    static func withPath<R>(_ path: Bytes, _ body: (UnsafePointer<CChar>) -> R) -> R {
        var terminated = path
        terminated.append(0)
        return unsafe terminated.withUnsafeBytes { raw in
            // A buffer of at least one byte has a base address.
            unsafe body(raw.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self))
        }
    }

    /// - Returns: the descriptor, or `-errno`.
    static func open(_ path: Bytes, _ flags: Int32 = O_RDONLY, mode: mode_t = 0, at directory: Int32 = AT_FDCWD)
        -> Int32
    {
        unsafe withPath(path) { name in
            retrying { unsafe openat(directory, name, flags | O_CLOEXEC, mode) }
        }
    }

    static func open(_ name: StaticString, in directory: Int32) -> Int32 {
        retrying {
            unsafe openat(
                directory, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self), O_RDONLY | O_CLOEXEC)
        }
    }

    static func close(_ descriptor: Int32) {
        // Linux releases the descriptor even when close(2) is interrupted: never repeated.
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// Reads into `buffer[start...]` from `offset`. - Returns: the count, or `-errno`.
    @inline(__always)
    static func read(_ descriptor: Int32, into buffer: inout [UInt8], at start: Int, offset: Int) -> Int {
        unsafe buffer.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress, start < raw.count else { return 0 }
            let room = raw.count - start
            return retrying { unsafe pread(descriptor, base + start, room, offset) }
        }
    }

    /// One write(2) of everything: what control files of the kernel expect. - Returns: 0 or the errno.
    static func write(_ descriptor: Int32, _ bytes: Bytes) -> Int32 {
        let result = unsafe bytes.withUnsafeBytes { raw in
            retrying { unsafe Glibc.write(descriptor, raw.baseAddress, raw.count) }
        }
        return result < 0 ? Int32(-result) : 0
    }

    /// - Returns: 0 or the errno.
    static func write(_ text: String, to path: Bytes) -> Int32 {
        let descriptor = open(path, O_WRONLY)
        guard descriptor >= 0 else { return -descriptor }
        defer { close(descriptor) }
        return write(descriptor, Bytes(text.utf8))
    }

    /// Why a file cannot be opened for reading; 0 when it can.
    static func refusal(_ path: Bytes) -> Int32 {
        let descriptor = open(path)
        defer { close(descriptor) }
        return descriptor < 0 ? -descriptor : 0
    }

    struct Status {
        var inode: UInt64
        /// `st_dev` and `st_rdev` as `major << 20 | minor`.
        var device: UInt32
        var special: UInt32
        var isDirectory: Bool
        var isBlockDevice: Bool
        var uid: UInt32
        /// `st_mtime`, wall clock.
        var modifiedSeconds: Int64
    }

    static func status(_ path: Bytes) -> Status? {
        var info = stat()
        let result = unsafe withPath(path) { name in retrying { unsafe fstatat(AT_FDCWD, name, &info, 0) } }
        return result == 0 ? status(info) : nil
    }

    static func status(of descriptor: Int32) -> Status? {
        var info = stat()
        let result = retrying { unsafe fstat(descriptor, &info) }
        return result == 0 ? status(info) : nil
    }

    private static func status(_ info: stat) -> Status {
        Status(
            inode: UInt64(info.st_ino), device: number(UInt(info.st_dev)), special: number(UInt(info.st_rdev)),
            isDirectory: info.st_mode & S_IFMT == S_IFDIR, isBlockDevice: info.st_mode & S_IFMT == S_IFBLK,
            uid: info.st_uid, modifiedSeconds: Int64(info.st_mtim.tv_sec))
    }

    private static func number(_ device: UInt) -> UInt32 { iq_major(device) << 20 | (iq_minor(device) & 0xf_ffff) }

    static func exists(_ path: Bytes) -> Bool { status(path) != nil }

    /// Where a symbolic link points; `nil` when it is none or cannot be read.
    static func link(_ path: Bytes) -> Bytes? {
        var target = Bytes(repeating: 0, count: Int(PATH_MAX))
        let count = unsafe withPath(path) { name in
            unsafe target.withUnsafeMutableBytes { raw in
                guard let base = raw.baseAddress else { return 0 }
                return retrying {
                    unsafe readlink(name, base.assumingMemoryBound(to: CChar.self), raw.count)
                }
            }
        }
        guard count > 0 else { return nil }
        target.removeLast(target.count - count)
        return target
    }

    struct Entry {
        var name: Bytes
        var inode: UInt64
        var isDirectory: Bool
    }

    /// The entries of a directory without `.` and `..`, in the order the kernel gives them, at most `limit`; `nil` when it
    /// cannot be read.
    static func entries(_ path: Bytes, limit: Int = 65_536) -> [Entry]? {
        guard let directory = unsafe withPath(path, { name in unsafe opendir(name) }) else { return nil }
        defer { unsafe closedir(directory) }
        var found: [Entry] = []
        while found.count < limit, let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                unsafe Bytes(raw.prefix { $0 != 0 })
            }
            if name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")] { continue }
            unsafe found.append(
                Entry(name: name, inode: UInt64(entry.pointee.d_ino), isDirectory: entry.pointee.d_type == DT_DIR))
        }
        return found
    }

    /// - Returns: 0 or the errno.
    static func makeDirectory(_ path: Bytes) -> Int32 {
        -(unsafe withPath(path) { name in retrying { unsafe mkdir(name, 0o755) } })
    }

    /// - Returns: 0 or the errno.
    static func removeDirectory(_ path: Bytes) -> Int32 {
        -(unsafe withPath(path) { name in retrying { unsafe rmdir(name) } })
    }

    /// - Returns: 0 or the errno.
    static func kill(_ pid: Int32, _ signal: Int32) -> Int32 { -retrying { Glibc.kill(pid, signal) } }
}
