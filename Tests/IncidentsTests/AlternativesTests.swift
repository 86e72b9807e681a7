import Events
import Incidents
import Testing

/// What an incident or a kill was not, and the figure that says so.
@Suite struct AlternativesTests {
    private func incidents(_ name: String, _ rules: Rules = Rules()) throws -> [Incident] {
        let result = Cases.run(try Cases.events(name), rules: rules)
        return result.findings.compactMap { if case .closed(let incident) = $0 { incident } else { nil } } + result.open
    }

    private func text(_ bytes: Bytes) -> String { String(decoding: bytes, as: UTF8.self) }

    private func why(_ alternatives: [Alternative], _ name: String) throws -> String {
        text(try #require(alternatives.first { text($0.name) == name }, "\(name) was not considered").text)
    }

    @Test(arguments: Cases.names)
    func `no incident is also something else, and no class is considered twice`(_ name: String) throws {
        for incident in try incidents(name) {
            let names = incident.alternatives.map { text($0.name) }
            #expect(!names.contains(incident.incidentClass.label))
            #expect(Set(names).count == names.count)
            #expect(incident.alternatives.allSatisfy { !$0.text.isEmpty })
        }
    }

    @Test func `a crawl is told from a device stall by the requests that completed`() throws {
        let crawl = try #require(try incidents("lab-origin").first)
        #expect(crawl.incidentClass == .swapThrash)
        let stall = try #require(crawl.alternatives.first { text($0.name) == "device_stall" })
        #expect(text(stall.text) == "every device completed requests all along")
        let silence = try #require(stall.evidence.first)
        #expect(silence.value.value ?? .max < silence.threshold.value ?? 0)
        #expect(try why(crawl.alternatives, "io_storm").hasPrefix("memory was not calm"))
    }

    @Test func `a device stall is told from a crawl by a device that completed nothing at all`() throws {
        let stall = try #require(try incidents("lab-device-stall").first)
        #expect(stall.incidentClass == .deviceStall)
        for `class` in ["swap_thrash", "file_thrash", "io_storm"] {
            #expect(try why(stall.alternatives, `class`).hasPrefix("the device completed nothing"))
        }
    }

    @Test func `swap and page cache are told apart by their share of what the device moved`() throws {
        let swap = try #require(try incidents("lab-swap-storm-reset").first)
        #expect(
            try why(swap.alternatives, "file_thrash") == "swap, not the page cache, was most of what the device moved")
        let files = try #require(try incidents("lab-file-thrash").first { $0.incidentClass == .fileThrash })
        #expect(try why(files.alternatives, "swap_thrash") == "swap was the smaller part of what the device moved")
    }

    @Test func `what no hook heard is not ruled out`() throws {
        let deaf = try #require(try incidents("kernel-log-only").first)
        #expect(deaf.incidentClass == .containedKill)
        #expect(!deaf.alternatives.contains { text($0.name) == "global_oom" })
    }

    @Test func `a kill by earlyoom says that systemd-oomd did not run`() throws {
        let kill = try #require(try incidents("lab-earlyoom").first?.kills.first)
        #expect(try why(kill.cause.alternatives, "systemd_oomd") == "it was not running")
        #expect(
            try why(kill.cause.alternatives, "kernel")
                == "the signal came from user space, and no OOM marked the victim")
        #expect(!kill.cause.alternatives.contains { text($0.name) == "earlyoom" })
    }

    @Test func `the cgroups above the one that ran out were below their limits, or have none`() throws {
        let kill = try #require(try incidents("trigger-is-not-the-victim").first?.kills.first)
        for other in kill.cause.alternatives where text(other.name).hasPrefix("/") {
            #expect(other.name != kill.cause.oomMemcg)
            let figure = try #require(other.evidence.first)
            #expect(figure.threshold.value.map { figure.value.value ?? 0 < $0 } ?? true)
        }
    }

    @Test func `a request's time is split into queue and device, so that a throttled disk is told from a deep queue`()
        throws
    {
        let incident = try #require(try incidents("lab-swap-storm-reset").first)
        let link = try #require(incident.chain.first { $0.kind == .saturation })
        let queue = try #require(link.evidence.first { text($0.name) == "mean time in the kernel's queue" })
        let device = try #require(link.evidence.first { text($0.name) == "mean time in the device" })
        // The lab's disk is throttled by its host.
        #expect(device.value.value ?? 0 > queue.value.value ?? 0)
    }

    @Test func `a ceiling that was set counts, and is said to be set`() throws {
        let learned = try #require(try incidents("lab-origin").first?.chain.first { $0.kind == .saturation })
        #expect(text(learned.text).contains("(learned)"))
        let device = try #require(text(learned.text).split(separator: " ").first.map(String.init))
        var rules = Rules()
        rules.ceilings[Bytes(device.utf8)] = 10_000_000
        let set = try #require(try incidents("lab-origin", rules).first?.chain.first { $0.kind == .saturation })
        #expect(text(set.text).contains("of 9.5 MiB/s (set)"))
        #expect(set.evidence.first?.threshold == 10_000_000)
    }

    @Test func `a ceiling that was recorded with the disk's name counts as one that was set`() throws {
        let events = try Cases.events("lab-origin").map { event in
            guard case .deviceName(var name) = event.payload else { return event }
            name.ceilingBytes = 10_000_000
            var told = event
            told.payload = .deviceName(name)
            return told
        }
        let closed = Cases.run(events).findings.compactMap {
            if case .closed(let incident) = $0 { incident } else { nil }
        }
        let link = try #require(closed.first?.chain.first { $0.kind == .saturation })
        #expect(text(link.text).contains("of 9.5 MiB/s (set)"))
    }

    @Test(arguments: ["lab-origin", "lab-swap-in-a-cgroup"])
    func `each suspect's growth has its figures and their source`(_ name: String) throws {
        let incident = try #require(try incidents(name).first)
        for suspect in incident.suspects where !suspect.grewBytes.isUnknown {
            let growth = try #require(suspect.evidence.first { $0.unit == Bytes("bytes".utf8) })
            #expect(
                growth.value.value.flatMap { to in growth.threshold.value.map { to - $0 } } == suspect.grewBytes.value)
            #expect(suspect.evidence.allSatisfy { !$0.source.isEmpty })
        }
    }
}
