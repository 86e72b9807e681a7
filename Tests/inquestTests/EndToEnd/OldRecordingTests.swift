import Foundation
import Testing

@testable import Incidents

/// Recordings that earlier versions made of real disasters (`Tests/recordings`, each named after the version of the correlator's state
/// in it, and the format's where that is not 1). A newer reader reads all older ones.
@Suite struct OldRecordingTests {
    struct Old: Sendable, CustomTestStringConvertible {
        let name: String
        let events: Int
        /// Ids, classes and ends of the incidents.
        let incidents: [(id: String, of: String, by: String)]
        var testDescription: String { name }

        /// Whether the state in it is this version's, which takes it as it stands.
        var isPresent: Bool { name.hasPrefix("state-\(State.version)-") }

        func unpack(into scratch: Scratch) throws -> String {
            let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appendingPathComponent("recordings/\(name).tar.gz").path
            let tar = try RunningTool(["-xzf", package, "-C", scratch.url.path], program: ["tar"]).wait()
            try #require(tar.status == 0, "\(tar.err)")
            return scratch.url.path
        }
    }

    static let all = [
        Old(name: "state-1-oom", events: 673, incidents: [("44a78ad9-69", "global_oom", "recovered")]),
        Old(name: "state-1-reset", events: 2704, incidents: [("706a4982-416", "swap_thrash", "unclean_reset")]),
        Old(
            name: "state-3-earlyoom", events: 723,
            incidents: [
                ("99c96428-102", "userspace_kill", "recovered"), ("99c96428-432", "userspace_kill", "recovered"),
            ]),
        Old(name: "state-4-livelock", events: 2479, incidents: [("f64f3008-849", "throttle_livelock", "recovered")]),
        Old(
            name: "state-5-service-manager", events: 560,
            incidents: [
                ("fe4b72d7-142", "userspace_kill", "recovered"), ("fe4b72d7-293", "userspace_kill", "recovered"),
            ]),
        Old(
            name: "state-5-format-2-drill", events: 1630, incidents: [("d913ca92-74", "contained_kill", "recovered")]),
        Old(name: "state-7-drill", events: 1849, incidents: [("d913ca92-77", "contained_kill", "recovered")]),
        Old(
            name: "state-8-containers", events: 3132,
            incidents: [
                ("df1aaf92-104", "contained_kill", "recovered"),
                ("df1aaf92-174", "contained_kill", "recovered"),
                ("df1aaf92-238", "contained_kill", "recovered"),
                ("df1aaf92-323", "contained_kill", "recovered"),
                ("df1aaf92-398", "contained_kill", "recovered"),
                ("df1aaf92-490", "contained_kill", "recovered"),
                ("df1aaf92-564", "contained_kill", "recovered"),
                ("df1aaf92-673", "contained_kill", "recovered"),
            ]),
    ]

    /// What another version wrote is said once, however many incidents there are.
    private func expectOneNote(_ result: Tool.Result, _ old: Old) {
        #expect(result.status == 0, "\(result.err)")
        guard !old.isPresent else {
            #expect(result.err == "")
            return
        }
        #expect(result.err.split(separator: "\n").count == 1, "\(result.err)")
        #expect(result.err.contains("told anew from the recorded events"), "\(result.err)")
    }

    @Test(arguments: all) func `every event of an old recording is there, and it verifies`(old: Old) throws {
        let scratch = try Scratch()
        let directory = try old.unpack(into: scratch)
        let verify = try Tool.run("verify", "--dir", directory)
        #expect(verify.status == 0, "\(verify.out)\(verify.err)")
        #expect(verify.out.contains("events     \(old.events),"), "\(verify.out)")
        let events = try Tool.run("export", "all", "--format", "ndjson", "--dir", directory)
        #expect(events.status == 0 && events.err == "", "\(events.err)")
        #expect(events.lines.count == old.events)
    }

    @Test(arguments: all) func `its incidents are listed, though another version wrote their documents`(old: Old) throws
    {
        let scratch = try Scratch()
        let directory = try old.unpack(into: scratch)
        let list = try Tool.run("list", "--json", "--dir", directory)
        expectOneNote(list, old)
        let listed = try list.lines.map(parse)
        #expect(listed.compactMap { $0["id"] as? String } == old.incidents.map(\.id))
        #expect(listed.compactMap { $0["class"] as? String } == old.incidents.map(\.of))
        let replay = try Tool.run("replay", "--json", "--dir", directory)
        #expect(replay.status == 0, "\(replay.err)")
        let replayed = try replay.lines.map(parse)
        #expect(replayed.compactMap { $0["id"] as? String } == old.incidents.map(\.id))
        #expect(replayed.compactMap { $0[path: "ended.by"] as? String } == old.incidents.map(\.by))
    }

    @Test(arguments: all) func `each of them is shown and exported`(old: Old) throws {
        let scratch = try Scratch()
        let directory = try old.unpack(into: scratch)
        for incident in old.incidents {
            let show = try Tool.run("show", incident.id, "--dir", directory)
            expectOneNote(show, old)
            #expect(show.out.contains(incident.id), "\(show.out)")
            let export = try Tool.run("export", incident.id, "--format", "json", "--dir", directory)
            expectOneNote(export, old)
            let document = try parse(export.out)
            #expect(document["id"] as? String == incident.id)
            #expect(document[path: "ended.by"] as? String == incident.by)
            let markdown = try Tool.run("export", incident.id, "--format", "markdown", "--dir", directory)
            expectOneNote(markdown, old)
            #expect(markdown.out.hasPrefix("# "), "\(markdown.out)")
        }
        let last = try Tool.run("show", "--dir", directory)
        expectOneNote(last, old)
    }

    @Test(arguments: ["state-1-reset", "state-5-format-2-drill"])
    func `nobody set a disk's ceiling before it could be set: there it is learned`(name: String) throws {
        let scratch = try Scratch()
        let old = try #require(Self.all.first { $0.name == name })
        let directory = try old.unpack(into: scratch)
        let events = try Tool.run("export", "all", "--format", "ndjson", "--dir", directory)
        let disks = try events.lines.map(parse).filter { $0["kind"] as? String == "device_name" }
        #expect(!disks.isEmpty && disks.allSatisfy { $0["ceiling_bytes"] as? Int == 0 })
        let incidents = try Tool.run("replay", "--json", "--dir", directory)
        #expect(!incidents.out.contains("(set)"))
        #expect(incidents.out.contains("(learned)") == (name == "state-1-reset"))
    }
}
