import CLinux
import Glibc

/// Memory that O_DIRECT takes: aligned to a block, zeroed, its own mapping.
@safe
final class AlignedBuffer: @unchecked Sendable {
    let raw: UnsafeMutableRawBufferPointer

    /// - Parameter bytes: a multiple of 4096. Traps without memory: for the few buffers made at a start.
    init(_ bytes: Int) {
        guard let buffer = unsafe AlignedBuffer.map(bytes) else {
            fatalError("no memory for a buffer of \(bytes) bytes")
        }
        unsafe raw = buffer
    }

    deinit { unsafe AlignedBuffer.unmap(raw) }

    /// `nil` without memory.
    static func map(_ bytes: Int) -> UnsafeMutableRawBufferPointer? {
        let address = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { return nil }
        return unsafe UnsafeMutableRawBufferPointer(start: address, count: bytes)
    }

    static func unmap(_ buffer: UnsafeMutableRawBufferPointer) {
        _ = unsafe munmap(buffer.baseAddress, buffer.count)
    }
}
