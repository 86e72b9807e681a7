import Events
import Testing

@testable import Metrics

@Suite struct LabelTests {
    private func stall(_ cgroup: UInt64, _ ns: UInt64, seq: UInt64) -> Event {
        var stall = CgroupStall()
        stall.cgroup = cgroup
        stall.mechanism = .memoryHigh
        stall.totalNs = ns
        return Event(seq: seq, boottimeNs: seq, .cgroupStall(stall))
    }

    private func name(_ cgroup: UInt64, _ path: Bytes, seq: UInt64) -> Event {
        var change = CgroupChange()
        change.id = cgroup
        change.path = path
        return Event(seq: seq, boottimeNs: seq, .cgroup(change))
    }

    private static let family = "inquest_memory_high_stall_seconds_total"

    @Test(arguments: [
        ("/a\"} 1\n/b", "/a\"} 1\\x0a/b"),
        ("/back\\slash", "/back\\\\slash"),
        ("/\u{202e}gnp.exe", "/\\u{202e}gnp.exe"),
        ("/ünïcode ☃", "/ünïcode ☃"),
        ("/a,b=\"c\",d", "/a,b=\"c\",d"),
    ]) func `a hostile name stays one label of one series`(path: String, shown: String) throws {
        var fold = MetricsFold()
        fold.consume(name(7, Bytes(path.utf8), seq: 1))
        fold.consume(stall(7, 1_500_000_000, seq: 2))
        let samples = try PageText(fold).samples.filter { $0.name == Self.family }
        #expect(samples.map(\.labels) == [["cgroup": shown], ["cgroup": "other"]])
        #expect(samples.map(\.value) == [1.5, 0])
    }

    @Test func `a name that is no UTF-8 is shown by its bytes, and one that is not known is unknown`() throws {
        var fold = MetricsFold()
        fold.consume(name(7, [UInt8(ascii: "/"), 0xff, 0xc0, 0x80], seq: 1))
        fold.consume(stall(7, 1, seq: 2))
        fold.consume(stall(8, 1, seq: 3))
        let samples = try PageText(fold).samples.filter { $0.name == Self.family }
        #expect(samples.compactMap(\.labels["cgroup"]) == ["unknown", "/\\xff\\xc0\\x80", "other"])
    }

    @Test func `two thousand cgroups have a bounded number of series, and nothing of their time is lost`() throws {
        var fold = MetricsFold()
        var seq: UInt64 = 0
        var total: UInt64 = 0
        var before: [String: Double] = [:]
        for round in 0..<3 {
            for cgroup in 1...2_000 as ClosedRange<UInt64> {
                seq += 1
                if round == 0 { fold.consume(name(cgroup, Bytes("/c\(cgroup)".utf8), seq: seq)) }
                seq += 1
                // The last ones stall most.
                let ns = cgroup > 1_990 ? 1_000_000_000 : 1_000
                total += UInt64(ns)
                fold.consume(stall(cgroup, UInt64(ns), seq: seq))
            }
            let samples = try PageText(fold).samples.filter { $0.name == Self.family }
            #expect(samples.count == CgroupSeries.listed + 1)
            let others = try #require(samples.first { $0.labels["cgroup"] == "other" })
            #expect(others.value >= before[others.series] ?? 0)
            for sample in samples { before[sample.series] = sample.value }
        }
        let samples = try PageText(fold).samples.filter { $0.name == Self.family }
        for cgroup in 1_991...2_000 { #expect(samples.contains { $0.labels["cgroup"] == "/c\(cgroup)" }) }
        // Series that made room took what they had with them: what is left is at most everything.
        #expect(samples.map(\.value).reduce(0, +) <= Double(total) / 1e9 + 1e-6)
        #expect(samples.map(\.value).reduce(0, +) >= 29)
    }

    @Test func `the buckets of a latency are cumulative, exact, and end with all of it`() throws {
        var interval = IOInterval()
        interval.device = 8 << 20
        interval.operation = .read
        interval.count = 6
        interval.queueTotalNs = 1_000_000_000
        interval.deviceTotalNs = 500_000_000
        // Slot n is from 2^n to 2^(n+1) microseconds.
        interval.totalUs.counts[6] = 3
        interval.totalUs.counts[7] = 2
        interval.totalUs.counts[30] = 1
        interval.errors = 4
        var fold = MetricsFold()
        fold.consume(Event(seq: 1, boottimeNs: 1, .ioInterval(interval)))
        let page = try PageText(fold)
        let labels = "device=\"8:0\",operation=\"read\",swap=\"false\""
        #expect(page["inquest_io_latency_seconds_bucket{\(labels),le=\"0.000128\"}"] == 3)
        #expect(page["inquest_io_latency_seconds_bucket{\(labels),le=\"0.000512\"}"] == 5)
        #expect(page["inquest_io_latency_seconds_bucket{\(labels),le=\"33.554432\"}"] == 5)
        #expect(page["inquest_io_latency_seconds_bucket{\(labels),le=\"+Inf\"}"] == 6)
        #expect(page["inquest_io_latency_seconds_count{\(labels)}"] == 6)
        #expect(page["inquest_io_latency_seconds_sum{\(labels)}"] == 1.5)
        #expect(page["inquest_io_errors_total{\(labels)}"] == 4)
    }

    @Test func `devices beyond the bound share one name`() throws {
        var fold = MetricsFold()
        for device in 1...40 as ClosedRange<UInt32> {
            var interval = IOInterval()
            interval.device = device
            interval.totalUs.counts[3] = 1
            fold.consume(Event(seq: UInt64(device), boottimeNs: 1, .ioInterval(interval)))
        }
        let counts = try PageText(fold).samples.filter { $0.name == "inquest_io_latency_seconds_count" }
        #expect(counts.count == LatencySeries.devices + 1)
        #expect(counts.first { $0.labels["device"] == "other" }?.value == 24)
    }

    @Test(
        arguments: [
            (0, "0"), (1, "0.000000001"), (1_500_000_000, "1.5"), (UInt64.max, "18446744073.709551615"),
        ] as [(UInt64, String)]) func `nanoseconds are written as seconds to the last digit`(ns: UInt64, text: String)
    {
        #expect(Exposition.seconds(ns) == text)
    }
}
