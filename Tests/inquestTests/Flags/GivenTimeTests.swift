import Glibc
import Testing

@testable import inquest

@Suite struct GivenTimeTests {
    /// 2026-06-22 10:02:11 UTC.
    private let ns: UInt64 = 1_782_122_531_000_000_000

    @Test(
        arguments: [
            ("2026-06-22T10:02:11Z", 0), ("2026-06-22 10:02:11Z", 0), ("2026-06-22T12:02:11+02:00", 0),
            ("2026-06-22T04:32:11-05:30", 0), ("2026-06-22T10:02:11.25Z", 250_000_000),
            ("2026-06-22T10:02:11.000000345Z", 345),
        ] as [(String, UInt64)])
    func `a time with a zone is that time everywhere`(_ text: String, _ moreNs: UInt64) {
        #expect(GivenTime(text) == .at(ns + moreNs))
    }

    @Test func `a number with a unit is so long ago`() {
        #expect(GivenTime("90m") == .ago(5_400_000_000_000))
        #expect(GivenTime("1h30m") == .ago(5_400_000_000_000))
    }

    @Test func `without a zone it is local time, and without a date today's`() {
        var seconds = time_t(ns / 1_000_000_000)
        var local = tm()
        localtime_r(&seconds, &local)
        func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + String(number) }
        let date = "\(local.tm_year + 1900)-\(two(local.tm_mon + 1))-\(two(local.tm_mday))"
        let clock = "\(two(local.tm_hour)):\(two(local.tm_min)):11"
        #expect(GivenTime("\(date) \(clock)") == .at(ns))
        #expect(GivenTime("\(date)T\(clock)") == .at(ns))
        #expect(GivenTime(clock, now: seconds) == .at(ns))
        #expect(GivenTime(String(clock.dropLast(3)), now: seconds) == .at(ns - 11_000_000_000))
        let hours = UInt64(local.tm_hour) * 3600 + UInt64(local.tm_min) * 60 + 11
        #expect(GivenTime(date) == .at(ns - hours * 1_000_000_000))
    }

    @Test(arguments: [
        "", "x", "90", "25:00", "10:60", "10", "10:2", "2026-02-30", "2026-13-01", "2026-06-22T", "2026-06-22x10:02",
        "2026-06-22T10:02:11Zx", "2026-06-22T10:02:11+2", "2026-06-22T10:02:11.", "1969-12-31T00:00:00Z", "-5m",
    ])
    func `anything else is none`(_ text: String) { #expect(GivenTime(text) == nil) }
}
