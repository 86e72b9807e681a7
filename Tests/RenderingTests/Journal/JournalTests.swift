import Events
import Foundation
import Incidents
import Testing

@testable import Rendering

/// An entry as the journal reads it: systemd's native journal protocol.
private func fields(of entry: Bytes) throws -> [String: [Bytes]] {
    var result: [String: [Bytes]] = [:]
    var rest = entry[...]
    while !rest.isEmpty {
        let line = try #require(rest.firstIndex(of: UInt8(ascii: "\n")))
        let head = rest[..<line]
        if let equals = head.firstIndex(of: UInt8(ascii: "=")) {
            result[String(decoding: head[..<equals], as: UTF8.self), default: []].append(Bytes(head[(equals + 1)...]))
            rest = rest[(line + 1)...]
        } else {
            let start = line + 9
            try #require(rest.endIndex > start)
            let count = rest[(line + 1)..<start].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            try #require(count < UInt64(rest.endIndex - start))
            let end = start + Int(count)
            #expect(rest[end] == UInt8(ascii: "\n"))
            result[String(decoding: head, as: UTF8.self), default: []].append(Bytes(rest[start..<end]))
            rest = rest[(end + 1)...]
        }
    }
    return result
}

private func text(_ values: [Bytes]?) -> String? { values?.first.map { String(decoding: $0, as: UTF8.self) } }

@Suite struct JournalTests {
    @Test func `a kill is told with who, whom, where, and in which incident`() throws {
        let incident = Samples.containedKill()
        let kill = try #require(incident.kills.first)
        let entry = try fields(of: JournalEntry.render(.kill(kill, .containedKill)))
        #expect(text(entry["MESSAGE_ID"]) == JournalMessage.kill.id)
        #expect(text(entry["PRIORITY"]) == "4")
        #expect(text(entry["SYSLOG_IDENTIFIER"]) == "inquest")
        #expect(entry["INQUEST_INCIDENT"] == [kill.incidentID])
        #expect(text(entry["INQUEST_CLASS"]) == "contained_kill")
        #expect(text(entry["INQUEST_KILLER"]) == "kernel_memcg")
        #expect(text(entry["INQUEST_VICTIM_PID"]) == String(kill.victim.tgid))
        #expect(entry["INQUEST_VICTIM_COMM"] == [kill.victim.comm.bytes])
        #expect(entry["INQUEST_CGROUP"] == [kill.victim.cgroup])
        #expect(entry["INQUEST_OOM_CGROUP"] == [kill.cause.oomMemcg])
        #expect(
            try #require(text(entry["MESSAGE"])).hasPrefix(
                KillWords(kill: kill).victim + " killed by the kernel: "))
    }

    @Test func `who sent the signal is told of a userspace kill`() throws {
        let kill = try #require(Samples.earlyoomKill().kills.first)
        let entry = try fields(of: JournalEntry.render(.kill(kill, .userspaceKill)))
        #expect(text(entry["INQUEST_KILLER"]) == "earlyoom")
        #expect(text(entry["INQUEST_SENDER_COMM"]) == "earlyoom")
        #expect(text(entry["INQUEST_SENDER_PID"]) == kill.sender.map { String($0.tgid == 0 ? $0.pid : $0.tgid) })
    }

    @Test func `a phase change is told with its scope, and its incident where there is one`() throws {
        var scope = Scope()
        scope.kind = .cgroup
        scope.cgroup = b("/build.slice")
        var change = PhaseChange()
        change.at = at(10)
        change.to = .thrash
        let key = IncidentKey(id: b("b1e7c2d4-7"), incidentClass: .swapThrash)
        let entry = try fields(of: JournalEntry.render(.phase(scope, change, key)))
        #expect(text(entry["MESSAGE"]) == "build.slice thrashes: memory is paged out and in again")
        #expect(text(entry["MESSAGE_ID"]) == JournalMessage.phase.id)
        #expect(text(entry["PRIORITY"]) == "3")
        #expect(text(entry["INQUEST_PHASE"]) == "thrash")
        #expect(text(entry["INQUEST_CGROUP"]) == "/build.slice")
        #expect(text(entry["INQUEST_INCIDENT"]) == "b1e7c2d4-7")
        let alone = try fields(of: JournalEntry.render(.phase(Scope(), change, nil)))
        #expect(alone["INQUEST_INCIDENT"] == nil && alone["INQUEST_CGROUP"] == nil)
        #expect(text(alone["INQUEST_SCOPE"]) == "host")
    }

    @Test func `an incident is told when it begins and when it is over`() throws {
        let incident = Samples.swapThrash()
        let ended = try fields(of: JournalEntry.render(.closed(incident)))
        #expect(text(ended["MESSAGE_ID"]) == JournalMessage.ended.id)
        #expect(text(ended["INQUEST_ENDED_BY"]) == "unclean_reset")
        #expect(text(ended["INQUEST_KILLS"]) == "0")
        #expect(
            text(ended["MESSAGE"])?.hasSuffix(
                "ended by an unclean reset after 7 min 36 s;"
                    + " Memory pressure became a disk storm, until the machine was reset") == true)
        let opened = try fields(of: JournalEntry.render(.opened(Samples.openThrottle())))
        #expect(text(opened["MESSAGE_ID"]) == JournalMessage.opened.id)
        #expect(text(opened["INQUEST_CLASS"]) == "throttle_livelock")
        #expect(opened["INQUEST_ENDED_BY"] == nil)
    }

    @Test func `names of any bytes come back as they were, and never make a field or act on a terminal`() throws {
        var known: Set<String> = []
        for message in [Finding.kill(Kill(), .globalOom), .opened(Incident()), .phase(Scope(), PhaseChange(), nil)] {
            known.formUnion(try fields(of: JournalEntry.render(message)).keys)
        }
        for seed in UInt64(1)...500 {
            var wild = WildFields(seed: seed)
            var kill = Kill()
            kill.walk(&wild)
            let entry = try fields(of: JournalEntry.render(.kill(kill, .userspaceKill)))
            #expect(entry["INQUEST_CGROUP"] ?? [[]] == [kill.victim.cgroup])
            #expect(entry["INQUEST_VICTIM_COMM"] ?? [[]] == [kill.victim.comm.bytes])
            #expect(entry["INQUEST_INCIDENT"] ?? [[]] == [kill.incidentID])
            for name in entry.keys {
                #expect(name.hasPrefix("INQUEST_") || known.contains(name), "\(name)")
                #expect(name.utf8.count <= 64)
            }
            for values in entry.values { #expect(values.count == 1) }
            #expect(!actsOnTerminal(try #require(text(entry["MESSAGE"]))))
        }
    }

    @Test func `what is unknown is left out`() throws {
        let entry = try fields(of: JournalEntry.render(.kill(Kill(), .globalOom)))
        for name in [
            "VICTIM_COMM", "VICTIM_UID", "CGROUP", "OOM_CGROUP", "SENDER_PID", "TRIGGER_PID", "BOOTTIME_NS", "DRILL",
        ] {
            #expect(entry["INQUEST_" + name] == nil, "\(name)")
        }
    }

    @Test func `a value that is too long is cut, and its field named`() throws {
        var kill = Kill()
        kill.victim.cgroup = Bytes(repeating: UInt8(ascii: "x"), count: 5000)
        let entry = try fields(of: JournalEntry.render(.kill(kill, .globalOom)))
        #expect(entry["INQUEST_CGROUP"]?.first?.count == JournalFields.longestValue)
        #expect(entry["INQUEST_TRUNCATED"]?.contains(b("INQUEST_CGROUP")) == true)
        kill.victim.cgroup.removeLast(5000 - JournalFields.longestValue)
        let whole = try fields(of: JournalEntry.render(.kill(kill, .globalOom)))
        #expect(whole["INQUEST_TRUNCATED"]?.contains(b("INQUEST_CGROUP")) != true)
    }

    @Test func `entries that the journal did not take are told by the next`() throws {
        let entry = try fields(of: JournalEntry.render(.opened(Incident()), lost: 3))
        #expect(text(entry["INQUEST_LOST_ENTRIES"]) == "3")
        #expect(try fields(of: JournalEntry.render(.opened(Incident())))["INQUEST_LOST_ENTRIES"] == nil)
    }

    @Test func `a hook's variables are harmless text, whatever the names`() throws {
        for seed in UInt64(1)...200 {
            var wild = WildFields(seed: seed)
            var kill = Kill()
            kill.walk(&wild)
            let variables = HookVariables.of(.kill(kill, .userspaceKill), dropped: 2)
            #expect(variables.prefix(2) == ["INQUEST_EVENT=kill", "INQUEST_DROPPED_HOOKS=2"])
            for variable in variables {
                #expect(variable.hasPrefix("INQUEST_") && !actsOnTerminal(variable), "\(variable)")
            }
        }
        #expect(!HookVariables.of(.phase(Scope(), PhaseChange(), nil)).contains { $0.hasPrefix("INQUEST_DROPPED") })
    }

    @Test func `the catalogue file and the table say the same`() throws {
        let repository = Golden.directory.deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = repository.appendingPathComponent("packaging/inquest.catalog")
        if ProcessInfo.processInfo.environment["INQUEST_WRITE_GOLDEN"] == "1" {
            try Data(JournalMessage.catalogue.utf8).write(to: file)
            Issue.record("written, not compared: \(file.lastPathComponent)")
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == JournalMessage.catalogue)
        let ids = JournalMessage.all.map(\.id)
        #expect(Set(ids).count == ids.count)
        for id in ids {
            #expect(id.utf8.count == 32)
            #expect(
                id.utf8.allSatisfy {
                    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
                })
        }
    }

    @Test func `the document names every message and every field`() throws {
        let repository = Golden.directory.deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let document = try String(contentsOf: repository.appendingPathComponent("docs/journal.md"), encoding: .utf8)
        for message in JournalMessage.all { #expect(document.contains(message.id), "\(message.name)") }
        var kill = try #require(Samples.earlyoomKill().kills.first)
        kill.trigger = Trigger()
        kill.drill = true
        var filled = WildFields(seed: 1, names: [b("name")])
        kill.victim.walk(&filled)
        var all = Set(try fields(of: JournalEntry.render(.kill(kill, .userspaceKill), lost: 1)).keys)
        for sample in Samples.all {
            all.formUnion(try fields(of: JournalEntry.render(.opened(sample.incident))).keys)
            all.formUnion(try fields(of: JournalEntry.render(.closed(sample.incident))).keys)
        }
        all.formUnion(try fields(of: JournalEntry.render(.phase(Scope(), PhaseChange(), nil))).keys)
        for name in all { #expect(document.contains("`\(name)`"), "\(name)") }
    }
}
