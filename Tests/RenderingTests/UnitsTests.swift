import Events
import Foundation
import Testing

@testable import Rendering

@Suite struct UnitsTests {
    @Test func `bytes have one decimal unless they are exact`() {
        let cases: [(UInt64, String)] = [
            (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1025, "1.0 KiB"),
            (67_108_864, "64 MiB"), ((1 << 20) - 1, "1.0 MiB"), ((1 << 20) - 60 * 1024, "964 KiB"),
            (1_048_524, "1023.9 KiB"), (12_025_908_428, "11.2 GiB"), (.max - 2, "16.0 EiB"),
        ]
        for (value, text) in cases { #expect(Units.bytes(value) == text) }
        #expect(Units.bytes(Figure.unknown) == "?")
        #expect(Units.bytes(Figure.unlimited) == "max")
        #expect(Units.growth(0) == "0 B")
        #expect(Units.growth(1024) == "+1 KiB")
        #expect(Units.growth(.unknown) == "?")
    }

    @Test func `durations are as long as they need to be`() {
        let cases: [(UInt64, String)] = [
            (0, "0 s"), (850, "850 ns"), (12_400, "12 us"), (1_440_000, "1.4 ms"), (9_949_999, "9.9 ms"),
            (9_950_000, "10 ms"), (38_200_000, "38 ms"), (999_400_000, "999 ms"), (999_500_000, "1.0 s"),
            (2_100_000_000, "2.1 s"), (94_000_000_000, "94 s"), (99_600_000_000, "1 min 40 s"),
            (456_400_000_000, "7 min 36 s"), (182_000_000_000, "3 min 02 s"), (3_599_600_000_000, "1 h 00 min"),
            (7_500_000_000_000, "2 h 05 min"), (273_600_000_000_000, "3 d 04 h"), (.max, "213503 d 23 h"),
        ]
        for (ns, text) in cases { #expect(Units.duration(ns) == text) }
    }

    @Test func `shares and counts`() {
        #expect(Units.percent(Ratio(0)) == "0 %")
        #expect(Units.percent(Ratio(0.0041)) == "0.4 %")
        #expect(Units.percent(Ratio(0.0994)) == "9.9 %")
        #expect(Units.percent(Ratio(0.0996)) == "10 %")
        #expect(Units.percent(Ratio(0.7249)) == "72 %")
        #expect(Units.percent(Ratio(1.5)) == "150 %")
        #expect(Units.percent(.unknown) == "?")
        #expect(Units.count(0 as UInt64) == "0")
        #expect(Units.count(999 as UInt64) == "999")
        #expect(Units.count(1000 as UInt64) == "1,000")
        #expect(Units.count(11_204_999 as UInt64) == "11,204,999")
        #expect(Units.figure(72, unit: b("percent")) == "72 %")
        #expect(Units.figure(4096, unit: b("bytes/s")) == "4 KiB/s")
        #expect(Units.figure(11_204, unit: b("pages/s")) == "11,204 pages/s")
        #expect(Units.figure(.unknown, unit: b("tasks")) == "unknown")
    }

    @Test func `dates agree with an independent calendar`() {
        var formatter = Date.ISO8601FormatStyle()
        formatter.timeZone = TimeZone(identifier: "UTC") ?? .gmt
        // Every 31st day and some odd seconds of 1970 to 2400: leap days, century rules, 2038.
        for step in 0..<5100 as Range<UInt64> {
            let seconds = step * 31 * 86_400 + step * 977
            let expected = Date(timeIntervalSince1970: Double(seconds)).formatted(formatter)
            let got = Times.rfc3339(seconds * 1_000_000_000 + 7)
            #expect(got == expected.dropLast() + ".000000007Z")
            if got != expected.dropLast() + ".000000007Z" { return }
        }
    }

    @Test func `a leap day, the end of the clock, and an offset across midnight`() {
        #expect(Times.rfc3339(951_782_400_000_000_000) == "2000-02-29T00:00:00.000000000Z")
        #expect(Times.rfc3339(.max) == "2554-07-21T23:34:33.709551615Z")
        let late = CivilTime(realtimeNs: 951_782_399_999_000_000, utcOffsetSeconds: 3600)
        #expect(late.date == "2000-02-29")
        #expect(late.timeOfDay(decimals: 3) == "00:59:59.999")
        let early = CivilTime(realtimeNs: 0, utcOffsetSeconds: -3600)
        #expect(early.date == "1969-12-31")
        #expect(early.timeOfDay(decimals: 0) == "23:00:00")
        #expect(Times.offset(19_800) == "+05:30")
        #expect(Times.offset(-12_600) == "-03:30")
        #expect(Times.offset(0) == "+00:00")
    }

    @Test func `a local clock marks other days and says when it has no wall clock`() {
        let clock = LocalClock(snapshot: sampleClock(), utcOffsetSeconds: 0, origin: at(0))
        #expect(clock.full(at(0)) == "2026-03-04 05:06:07.2 +00:00")
        #expect(clock.short(at(1180), decimals: 3) == "05:06:08.430")
        #expect(clock.short(at(86_400_000)) == "+1d 05:06:07.2")
        #expect(clock.short(Moment(boottimeNs: 0)) == "03:42:47.2")
        #expect(clock.short(.unknown) == "?")
        let none = LocalClock(snapshot: ClockSnapshot(), utcOffsetSeconds: 0, origin: at(0))
        #expect(none.short(at(1180)) == "boot+5001.1 s")
    }

    @Test func `columns are counted, not bytes`() {
        #expect(displayWidth("abc") == 3)
        #expect(displayWidth("é日本🦊") == 7)
        #expect(displayWidth("e\u{301}") == 1)
        #expect(padded("日", to: 4) == "日  ")
    }

    @Test func `lines are broken at spaces, long words at a slash, and nothing is lost`() {
        #expect(wrapped("a bb ccc", first: 8, rest: 8) == ["a bb ccc"])
        #expect(wrapped("one two three four", first: 9, rest: 9) == ["one two", "three", "four"])
        #expect(wrapped("it took 12 GiB of it", first: 10, rest: 10) == ["it took", "12 GiB of", "it"])
        #expect(wrapped("/user.slice/user-1.slice/x", first: 20, rest: 20) == ["/user.slice/", "user-1.slice/x"])
        #expect(wrapped("aaaaaaaaaaaaaaaaaaaa", first: 8, rest: 8) == ["aaaaaaaa", "aaaaaaaa", "aaaa"])
        #expect(wrapped("", first: 8, rest: 8) == [""])
        for name in hostileNames(500) {
            let shown = Escaping.terminal(name)
            for width in [8, 13, 40] {
                let lines = wrapped(shown, first: width, rest: width)
                #expect(lines.allSatisfy { displayWidth($0) <= width }, "\(lines)")
                #expect(lines.joined().filter { $0 != " " } == shown.filter { $0 != " " })
            }
        }
    }
}
