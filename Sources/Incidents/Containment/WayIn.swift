import Events

/// Who lets people in, and who tells them what happened: would they survive?
enum WayIn {
    /// What somebody who is in sits in.
    static let sessions = ["sshd-session", "tmux: server", "screen", "mosh-server", "login", "bash", "zsh", "fish"].map
    {
        Comm($0)
    }
    /// Sessions that are looked at: those that would go first.
    private static let sessionsListed = 3

    /// - Parameters:
    ///   - candidates: everybody, in the order in which the kernel would kill.
    ///   - recorder: its process id; 0 when it is not known: then it is looked for by its name.
    static func find(_ candidates: [KillCandidate], recorder: UInt32) -> [KillCandidate] {
        var found: [KillCandidate] = []
        for door in Doors.names {
            // The one that listens is the oldest of its name.
            if let one = candidates.filter({ $0.comm == door && $0.uid == 0 }).min(by: { $0.pid < $1.pid }) {
                found.append(one)
            }
        }
        found += candidates.filter { sessions.contains($0.comm) }.prefix(sessionsListed)
        found += candidates.filter { recorder == 0 ? $0.comm == Doors.recorder : $0.pid == recorder }.prefix(1)
        return found
    }
}

extension Containment {
    var wayIn: [BackstopFinding] {
        guard facts.processes > 0 else {
            return [finding(.wayIn, .unknown, "unknown: who would survive, as there was no census")]
        }
        let listeners = facts.wayIn.filter { Doors.names.contains($0.comm) }
        let sessions = facts.wayIn.filter { WayIn.sessions.contains($0.comm) }
        var found = listeners.map { survival($0, .wayIn, unit: $0.comm == Comm("sshd") ? "ssh.service" : "its unit") }
        if !listeners.contains(where: { $0.comm != Comm("systemd-logind") }) {
            found.insert(
                finding(
                    .wayIn, facts.isWholeCensus ? .note : .unknown,
                    facts.isWholeCensus
                        ? "no SSH server runs" : "unknown: no SSH server is among the processes that were kept",
                    subject: "sshd"), at: 0)
        }
        found += sessions.prefix(1).map { survival($0, .wayIn, unit: "its scope") }
        return found + recorder
    }

    private var recorder: [BackstopFinding] {
        guard
            let one = facts.wayIn.first(where: {
                facts.recorderTgid == 0 ? $0.comm == Doors.recorder : $0.pid == facts.recorderTgid
            })
        else {
            guard facts.isWholeCensus else { return [] }
            return [
                finding(
                    .recorder, .gap, "no recorder runs", consequence: "nobody will tell what happened",
                    setting: "inquest record, as a service")
            ]
        }
        return [survival(one, .recorder, unit: "inquest.service")]
    }

    /// Whether the kernel and earlyoom would spare a process, as far as is known.
    private func survival(_ one: KillCandidate, _ rule: FindingRule, unit: Phrase) -> BackstopFinding {
        let who: Phrase = "\(one)"
        let shown = [
            evidence("oom_score_adj of \(who): \(one.oomScoreAdj)", "/proc/PID/oom_score_adj"),
            evidence("oom_score of \(who)", Figure(one.oomScore), "", "/proc/PID/oom_score"),
        ]
        if one.points == nil {
            return finding(
                rule, .holds,
                "\(who) is exempt from the kernel's OOM killer (oom_score_adj \(one.oomScoreAdj)) and from earlyoom",
                shown, subject: "\(comm: one)")
        }
        let isFirst = one.place <= 3
        return finding(
            rule, isFirst ? .gap : .note,
            "\(who) may be killed: place \(one.place) of \(facts.isWholeCensus ? "" : "the ")\(facts.processes)\(facts.isWholeCensus ? "" : " that were kept") (oom_score_adj \(one.oomScoreAdj))",
            shown, subject: "\(comm: one)",
            consequence: isFirst ? "it is among the first to go" : "\(one.place - 1, of: "process") would go before it",
            setting: "OOMScoreAdjust= of \(unit)")
    }
}
