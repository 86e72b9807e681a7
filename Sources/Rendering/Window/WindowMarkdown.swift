import Events
import Incidents

/// A span of time in prose and tables, for people: what happened in it, or that nothing did.
enum WindowMarkdown {
    static func render(_ window: Window) -> Bytes {
        var document = WindowPage(window)
        document.head()
        document.summary()
        // Tables of nothing would look as if something had been looked at.
        guard window.span.events > 0 || !window.incidents.isEmpty else { return document.page.bytes }
        document.incidents()
        document.figures()
        document.devices()
        document.cgroups()
        document.kills()
        document.quality()
        return document.page.bytes
    }
}

private struct WindowPage {
    private(set) var page = MarkdownPage()
    private let window: Window
    private let words: WindowWords

    init(_ window: Window) {
        self.window = window
        words = WindowWords(window)
    }

    mutating func head() {
        page.line("# " + MarkdownPage.safe(words.title))
        page.line()
        page.line(MarkdownPage.safe(words.verdict))
        page.line("Times are local, " + Times.offset(window.span.utcOffsetSeconds) + " from UTC.")
    }

    mutating func summary() {
        page.section("Summary")
        guard window.span.events > 0 else {
            return page.line("Nothing was recorded in this time: no recorder ran, or what it wrote is no longer kept.")
        }
        for sentence in words.summary { page.item(sentence) }
    }

    mutating func incidents() {
        guard !window.incidents.isEmpty else { return }
        page.section("Incidents")
        page.table(
            ["Incident", "Class", "Began", "Ended", "Kills", "What"],
            window.boots.flatMap { boot in
                boot.incidents.map { incident in
                    [
                        NameWords.name(incident.id),
                        incident.incidentClass.label + ", " + incident.severity.label,
                        words.full(incident.started, boot), words.ending(incident, boot),
                        Units.count(incident.kills), incident.shownHeadline,
                    ]
                }
            })
        page.line()
        page.line("Each as a document of its own: `inquest export ID --format markdown`.")
    }

    mutating func figures() {
        page.section("The host over this time")
        page.table(["What", "Least", "Mean", "Most", "Source"], words.figures)
        page.line()
        page.line("`?` is unknown: not sampled in this time, or not there on this kernel.")
    }

    mutating func devices() {
        guard !window.devices.isEmpty else { return }
        page.section("Disks")
        page.table(
            [
                "Disk", "Read", "Most read/s", "Written", "Most written/s", "Of it swap", "Reads p50, p99",
                "Writes p50, p99",
            ],
            window.devices.map { device in
                [
                    NameWords.name(device.name), Units.bytes(device.reads.bytes), WindowWords.rate(device.reads.max),
                    Units.bytes(device.writes.bytes), WindowWords.rate(device.writes.max),
                    Units.bytes(device.swapBytes), WindowWords.times(device.readP50Us, device.readP99Us),
                    WindowWords.times(device.writeP50Us, device.writeP99Us),
                ]
            })
    }

    mutating func cgroups() {
        guard !window.cgroups.isEmpty else { return }
        page.section("Cgroups")
        page.table(
            ["Cgroup", "Memory least", "Mean", "Most", "Swap most", "Throttled (task time)", "In reclaim (task time)"],
            window.cgroups.map { cgroup in
                [
                    cgroup.cgroup.isEmpty ? "cgroup \(cgroup.cgroupID)" : NameWords.cgroup(cgroup.cgroup),
                    Units.bytes(cgroup.memory.min), Units.bytes(cgroup.memory.mean), Units.bytes(cgroup.memory.max),
                    Units.bytes(cgroup.swap.max), Units.duration(cgroup.throttledTaskNs),
                    Units.duration(cgroup.reclaimTaskNs),
                ]
            })
        page.line()
        page.line(
            "The largest, and those that an incident names; of a tree and its branches those that hold what it holds.")
    }

    mutating func kills() {
        page.section("Kills")
        let kills = window.boots.flatMap { boot in boot.kills.map { (boot, $0) } }
        guard !kills.isEmpty else { return page.line("None.") }
        for (index, (boot, kill)) in kills.enumerated() {
            if index > 0 { page.line() }
            page.kill(kill, words.clock(of: boot))
            if kill.incidentID.isEmpty {
                page.item("Part of no incident: the ordinary life of processes, which nobody judged.")
            } else {
                page.item("Part of incident " + NameWords.name(kill.incidentID) + ".")
            }
        }
        if window.killsOmitted > 0 {
            page.line()
            page.item(Units.count(window.killsOmitted) + " more kills are left out here.")
        }
    }

    mutating func quality() {
        page.section("How far to trust this")
        for boot in window.boots { for sentence in words.record(of: boot) { page.item(sentence) } }
        for sentence in words.losses { page.item(sentence) }
    }
}

extension WindowIncident {
    /// Safe for a terminal since it was made.
    var shownHeadline: String { MarkdownPage.sentence(String(decoding: headline, as: UTF8.self)) }
}
