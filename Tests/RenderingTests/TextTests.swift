import Events
import Foundation
import Incidents
import Testing

@testable import Rendering

private func text(_ bytes: Bytes) -> String { String(decoding: bytes, as: UTF8.self) }

/// Without ECMA-48 SGR sequences.
private func withoutColour(_ text: String) -> String {
    text.replacing(/\u{1b}\[[0-9;]*m/, with: "")
}

@Suite struct TextTests {
    @Test(arguments: Samples.all.map(\.name), [40, 52, 66, 80, 132])
    func `no line of a timeline is wider than the terminal`(name: String, width: Int) throws {
        let incident = try #require(Samples.all.first { $0.name == name }).incident
        for entries in [24, nil] {
            let page = text(TerminalTimeline.render(incident, TextOptions(width: width, timelineEntries: entries)))
            for line in page.split(separator: "\n") {
                #expect(displayWidth(String(line)) <= width, "\(line)")
                #expect(!line.hasSuffix(" "), "\(line)")
            }
        }
    }

    @Test(arguments: Samples.all.map(\.name))
    func `colour adds colour and nothing else`(name: String) throws {
        let incident = try #require(Samples.all.first { $0.name == name }).incident
        let plain = text(TerminalTimeline.render(incident))
        let coloured = text(TerminalTimeline.render(incident, TextOptions(colour: true)))
        #expect(coloured != plain)
        #expect(withoutColour(coloured) == plain)
        #expect(!plain.contains("\u{1b}"))
    }

    @Test func `hostile names act on no medium for people`() {
        let incident = Samples.hostile()
        let pages = [
            TerminalTimeline.render(incident), TerminalTimeline.render(incident, TextOptions(timelineEntries: nil)),
            Markdown.render(incident), IncidentTable.render([incident]),
        ]
        for page in pages {
            for line in text(page).split(separator: "\n", omittingEmptySubsequences: false) {
                #expect(!actsOnTerminal(String(line)), "\(line)")
            }
            #expect(text(page).contains("\\xff") && text(page).contains("\\u{202e}"))
        }
    }

    @Test func `Markdown's rows and headings are its own`() {
        let page = text(Markdown.render(Samples.hostile()))
        #expect(!page.contains("<script>alert") || page.contains("\\<script>"))
        #expect(!page.contains("](http") || page.contains("\\[click]"))
        for line in page.split(separator: "\n") where line.hasPrefix("#") {
            #expect(line.hasPrefix("# Incident ") || line.hasPrefix("## ") || line.hasPrefix("### 07:06:08.430 "))
        }
        // A table row has as many cells as its header: unescaped bars only.
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| ") }
        let cells = rows.map { $0.replacing("\\|", with: "").filter { $0 == "|" }.count }
        #expect(Set(cells).isSubset(of: [4, 6]))
    }

    @Test func `the question about backstops follows how it ended and who killed`() {
        func title(_ incident: Incident) -> String { IncidentWords(incident, utcOffsetSeconds: 0).backstopTitle }
        var incident = Samples.containedKill()
        #expect(title(incident) == "WHAT STOPPED IT")
        incident.ended = nil
        #expect(title(incident) == "WHO KILLED SO FAR")
        incident.ended = Samples.ending(at(5), .uncleanReset)
        #expect(title(incident) == "WHY THE KILLS WERE NOT ENOUGH")
        incident.kills[0].cause.killer = .user
        #expect(title(incident) == "WHY NO BACKSTOP KILLED")
        #expect(title(Samples.openThrottle()) == "WHY NOBODY HAS KILLED YET")
    }

    @Test func `a rehearsal says that it is one`() {
        var incident = Samples.containedKill()
        incident.kills[0].drill = true
        let page = text(TerminalTimeline.render(incident))
        #expect(page.hasPrefix("INCIDENT 01234567-412   contained_kill, calm, drill  "))
        #expect(page.contains("(a rehearsal: drill)"))
    }

    @Test func `killers are named in words`() {
        func words(_ killer: Killer) -> String {
            var kill = Samples.memcgKill()
            kill.cause.killer = killer
            return KillWords(kill: kill).killer
        }
        #expect(words(.kernelMemcg) == "by the kernel: that cgroup reached its memory limit (64 MiB)")
        #expect(words(.kernelGlobal) == "by the kernel: the host was out of memory")
        #expect(words(.sysrq) == "by the kernel on request: sysrq-f")
        #expect(words(.unknown) == "by an unknown killer")
        #expect(words(.cgroupKill) == "through cgroup.kill with SIGKILL")
        var unsure = Samples.memcgKill()
        unsure.cgroup = []
        unsure.cause.oomGroup = true
        unsure.cause.oomMemcg = b("/user.slice/user-1001.slice")
        unsure.cause.confidence = .low
        #expect(
            KillWords(kill: unsure).killer
                == "by the kernel: the cgroup user-1001.slice reached its memory limit (16,384 pages)"
                + ", with its whole group (memory.oom.group) (confidence low)")
        let asked = KillWords(kill: Samples.earlyoomKill().kills[0])
        #expect(asked.killer == "by earlyoom[640] of root with SIGTERM, then SIGKILL after 5.0 s")
        #expect(asked.trigger == nil)
        var kill = Samples.memcgKill()
        kill.trigger?.tgid = kill.victim.tgid
        #expect(KillWords(kill: kill).trigger == "triggered by its own allocation")
        kill.victim.containerID = b("0123abcd")
        kill.victim.nsPid = 7
        #expect(KillWords(kill: kill).belongings == ["container 0123abcd, pid 7 in its own namespace"])
        kill.victim.podUID = b("8f14e45f-ceea-467a-9575-6ff8d2ab1c90")
        (kill.victim.pod, kill.victim.namespace, kill.victim.containerName) = (b("cart-5c9"), b("shop"), b("app"))
        #expect(
            KillWords(kill: kill).belongings == [
                "container app (0123abcd), pod shop/cart-5c9 (8f14e45f-ceea-467a-9575-6ff8d2ab1c90), "
                    + "pid 7 in its own namespace"
            ])
        #expect(asked.belongings == ["sender /usr/bin/earlyoom in system.slice/earlyoom.service"])
        kill.outcome = KillOutcome()
        #expect(KillWords(kill: kill).death == "its end was not seen")
        kill.outcome.killToExitNs = 38_000_000
        kill.outcome.exitCode = 15
        #expect(KillWords(kill: kill).death == "died after 38 ms (by SIGTERM)")
    }

    @Test func `a long timeline keeps what says most and counts the rest`() {
        let words = IncidentWords(Samples.swapThrash(), utcOffsetSeconds: 0)
        let all = words.timeline(limit: nil)
        #expect(all.count == 65)
        let cut = words.timeline(limit: 6)
        var shown = 0
        var omitted = 0
        for line in cut {
            switch line {
            case .entry(let entry):
                shown += 1
                #expect(entry.kind != .slowIO || entry.text == b("vda read 4 KiB took 1 s"))
            case .omitted(let count, _): omitted += count
            }
        }
        #expect(shown == 6)
        #expect(shown + omitted == 65)
    }

    @Test func `many kills are told in full, in brief, and then counted`() {
        var incident = Samples.containedKill()
        incident.kills = (0..<40).map { _ in Samples.memcgKill() }
        let page = text(TerminalTimeline.render(incident, TextOptions(timelineEntries: 10)))
        #expect(page.contains("KILLS  (40)"))
        #expect(page.ranges(of: "  KILL  cc1plus").count == 10)
        #expect(page.ranges(of: "evidence: ").count == 4)
        #expect(page.contains("... 30 more (--all for every one)"))
        #expect(page.contains("40 kills at the memory limit of user-1001.slice/build.scope: 64 MiB"))
        let all = text(TerminalTimeline.render(incident, TextOptions(timelineEntries: nil)))
        #expect(all.ranges(of: "evidence: ").count == 40)
    }

    @Test func `curves are drawn from zero to the largest, and only when they move`() {
        let lines = Sparklines(Samples.swapThrash().series, width: 80).lines
        #expect(lines == ["memory full   ▁▂▄▅▇█  0 % to 72 %"])
        #expect(Sparklines([], width: 80).lines.isEmpty)
        let page = text(TerminalTimeline.render(Samples.swapThrash(), TextOptions(blockElements: false)))
        #expect(!page.contains("SERIES"))
    }
}
