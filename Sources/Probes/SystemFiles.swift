import Glibc

/// The text of an errno, for an error line.
func errorText(_ code: Int32) -> String {
    guard let text = unsafe strerror(code) else { return "errno \(code)" }
    return unsafe String(cString: text)
}

/// A clock now, nanoseconds.
func clockNs(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

/// The time of what is read rather than heard, CLOCK_BOOTTIME: cut to 4096 ns, for which the recording has short codes. Reading takes
/// longer.
func readingNs() -> UInt64 { clockNs(CLOCK_BOOTTIME) & ~4095 }

/// Reads a file of /proc or /sys piece by piece; these have no size to ask for.
///
/// - Parameter body: gets each piece; false ends the reading.
/// - Returns: 0, or the errno of what failed.
func readPieces(_ path: String, buffer: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool)
    -> Int32
{
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    while true {
        let count = unsafe read(descriptor, buffer.baseAddress, buffer.count)
        if count < 0 {
            if errno == EINTR { continue }
            return errno
        }
        if count == 0 { return 0 }
        if unsafe !body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])) { return 0 }
    }
}

/// A small file's first 64 KiB; `nil` when it cannot be read.
func smallFile(_ path: String) -> [UInt8]? {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 8)
    defer { unsafe buffer.deallocate() }
    var result: [UInt8] = []
    let failed = unsafe readPieces(path, buffer: buffer) { piece in
        unsafe result.append(contentsOf: piece)
        return result.count < 65536
    }
    return failed == 0 ? result : nil
}

/// What this process may do (capabilities(7)).
enum Capabilities {
    private static let admin = 21
    private static let performance = 38
    private static let bpf = 39

    /// Whether this process lives in a user namespace of its own: its capabilities, however many, then count for nothing here.
    /// (The first one has a fixed inode number, include/linux/proc_ns.h.)
    static var isUserNamespace: Bool {
        var status = stat()
        return unsafe stat("/proc/self/ns/user", &status) == 0 && status.st_ino != 0xEFFF_FFFD
    }

    /// The capabilities that BPF tracing needs and this process lacks, as a sentence's object; `nil` when it has them.
    static func missingForTracing() -> String? {
        guard let effective = effective() else { return nil }
        func has(_ number: Int) -> Bool { effective & (1 << UInt64(number)) != 0 }
        if has(admin) || (has(bpf) && has(performance)) { return nil }
        if has(bpf) { return "CAP_PERFMON (or CAP_SYS_ADMIN)" }
        if has(performance) { return "CAP_BPF (or CAP_SYS_ADMIN)" }
        return "CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN)"
    }

    /// `CapEff` of /proc/self/status; `nil` when it cannot be read.
    private static func effective() -> UInt64? {
        guard let status = smallFile("/proc/self/status") else { return nil }
        for line in status.split(separator: UInt8(ascii: "\n")) where line.starts(with: "CapEff:".utf8) {
            let digits = line.dropFirst(7).drop { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
            return UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
        }
        return nil
    }
}

/// The id of the hierarchy that carries the memory controller: 0 is the unified one (cgroup v2).
func memoryHierarchy() -> UInt32 {
    guard let table = smallFile("/proc/cgroups") else { return 0 }
    for line in table.split(separator: UInt8(ascii: "\n")) where line.starts(with: "memory\t".utf8) {
        let fields = line.split(separator: UInt8(ascii: "\t"))
        guard fields.count >= 2 else { return 0 }
        return UInt32(String(decoding: fields[1], as: UTF8.self)) ?? 0
    }
    return 0
}
