import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// A drill leaves nothing behind, however it ends.
    @Suite(.serialized, .enabled(if: Tool.canAttach, Comment(rawValue: Tool.whyNot)))
    struct DrillLeftovers {
        @Test(arguments: [0, 20_000, 60_000, 150_000, 300_000] as [UInt32])
        func `a drill that is interrupted while it starts removes what it made`(microseconds: UInt32) throws {
            let drill = try RunningTool(["drill", "--memory", "32M"])
            usleep(microseconds)
            drill.signal(SIGINT)
            let result = drill.wait()
            // Before it minds signals it has made nothing; later it says what it did.
            let saysSo = result.status == 1 && result.err.contains("interrupted")
            #expect(result.signal == SIGINT || saysSo, "\(result.err)")
            #expect(Leftovers.all(of: drill.pid).isEmpty)
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
        func `a drill that is stopped while it waits for the end removes what it made`(signal: Int32) throws {
            let drill = try RunningTool(["drill", "--memory", "16M"])
            #expect(drill.waits { _ in Leftovers.hasKilled(drill.pid) })
            drill.signal(signal)
            let result = drill.wait()
            #expect(result.status == 1 && result.err.contains("interrupted"), "\(result.err)")
            #expect(result.out.isEmpty)
            #expect(Leftovers.all(of: drill.pid).isEmpty)
        }

        @Test func `two drills at once do not mix, and take away what a killed one left`() throws {
            let killed = try RunningTool(["drill", "--memory", "1G"])
            #expect(
                killed.waits { _ in Leftovers.hasKilled(killed.pid) || !Leftovers.balloons(of: killed.pid).isEmpty })
            killed.signal(SIGKILL)
            _ = killed.wait()
            #expect(!Leftovers.directories(of: killed.pid).isEmpty, "nothing was left: this test proves nothing")
            let both = try (0..<2).map { _ in try RunningTool(["drill", "--memory", "32M", "--json"]) }
            for drill in both {
                let result = drill.wait()
                #expect(result.status == 0, "\(result.err)")
                #expect(result.lines.count == 1)
                let victim = try parse(result.out)[path: "kills.0.victim.cgroup"] as? String ?? ""
                #expect(victim.hasSuffix("inquest-drill-\(drill.pid)"), "\(victim)")
                #expect(Leftovers.all(of: drill.pid).isEmpty)
            }
            #expect(Leftovers.all(of: killed.pid).isEmpty)
        }

        @Test func `a drill does not touch a recording that is there`() throws {
            let scratch = try Scratch()
            let copy = try SharedDrill.get().copy(into: scratch)
            let before = try Data(contentsOf: URL(fileURLWithPath: copy.segment))
            let result = try Tool.run("drill", "--memory", "32M", "--dir", copy.directory)
            #expect(result.status == 1)
            #expect(result.err.contains("--dir") && result.err.contains(copy.directory), "\(result.err)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: copy.segment)) == before)
        }

        @Test func `an interrupted drill that was to keep its recording says where it is`() throws {
            let scratch = try Scratch()
            let directory = scratch.path("kept")
            let drill = try RunningTool(["drill", "--memory", "16M", "--dir", directory])
            #expect(drill.waits { _ in Leftovers.hasKilled(drill.pid) })
            drill.signal(SIGINT)
            let result = drill.wait()
            #expect(result.status == 1 && result.err.contains(directory), "\(result.err)")
            #expect(try Tool.run("verify", "--dir", directory).status == 0)
            #expect(Leftovers.all(of: drill.pid).isEmpty)
        }
    }
}
