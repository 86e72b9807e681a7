import CLinux
import Glibc

/// A part of the kernel's type information, renumbered: some types, and those that they hold by value.
///
/// Where a field lies in a structure is all that relocating a program asks. libbpf looks for each type that a program knows among
/// all of the kernel's, hundreds of thousands; among these it is done at once. What a pointer points to is left out: every
/// pointer is one to void.
struct TypeExcerpt {
    private let table: TypeTable
    /// New id by old; 0 not kept.
    private var renumbered: [UInt32]
    private var kept: [UInt32] = []
    private var names: [UInt8] = [0]

    init(of table: TypeTable) {
        self.table = table
        renumbered = Array(repeating: 0, count: Int(table.count))
    }

    consuming func bytes(_ roots: [UInt32]) -> [UInt8] {
        for root in roots { _ = keep(root) }
        var types: [UInt32] = []
        var next = 0
        while next < kept.count {
            append(kept[next], to: &types)
            next += 1
        }
        let header: [UInt32] = [0x1_eb9f, 24, 0, UInt32(types.count * 4), UInt32(types.count * 4), UInt32(names.count)]
        return unsafe header.withUnsafeBytes { unsafe Array($0) } + types.withUnsafeBytes { unsafe Array($0) } + names
    }

    /// The new id of a type.
    private mutating func keep(_ id: UInt32) -> UInt32 {
        guard id > 0, id < table.count, let kind = table.kind(id), kind != .function else { return 0 }
        if renumbered[Int(id)] == 0 {
            kept.append(id)
            renumbered[Int(id)] = UInt32(kept.count)
        }
        return renumbered[Int(id)]
    }

    private mutating func keepName(_ offset: UInt32) -> UInt32 {
        let name = unsafe table.name(offset)
        guard unsafe !name.isEmpty else { return 0 }
        defer { unsafe names.append(contentsOf: name) }
        return UInt32(names.count)
    }

    private mutating func append(_ id: UInt32, to types: inout [UInt32]) {
        types.append(keepName(table.word(id, 0)))
        types.append(table.word(id, 1))
        let value = table.word(id, 2)
        switch table.kind(id) {
        case .pointer: types.append(0)
        case .typedef, .volatile, .const, .restrict, .tag: types.append(keep(value))
        default: types.append(value)
        }
        for index in 3..<max(3, table.words(id)) {
            let word = table.word(id, index)
            switch (table.kind(id), index % 3) {
            // A member: name, type, place. An array: elements, index, count.
            case (.structure, 0), (.union, 0): types.append(keepName(word))
            case (.structure, 1), (.union, 1), (.array, 0), (.array, 1): types.append(keep(word))
            // A value: name, then one word, or two.
            case (.enumeration, _): types.append(index % 2 == 1 ? keepName(word) : word)
            case (.enumeration64, 0): types.append(keepName(word))
            default: types.append(word)
            }
        }
    }
}

/// The excerpt as a file of its own, for libbpf takes type information only by path; gone with its last user.
final class TypesFile {
    let path: String
    private let descriptor: Int32

    /// `nil` when there is nothing to say, or no memory to say it in: libbpf then reads everything itself.
    init?(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return nil }
        descriptor = unsafe memfd_create("inquest-types", UInt32(MFD_CLOEXEC))
        path = "/proc/self/fd/\(descriptor)"
        guard descriptor >= 0 else { return nil }
        let written = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count else { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
