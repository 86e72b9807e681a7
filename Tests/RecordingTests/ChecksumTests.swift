import CLinux
import Testing

@Suite struct ChecksumTests {
    /// "123456789" has this CRC-32C in every catalogue of checksums.
    @Test func `the checksum is CRC-32C`() {
        let bytes = [UInt8]("123456789".utf8)
        #expect(iq_crc32c(0, bytes, bytes.count) == 0xe306_9283)
        #expect(iq_crc32c_table(0, bytes, bytes.count) == 0xe306_9283)
    }

    @Test func `the processor's instruction and the table agree, wherever the bytes begin and end`() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
        for start in 0..<9 {
            for count in 0...(bytes.count - start) {
                bytes.withUnsafeBytes { all in
                    let first = all.baseAddress! + start
                    #expect(iq_crc32c(7, first, count) == iq_crc32c_table(7, first, count))
                }
            }
        }
    }
}
