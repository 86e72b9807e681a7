import Glibc

/// Kinds of types (include/uapi/linux/btf.h, BTF_KIND_*), as far as they are told apart here.
enum TypeKind: UInt32 {
    case integer = 1
    case pointer = 2
    case array = 3
    case structure = 4
    case union = 5
    case enumeration = 6
    case forward = 7
    case typedef = 8
    case volatile = 9
    case const = 10
    case restrict = 11
    case function = 12
    case float = 16
    case tag = 18
    case enumeration64 = 19
}

/// Type information, with the place of each type.
///
/// The layout is the kernel's Documentation/bpf/btf.rst: a header, the types one after the other (12 bytes each, then what their
/// kind adds), the names. Bytes that end early end the table; what it holds lies whole within the bytes.
@safe
struct TypeTable {
    private let bytes: UnsafeRawBufferPointer
    /// By id; the first is void.
    private var places: [UInt32] = [0]
    private let names: Range<Int>

    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 24, unsafe bytes.loadUnaligned(as: UInt16.self) == 0xeb9f else { return nil }
        unsafe self.bytes = unsafe bytes
        func word(_ offset: Int) -> Int { Int(unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
        let body = word(4)
        let types = body + word(8)
        let end = types + word(12)
        names = (body + word(16))..<(body + word(16) + word(20))
        guard end <= bytes.count, names.upperBound <= bytes.count else { return nil }
        places.reserveCapacity((end - types) / 20)
        var place = types
        while place + 12 <= end {
            let next = place + 12 + TypeTable.tail(UInt32(word(place + 4)))
            guard next <= end else { break }
            places.append(UInt32(place))
            place = next
        }
    }

    /// Ids are below this.
    var count: UInt32 { UInt32(places.count) }

    /// A word of a type: 0 its name, 1 kind and number of members, 2 its size or the type it is made of, then what its kind adds.
    func word(_ id: UInt32, _ index: Int) -> UInt32 {
        unsafe bytes.loadUnaligned(fromByteOffset: Int(places[Int(id)]) + 4 * index, as: UInt32.self)
    }

    func kind(_ id: UInt32) -> TypeKind? { TypeKind(rawValue: word(id, 1) >> 24 & 0x1f) }

    func members(_ id: UInt32) -> Int { Int(word(id, 1) & 0xffff) }

    /// Words of a type, the three of all types among them.
    func words(_ id: UInt32) -> Int { 3 + TypeTable.tail(word(id, 1)) / 4 }

    /// A type's name, if it is one of those.
    func match(_ id: UInt32, _ wanted: WantedNames) -> String? {
        let start = names.lowerBound + Int(word(id, 0))
        return unsafe wanted.match(bytes, start, names.upperBound)
    }

    /// A name by its offset, with the NUL; empty for none.
    func name(_ offset: UInt32) -> UnsafeRawBufferPointer.SubSequence {
        let start = names.lowerBound + Int(offset)
        guard offset > 0, start < names.upperBound else { return unsafe bytes[0..<0] }
        let length = unsafe strnlen(
            (bytes.baseAddress! + start).assumingMemoryBound(to: CChar.self), names.upperBound - start - 1)
        return unsafe bytes[start..<start + length + 1]
    }

    /// Bytes that follow the 12 of a type, by its second word.
    private static func tail(_ info: UInt32) -> Int {
        let members = Int(info & 0xffff)
        return switch info >> 24 & 0x1f {
        case 1, 14, 17: 4  // int, variable, declaration tag
        case 3: 12  // array
        case 4, 5, 15, 19: 12 * members  // struct, union, data section, 64-bit enum
        case 6, 13: 8 * members  // enum, function prototype
        default: 0
        }
    }
}
