import EventSamples
import Events
import Incidents
import Testing

@testable import Rendering

/// What a post-mortem says went well, badly and by luck, of the golden cases.
@Suite struct LessonsTests {
    private func lessons(_ name: String) throws -> Lessons { try #require(try lessonsIfAny(name)) }

    private func lessonsIfAny(_ name: String) throws -> Lessons? { try lessonsAndIncident(name)?.0 }

    private func lessonsAndIncident(_ name: String) throws -> (Lessons, Incident)? {
        var correlator = Correlator()
        var incidents: [Incident] = []
        for event in try CaseEvents.of(name) {
            correlator.consume(event) { if case .closed(let closed) = $0 { incidents.append(closed) } }
        }
        let first = (incidents + correlator.openIncidents()).first
        return first.map { (Lessons(IncidentWords($0, utcOffsetSeconds: 0)), $0) }
    }

    @Test func `a cap that held is what went well, with its limit and how fast`() throws {
        let lessons = try lessons("contained-kill")
        #expect(
            lessons.well.contains { $0.hasPrefix("The cap held: ") && $0.contains("its limit of") }, "\(lessons.well)")
        #expect(lessons.well.contains { $0.hasPrefix("It stayed inside ") }, "\(lessons.well)")
        #expect(!lessons.proposals.contains { $0.contains("a cap") }, "\(lessons.proposals)")
    }

    @Test func `a wedge without a cap went badly, and a cap is proposed`() throws {
        let lessons = try lessons("lab-origin")
        #expect(
            lessons.badly.contains {
                $0.contains("user-1002.slice") && $0.contains("it could take all memory, and swap")
            },
            "\(lessons.badly)")
        #expect(lessons.badly.contains { $0.hasPrefix("No help from earlyoom: not running") }, "\(lessons.badly)")
        #expect(lessons.badly.contains("Nothing ended it but a reset."), "\(lessons.badly)")
        #expect(lessons.badly.contains { $0.contains("stalled because of it") }, "\(lessons.badly)")
        #expect(
            lessons.proposals.contains { $0.hasPrefix("memory.max of /user.slice/user-1002.slice") },
            "\(lessons.proposals)")
        #expect(lessons.proposals.contains { $0.hasPrefix("MemorySwapMax=0 ") }, "\(lessons.proposals)")
        #expect(lessons.proposals.count { $0.hasPrefix("earlyoom, or systemd-oomd ") } == 1, "\(lessons.proposals)")
        #expect(lessons.proposals.contains { $0.contains("inquest drill backstop") }, "\(lessons.proposals)")
    }

    @Test(arguments: CaseEvents.names)
    func `what is proposed is the setting of a gap, and the gap is among what went badly`(_ name: String) throws {
        guard let (lessons, incident) = try lessonsAndIncident(name) else { return }
        let words = IncidentWords(incident, utcOffsetSeconds: 0)
        guard words.wantsBackstops, words.backstopKills.isEmpty else { return }
        for finding in words.otherFindings {
            let setting = NameWords.name(finding.setting.bytes)
            let isProposed = lessons.proposals.contains {
                $0.hasPrefix(setting) && !finding.setting.bytes.isEmpty
            }
            #expect(isProposed == (finding.verdict == .gap && !finding.setting.bytes.isEmpty), "\(finding)")
            let isBad = lessons.badly.contains { $0.contains(NameWords.name(finding.finding)) }
            #expect(isBad == (finding.verdict == .gap), "\(finding)")
        }
    }

    @Test func `a userspace killer that acted is said to have, and none is proposed`() throws {
        let lessons = try lessons("lab-earlyoom")
        #expect(lessons.well.contains { $0.hasPrefix("A backstop did what it is for: earlyoom, ") }, "\(lessons.well)")
        #expect(!lessons.proposals.contains { $0.contains("userspace killer") }, "\(lessons.proposals)")
    }

    @Test func `what stands still at memory.high is given a memory.max, a stalled disk no setting of memory`() throws {
        #expect(try lessons("memory-high-livelock").proposals.contains { $0.hasPrefix("memory.high near memory.max") })
        let stall = try lessons("lab-device-stall")
        #expect(stall.proposals.contains { $0.contains("no memory setting changes that") }, "\(stall.proposals)")
        #expect(!stall.proposals.contains { $0.contains("a cap") }, "\(stall.proposals)")
    }

    @Test func `holes in the record are not hidden`() throws {
        let lessons = try lessons("lost-events")
        #expect(lessons.badly.contains { $0.hasPrefix("The record has holes: ") }, "\(lessons.badly)")
        #expect(!lessons.well.contains { $0.hasPrefix("The record is whole") }, "\(lessons.well)")
        #expect(try self.lessons("lab-hung-sampler").badly.contains { $0.contains("no sample for") })
    }

    @Test(arguments: CaseEvents.names) func `each lesson is a sentence, said once`(_ name: String) throws {
        guard let lessons = try lessonsIfAny(name) else { return }
        let all = lessons.well + lessons.badly + lessons.lucky + lessons.proposals
        #expect(Set(all).count == all.count, "\(all)")
        for text in all { #expect(text.hasSuffix(".") && !text.hasSuffix("..") && !text.contains("  "), "\(text)") }
    }
}
