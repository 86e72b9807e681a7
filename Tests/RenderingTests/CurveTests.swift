import Events
import Testing

@testable import Rendering

@Suite struct CurveTests {
    private let second: UInt64 = 1_000_000_000

    @Test func `bins become wider instead of more, and a spike survives every time`() throws {
        var grid = TimeGrid()
        var curve = Curve()
        for tick in 0..<36_000 as Range<UInt64> {
            let at = tick * second / 10
            grid.reach(at)
            curve.level(tick == 20_000 ? 1000 : tick == 7 ? 0 : 10, at: at, grid)
        }
        let bins = curve.bins(grid)
        #expect(grid.binNs == 6_400_000_000 && bins.count == 563)
        #expect(bins.compactMap { $0?.high }.max() == 1000 && bins.compactMap { $0?.low }.min() == 0)
        let spike = try #require(bins[312])
        #expect(spike.high == 1000 && spike.low == 10)
        #expect(abs(spike.mean - (10 + 990.0 / 64)) < 0.1)
        #expect(bins.allSatisfy { $0 != nil })
    }

    @Test func `a level holds until the next sample, for a minute; what is unknown is a gap`() {
        var grid = TimeGrid()
        var curve = Curve()
        grid.reach(200 * second)
        for (at, value) in [(0, 5), (10, 7), (12, nil), (20, 9), (100, 1)] as [(UInt64, UInt64?)] {
            curve.level(value, at: at * second, grid)
        }
        let bins = curve.bins(grid)
        func mean(_ at: UInt64) -> Double? {
            let bin = grid.bin(at * second)
            return bin < bins.count ? bins[bin]?.mean : nil
        }
        #expect(mean(1) == 5 && mean(9) == 5)
        // From the sample that was unknown to the next, and beyond what a sample can say.
        #expect(mean(11) == nil && mean(15) == nil && mean(50) == nil)
        #expect(mean(20) == 9 && mean(100) == 1)
    }

    @Test func `a counter is a rate between samples, and begins anew where it fell or another boot began`() {
        var grid = TimeGrid()
        var curve = Curve()
        grid.reach(60 * second)
        for (at, count) in [(0, 1000), (10, 2000), (20, 500), (30, 600)] as [(UInt64, UInt64)] {
            curve.counter(count, at: at * second, unit: 2, grid)
        }
        curve.breakOff()
        curve.counter(700, at: 40 * second, unit: 2, grid)
        let bins = curve.bins(grid)
        #expect(bins[grid.bin(5 * second)]?.mean == 200)
        #expect(bins[grid.bin(15 * second)] == nil)
        #expect(bins[grid.bin(25 * second)]?.mean == 20)
        #expect(grid.bin(35 * second) >= bins.count)
    }

    @Test func `within a gap of the sampler a level is unknown`() {
        var grid = TimeGrid()
        var curve = Curve()
        grid.reach(20 * second)
        for at in [0, 20] as [UInt64] { curve.level(3, at: at * second, grid) }
        let bins = curve.bins(grid, outside: [5 * second..<15 * second])
        #expect(bins[grid.bin(4 * second)]?.mean == 3 && bins[grid.bin(16 * second)]?.mean == 3)
        #expect(bins[grid.bin(10 * second)] == nil)
    }

    @Test func `an amount is zero where somebody listened, and unknown where nobody did`() {
        var grid = TimeGrid()
        var (amounts, listening) = (Amounts(), Curve())
        grid.reach(30 * second)
        listening.level(1, at: 0, grid)
        listening.level(1, at: 20 * second, grid)
        amounts.add(1000, from: 4 * second, to: 6 * second, grid)
        let bins = amounts.bins(grid, where: listening.bins(grid), until: 30 * second)
        #expect(bins[grid.bin(5 * second)]?.mean == 500)
        #expect(bins[grid.bin(2 * second)]?.mean == 0)
        #expect(bins.count == 201)
    }

    @Test func `IOs of an interval are spread over its columns, and shades reach up to the fullest cell`() {
        var grid = TimeGrid()
        var map = LatencyMap()
        grid.reach(10 * second)
        var histogram = Histogram()
        histogram.counts[10] = 7000
        histogram.counts[12] = 1
        map.add(histogram, from: 0, to: 2 * second - 1, grid)
        let columns = LatencyColumns(map.columns(grid))
        #expect(columns.columns.count == 5 && columns.columns[0].counts[10] == 1400)
        #expect(columns.steps == [1, 16, 64, 256, 1024])
        #expect(columns.step(4, 10) == 4 && columns.step(4, 12) == 0 && columns.step(4, 11) == nil)
        #expect(columns.rows.contains(10) && columns.rows.contains(12) && columns.rows.count == 6)
        #expect(columns.p99().count == 20 && columns.p99()[0]?.mean == 11)
        #expect(LatencyColumns([histogram]).steps == [1, 64, 256, 1024, 4096])
    }

    @Test func `scales end at round figures that hold what is shown`() {
        for unit in [PanelUnit.bytes, .bytesPerSecond, .percent, .count, .thousandths, .tasks] {
            for value in [0, 0.4, 1, 9.9, 10, 47, 99, 463.6 * 1_048_576, 1e12] where unit != .percent || value <= 100 {
                let top = unit.roundedUp(value)
                #expect(top >= value && top > 0, "\(unit) \(value)")
                #expect(top <= max(value * 2, 10_000), "\(unit) \(value) \(top)")
            }
        }
        #expect(PanelUnit.bytes.roundedUp(463.6 * 1_048_576) == 512 * 1_048_576)
    }

    @Test func `times of day on the axis are round in local time, and few`() {
        let midnight: UInt64 = 1_790_035_200_000_000_000
        for (length, offset) in [(19, 0), (66, 3600), (3600, 19_800), (90_000, -3600), (700_000, 0)]
            as [(UInt64, Int32)]
        {
            let axis = TimeAxis(
                binNs: second, endNs: length * second, originRealtimeNs: midnight + 1_234_000_000,
                utcOffsetSeconds: offset)
            let ticks = axis.roundTimes()
            #expect((2...6).contains(ticks.count), "\(length): \(ticks)")
            #expect(ticks.allSatisfy { $0.x >= 0 && $0.x <= axis.length })
            if length >= 3600 { #expect(ticks.allSatisfy { $0.label.hasSuffix(":00") }, "\(ticks)") }
        }
        let unknown = TimeAxis(binNs: second, endNs: 19 * second, originRealtimeNs: nil, utcOffsetSeconds: 0)
        #expect(unknown.roundTimes().map(\.label) == ["+0 s", "+5 s", "+10 s", "+15 s"])
    }
}
