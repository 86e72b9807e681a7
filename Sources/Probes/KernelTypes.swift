import Glibc

/// The kernel's type information (`/sys/kernel/btf/vmlinux`), as far as choosing hooks and loading programs needs it: which
/// functions and tracepoints there are, and what the types look like that the programs refer to.
///
/// One pass over the types for all names at once. libbpf would search the whole again for each question.
struct KernelTypes {
    /// Type ids by name, for those of the wanted names that exist. Functions by their name; tracepoints as `btf_trace_NAME`.
    private(set) var ids: [String: UInt32] = [:]
    /// Type information of the excerpted types alone, and of what they are made of; empty when there are none.
    private(set) var excerpt: [UInt8] = []

    private static let path = "/sys/kernel/btf/vmlinux"

    /// - Parameters:
    ///   - wanted: functions, and tracepoints as `btf_trace_NAME`.
    ///   - excerpted: structures, unions, enumerations and typedefs.
    init(looking wanted: Set<String>, excerpting excerpted: Set<String> = []) throws(ProbeError) {
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
        unsafe scan(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(whole)[..<filled]), wanted, excerpted)
    }

    init(bytes: UnsafeRawBufferPointer, looking wanted: Set<String>, excerpting excerpted: Set<String> = []) {
        unsafe scan(bytes, wanted, excerpted)
    }

    private static func size() -> Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private mutating func scan(_ bytes: UnsafeRawBufferPointer, _ wanted: Set<String>, _ excerpted: Set<String>) {
        guard let table = unsafe TypeTable(bytes) else { return }
        let functions = WantedNames(wanted)
        let types = WantedNames(excerpted)
        var roots: [UInt32] = []
        for id in 1..<table.count {
            switch table.kind(id) {
            case .function:
                if let name = table.match(id, functions) { ids[name] = id }
            case .typedef:
                if let name = table.match(id, functions) { ids[name] = id }
                if table.match(id, types) != nil { roots.append(id) }
            case .structure, .union, .enumeration, .enumeration64:
                if table.match(id, types) != nil { roots.append(id) }
            default: break
            }
        }
        if !roots.isEmpty { excerpt = TypeExcerpt(of: table).bytes(roots) }
    }
}

/// Names to be found among very many: of most, the first two bytes say that they are none of these.
struct WantedNames {
    private var begins = [Bool](repeating: false, count: 1 << 16)
    private var names: [UInt16: [(bytes: [UInt8], name: String)]] = [:]

    init(_ wanted: Set<String>) {
        for name in wanted where !name.isEmpty {
            // NUL-terminated, as they are found.
            let bytes = Array(name.utf8) + [0]
            let key = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
            begins[Int(key)] = true
            names[key, default: []].append((bytes, name))
        }
    }

    /// The name that begins at `start` and ends before `end`, if it is one of these.
    func match(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> String? {
        guard end - start >= 2 else { return nil }
        let key = unsafe UInt16(bytes[start]) << 8 | UInt16(bytes[start + 1])
        guard begins[Int(key)] else { return nil }
        return names[key]?.first { candidate in
            guard candidate.bytes.count <= end - start else { return false }
            return unsafe candidate.bytes.withUnsafeBytes {
                unsafe memcmp($0.baseAddress!, bytes.baseAddress! + start, candidate.bytes.count) == 0
            }
        }?.name
    }
}
