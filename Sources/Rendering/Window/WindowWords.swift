import Events
import Incidents

/// What a page says of a span of time, in sentences and cells. Everything here is safe to show on a terminal.
struct WindowWords {
    /// Times without samples that are told one by one, of a boot.
    private static let gaps = 5

    private let window: Window

    init(_ window: Window) { self.window = window }

    // MARK: Times

    func clock(of boot: WindowBoot) -> LocalClock {
        LocalClock(snapshot: boot.clock, utcOffsetSeconds: window.span.utcOffsetSeconds, origin: boot.first)
    }

    func full(_ moment: Moment, _ boot: WindowBoot) -> String { clock(of: boot).full(moment) }

    /// `10:12:04.1, recovered`; `still open`.
    func ending(_ incident: WindowIncident, _ boot: WindowBoot) -> String {
        guard let ended = incident.ended, ended.by != .open else { return NameWords.endedBy(.open) }
        return full(ended.at, boot) + ", " + NameWords.endedBy(ended.by)
    }

    /// `2026-06-22 10:02:11.4 +00:00 to 10:12:30.1`.
    private var span: String {
        guard let first = window.boots.first, let last = window.boots.last else { return "a time without records" }
        guard let from = window.span.firstRealtimeNs.value, let to = window.span.lastRealtimeNs.value else {
            return full(first.first, first) + " to " + full(last.last, last)
        }
        let offset = window.span.utcOffsetSeconds
        let (begin, end) = (
            CivilTime(realtimeNs: from, utcOffsetSeconds: offset), CivilTime(realtimeNs: to, utcOffsetSeconds: offset)
        )
        let day = begin.dayNumber == end.dayNumber ? "" : end.date + " "
        return begin.date + " " + begin.timeOfDay(decimals: 1) + " " + Times.offset(offset) + " to " + day
            + end.timeOfDay(decimals: 1)
    }

    // MARK: Head

    private var incidentCount: String {
        window.incidents.isEmpty ? "no incident" : NameWords.plural(window.incidents.count, "incident", "incidents")
    }

    var title: String {
        let name = window.boots.last.map { NameWords.name($0.host.name) } ?? "?"
        return name + ", " + span + ": " + incidentCount
    }

    /// `Host devvm, Linux 6.1.0: 10 min 19 s of one boot, 12,408 events.`
    var verdict: String {
        guard let last = window.boots.last else { return "Nothing was recorded." }
        let boots = window.boots.count == 1 ? "one boot" : Units.count(UInt64(window.boots.count)) + " boots"
        return "Host " + NameWords.name(last.host.name) + ", Linux " + NameWords.name(last.host.kernel) + ": "
            + Units.duration(lengthNs) + " of " + boots + ", " + Units.count(window.span.events) + " events."
    }

    private var lengthNs: Figure {
        if let from = window.span.firstRealtimeNs.value, let to = window.span.lastRealtimeNs.value, to >= from {
            return Figure(to - from)
        }
        guard window.boots.count == 1, let boot = window.boots.first, !boot.first.isUnknown else { return .unknown }
        return Figure(boot.last.boottimeNs - boot.first.boottimeNs)
    }

    // MARK: Summary

    var summary: [String] { [incidents, phases, kills, memory, pressure] + disks + gaps }

    private var incidents: String {
        window.incidents.isEmpty
            ? "No incident: nothing in this time was one, and none lasted into it."
            : NameWords.plural(window.incidents.count, "incident touches", "incidents touch") + " this time: "
                + window.incidents.map(\.shownHeadline).joined(separator: "; ") + "."
    }

    private var phases: String {
        let all = window.boots.flatMap(\.phases)
        guard let worst = all.map(\.to).max() else { return "How the host fared is not known." }
        if worst == .calm { return "The host was calm all the time." }
        let changes = window.boots.flatMap { boot in
            boot.phases.map { $0.to.label + " from " + clock(of: boot).short($0.at) }
        }
        let shown = changes.prefix(8).joined(separator: ", ")
        let more = changes.count > 8 ? " and \(changes.count - 8) more changes" : ""
        return "The host's worst phase was " + worst.label + ": " + shown + more + "."
    }

    private var kills: String {
        let kills = window.boots.flatMap(\.kills)
        let count = UInt64(kills.count) + window.killsOmitted
        guard count > 0 else { return "Nothing was killed." }
        let apart = kills.count { $0.incidentID.isEmpty }
        let place = apart == 0 ? "." : apart == kills.count ? ", in no incident." : ", \(apart) of them in no incident."
        return NameWords.plural(Int(clamping: count), "process was", "processes were") + " killed" + place
    }

    private var memory: String {
        let (total, swap) = (window.host.memoryTotal, window.host.swapTotal)
        return "Available memory was " + Units.bytes(window.host.available.min) + " of " + Units.bytes(total)
            + " at the least, swap used " + Units.bytes(window.host.swapUsed.max) + " of " + Units.bytes(swap)
            + " at the most."
    }

    private var pressure: String {
        let (memory, io) = (window.host.memoryFull, window.host.ioFull)
        guard !memory.mean.isUnknown || !io.mean.isUnknown else {
            return "Pressure (PSI) is not known: not sampled, or not there on this kernel."
        }
        return "All tasks stalled for memory " + Units.duration(memory.stalledNs) + " (" + Units.percent(memory.mean)
            + " of the time), for IO " + Units.duration(io.stalledNs) + " (" + Units.percent(io.mean) + ")."
    }

    private var disks: [String] {
        guard let busiest = window.devices.first else { return [] }
        var text = "Disk " + NameWords.name(busiest.name) + " read " + Units.bytes(busiest.reads.bytes) + " and wrote "
        text += Units.bytes(busiest.writes.bytes)
        if !busiest.readP99Us.isUnknown { text += "; 99 % of reads took at most " + Self.time(busiest.readP99Us) }
        return [text + "."]
    }

    private var gaps: [String] {
        let gaps = window.boots.flatMap(\.gaps)
        guard let longest = gaps.max(by: { $0.lengthNs < $1.lengthNs }) else { return [] }
        return [
            NameWords.plural(gaps.count, "time", "times") + " without samples, the longest "
                + Units.duration(longest.lengthNs) + "."
        ]
    }

    // MARK: Cells

    /// What, least, mean, most, source.
    var figures: [[String]] {
        let host = window.host
        func bytes(_ name: String, _ extent: Extent, _ source: String) -> [String] {
            [name, Units.bytes(extent.min), Units.bytes(extent.mean), Units.bytes(extent.max), source]
        }
        func share(_ name: String, _ share: StalledShare) -> [String] {
            [name, "", Units.percent(share.mean), Units.percent(share.max), "/proc/pressure"]
        }
        func flow(_ name: String, _ flow: Flow) -> [String] {
            [
                name + ", " + Units.bytes(flow.bytes) + " in all", "", Self.rate(flow.mean), Self.rate(flow.max),
                "/proc/vmstat",
            ]
        }
        func thousandths(_ name: String, _ extent: Extent, _ source: String) -> [String] {
            [name] + [extent.min, extent.mean, extent.max].map(Self.thousandths) + [source]
        }
        return [
            bytes("memory available", host.available, "/proc/meminfo"),
            bytes("swap used", host.swapUsed, "/proc/meminfo"),
            share("memory, some stalled", host.memorySome), share("memory, all stalled", host.memoryFull),
            share("IO, some stalled", host.ioSome), share("IO, all stalled", host.ioFull),
            share("CPU, some stalled", host.cpuSome),
            flow("swap-in", host.swapIn), flow("swap-out", host.swapOut), flow("refaults", host.refaults),
            thousandths("tasks in D state", host.blocked, "/proc/stat"),
            thousandths("tasks running", host.running, "/proc/stat"),
            thousandths("load", host.load, "/proc/loadavg"),
        ]
    }

    static func rate(_ figure: Figure) -> String { figure.value.map(Units.bytesPerSecond) ?? "?" }

    /// `2.0 ms, 16 ms`; nothing where there was no IO.
    static func times(_ p50: Figure, _ p99: Figure) -> String {
        p50.isUnknown && p99.isUnknown ? "" : time(p50) + ", " + time(p99)
    }

    private static func time(_ us: Figure) -> String { Units.duration(us.scaled(by: 1000)) }

    private static func thousandths(_ figure: Figure) -> String {
        figure.value.map { decimal(Double($0) / 1000, 1) } ?? "?"
    }

    // MARK: The record itself

    /// Who recorded a boot, what was not heard, and when nothing was sampled.
    func record(of boot: WindowBoot) -> [String] {
        let id = boot.host.bootID == .unknown ? "unknown" : boot.host.bootID.description
        var sentences = [
            "Boot " + id + ", Linux " + NameWords.name(boot.host.kernel) + ", recorded by inquest "
                + NameWords.name(boot.host.inquestVersion)
                + (boot.first.isUnknown
                    ? "." : ": " + full(boot.first, boot) + " to " + clock(of: boot).short(boot.last) + ".")
        ]
        for hook in boot.hooks where hook.mode == .absent {
            sentences.append("Not heard: " + NameWords.hook(hook) + ".")
        }
        let told = boot.gaps.sorted { $0.lengthNs > $1.lengthNs }.prefix(Self.gaps)
        for gap in told.sorted(by: { $0.from < $1.from }) {
            let why = gap.cause == .notRecording ? "no recorder ran" : "the sampler was held up"
            sentences.append(
                "Nothing was sampled from " + clock(of: boot).short(gap.from) + " for " + Units.duration(gap.lengthNs)
                    + ": " + why + ".")
        }
        if boot.gaps.count > told.count {
            let more = NameWords.plural(boot.gaps.count - told.count, "shorter time", "shorter times")
            sentences.append("Nothing was sampled in \(more) either.")
        }
        return sentences
    }

    var losses: [String] {
        var sentences = window.lost.map { NameWords.name($0.sentence.bytes) + "." }
        if !window.lost.contains(where: \.source.isBlind) { sentences.insert("No event was lost.", at: 0) }
        sentences += window.missing.map {
            "Events " + Units.count($0.firstSeq) + " to " + Units.count($0.lastSeq) + " are missing: "
                + NameWords.name($0.why) + "."
        }
        if window.gapsOmitted > 0 {
            sentences.append(Units.count(window.gapsOmitted) + " shorter times without samples are left out here.")
        }
        if window.seriesOmitted > 0 {
            sentences.append(
                Units.count(window.seriesOmitted) + " cgroups and disks were too many to be looked at.")
        }
        return sentences
    }
}
