import Events
import Glibc

/// Addresses of a few kernel symbols, from one pass over `/proc/kallsyms`.
///
/// Read once, after everything is attached, and only until all is found: the kernel takes tens of milliseconds to write the
/// whole. Parts of a function that the compiler moved away (`name.cold`, `name.isra.0`) count as the function as far as they
/// come before it. Without CAP_SYSLOG the file shows only zeros: nothing is known then.
struct KernelSymbols {
    /// Address ranges by name.
    private(set) var ranges: [String: [Range<UInt64>]] = [:]
    /// Names found as they are, not only in parts.
    private var whole: Set<String> = []

    /// - Parameter absent: names that this kernel is known not to have; they are not waited for.
    init(looking wanted: [String], absent: Set<String> = [], path: String = "/proc/kallsyms") {
        let names = wanted.map { Array($0.utf8) }
        let awaited = wanted.filter { !absent.contains($0) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 8)
        defer { unsafe buffer.deallocate() }
        var carried: [UInt8] = []
        var open: [OpenSymbol] = []
        _ = unsafe readPieces(path, buffer: buffer) { piece in
            var rest = unsafe piece
            if !carried.isEmpty {
                guard let end = unsafe KernelSymbols.lineEnd(rest) else {
                    unsafe carried.append(contentsOf: rest)
                    return carried.count < 65536
                }
                unsafe carried.append(contentsOf: rest[..<end])
                unsafe carried.withUnsafeBytes { unsafe line($0, names, &open) }
                carried.removeAll(keepingCapacity: true)
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest[(end + 1)...])
            }
            while let end = unsafe KernelSymbols.lineEnd(rest) {
                unsafe line(UnsafeRawBufferPointer(rebasing: rest[..<end]), names, &open)
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest[(end + 1)...])
            }
            unsafe carried.append(contentsOf: rest)
            return !awaited.allSatisfy(whole.contains)
        }
    }

    /// The address of a symbol; `nil` when there is none, or more than one of that name among what was read.
    func address(_ name: String) -> UInt64? {
        guard let all = ranges[name], all.count == 1 else { return nil }
        return all[0].lowerBound
    }

    static let oomNames = ["mem_cgroup_out_of_memory", "moom_callback", "out_of_memory", "pagefault_out_of_memory"]

    /// Those that a kernel may be built without (CONFIG_MAGIC_SYSRQ). Its type information tells, and always has them: their
    /// address is taken, so the compiler changes nothing about them.
    static let optional: Set<String> = ["moom_callback"]

    /// Where the ways into the OOM killer lie.
    var oom: OomSymbols {
        var symbols = OomSymbols()
        symbols.memcg = ranges["mem_cgroup_out_of_memory"] ?? []
        symbols.sysrq = ranges["moom_callback"] ?? []
        symbols.global = (ranges["out_of_memory"] ?? []) + (ranges["pagefault_out_of_memory"] ?? [])
        return symbols
    }

    /// A symbol whose end is the next address.
    private struct OpenSymbol {
        let name: Int
        let start: UInt64
        let whole: Bool
    }

    private static func lineEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress, let found = unsafe memchr(base, 10, bytes.count) else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }

    /// `ffffffff81597150 t oom_kill_process` and, of a module, a tab and `[module]`.
    private mutating func line(
        _ bytes: UnsafeRawBufferPointer, _ names: [[UInt8]], _ open: inout [OpenSymbol]
    ) {
        let nameStart = 19
        guard bytes.count > nameStart else { return }
        if !open.isEmpty {
            let address = unsafe KernelSymbols.address(bytes)
            for symbol in open where address > symbol.start {
                let name = String(decoding: names[symbol.name], as: UTF8.self)
                ranges[name, default: []].append(symbol.start..<address)
                if symbol.whole { whole.insert(name) }
            }
            open.removeAll { address > $0.start }
        }
        for (index, name) in names.enumerated() {
            let end = nameStart + name.count
            guard bytes.count >= end, unsafe bytes[nameStart] == name[0] else { continue }
            guard unsafe bytes.count == end || bytes[end] == UInt8(ascii: ".") else { continue }
            let equal = unsafe name.withUnsafeBytes {
                unsafe memcmp($0.baseAddress!, bytes.baseAddress! + nameStart, name.count) == 0
            }
            guard equal else { continue }
            let start = unsafe KernelSymbols.address(bytes)
            if start != 0 { open.append(OpenSymbol(name: index, start: start, whole: bytes.count == end)) }
        }
    }

    /// The 16 hexadecimal digits that a line begins with.
    private static func address(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<16 {
            let digit = unsafe bytes[index]
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return 0
            }
        }
        return value
    }
}
