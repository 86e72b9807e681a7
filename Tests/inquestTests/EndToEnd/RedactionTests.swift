import Foundation
import Testing

/// `--for USER` through the program, on a recording of a disaster with several users.
@Suite struct RedactionTests {
    private static let recording = OldRecordingTests.all.first { $0.name == "state-1-reset" }

    private func unpacked(_ scratch: Scratch) throws -> String {
        try #require(Self.recording).unpack(into: scratch)
    }

    @Test func `a user is found by name and by number, and sees no other's name`() throws {
        let scratch = try Scratch()
        let directory = try unpacked(scratch)
        let whole = try Tool.run("export", "--format", "json", "--dir", directory)
        #expect(whole.out.contains("/user-1002.slice") && whole.out.contains("balloon"))
        let formats = ["json", "markdown", "html", "ndjson", "csv", "trace"]
        for (format, what) in formats.map({ ($0, "last") }) + formats.map({ ($0, "all") }) {
            let shown = try Tool.run("export", what, "--format", format, "--for", "1001", "--dir", directory)
            #expect(shown.status == 0, "\(shown.err)")
            for name in ["user-1002", "system.slice", "balloon", "\"uid\":0", "(uid 0)"] {
                #expect(!shown.out.contains(name), "\(what) \(format): \(name)")
            }
            let named = try Tool.run("export", what, "--format", format, "--for", "root", "--dir", directory)
            let numbered = try Tool.run("export", what, "--format", format, "--for", "0", "--dir", directory)
            #expect(named.status == 0 && named.out == numbered.out && named.out != shown.out, "\(named.err)")
        }
        let show = try Tool.run("show", "--for", "1001", "--dir", directory)
        #expect(show.status == 0 && show.out.contains("another user's cgroup grew"), "\(show.out)")
        #expect(!show.out.contains("user-1002") && !show.out.contains("balloon"), "\(show.out)")
    }

    @Test func `a user of whom nothing was recorded is an error that says so`() throws {
        let scratch = try Scratch()
        let directory = try unpacked(scratch)
        for arguments in [["show"], ["export", "--format", "json"], ["export", "all", "--format", "csv"]] {
            let result = try RunningTool(arguments + ["--for", "nobody-such", "--dir", directory]).wait()
            #expect(result.status == 3 && result.out == "", "\(result.out)")
            #expect(result.err.contains("nothing here is of a user nobody-such"), "\(result.err)")
        }
    }
}
