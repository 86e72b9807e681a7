import Events
package import Incidents

/// An incident's head, end and selection, as every renderer for people words them.
package struct IncidentWords {
    let incident: Incident
    let clock: LocalClock

    package init(_ incident: Incident, utcOffsetSeconds: Int32?) {
        self.incident = incident
        clock = LocalClock(
            snapshot: incident.clock, utcOffsetSeconds: utcOffsetSeconds ?? incident.clock.utcOffsetSeconds,
            origin: incident.started)
    }

    /// `swap_thrash, critical`; `contained_kill, calm, drill` when every kill was rehearsed.
    package var verdict: String {
        let rehearsed = !incident.kills.isEmpty && incident.kills.allSatisfy(\.drill)
        return incident.incidentClass.label + ", " + incident.severity.label + (rehearsed ? ", drill" : "")
    }

    /// The ending, unless the incident is open.
    var ending: Ending? {
        guard let ended = incident.ended, ended.by != .open else { return nil }
        return ended
    }

    /// `2026-06-22 10:02:11.4 +00:00, 7 min 36 s, ended by an unclean reset`.
    var span: String {
        clock.full(incident.started) + ", " + lasted + ", " + NameWords.endedBy(ending?.by ?? .open)
    }

    /// `7 min 36 s`; `12 s so far` while it is open.
    package var lasted: String {
        guard let ns = elapsedNs else { return "duration unknown" }
        return Units.duration(ns) + (ending == nil ? " so far" : "")
    }

    /// From its start to its end, or to the last that is known of it.
    var elapsedNs: UInt64? { elapsed(to: ending?.at ?? lastSeen) }

    /// `next boot 10:12:30, 2 min 43 s after the last record; recording again from 10:12:51`; `nil` where the machine went on.
    var nextBoot: String? {
        guard let ending, ending.by == .uncleanReset || ending.by == .kernelPanic else { return nil }
        let start = ending.nextStartRealtimeNs.value
        var text = "next boot "
        if let boot = ending.nextBootRealtimeNs.value {
            text += clock.short(realtimeNs: boot)
            // The wall clock of either boot may have been set meanwhile: then the difference says nothing.
            if let gap = ending.gapNs.value, let start, start >= boot, gap >= start - boot {
                text += ", " + Units.duration(gap - (start - boot)) + " after the last record"
            }
            text += "; recording again from "
        } else if start != nil {
            text = "recording again from "
        }
        text += start.map { clock.short(realtimeNs: $0) } ?? "at an unknown time"
        if ending.nextBootRealtimeNs.isUnknown, let gap = ending.gapNs.value {
            text += ", " + Units.duration(gap) + " after the last record"
        }
        return text
    }

    /// `in the cgroup ...`; `nil` for the host.
    var scope: String? {
        incident.scope.kind == .cgroup ? "in the cgroup " + NameWords.cgroup(incident.scope.cgroup) : nil
    }

    /// `file_thrash from 07:06:07.2, swap_thrash from 07:07:01.5`; `nil` when it was one class throughout.
    var development: String? {
        guard incident.classes.count > 1 else { return nil }
        return incident.classes.map { $0.to.label + " from " + clock.short($0.at) }.joined(separator: ", ")
    }

    /// The last moment that an open incident shows.
    private var lastSeen: Moment {
        let moments =
            incident.timeline.map(\.at) + incident.series.map(\.at) + incident.kills.map(\.at)
            + incident.chain.map(\.onset)
        return moments.filter { !$0.isUnknown }.max() ?? .unknown
    }

    private func elapsed(to moment: Moment) -> UInt64? {
        guard !moment.isUnknown, !incident.started.isUnknown, moment >= incident.started else { return nil }
        return moment.boottimeNs - incident.started.boottimeNs
    }

    /// Kills by something whose task it is to stop such an incident.
    var backstopKills: [Kill] {
        incident.kills.filter {
            switch $0.cause.killer {
            case .kernelMemcg, .kernelGlobal, .systemdOomd, .earlyoom, .oomd, .nohang: true
            case .unknown, .sysrq, .cgroupKill, .serviceManager, .containerRuntime, .user: false
            }
        }
    }

    /// The question that the backstops' findings answer.
    var backstopTitle: String {
        let killed = !backstopKills.isEmpty
        // Someone killed by hand: then the question is about the backstops alone.
        if !killed, incident.kills.contains(where: { $0.cause.killer != .unknown }) { return "WHY NO BACKSTOP KILLED" }
        switch ending?.by {
        case nil: return killed ? "WHO KILLED SO FAR" : "WHY NOBODY HAS KILLED YET"
        case .recovered?: return killed ? "WHAT STOPPED IT" : "WHY NOBODY KILLED"
        default: return killed ? "WHY THE KILLS WERE NOT ENOUGH" : "WHY NOBODY KILLED"
        }
    }

    /// `(killer, kills)`, most kills first: `kernel`, `2 kills in user-1003.slice, limit 16 GiB`.
    var stoppers: [(name: String, finding: String)] {
        var groups: [(killer: Killer, memcg: Bytes, kills: [Kill])] = []
        for kill in backstopKills {
            let killer = kill.cause.killer
            let memcg = killer == .kernelMemcg ? kill.cause.oomMemcg : Bytes()
            if let index = groups.firstIndex(where: { $0.killer == killer && $0.memcg == memcg }) {
                groups[index].kills.append(kill)
            } else {
                groups.append((killer, memcg, [kill]))
            }
        }
        return groups.map { group in
            let count = NameWords.plural(group.kills.count, "kill", "kills")
            switch group.killer {
            case .kernelMemcg:
                let limit = group.kills.first?.cgroup.first { $0.isOomMemcg }?.maxBytes.value.map(Units.bytes)
                return (
                    "kernel",
                    count + " at the memory limit of " + NameWords.cgroup(group.memcg) + (limit.map { ": " + $0 } ?? "")
                )
            case .kernelGlobal: return ("kernel", count + ", the whole host being out of memory")
            default:
                let name = NameWords.killer(group.killer)
                let finding = incident.backstops.first { $0.name == Bytes(name.utf8) }?.finding
                return (name, finding.map { NameWords.name($0) } ?? count)
            }
        }
    }

    /// Why nobody killed, in one line: `kernel: no OOM was declared; earlyoom: not running`; `nil` where somebody did, or nobody should.
    var unstopped: String? {
        guard wantsBackstops, backstopKills.isEmpty else { return nil }
        let failed = otherFindings.filter { $0.verdict == .gap && !$0.rule.isStanding }
        return failed.isEmpty
            ? nil : failed.map { NameWords.name($0.name) + ": " + NameWords.name($0.finding) }.joined(separator: "; ")
    }

    /// Whether somebody should have killed: not where no kill would have helped, nor where one was not about memory.
    var wantsBackstops: Bool {
        switch incident.incidentClass {
        case .ioStorm, .deviceStall, .userspaceKill: false
        default: true
        }
    }

    /// The findings that the stoppers have not said already: who killed, or that a cap did its work.
    var otherFindings: [BackstopFinding] {
        let said = Set(stoppers.map { Bytes($0.name.utf8) })
        let capSaid = incident.incidentClass == .containedKill && !said.isEmpty
        return incident.backstops.filter { !said.contains($0.name) && !(capSaid && $0.name == Bytes("caps".utf8)) }
    }

    /// The timeline's entries that say most, in their order; the rest are counted where they are left out.
    ///
    /// Long runs of one lesser kind (slow IOs, stalls) keep their first two and their last; then the least telling kinds go.
    func timeline(limit: Int?) -> [TimelineLine] {
        let entries = incident.timeline
        guard let limit, entries.count > limit else { return entries.map(TimelineLine.entry) }
        var kept = [Bool](repeating: true, count: entries.count)
        var start = 0
        while start < entries.count {
            var end = start + 1
            while end < entries.count && entries[end].kind == entries[start].kind { end += 1 }
            if Self.rank(entries[start].kind) >= 4 && end - start > 4 {
                for index in start + 2..<end - 1 { kept[index] = false }
            }
            start = end
        }
        let ranked = entries.indices.filter { kept[$0] }.sorted { a, b in
            let (first, second) = (Self.rank(entries[a].kind), Self.rank(entries[b].kind))
            return first == second ? a < b : first < second
        }
        for index in ranked.dropFirst(limit) { kept[index] = false }
        var lines: [TimelineLine] = []
        var omitted: [EntryKind] = []
        func note() {
            guard let kind = omitted.first else { return }
            lines.append(.omitted(omitted.count, omitted.allSatisfy { $0 == kind } ? kind : nil))
            omitted = []
        }
        for index in entries.indices {
            if kept[index] {
                note()
                lines.append(.entry(entries[index]))
            } else {
                omitted.append(entries[index].kind)
            }
        }
        note()
        return lines
    }

    private static func rank(_ kind: EntryKind) -> Int {
        switch kind {
        case .kill: 0
        case .phase, .classChange: 1
        case .loss, .gap, .recorder: 2
        case .note, .cgroup, .census: 3
        case .signal, .exit, .reap: 4
        case .stall, .slowIO: 5
        }
    }

    /// `14 of 16 hooks (2 plain)`.
    var hooks: String {
        let hooks = incident.quality.hooks
        guard !hooks.isEmpty else { return "hooks unknown" }
        let used = hooks.filter { $0.mode != .absent }
        let plain = used.filter { $0.mode == .plain }.count
        return "\(used.count) of \(hooks.count) hooks" + (plain > 0 ? " (\(plain) plain)" : "")
    }

    /// `memory_high (fentry/mem_cgroup_handle_over_high refused, errno 1)` for each thing that was not heard.
    var deafTo: [String] {
        incident.quality.hooks.filter { $0.mode == .absent }.map(NameWords.hook)
    }

    /// `0 events lost, longest gap between samples 0.3 s`.
    var losses: String {
        let quality = incident.quality
        var text = Units.count(quality.lostEvents) + (quality.lostEvents == 1 ? " event lost" : " events lost")
        text += ", longest gap between samples "
        text += quality.longestSamplerGapNs.isUnknown ? "unknown" : Units.duration(quality.longestSamplerGapNs)
        return text
    }

    /// What the reader must know about what is not there.
    var notes: [String] {
        var notes: [String] = []
        if incident.quality.timelineOmitted > 0 {
            notes.append(
                Units.count(incident.quality.timelineOmitted)
                    + " timeline entries left out: of slow IOs and stalls each second's first and worst are kept"
            )
        }
        if incident.quality.seriesOmitted > 0 {
            notes.append(Units.count(incident.quality.seriesOmitted) + " points of the series were not kept")
        }
        return notes + incident.quality.notes.map(Escaping.terminal)
    }
}

enum TimelineLine {
    case entry(TimelineEntry)
    /// So many left out here; their kind where they share one.
    case omitted(Int, EntryKind?)

    /// `57 more (slow_io)`.
    var omission: String? {
        guard case .omitted(let count, let kind) = self else { return nil }
        return Units.count(UInt64(count)) + " more" + (kind.map { " (" + $0.label + ")" } ?? "")
    }
}
