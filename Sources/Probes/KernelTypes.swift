import Glibc

/// The kernel's type information (`/sys/kernel/btf/vmlinux`), as far as choosing hooks needs it: which functions and tracepoints
/// there are.
///
/// One pass over the types for all names at once. libbpf would parse and index the whole again for each question.
struct KernelTypes {
    /// Type ids by name, for those of the wanted names that exist. Functions by their name; tracepoints as `btf_trace_NAME`.
    private(set) var ids: [String: UInt32] = [:]

    private static let path = "/sys/kernel/btf/vmlinux"

    init(looking wanted: Set<String>) throws(ProbeError) {
        let size = KernelTypes.size()
        let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: size + 1, alignment: 8)
        defer { unsafe whole.deallocate() }
        var filled = 0
        let descriptor = unsafe open(KernelTypes.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .noTypeInformation(errno: errno) }
        defer { close(descriptor) }
        while filled < size {
            let count = unsafe read(descriptor, whole.baseAddress! + filled, size - filled)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .noTypeInformation(errno: errno) }
            if count == 0 { break }
            filled += count
        }
        unsafe scan(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(whole)[..<filled]), wanted)
    }

    init(bytes: UnsafeRawBufferPointer, looking wanted: Set<String>) { unsafe scan(bytes, wanted) }

    private static func size() -> Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// The layout is the kernel's Documentation/bpf/btf.rst: a header, the types one after the other (12 bytes each, then what
    /// its kind adds), the names. Bytes that end early end the scan.
    private mutating func scan(_ bytes: UnsafeRawBufferPointer, _ wanted: Set<String>) {
        let headerSize = 24
        guard bytes.count >= headerSize, unsafe bytes.loadUnaligned(as: UInt16.self) == 0xeb9f else { return }
        func word(_ offset: Int) -> Int { Int(unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
        let body = word(4)
        let types = body + word(8)
        let typesEnd = types + word(12)
        let names = body + word(16)
        let namesEnd = names + word(20)
        guard typesEnd <= bytes.count, namesEnd <= bytes.count else { return }

        let candidates = wanted.map { Array($0.utf8) }
        let longest = candidates.map(\.count).max() ?? 0
        var position = types
        var id: UInt32 = 1
        while position + 12 <= typesEnd {
            let info = word(position + 4)
            let kind = info >> 24 & 0x1f
            let members = info & 0xffff
            if kind == KernelTypes.function || kind == KernelTypes.typedef {
                let name = names + word(position)
                if name < namesEnd {
                    let limit = min(longest + 1, namesEnd - name)
                    for candidate in candidates where candidate.count < limit {
                        guard unsafe bytes[name] == candidate[0], unsafe bytes[name + candidate.count] == 0 else {
                            continue
                        }
                        let equal = unsafe candidate.withUnsafeBytes {
                            unsafe memcmp($0.baseAddress!, bytes.baseAddress! + name, candidate.count) == 0
                        }
                        if equal { ids[String(decoding: candidate, as: UTF8.self)] = id }
                    }
                }
            }
            position += 12 + KernelTypes.tail(kind, members)
            id += 1
        }
    }

    private static let typedef = 8
    private static let function = 12

    /// Bytes that follow the 12 of a type (include/uapi/linux/btf.h, BTF_KIND_*).
    private static func tail(_ kind: Int, _ members: Int) -> Int {
        switch kind {
        case 1, 14, 17: 4  // int, variable, declaration tag
        case 3: 12  // array
        case 4, 5, 15, 19: 12 * members  // struct, union, data section, 64-bit enum
        case 6, 13: 8 * members  // enum, function prototype
        default: 0
        }
    }
}
