import EventSamples
import Events
import Incidents
import Testing

@testable import Screen

private func origin(seconds: UInt64 = 25) throws -> ScreenModel {
    try Shown(name: "lab-origin", seconds: seconds).model()
}

private func text(_ rows: [ScreenRow]) -> String { rows.map(\.text).joined(separator: "\n") }

@Suite struct ScreenViewTests {
    @Test(arguments: [
        (80, 24), (81, 25), (100, 30), (132, 43), (300, 100), (79, 24), (80, 23), (20, 5), (1, 1), (0, 0),
    ])
    func `every size is filled and nothing sticks out`(width: Int, height: Int) throws {
        let model = try origin()
        let rows = ScreenView(width: width, height: height).rows(model, ScreenControl(), nowNs: model.nowNs)
        #expect(rows.count == max(height, 1))
        for row in rows { #expect(row.used <= max(width, 0)) }
        if width < 80 || height < 24, width >= 40, height >= 3 { #expect(text(rows).contains("the view needs 80x24")) }
    }

    @Test func `who swaps most is named while no incident has a suspect`() {
        var standing = Standing()
        (standing.host.swapInBytesPerSecond, standing.host.swapOutBytesPerSecond) = (0, Figure(20 << 20))
        standing.cgroups = [("/a.slice", 1 << 20), ("/b.slice", 19 << 20), ("/c.slice", 0)].map { path, rate in
            var cgroup = CgroupStanding()
            cgroup.path = Bytes(path.utf8)
            cgroup.swapBytesPerSecond = UInt64(rate)
            return cgroup
        }
        #expect(Verdict.who(standing, nil) == "b.slice is swapping")
    }

    @Test func `hostile names do not reach the terminal`() throws {
        var model = try origin()
        let evil = Bytes("\u{1b}]0;owned\u{07}\u{1b}[2J\r\n\u{202e}".utf8) + [0x9b, 0xff]
        var (seq, ns) = (UInt64(1_000_000), model.nowNs)
        func tell(_ payload: Payload) {
            seq += 1
            ns += 1_000_000_000
            model.take(Event(seq: seq, boottimeNs: ns, payload))
        }
        var cgroup = CgroupChange()
        cgroup.id = 99_999
        cgroup.path = Bytes("/".utf8) + evil
        tell(.cgroup(cgroup))
        var sample = CgroupSample()
        sample.cgroup = 99_999
        sample.currentBytes = Figure(100 << 30)
        tell(.cgroupSample(sample))
        var device = DeviceName()
        device.device = 7 << 20
        device.name = evil
        tell(.deviceName(device))
        var kill = OomKill()
        kill.victim.task.comm = Comm(evil)
        kill.victim.task.cgroup = 99_999
        tell(.oomKill(kill))
        var task = CensusTask()
        task.task.comm = Comm(evil)
        task.state = 2
        task.stack = evil
        tell(.censusTask(task))
        tell(.census(Census()))
        tell(.pressure(PressureSample()))
        var control = ScreenControl()
        for key in [Key.character("/")] + "\u{1b}[2J".map(Key.character) { _ = control.press(key, shownNs: 0) }
        for control in [ScreenControl(), control] {
            let rows = ScreenView(width: 200, height: 60).rows(model, control, nowNs: ns)
            #expect(text(rows).contains("owned"))
            for scalar in rows.map(\.text).joined().unicodeScalars {
                #expect(scalar.value >= 0x20 && !(0x7f..<0xa0).contains(scalar.value) && scalar.value != 0x202e)
            }
        }
    }

    @Test func `a flood takes no kill off the screen, and stays bounded`() throws {
        var model = try origin()
        var ns = model.nowNs
        var kill = OomKill()
        kill.victim.task.comm = Comm("the-victim")
        model.take(Event(seq: 1_000_000, boottimeNs: ns, .oomKill(kill)))
        for index in 0..<20_000 as Range<UInt64> {
            ns += 3_000_000
            var stall = Stall()
            stall.task.comm = Comm("loud")
            model.take(Event(seq: 1_000_001 + index, boottimeNs: ns, index % 2 == 0 ? .stall(stall) : .lost(Lost())))
        }
        #expect(text(ScreenView(width: 80, height: 24).rows(model, ScreenControl(), nowNs: ns)).contains("the-victim"))
        #expect(model.lines.count <= 400 && model.columns.count <= 600)
        // Two a second, each for all like it.
        #expect(model.lines.suffix(4).contains { $0.more > 100 })
    }

    @Test func `each event is shown once, and a snapshot's number is another's`() throws {
        var model = ScreenModel()
        model.take(Event(seq: 5, boottimeNs: 1, .snapshot(StateSnapshot(state: Bytes()))))
        model.take(Event(seq: 5, boottimeNs: 1, .lost(Lost())))
        model.take(Event(seq: 5, boottimeNs: 1, .lost(Lost())))
        #expect(model.lines.count == 1 && model.lines[0].more == 0)
    }

    @Test func `the filter leaves kills and the verdict`() throws {
        let model = try origin()
        var control = ScreenControl()
        for key in [Key.character("/")] + "nowhere".map(Key.character) + [.enter] { _ = control.press(key, shownNs: 0) }
        let all = text(ScreenView(width: 80, height: 24).rows(model, ScreenControl(), nowNs: model.nowNs))
        let rows = ScreenView(width: 80, height: 24).rows(model, control, nowNs: model.nowNs)
        #expect(all.contains("CGROUP") && !text(rows).contains("CGROUP"))
        #expect(rows[0].text == all.prefix { $0 != "\n" })
        #expect(text(rows).contains("only nowhere"))
    }

    @Test func `a second of a storm without a sample is blank, one of calm is as before`() throws {
        var column = try #require(try origin().columns.last)
        column.memorySome = Ratio(0.5)
        #expect(column.held(at: column.ns + 1, after: column).memoryFull.isUnknown)
        column.memorySome = 0.01.ratio
        #expect(column.held(at: column.ns + 1, after: column).availableBytes == column.availableBytes)
    }

    @Test func `on a terminal without block elements curves are plain letters`() throws {
        let model = try origin()
        let rows = ScreenView(width: 80, height: 24, glyphs: .ascii).rows(model, ScreenControl(), nowNs: model.nowNs)
        #expect(text(rows).unicodeScalars.allSatisfy { $0.isASCII })
    }
}

extension Double {
    fileprivate var ratio: Ratio { Ratio(self) }
}
