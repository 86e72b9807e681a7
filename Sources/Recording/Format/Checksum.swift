import CLinux

/// CRC-32C of bytes, continued from `seed`.
@inline(__always)
func crc32c(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    guard let base = bytes.baseAddress else { return seed }
    return unsafe iq_crc32c(seed, base, bytes.count)
}
