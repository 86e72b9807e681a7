import KernelWire

/// Why bytes from the kernel side could not be read as a record.
public enum WireError: Error, Equatable, Sendable {
    /// Fewer bytes than the record's header says, or than a header has.
    case truncated(kind: UInt16, bytes: Int)
    /// A kind that this version does not know.
    case unknownKind(UInt16)
    /// The size in the header is not that of the kind: the object and this program do not belong together.
    case wrongSize(kind: UInt16, size: Int, expected: Int)
    /// A length inside the record exceeds what its field holds.
    case implausibleLength(kind: UInt16, length: Int)

    public var message: String {
        switch self {
        case .truncated(let kind, let bytes): "kernel record of kind \(kind) ends after \(bytes) bytes"
        case .unknownKind(let kind): "kernel record of unknown kind \(kind)"
        case .wrongSize(let kind, let size, let expected):
            "kernel record of kind \(kind) says \(size) bytes, expected \(expected): rebuild with tools/bpf"
        case .implausibleLength(let kind, let length):
            "kernel record of kind \(kind) has a field of \(length) bytes, longer than the field itself"
        }
    }
}

/// Where the byte arrays of a record lie. The other fields are read through the imported structs.
enum WireLayout {
    static let victimPath = MemoryLayout<iq_victim>.size - Int(IQ_PATH_MAX) - Int(IQ_CMDLINE_MAX)
    static let victimCmdline = MemoryLayout<iq_victim>.size - Int(IQ_CMDLINE_MAX)
    static let taskComm = MemoryLayout<iq_task>.size - Int(IQ_COMM_LEN)
    static let signalExe = MemoryLayout<iq_signal>.size - Int(IQ_EXE_MAX)
    static let cgroupPath = MemoryLayout<iq_cgroup>.size - Int(IQ_PATH_MAX)
    static let killStack = MemoryLayout<iq_oom_kill>.size - 8 * Int(IQ_STACK_MAX)
    static let killAncestors =
        MemoryLayout<iq_oom_kill>.size - 8 * Int(IQ_STACK_MAX)
        - MemoryLayout<iq_memcg>.stride * Int(IQ_ANCESTORS_MAX)

    /// Compile-time offsets of the structs inside the large records.
    static let killVictim = killAncestors - 8 - MemoryLayout<iq_victim>.size
    static let killTrigger = killVictim - MemoryLayout<iq_task>.size
    static let signalTarget = signalExe - 8 - MemoryLayout<iq_victim>.size
    static let signalSender = signalTarget - MemoryLayout<iq_task>.size
}

/// One record's bytes, of a size that was checked once. Lives no longer than the span it was made from.
///
/// Structs are loaded as the wire header lays them out; names are read where they lie.
@safe
struct WireReader {
    private let base: UnsafeRawPointer
    private let count: Int
    let kind: UInt16

    /// The buffer must outlive the reader.
    @unsafe
    init(_ buffer: UnsafeRawBufferPointer, kind: UInt16) {
        unsafe self.base = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
        self.count = buffer.count
        self.kind = kind
    }

    /// A C struct of the wire header. Every bit pattern is a value of its fields.
    @inline(__always)
    func load<T: BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
        precondition(offset >= 0 && offset + MemoryLayout<T>.size <= count)
        return unsafe base.loadUnaligned(fromByteOffset: offset, as: type)
    }

    func byte(_ offset: Int) -> UInt8 { load(UInt8.self, at: offset) }

    func copy(_ range: Range<Int>) -> Bytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return unsafe Bytes(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// The bytes before the first NUL of a `comm`; what follows it may be left over from a longer name.
    func comm(at offset: Int) -> Comm {
        var low = UInt64(littleEndian: load(UInt64.self, at: offset))
        var high = UInt64(littleEndian: load(UInt64.self, at: offset + 8))
        if let end = firstZeroByte(low) {
            low &= (1 << (UInt64(end) * 8)) - 1
            high = 0
        } else if let end = firstZeroByte(high) {
            high &= (1 << (UInt64(end) * 8)) - 1
        }
        return Comm(low: low, high: high)
    }

    private func firstZeroByte(_ word: UInt64) -> Int? {
        for index in 0..<8 where UInt8(truncatingIfNeeded: word >> UInt64(index * 8)) == 0 { return index }
        return nil
    }

    /// A path whose components are stored leaf first, each with its NUL.
    ///
    /// - Parameter complete: false for a path whose beginning did not fit: it then has no leading slash.
    func path(at offset: Int, length: Int, capacity: Int, complete: Bool) throws(WireError) -> Bytes {
        guard length <= capacity else { throw .implausibleLength(kind: kind, length: length) }
        var result = Bytes()
        result.reserveCapacity(length + 1)
        // From the end: the last component stored is the first of the path.
        var end = offset + length
        while end > offset {
            var start = end - 1
            while start > offset, byte(start - 1) != 0 { start -= 1 }
            if complete || !result.isEmpty { result.append(UInt8(ascii: "/")) }
            for index in start..<end where byte(index) != 0 { result.append(byte(index)) }
            end = start
        }
        return result
    }
}
