import CLinux
import Events
import Glibc

@testable import Probes

/// Asks every 10 ms until the answer is yes; a bound of 10 s makes a test fail instead of hanging.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<1000 {
        if try condition() { return true }
        usleep(10_000)
    }
    return false
}

/// A loop device over a file of its own, with a known load to put on it and the kernel's own counters to compare with.
final class LoopDevice {
    struct Failure: Error { let what: String }

    /// `/sys/block/*/stat` (Documentation/block/stat.rst), as far as it is compared.
    struct Statistics: Equatable {
        var reads: UInt64 = 0
        var readBytes: UInt64 = 0
        var writes: UInt64 = 0
        var writeBytes: UInt64 = 0
        var discards: UInt64 = 0
        var discardBytes: UInt64 = 0
        var flushes: UInt64 = 0

        static func - (a: Statistics, b: Statistics) -> Statistics {
            Statistics(
                reads: a.reads - b.reads, readBytes: a.readBytes - b.readBytes, writes: a.writes - b.writes,
                writeBytes: a.writeBytes - b.writeBytes, discards: a.discards - b.discards,
                discardBytes: a.discardBytes - b.discardBytes, flushes: a.flushes - b.flushes)
        }
    }

    static let possible = access("/dev/loop-control", R_OK | W_OK) == 0
    /// Whether the kernel charges IO to cgroups of the hierarchy that the memory controller is in (`/proc/cgroups`).
    static let charged: Bool = {
        let controllers = (smallFile("/proc/cgroups") ?? []).split(separator: UInt8(ascii: "\n"))
            .map { $0.split(separator: UInt8(ascii: "\t")) }
        func hierarchy(_ name: String) -> Bytes? {
            controllers.first { $0.count > 1 && $0[0].elementsEqual(name.utf8) }.map { Bytes($0[1]) }
        }
        guard let io = hierarchy("blkio") ?? hierarchy("io") else { return false }
        return io == hierarchy("memory")
    }()

    private let number: Int32
    private let file: String
    private let descriptor: Int32
    /// The counters before the device had its file: whatever looks at a new device is in the difference.
    let before: Statistics

    private static let getFree: UInt = 0x4c82  // LOOP_CTL_GET_FREE
    private static let setFile: UInt = 0x4c00  // LOOP_SET_FD
    private static let clearFile: UInt = 0x4c01  // LOOP_CLR_FD
    private static let discard: UInt = 0x1277  // BLKDISCARD

    /// `major << 20 | minor`.
    var device: UInt32 { 7 << 20 | UInt32(number) }

    init(bytes: Int) throws {
        file = "/var/tmp/inquest-test-\(getpid())-\(clock())"
        let backing = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard backing >= 0 else { throw Failure(what: "cannot create \(file)") }
        defer { close(backing) }
        guard ftruncate(backing, off_t(bytes)) == 0 else { throw Failure(what: "cannot size \(file)") }
        let control = open("/dev/loop-control", O_RDWR | O_CLOEXEC)
        guard control >= 0 else { throw Failure(what: "no /dev/loop-control") }
        defer { close(control) }
        // Another process may take the free one first: then ask for the next.
        for _ in 0..<20 {
            let free = ioctl(control, Self.getFree)
            guard free >= 0 else { throw Failure(what: "no free loop device") }
            let device = open("/dev/loop\(free)", O_RDWR | O_CLOEXEC | iq_O_DIRECT)
            guard device >= 0 else { throw Failure(what: "cannot open /dev/loop\(free)") }
            let before = try Self.statistics(free)
            if ioctl(device, Self.setFile, backing) == 0 {
                number = free
                descriptor = device
                self.before = before
                return
            }
            close(device)
        }
        unlink(file)
        throw Failure(what: "every free loop device was taken")
    }

    deinit {
        _ = ioctl(descriptor, Self.clearFile)
        close(descriptor)
        unlink(file)
    }

    func statistics() throws -> Statistics { try Self.statistics(number) }

    private static func statistics(_ number: Int32) throws -> Statistics {
        guard let file = fopen("/sys/block/loop\(number)/stat", "r") else { throw Failure(what: "no statistics") }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 512)
        let count = fread(&text, 1, 511, file)
        let fields = String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { UInt64($0) }
        guard fields.count >= 17 else { throw Failure(what: "statistics of an old kernel") }
        return Statistics(
            reads: fields[0], readBytes: fields[2] * 512, writes: fields[4], writeBytes: fields[6] * 512,
            discards: fields[11], discardBytes: fields[13] * 512, flushes: fields[15])
    }

    // MARK: Load

    func write(count: Int, bytes: Int) throws { try each(count, bytes) { pwrite(descriptor, $0, bytes, $1) == bytes } }

    func read(count: Int, bytes: Int) throws { try each(count, bytes) { pread(descriptor, $0, bytes, $1) == bytes } }

    func flush(count: Int) throws {
        for _ in 0..<count {
            guard fsync(descriptor) == 0 else { throw Failure(what: "fsync") }
        }
    }

    func discard(count: Int, bytes: Int) throws {
        for index in 0..<count {
            var range = (UInt64(index * bytes), UInt64(bytes))
            guard ioctl(descriptor, Self.discard, &range) == 0 else { throw Failure(what: "discard") }
        }
    }

    private func each(_ count: Int, _ bytes: Int, _ body: (UnsafeMutableRawPointer, off_t) -> Bool) throws {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0x5a, count: bytes)
        for index in 0..<count {
            guard body(buffer, off_t(index * bytes)) else { throw Failure(what: "\(bytes) bytes at \(index * bytes)") }
        }
    }
}
