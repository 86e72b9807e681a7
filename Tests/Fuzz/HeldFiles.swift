import Glibc
import Synchronization

@testable import Recording

/// Files in memory, without faults.
final class HeldFiles: RecordingFiles {
    private struct Held {
        var files: [String: [UInt8]]
        /// Names by descriptor, from 1000 on.
        var open: [String] = []
    }
    private let held: Mutex<Held>

    init(_ files: [String: [UInt8]]) { held = Mutex(Held(files: files)) }

    var names: [String] { held.withLock { Array($0.files.keys) } }
    func contents(_ name: String) -> [UInt8] { held.withLock { $0.files[name] ?? [] } }

    func openDirectory(_ path: String, create: Bool) throws(FileError) -> Int32 { 999 }

    func open(_ directory: Int32, _ name: String, _ mode: OpenMode) throws(FileError) -> Int32 {
        let file: Int32? = held.withLock { held in
            switch mode {
            case .readWrite, .create, .bulk: if held.files[name] == nil { held.files[name] = [] }
            case .read, .durable: if held.files[name] == nil { return nil }
            }
            held.open.append(name)
            return Int32(999 + held.open.count)
        }
        guard let file else { throw FileError(errno: ENOENT) }
        return file
    }

    func close(_ file: Int32) {}
    func list(_ directory: Int32) throws(FileError) -> [String] { names }
    func size(_ file: Int32) throws(FileError) -> Int {
        held.withLock { $0.files[$0.open[Int(file) - 1000]]?.count ?? 0 }
    }
    func identity(_ file: Int32) throws(FileError) -> FileIdentity {
        FileIdentity(device: 1, inode: UInt64(file < 1000 ? 0 : file), links: 1)
    }

    func read(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        held.withLock { held in
            guard let bytes = held.files[held.open[Int(file) - 1000]], offset < bytes.count else { return 0 }
            let count = min(buffer.count, bytes.count - offset)
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
            }
            return count
        }
    }

    func write(_ file: Int32, _ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileError) {
        let bytes = buffers.reduce(into: [UInt8]()) { $0 += $1 }
        held.withLock { held in
            var whole = held.files[held.open[Int(file) - 1000]] ?? []
            if whole.count < offset + bytes.count {
                whole += [UInt8](repeating: 0, count: offset + bytes.count - whole.count)
            }
            whole.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            held.files[held.open[Int(file) - 1000]] = whole
        }
    }

    func allocate(_ file: Int32, _ bytes: Int) throws(FileError) { try truncate(file, bytes) }

    func truncate(_ file: Int32, _ bytes: Int) throws(FileError) {
        held.withLock { held in
            let name = held.open[Int(file) - 1000]
            let whole = held.files[name] ?? []
            held.files[name] =
                whole.count > bytes
                ? Array(whole[..<bytes]) : whole + [UInt8](repeating: 0, count: bytes - whole.count)
        }
    }

    func sync(_ file: Int32) throws(FileError) {}

    func rename(_ directory: Int32, _ from: String, _ to: String) throws(FileError) {
        held.withLock { $0.files[to] = $0.files.removeValue(forKey: from) }
    }

    func unlink(_ directory: Int32, _ name: String) throws(FileError) { held.withLock { $0.files[name] = nil } }
    func lock(_ file: Int32) throws(FileError) -> Bool { true }
    func give(_ file: Int32, group: UInt32) throws(FileError) {}
}
