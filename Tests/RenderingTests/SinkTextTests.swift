import Events
import Testing

@testable import Rendering

@Suite struct SinkTextTests {
    private func text(_ body: (inout ByteSink) -> Void) -> String {
        var sink = ByteSink()
        body(&sink)
        return String(decoding: sink.bytes, as: UTF8.self)
    }

    @Test func `numbers of every length are written as they are`() {
        var numbers: [UInt64] = [0, .max]
        var power: UInt64 = 1
        for _ in 0..<20 {
            numbers += [power - 1, power, power + 1, power / 7 &* 13]
            power = power.multipliedReportingOverflow(by: 10).partialValue
        }
        for four in 0..<10_000 as Range<UInt64> { numbers += [four, four * 10_000 + 9_999 - four] }
        for number in numbers {
            #expect(text { $0.append(decimal: number) } == "\(number)")
        }
    }

    @Test(arguments: [1, 3, 6, 8, 9, 16]) func `zeros come before a number up to its width`(_ width: Int) {
        for number in [0, 7, 100, 12_345_678, 99_999_999, 100_000_000, 123_456_789, 5_000_000_000] as [UInt64] {
            let plain = "\(number)"
            let zeros = String(repeating: "0", count: max(0, width - plain.count))
            #expect(text { $0.append(decimal: number, width: width) } == zeros + plain)
        }
    }

    @Test func `times are the same within a second and across`() {
        var times = TimeText()
        for ns in [0, 1, 999_999_999, 1_000_000_000, 1_790_000_000_123_456_789, 1_790_000_000_999_999_999, 5, .max]
            as [UInt64]
        {
            #expect(text { times.append(ns, to: &$0) } == Times.rfc3339(ns))
        }
    }
}
