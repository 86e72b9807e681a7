internal import CLinux
public import Events
internal import Glibc

/// The file system that a recording would be on, tried and not assumed.
public struct DirectoryFacts: Equatable, Sendable {
    /// The directory asked for, or the nearest one above it that exists: that is what was looked at.
    public var directory: Bytes
    public var exists: Bool
    /// `ext4`, `xfs`, `btrfs`, `tmpfs`, ...; empty when the mount table does not tell.
    public var fileSystem: Bytes
    public var freeBytes: Figure
    /// 0: a block was written with O_DIRECT. Otherwise the errno: EINVAL, the file system refuses O_DIRECT; EACCES, EROFS, ...,
    /// nothing can be written there at all.
    public var directErrno: Int32
    /// 0: a file can be made there.
    public var writableErrno: Int32

    public init(_ wanted: Bytes, _ paths: HostPaths = HostPaths()) {
        var directory = wanted
        exists = Calls.status(directory)?.isDirectory ?? false
        while !(Calls.status(directory)?.isDirectory ?? false), let slash = directory.lastIndex(of: UInt8(ascii: "/")),
            slash > 0
        {
            directory.removeLast(directory.count - slash)
        }
        if !(Calls.status(directory)?.isDirectory ?? false) {
            directory = [UInt8(ascii: wanted.first == 0x2f ? "/" : ".")]
        }
        self.directory = directory

        let device = Calls.status(directory)?.device
        fileSystem = Mount.all(paths).last { $0.device == device }?.type ?? []
        freeBytes = DirectoryFacts.available(directory)
        (writableErrno, directErrno) = DirectoryFacts.tryDirect(directory)
    }

    private static func available(_ directory: Bytes) -> Figure {
        var info = statvfs()
        let result = unsafe Calls.withPath(directory) { name in Calls.retrying { unsafe statvfs(name, &info) } }
        return result == 0 ? Figure(UInt64(info.f_bavail)).scaled(by: UInt64(info.f_frsize)) : .unknown
    }

    /// Makes a file, writes one block past the page cache, removes the file.
    private static func tryDirect(_ directory: Bytes) -> (writable: Int32, direct: Int32) {
        let path = directory + Bytes("/.inquest-probe-\(getpid())".utf8)
        let plain = Calls.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        guard plain >= 0 else { return (-plain, -plain) }
        defer {
            Calls.close(plain)
            _ = unsafe Calls.withPath(path) { name in Calls.retrying { unsafe unlink(name) } }
        }
        // Some file systems refuse at open, others only at the write.
        let direct = Calls.open(path, O_RDWR | iq_O_DIRECT)
        guard direct >= 0 else { return (0, -direct) }
        defer { Calls.close(direct) }
        var block: UnsafeMutableRawPointer?
        guard unsafe posix_memalign(&block, 4096, 4096) == 0, let block = unsafe block else { return (0, ENOMEM) }
        defer { unsafe free(block) }
        unsafe memset(block, 0, 4096)
        let written = Calls.retrying { unsafe pwrite(direct, block, 4096, 0) }
        return (0, written < 0 ? Int32(-written) : 0)
    }
}
