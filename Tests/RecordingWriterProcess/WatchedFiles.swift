import CLinux
import Glibc
import Recording

/// The file system itself, made to be written as the test wants: past the page cache or through it; and, to prove that a test
/// can fail, without waiting for the disk.
struct WatchedFiles: RecordingFiles {
    /// `false`: O_DIRECT is refused, as some file systems do. `true`: a file system that refuses it is no place for this test.
    let direct: Bool
    /// `false`: nothing is durable when a write or a sync returns. A recorder that forgot to ask looks like this.
    let synced: Bool
    private let system = SystemFiles()

    init(direct: Bool, synced: Bool) {
        self.direct = direct
        self.synced = synced
    }

    func open(_ directory: Int32, _ name: String, _ mode: OpenMode) throws(FileError) -> Int32 {
        switch mode {
        case .read, .readWrite: return try system.open(directory, name, mode)
        case .durable(let wanted), .create(let wanted), .bulk(let wanted):
            if wanted && !direct { throw FileError(errno: EINVAL) }
            guard !synced else {
                return try withoutFallback { () throws(FileError) in try system.open(directory, name, mode) }
            }
            let file = try system.open(directory, name, .readWrite)
            if wanted, fcntl(file, F_SETFL, iq_O_DIRECT) != 0 { fail("no O_DIRECT: errno \(errno)") }
            return file
        }
    }

    private func withoutFallback<R>(_ body: () throws(FileError) -> R) throws(FileError) -> R {
        do { return try body() } catch {
            if direct && error.errno == EINVAL { fail("O_DIRECT is refused") }
            throw error
        }
    }

    func sync(_ file: Int32) throws(FileError) {
        if synced { try system.sync(file) }
    }

    func openDirectory(_ path: String, create: Bool) throws(FileError) -> Int32 {
        try system.openDirectory(path, create: create)
    }

    func close(_ file: Int32) { system.close(file) }
    func list(_ directory: Int32) throws(FileError) -> [String] { try system.list(directory) }
    func size(_ file: Int32) throws(FileError) -> Int { try system.size(file) }
    func identity(_ file: Int32) throws(FileError) -> FileIdentity { try system.identity(file) }

    func read(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try system.read(file, buffer, at: offset)
    }

    func willNeed(_ file: Int32, _ bytes: Range<Int>) { system.willNeed(file, bytes) }

    func write(_ file: Int32, _ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileError) {
        try withoutFallback { () throws(FileError) in try system.write(file, buffers, at: offset) }
    }

    func allocate(_ file: Int32, _ bytes: Int) throws(FileError) { try system.allocate(file, bytes) }
    func truncate(_ file: Int32, _ bytes: Int) throws(FileError) { try system.truncate(file, bytes) }

    func rename(_ directory: Int32, _ from: String, _ to: String) throws(FileError) {
        try system.rename(directory, from, to)
    }

    func unlink(_ directory: Int32, _ name: String) throws(FileError) { try system.unlink(directory, name) }
    func lock(_ file: Int32) throws(FileError) -> Bool { try system.lock(file) }
    func give(_ file: Int32, group: UInt32) throws(FileError) { try system.give(file, group: group) }
}
