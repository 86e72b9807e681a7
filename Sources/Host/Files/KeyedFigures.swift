import Events

/// Reads files of `key value` or `key: value kB` lines (meminfo, vmstat, memory.stat, memory.events) for a fixed set of keys.
///
/// A line is hashed up to its key's end and compared with at most a few dozen hashes, then byte by byte: no String, no
/// dictionary, nothing allocated. Keys that are not there stay unknown.
struct KeyedFigures {
    static let capacity = 32
    typealias Values = InlineArray<32, Figure>

    private let keys: [[UInt8]]
    private let hashes: [UInt64]

    init(_ names: [String]) {
        precondition(names.count <= KeyedFigures.capacity)
        keys = names.map { Array($0.utf8) }
        hashes = keys.map { key in
            var hash = KeyedFigures.seed
            for byte in key { KeyedFigures.mix(&hash, byte) }
            return hash
        }
    }

    /// FNV-1a.
    private static let seed: UInt64 = 0xcbf2_9ce4_8422_2325
    @inline(__always)
    private static func mix(_ hash: inout UInt64, _ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }

    func read(_ bytes: Span<UInt8>) -> Values {
        var values = Values(repeating: .unknown)
        var position = 0
        while position < bytes.count {
            let start = position
            var hash = KeyedFigures.seed
            while position < bytes.count {
                let byte = bytes[position]
                if byte == 0x20 || byte == 0x3a || byte == 0x0a || byte == 0x09 { break }
                KeyedFigures.mix(&hash, byte)
                position += 1
            }
            if let index = index(of: hash, bytes, start, position) {
                if position < bytes.count, bytes[position] == 0x3a { position += 1 }
                values[index] = bytes.figure(at: &position)
            }
            bytes.nextLine(&position)
        }
        return values
    }

    @inline(__always)
    private func index(of hash: UInt64, _ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
        for index in hashes.indices where hashes[index] == hash {
            guard keys[index].count == end - start else { continue }
            var same = true
            for offset in 0..<(end - start) where keys[index][offset] != bytes[start + offset] { same = false }
            if same { return index }
        }
        return nil
    }
}
