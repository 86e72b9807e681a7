import Events

/// The fields of one entry, and the form in which the journal's socket takes them (systemd's native journal protocol).
///
/// A field whose value holds a control character (a line end would begin another field) goes with its length before it, as binary data:
/// names are stored as the bytes they are. Bounded: a longer value is cut, and its field named in `INQUEST_TRUNCATED`. A
/// value that is unknown is left out.
struct JournalFields {
    /// An entry stays far below what a datagram may hold; a cgroup's path may have as many bytes (PATH_MAX).
    static let longestValue = 4096

    private(set) var list: [(name: StaticString, value: Bytes)] = []

    mutating func add(_ name: StaticString, _ value: Bytes) {
        guard !value.isEmpty else { return }
        guard value.count <= Self.longestValue else {
            list.append((name, Bytes(value[..<Self.longestValue])))
            list.append(("INQUEST_TRUNCATED", Bytes(String(describing: name).utf8)))
            return
        }
        list.append((name, value))
    }

    /// Text of ours.
    mutating func add(_ name: StaticString, _ text: String) { add(name, Bytes(text.utf8)) }

    mutating func add(_ name: StaticString, _ figure: Figure) {
        if let value = figure.value { add(name, String(value)) }
    }

    mutating func add(_ name: StaticString, comm: Comm) { add(name, comm.bytes) }

    /// As one datagram.
    var bytes: Bytes {
        var bytes = Bytes()
        for (name, value) in list { Self.append(name, value, to: &bytes) }
        return bytes
    }

    private static func append(_ name: StaticString, _ value: Bytes, to bytes: inout Bytes) {
        unsafe bytes += UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        if value.contains(where: { $0 < 0x20 }) {
            bytes.append(UInt8(ascii: "\n"))
            let count = UInt64(value.count)
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: count >> shift))
            }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value
        bytes.append(UInt8(ascii: "\n"))
    }
}
