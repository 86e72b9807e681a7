import Testing

@testable import Events

@Suite struct VarintTests {
    @Test func `numbers at every edge of length come back`() throws {
        var values: [UInt64] = [0, .max, .max - 1]
        for bit in 0..<64 as Range<UInt64> { values += [1 << bit, (1 << bit) - 1, (1 << bit) + 1] }
        var sink = ByteSink(capacity: 1)
        for value in values { sink.append(varint: value) }
        let bytes = sink.bytes
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var source = ByteSource(cursor: base, end: base + buffer.count)
            for value in values { #expect((try? source.varint()) == value) }
            #expect(source.remaining == 0)
            #expect(throws: DecodeError.truncated) { try source.varint() }
        }
    }

    @Test(arguments: [Int64.min, Int64.max, -1, 0, 1, -2, 63, -64])
    func `zigzag keeps signed numbers`(value: Int64) { #expect(unzigzag(zigzag(value)) == value) }

    @Test func `differences of every size come back, whole pages shorter`() {
        var values: [Int64] = [.min, .max, .min + 1]
        for bit in 0..<63 as Range<Int64> {
            values += [(1 << bit) - 1, 1 << bit, (1 << bit) + 1, -(1 << bit) - 1, -(1 << bit), 1 - (1 << bit)]
        }
        values.removeAll { $0 == 0 }
        var sink = ByteSink()
        for value in values { sink.append(difference: value) }
        let bytes = sink.bytes
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var source = ByteSource(cursor: base, end: base + buffer.count)
            for value in values { #expect((try? source.difference()) == value) }
            #expect(source.remaining == 0)
        }
        var page = ByteSink()
        page.append(difference: -15 * 4096)
        #expect(page.count == 1)
    }

    @Test func `more than 64 bits are refused`() {
        let long = Bytes(repeating: 0xff, count: 10) + [1]
        let tooLarge = Bytes(repeating: 0xff, count: 9) + [2]
        for bytes in [long, tooLarge] {
            bytes.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                var source = ByteSource(cursor: base, end: base + buffer.count)
                #expect(throws: DecodeError.overlong) { try source.varint() }
            }
        }
    }
}
