import Events
import Glibc
import Synchronization

@testable import Recording

/// Holds whoever passes while it is closed.
final class Gate: Sendable {
    private let closed = Atomic(false)
    private let held = Atomic(0)

    func close() { closed.store(true, ordering: .releasing) }
    func open() { closed.store(false, ordering: .releasing) }
    /// Whether somebody waits here.
    var holds: Bool { held.load(ordering: .acquiring) > 0 }

    func pass() {
        guard closed.load(ordering: .acquiring) else { return }
        held.add(1, ordering: .acquiringAndReleasing)
        while closed.load(ordering: .acquiring) { usleep(500) }
        held.subtract(1, ordering: .acquiringAndReleasing)
    }
}

/// A file system in memory: fails where it is told to, and remembers each change, so that a power cut can be put anywhere.
final class MemoryFiles: RecordingFiles {
    enum Change: Equatable {
        case create(name: String, id: Int)
        case write(id: Int, offset: Int, bytes: Bytes)
        case resize(id: Int, bytes: Int)
        case rename(from: String, to: String)
        case unlink(name: String)
    }

    struct Disk {
        var names: [String: Int] = [:]
        var contents: [Int: Bytes] = [:]

        mutating func apply(_ change: Change) {
            switch change {
            case .create(let name, let id):
                names[name] = id
                contents[id] = []
            case .write(let id, let offset, let bytes):
                let end = offset + bytes.count
                let size = contents[id, default: []].count
                if size < end { contents[id, default: []] += Bytes(repeating: 0, count: end - size) }
                contents[id]?.replaceSubrange(offset..<end, with: bytes)
            case .resize(let id, let bytes):
                let size = contents[id, default: []].count
                if size > bytes { contents[id]?.removeLast(size - bytes) }
                if size < bytes { contents[id, default: []] += Bytes(repeating: 0, count: bytes - size) }
            case .rename(let from, let to): names[to] = names.removeValue(forKey: from)
            case .unlink(let name): names[name] = nil
            }
        }

        var bytes: Int { names.values.reduce(0) { $0 + (contents[$1]?.count ?? 0) } }
    }

    struct Guarded {
        var disk = Disk()
        var open: [Int32: Int] = [:]
        var nextID = 1
        var nextFile: Int32 = 1000
        var history: [(change: Change, acknowledged: UInt64)] = []
        /// Errno with which a change fails; `nil` lets it happen.
        var fault: (@Sendable (Change) -> Int32?)?
        var acknowledged: (@Sendable () -> UInt64)?
        /// Files opened past the page cache, and whether writing to them fails.
        var direct: Set<Int32> = []
        var refusesDirect = false
        /// The directory's descriptor: another one after it was removed and made anew.
        var directory: Int32 = 900
        var bytesRead = 0
        /// What was asked for ahead of reading it, by file.
        var asked: [Int: [Range<Int>]] = [:]
        /// Reads of what nobody had asked for.
        var waits = 0
    }

    let guarded = Mutex(Guarded())
    /// Where writes wait while the disk hangs.
    let gate = Gate()

    init(_ disk: Disk = Disk()) {
        guarded.withLock {
            $0.disk = disk
            $0.nextID = (disk.contents.keys.max() ?? 0) + 1
        }
    }

    var bytesRead: Int { guarded.withLock { $0.bytesRead } }
    var asked: [Range<Int>] { guarded.withLock { $0.asked.values.flatMap(\.self) } }
    var waits: Int { guarded.withLock { $0.waits } }
    var disk: Disk { guarded.withLock { $0.disk } }
    var history: [(change: Change, acknowledged: UInt64)] { guarded.withLock { $0.history } }
    /// From here on O_DIRECT can be opened, and not written.
    func refuseDirect() { guarded.withLock { $0.refusesDirect = true } }
    func setFault(_ fault: (@Sendable (Change) -> Int32?)?) { guarded.withLock { $0.fault = fault } }
    /// What was acknowledged is noted beside each change.
    func watch(_ writer: RecordingWriter) {
        let shared = writer.shared
        guarded.withLock { $0.acknowledged = { shared.acknowledged.load(ordering: .acquiring) } }
    }

    /// The directory and all its files lose their names, as after `rm -r`; what is open stays open.
    func removeDirectory() {
        guarded.withLock {
            $0.disk.names = [:]
            $0.directory += 1
        }
    }

    private func reach(_ guarded: Guarded, _ directory: Int32) throws(FileError) {
        if directory != guarded.directory { throw FileError(errno: ENOENT) }
    }

    private func change(_ guarded: inout Guarded, _ change: Change) throws(FileError) {
        if let errno = guarded.fault?(change) { throw FileError(errno: errno) }
        guarded.history.append((change, guarded.acknowledged?() ?? 0))
        guarded.disk.apply(change)
    }

    private func with<R>(_ body: (inout Guarded) throws(FileError) -> R) throws(FileError) -> R {
        try guarded.withLock { (guarded) throws(FileError) -> sending Result<R, FileError> in
            do throws(FileError) { return .success(try body(&guarded)) } catch { return .failure(error) }
        }.get()
    }

    private func id(_ guarded: Guarded, _ file: Int32) throws(FileError) -> Int {
        guard let id = guarded.open[file] else { throw FileError(errno: EBADF) }
        return id
    }

    func openDirectory(_ path: String, create: Bool) throws(FileError) -> Int32 {
        guarded.withLock { $0.directory }
    }

    func open(_ directory: Int32, _ name: String, _ mode: OpenMode) throws(FileError) -> Int32 {
        try with { guarded throws(FileError) in
            try reach(guarded, directory)
            var id = guarded.disk.names[name]
            let makes =
                switch mode {
                case .readWrite, .create, .bulk: true
                case .read, .durable: false
                }
            if case .create = mode, id != nil { throw FileError(errno: EEXIST) }
            if id == nil {
                guard makes else { throw FileError(errno: ENOENT) }
                id = guarded.nextID
                guarded.nextID += 1
                try change(&guarded, .create(name: name, id: id ?? 0))
            } else if case .bulk = mode {
                try change(&guarded, .resize(id: id ?? 0, bytes: 0))
            }
            let file = guarded.nextFile
            guarded.nextFile += 1
            guarded.open[file] = id
            switch mode {
            case .durable(direct: true), .create(direct: true), .bulk(direct: true): guarded.direct.insert(file)
            default: break
            }
            return file
        }
    }

    func close(_ file: Int32) { guarded.withLock { $0.open[file] = nil } }

    func list(_ directory: Int32) throws(FileError) -> [String] { guarded.withLock { Array($0.disk.names.keys) } }

    func size(_ file: Int32) throws(FileError) -> Int {
        try with { guarded throws(FileError) in guarded.disk.contents[try id(guarded, file)]?.count ?? 0 }
    }

    func identity(_ file: Int32) throws(FileError) -> FileIdentity {
        try with { guarded throws(FileError) in
            if file < 1000 {
                return FileIdentity(device: 1, inode: UInt64(file), links: file == guarded.directory ? 1 : 0)
            }
            let id = try id(guarded, file)
            return FileIdentity(
                device: 2, inode: UInt64(id), links: UInt64(guarded.disk.names.values.count { $0 == id }))
        }
    }

    func read(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try with { guarded throws(FileError) in
            let id = try id(guarded, file)
            guard let bytes = guarded.disk.contents[id], offset < bytes.count else { return 0 }
            let count = min(buffer.count, bytes.count - offset)
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
            }
            guarded.bytesRead += count
            if !guarded.asked[id, default: []].contains(where: { $0.contains(offset) }) { guarded.waits += 1 }
            return count
        }
    }

    func willNeed(_ file: Int32, _ bytes: Range<Int>) {
        guarded.withLock { guarded in
            guard let id = guarded.open[file] else { return }
            guarded.asked[id, default: []].append(bytes)
        }
    }

    func write(_ file: Int32, _ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileError) {
        gate.pass()
        try with { guarded throws(FileError) in
            if guarded.refusesDirect, guarded.direct.contains(file) { throw FileError(errno: EINVAL) }
            let bytes = buffers.reduce(into: Bytes()) { $0 += $1 }
            try change(&guarded, .write(id: try id(guarded, file), offset: offset, bytes: bytes))
        }
    }

    func allocate(_ file: Int32, _ bytes: Int) throws(FileError) { try truncate(file, bytes) }

    func truncate(_ file: Int32, _ bytes: Int) throws(FileError) {
        try with { guarded throws(FileError) in try change(&guarded, .resize(id: try id(guarded, file), bytes: bytes)) }
    }

    func sync(_ file: Int32) throws(FileError) {}

    func rename(_ directory: Int32, _ from: String, _ to: String) throws(FileError) {
        try with { guarded throws(FileError) in
            try reach(guarded, directory)
            guard guarded.disk.names[from] != nil else { throw FileError(errno: ENOENT) }
            try change(&guarded, .rename(from: from, to: to))
        }
    }

    func unlink(_ directory: Int32, _ name: String) throws(FileError) {
        try with { guarded throws(FileError) in
            try reach(guarded, directory)
            guard guarded.disk.names[name] != nil else { throw FileError(errno: ENOENT) }
            try change(&guarded, .unlink(name: name))
        }
    }

    func lock(_ file: Int32) throws(FileError) -> Bool { true }
    func give(_ file: Int32, group: UInt32) throws(FileError) {}
}

extension MemoryFiles.Disk {
    /// Everything that a reader makes of this disk.
    func read() -> (events: [Event], damage: [RecordingDamage])? {
        guard let reader = try? RecordingReader("memory", files: MemoryFiles(self)) else { return nil }
        var result: [Event] = []
        let note = { (event: Event) in result.append(event) }
        reader.forEach(note)
        return (result, reader.damage)
    }
}
