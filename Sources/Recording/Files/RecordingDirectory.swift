import Events
import Glibc

/// The directory of a recording, opened for writing and locked against a second recorder.
///
/// It is the path that counts: `follow` goes where that leads now. Used by one thread at a time: the one that opens and closes, the
/// disk thread in between.
final class RecordingDirectory {
    let path: String
    private(set) var descriptor: Int32
    private var lock: Int32
    private let files: any RecordingFiles
    /// Whether the file system counts the names of files: then none left means that somebody removed the last.
    private(set) var countsNames: Bool
    /// Group for files and directory; `nil` where there is no such group.
    let group: UInt32?

    /// Makes the directory when it is not there, gives it to the group, and takes the lock.
    init(_ path: String, _ options: RecordingOptions, _ files: any RecordingFiles) throws(RecordingError) {
        self.path = path
        self.files = files
        group = RecordingDirectory.groupID(options.group, in: options.groupFile)
        do { descriptor = try files.openDirectory(path, create: true) } catch { throw .notWritable(path, error) }
        do throws(RecordingError) {
            lock = try RecordingDirectory.locked(descriptor, path, files, group)
        } catch {
            files.close(descriptor)
            throw error
        }
        // Asked of the first file there is, before anybody has had time to remove it.
        countsNames = (try? files.identity(lock))?.links ?? 0 > 0
    }

    /// Goes where the path leads now, when that is another directory: the one that was open was removed, or another file system
    /// is mounted there. What is not there is made anew.
    ///
    /// - Returns: whether it is another one. After an error it is the one that was open.
    func follow() throws(RecordingError) -> Bool {
        let found: Int32
        do { found = try files.openDirectory(path, create: true) } catch { throw .notWritable(path, error) }
        let (here, there) = (try? files.identity(descriptor), try? files.identity(found))
        guard let there, here?.device != there.device || here?.inode != there.inode else {
            files.close(found)
            return false
        }
        do throws(RecordingError) {
            let taken = try RecordingDirectory.locked(found, path, files, group)
            close()
            (descriptor, lock) = (found, taken)
            countsNames = (try? files.identity(lock))?.links ?? 0 > 0
            return true
        } catch {
            files.close(found)
            throw error
        }
    }

    func close() {
        files.close(lock)
        files.close(descriptor)
    }

    /// Opens and takes the lock of a directory, and gives both to the group.
    private static func locked(
        _ directory: Int32, _ path: String, _ files: any RecordingFiles, _ group: UInt32?
    ) throws(RecordingError) -> Int32 {
        let lock: Int32
        do { lock = try files.open(directory, "lock", .readWrite) } catch {
            throw .notWritable(path, file: "lock", error)
        }
        do throws(RecordingError) {
            try take(lock, path, files)
        } catch {
            files.close(lock)
            throw error
        }
        // Without the right to give files away (not root) they keep the caller's group.
        if let group {
            try? files.give(directory, group: group)
            try? files.give(lock, group: group)
        }
        return lock
    }

    /// Locks, and writes this process's id into the file for the next one's message.
    private static func take(_ lock: Int32, _ path: String, _ files: any RecordingFiles) throws(RecordingError) {
        let note = AlignedBuffer(Layout.block)
        let held: Bool
        do { held = try files.lock(lock) } catch {
            throw .failed(operation: "lock", file: path + "/lock", errno: error.errno)
        }
        guard held else {
            let count = unsafe (try? files.read(lock, note.raw, at: 0)) ?? 0
            let digits = unsafe note.raw[0..<count].prefix { $0 >= 0x30 && $0 <= 0x39 }
            throw .locked(directory: path, pid: unsafe Int32(String(decoding: digits, as: UTF8.self)) ?? 0)
        }
        let text = Array("\(getpid())\n".utf8)
        unsafe note.raw.copyBytes(from: text)
        do {
            try files.truncate(lock, 0)
            try unsafe files.write(lock, UnsafeRawBufferPointer(rebasing: note.raw[0..<text.count]), at: 0)
        } catch {
            throw .notWritable(directory: path, errno: error.errno)
        }
    }

    /// The id of a group as `/etc/group` lists it: no NSS in a static binary.
    static func groupID(_ name: String, in file: String) -> UInt32? {
        let descriptor = unsafe Glibc.open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = Glibc.close(descriptor) }
        var text = Bytes()
        let chunk = AlignedBuffer(Layout.block)
        while text.count < 1 << 20 {
            let count = unsafe read(descriptor, chunk.raw.baseAddress, chunk.raw.count)
            if count <= 0 { break }
            unsafe text.append(contentsOf: chunk.raw[0..<count])
        }
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count >= 3, fields[0].elementsEqual(name.utf8) else { continue }
            return UInt32(String(decoding: fields[2], as: UTF8.self))
        }
        return nil
    }
}
