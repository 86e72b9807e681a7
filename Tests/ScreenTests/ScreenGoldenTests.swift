import EventSamples
import Events
import Foundation
import Testing

@testable import Screen

/// Screens as they should be, beside the tests: `Tests/cases/screen/NAME.txt`, a row a line.
///
/// After a wanted change: `INQUEST_WRITE_GOLDEN=1 swift test --filter ScreenGoldenTests`, then read the difference. The tests fail while
/// they write.
private let directory = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("cases/screen")

/// What a case's events come to.
struct Shown: Sendable, CustomTestStringConvertible {
    let name: String
    /// Seconds after the case's first event; the whole of it without.
    var seconds: UInt64?
    var width = 80
    var height = 24

    var file: String { name + (seconds.map { "-\($0)s" } ?? "") + "-\(width)x\(height).txt" }
    var testDescription: String { file }

    func model() throws -> ScreenModel {
        var model = ScreenModel()
        let events = try CaseEvents.of(name)
        let until = seconds.map { (events.first?.boottimeNs ?? 0) + $0 * 1_000_000_000 } ?? .max
        for event in events.prefix(while: { $0.boottimeNs <= until }) { model.take(event) }
        return model
    }

    static let all: [Shown] = [
        Shown(name: "lab-origin", seconds: 25), Shown(name: "lab-origin", seconds: 25, width: 120, height: 40),
        Shown(name: "lab-origin", seconds: 10), Shown(name: "lab-origin-stalled-in-reclaim", seconds: 45),
        Shown(name: "lab-device-stall", seconds: 25), Shown(name: "lab-livelock-lifted", seconds: 25),
        Shown(name: "lab-file-thrash", seconds: 55), Shown(name: "lab-swap-storm-reset", seconds: 25),
        Shown(name: "lab-io-storm", seconds: 130, width: 120, height: 40),
        Shown(name: "lab-global-oom-with-swap", seconds: 15), Shown(name: "lab-cgroup-kill", width: 120, height: 40),
        Shown(name: "no-psi"),
    ]
}

@Suite struct ScreenGoldenTests {
    @Test(arguments: Shown.all) func `a case looks as it should`(shown: Shown) throws {
        let model = try shown.model()
        let rows = ScreenView(width: shown.width, height: shown.height)
            .rows(model, ScreenControl(), nowNs: model.nowNs)
        try expect(rows.map(\.text).map(trimmed).joined(separator: "\n") + "\n", shown.file)
    }

    private func trimmed(_ row: String) -> String { String(row.reversed().drop { $0 == " " }.reversed()) }

    private func expect(_ text: String, _ file: String) throws {
        let url = directory.appendingPathComponent(file)
        if ProcessInfo.processInfo.environment["INQUEST_WRITE_GOLDEN"] == "1" {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            try text.write(to: url, atomically: true, encoding: .utf8)
            Issue.record("written, not compared: \(file)")
            return
        }
        let want = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
        #expect(text == want, "\(file)")
    }
}
