import CLinux
import Glibc

/// An errno, as a file operation gave it.
package struct FileError: Error, Equatable {
    package let errno: Int32
    /// What would let somebody else misuse the file or directory, as the end of "X ..."; empty for any other error.
    let distrust: String

    package init(errno: Int32) { self.init(errno: errno, distrust: "") }

    init(errno: Int32, distrust: String) {
        self.errno = errno
        self.distrust = distrust
    }
}

/// Which file a descriptor is, whatever became of its name.
package struct FileIdentity: Equatable, Sendable {
    let device: UInt64
    let inode: UInt64
    /// Names that lead to it: 0 when it was removed.
    let links: UInt64
}

/// How a file is opened; none of them follows a symlink.
package enum OpenMode {
    case read
    /// Made when it is not there.
    case readWrite
    /// Each write is durable when it returns; past the page cache where the file system can.
    case durable(direct: Bool)
    /// The same for a file that must not exist yet.
    case create(direct: Bool)
    /// Writes are not durable before `sync`; for zeroing ahead.
    case bulk(direct: Bool)
}

/// Every file operation of the recording. The tests put faults here, also from processes of their own (`package`); the code
/// that uses it has no branch for them.
package protocol RecordingFiles: Sendable {
    /// Opens a directory; `create` is for writing: it is made (0750) where it is missing, and refused where others could put files
    /// of their choice into it.
    func openDirectory(_ path: String, create: Bool) throws(FileError) -> Int32
    func open(_ directory: Int32, _ name: String, _ mode: OpenMode) throws(FileError) -> Int32
    func close(_ file: Int32)
    func list(_ directory: Int32) throws(FileError) -> [String]
    func size(_ file: Int32) throws(FileError) -> Int
    func identity(_ file: Int32) throws(FileError) -> FileIdentity
    /// Reads up to the buffer's size; fewer bytes mean the end of the file.
    func read(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int
    /// Has the disk begin to read what will be asked for, all of it at once.
    func willNeed(_ file: Int32, _ bytes: Range<Int>)
    /// Writes all of the buffers, one after the other, or throws.
    func write(_ file: Int32, _ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileError)
    /// Takes the space of a file of this size; only its length where the file system cannot.
    func allocate(_ file: Int32, _ bytes: Int) throws(FileError)
    func truncate(_ file: Int32, _ bytes: Int) throws(FileError)
    func sync(_ file: Int32) throws(FileError)
    func rename(_ directory: Int32, _ from: String, _ to: String) throws(FileError)
    func unlink(_ directory: Int32, _ name: String) throws(FileError)
    /// Takes the lock without waiting: `false` when another holds it.
    func lock(_ file: Int32) throws(FileError) -> Bool
    /// Gives a file or directory to a group.
    func give(_ file: Int32, group: UInt32) throws(FileError)
}

extension RecordingFiles {
    func write(_ file: Int32, _ buffer: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
        try unsafe write(file, [buffer], at: offset)
    }

    /// Nothing to do where reading does not wait.
    package func willNeed(_ file: Int32, _ bytes: Range<Int>) {}
}

/// The file system itself.
package struct SystemFiles: RecordingFiles {
    package init() {}

    package func openDirectory(_ path: String, create: Bool) throws(FileError) -> Int32 {
        var made = false
        if create {
            made = unsafe mkdir(path, 0o750) == 0
            if !made && errno != EEXIST { throw FileError(errno: errno) }
        }
        let directory = try retrying { unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        if create, !made {
            do { try Trust.check(directory: directory) } catch {
                close(directory)
                throw error
            }
        }
        if made {
            // Its name must be as durable as what will be acknowledged in it.
            let parent = try retrying { unsafe openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
            defer { close(parent) }
            try sync(parent)
        }
        return directory
    }

    package func open(_ directory: Int32, _ name: String, _ mode: OpenMode) throws(FileError) -> Int32 {
        // Without O_NONBLOCK a pipe in the place of a file would hold whoever opens it.
        let common = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        let flags: Int32 =
            switch mode {
            case .read: O_RDONLY
            case .readWrite: O_RDWR | O_CREAT
            case .durable(let direct): O_RDWR | O_DSYNC | (direct ? iq_O_DIRECT : 0)
            case .create(let direct): O_RDWR | O_CREAT | O_EXCL | O_DSYNC | (direct ? iq_O_DIRECT : 0)
            case .bulk(let direct): O_RDWR | O_CREAT | (direct ? iq_O_DIRECT : 0)
            }
        let file = try retrying { unsafe openat(directory, name, flags | common, 0o640) }
        do {
            if case .read = mode { try Trust.check(readable: file) } else { try Trust.check(writable: file) }
            // Not with O_TRUNC: that would have happened before anybody looked at what it is.
            if case .bulk = mode { try truncate(file, 0) }
        } catch {
            close(file)
            throw error
        }
        return file
    }

    package func close(_ file: Int32) { _ = Glibc.close(file) }

    package func list(_ directory: Int32) throws(FileError) -> [String] {
        // A descriptor of its own: reading a directory moves its position.
        let copy = try retrying { unsafe openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard let stream = unsafe fdopendir(copy) else {
            let error = FileError(errno: errno)
            close(copy)
            throw error
        }
        defer { _ = unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    package func size(_ file: Int32) throws(FileError) -> Int {
        var facts = stat()
        guard unsafe fstat(file, &facts) == 0 else { throw FileError(errno: errno) }
        return Int(facts.st_size)
    }

    package func identity(_ file: Int32) throws(FileError) -> FileIdentity {
        var facts = stat()
        guard unsafe fstat(file, &facts) == 0 else { throw FileError(errno: errno) }
        return FileIdentity(
            device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino), links: UInt64(facts.st_nlink))
    }

    package func read(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = unsafe pread(file, buffer.baseAddress! + done, buffer.count - done, offset + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError(errno: errno)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    package func willNeed(_ file: Int32, _ bytes: Range<Int>) {
        _ = posix_fadvise(file, bytes.lowerBound, bytes.count, POSIX_FADV_WILLNEED)
    }

    package func write(_ file: Int32, _ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileError) {
        try unsafe writeAll(buffers, at: offset) { unsafe pwritev(file, $0, $1, $2) }
    }

    package func allocate(_ file: Int32, _ bytes: Int) throws(FileError) {
        while fallocate(file, 0, 0, bytes) != 0 {
            if errno == EINTR { continue }
            guard errno == EOPNOTSUPP else { throw FileError(errno: errno) }
            return try truncate(file, bytes)
        }
    }

    package func truncate(_ file: Int32, _ bytes: Int) throws(FileError) {
        _ = try retrying { ftruncate(file, bytes) }
    }

    package func sync(_ file: Int32) throws(FileError) {
        // Not repeated after an error: the kernel would then claim what it has dropped.
        _ = try retrying { fsync(file) }
    }

    package func rename(_ directory: Int32, _ from: String, _ to: String) throws(FileError) {
        _ = try retrying { unsafe renameat(directory, from, directory, to) }
    }

    package func unlink(_ directory: Int32, _ name: String) throws(FileError) {
        _ = try retrying { unsafe unlinkat(directory, name, 0) }
    }

    package func lock(_ file: Int32) throws(FileError) -> Bool {
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            if errno == EWOULDBLOCK { return false }
            throw FileError(errno: errno)
        }
        return true
    }

    package func give(_ file: Int32, group: UInt32) throws(FileError) {
        _ = try retrying { fchown(file, UInt32.max, group) }
    }

    /// The one EINTR loop; errno is read right after the call.
    private func retrying(_ call: () -> Int32) throws(FileError) -> Int32 {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw FileError(errno: code) }
        }
    }
}

/// Writes all of the buffers, one after the other, with as many calls as that takes.
///
/// A signal ends nothing. After a short write the rest follows, from the last whole block on: only the next call says what stopped
/// the one before (no space, a bad place). After an error nothing is handed over again.
///
/// - Parameter call: pwritev(2) on the file: vectors, their count, offset in the file; -1 with errno.
func writeAll(
    _ buffers: [UnsafeRawBufferPointer], at offset: Int, by call: (UnsafePointer<iovec>, Int32, Int) -> Int
) throws(FileError) {
    var vectors = unsafe buffers.map {
        unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
    }
    let wanted = unsafe buffers.reduce(0) { $0 + $1.count }
    var done = 0
    while done < wanted {
        let count = unsafe call(vectors, Int32(vectors.count), offset + done)
        if count < 0 {
            let code = errno
            if code == EINTR { continue }
            throw FileError(errno: code)
        }
        // O_DIRECT takes whole blocks only.
        var step = done + count == wanted ? count : count / Layout.block * Layout.block
        // Less than a block, and no error: there is no more room.
        guard step > 0 else { throw FileError(errno: ENOSPC) }
        done += step
        while step > 0, let first = unsafe vectors.first {
            if unsafe step < first.iov_len {
                unsafe vectors[0].iov_base = first.iov_base.map { unsafe $0 + step }
                unsafe vectors[0].iov_len = first.iov_len - step
                break
            }
            unsafe step -= first.iov_len
            unsafe vectors.removeFirst()
        }
    }
}
