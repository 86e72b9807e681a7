import Events
import Incidents

/// Findings as text, terse enough to read in a review; everything that a reader of the document would see.
enum Dump {
    static func findings(_ findings: [Finding], stillOpen: [Incident]) -> String {
        var out = ""
        for finding in findings {
            switch finding {
            case .opened(let incident):
                out += "OPENED \(text(incident.id)) \(incident.incidentClass.label) \(scope(incident.scope))\n"
            case .kill(let kill, let incidentClass):
                out +=
                    "KILL   \(time(kill.at)) \(text(kill.victim.comm.bytes))[\(kill.victim.tgid)] by \(kill.cause.killer.label) in \(text(kill.incidentID)) \(incidentClass.label)\n"
            case .phase(let scope, let change, let incident):
                out += "PHASE  \(time(change.at)) \(self.scope(scope)) \(change.to.label)"
                out += (incident.map { " in \(text($0.id)) \($0.incidentClass.label)" } ?? "") + "\n"
            case .closed(let incident): out += "CLOSED \(text(incident.id))\n"
            }
        }
        if findings.isEmpty { out += "no finding\n" }
        for finding in findings {
            if case .closed(let incident) = finding { out += "\n" + self.incident(incident) }
        }
        for incident in stillOpen { out += "\nSTILL OPEN\n" + self.incident(incident) }
        return out
    }

    static func incident(_ incident: Incident) -> String {
        var out =
            "\(text(incident.id)) \(incident.incidentClass.label), \(incident.severity.label), \(scope(incident.scope))\n"
        out += "  started \(time(incident.started))"
        if let ended = incident.ended {
            out += ", ended \(time(ended.at)) by \(ended.by.label)"
            if let gap = ended.gapNs.value { out += ", gap \(gap) ns" }
        }
        out += "\n  summary: \(text(incident.summary))\n"
        out += "  classes: " + incident.classes.map { "\($0.to.label) \(time($0.at))" }.joined(separator: ", ") + "\n"
        if !incident.phases.isEmpty {
            out += "  phases: " + incident.phases.map { "\($0.to.label) \(time($0.at))" }.joined(separator: ", ") + "\n"
        }
        for link in incident.chain {
            out +=
                "  chain: \(time(link.onset)) \(link.kind.label) (\(link.confidence.label)\(link.outOfOrder ? ", OUT OF ORDER" : "")): \(text(link.text))\n"
            for item in link.evidence { out += "    \(evidence(item))\n" }
        }
        for suspect in incident.suspects {
            out +=
                "  suspect: \(text(suspect.cgroup))"
                + (suspect.pid != 0 ? " \(text(suspect.comm.bytes))[\(suspect.pid)]" : "")
            out +=
                " uid=\(figure(suspect.uid)) grew=\(figure(suspect.grewBytes)) swapped=\(figure(suspect.swapWrittenBytes))"
            out += " throttled=\(figure(suspect.throttledNs)) \(suspect.confidence.label)\n"
            for item in suspect.evidence { out += "    \(evidence(item))\n" }
        }
        for one in incident.bystanders {
            out += "  bystander: \(text(one.cgroup)) \(figure(one.stalledNs)) ns (\(text(one.source)))\n"
        }
        for kill in incident.kills { out += self.kill(kill) }
        for other in incident.alternatives { out += "  " + alternative(other) }
        for backstop in incident.backstops {
            out += "  backstop: \(text(backstop.name)): \(text(backstop.finding))\n"
            for item in backstop.evidence { out += "    \(evidence(item))\n" }
        }
        for entry in incident.timeline {
            out += "  \(time(entry.at)) #\(entry.seq) \(entry.kind.label): \(text(entry.text))\n"
        }
        let quality = incident.quality
        out +=
            "  series: \(incident.series.count) points; lost \(quality.lostEvents); omitted \(quality.timelineOmitted)"
        out += "; longest gap \(figure(quality.longestSamplerGapNs))\n"
        for note in quality.notes { out += "  note: \(text(note))\n" }
        return out
    }

    private static func kill(_ kill: Kill) -> String {
        let (cause, victim, outcome) = (kill.cause, kill.victim, kill.outcome)
        var out =
            "  KILL #\(kill.seq) \(time(kill.at)) \(text(victim.comm.bytes))[\(victim.tgid)] by \(cause.killer.label) (\(cause.confidence.label))"
        out += kill.drill ? " DRILL\n" : "\n"
        out +=
            "    constraint=\(cause.constraint.label) oom_memcg=\(text(cause.oomMemcg)) order=\(number(cause.order)) gfp=\(figure(cause.gfpMask))"
        out += " limit_pages=\(figure(cause.limitPages)) points=\(number(cause.chosenPoints)) group=\(cause.oomGroup)\n"
        for item in cause.evidence { out += "    \(evidence(item))\n" }
        for other in cause.alternatives { out += "    " + alternative(other) }
        if let sender = kill.sender {
            out +=
                "    sender \(text(sender.comm.bytes))[\(sender.tgid)] exe=\(text(sender.exe)) uid=\(figure(sender.uid)) unit=\(text(sender.unit)) signal=\(sender.signal)\n"
        }
        if let trigger = kill.trigger {
            out += "    trigger \(text(trigger.comm.bytes))[\(trigger.tgid)] in \(text(trigger.cgroup))\n"
        }
        out +=
            "    victim cgroup=\(text(victim.cgroup)) slice=\(text(victim.slice)) unit=\(text(victim.unit)) container=\(text(victim.containerID)) pod=\(text(victim.podUID))\n"
        if !victim.pod.isEmpty {
            out +=
                "    victim pod=\(text(victim.namespace))/\(text(victim.pod)) container=\(text(victim.containerName))\n"
        }
        out +=
            "    victim uid=\(figure(victim.uid)) user=\(text(victim.user)) cmdline=\(text(victim.cmdline)) anon=\(figure(victim.anonRssBytes)) swap=\(figure(victim.swapBytes)) adj=\(victim.oomScoreAdj)\n"
        out += "    outcome signals=" + outcome.signals.map { "\($0.signal)@\(time($0.at))" }.joined(separator: ",")
        out +=
            " exit=\(time(outcome.exitTime)) code=\(number(outcome.exitCode)) after=\(figure(outcome.killToExitNs)) freed=\(figure(outcome.freedBytes))\n"
        for other in outcome.otherVictims {
            out += "    other victim \(text(other.comm.bytes))[\(other.pid)]: \(text(other.why))\n"
        }
        for memcg in kill.cgroup {
            out +=
                "    cgroup \(text(memcg.cgroup))\(memcg.isOomMemcg ? " (OOM)" : "") current=\(figure(memcg.currentBytes)) max=\(figure(memcg.maxBytes)) oom=\(figure(memcg.eventsLocalOom))\n"
        }
        out +=
            "    host phase=\(kill.host.phase.label) available=\(figure(kill.host.memory.availableBytes)) age=\(figure(kill.host.sampleAgeNs))"
        out +=
            " largest=\(kill.context.largest.map { text($0.task.comm.bytes) }) blocked=\(kill.context.blocked.count)\n"
        out +=
            "    source=\(text(kill.quality.source)) kmsg=\(kill.quality.fromKmsg) missing=\(kill.quality.partialFields.map(text).joined(separator: ","))"
        out += " lost_before=\(kill.lostEventsBefore)\n"
        return out
    }

    private static func alternative(_ other: Alternative) -> String {
        let figures = other.evidence.map { " " + evidence($0) }.joined()
        return "not \(text(other.name)): \(text(other.text))\(figures)\n"
    }

    private static func evidence(_ item: Evidence) -> String {
        var out = "- \(text(item.name))"
        if !item.value.isUnknown { out += " = \(figure(item.value)) \(text(item.unit))" }
        if !item.threshold.isUnknown { out += " (\(figure(item.threshold)))" }
        return out + " [\(text(item.source))]"
    }

    private static func scope(_ scope: Scope) -> String {
        scope.kind == .host ? "host" : "cgroup \(text(scope.cgroup))"
    }

    private static func number(_ value: Int64?) -> String { value.map { "\($0)" } ?? "?" }

    private static func figure(_ figure: Figure) -> String {
        figure.isUnlimited ? "max" : figure.value.map { "\($0)" } ?? "?"
    }

    static func text(_ bytes: Bytes) -> String {
        if bytes.isEmpty { return "?" }
        return String(decoding: bytes.map { $0 < 32 ? UInt8(ascii: "^") : $0 }, as: UTF8.self)
    }

    private static func time(_ moment: Moment) -> String {
        if moment.isUnknown { return "?" }
        let millis = String(moment.boottimeNs / 1_000_000 % 1000)
        return "\(moment.boottimeNs / 1_000_000_000)." + String(repeating: "0", count: 3 - millis.count) + millis
    }
}
