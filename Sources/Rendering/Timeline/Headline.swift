import Incidents

extension IncidentWords {
    /// What happened, in a dozen plain words: `Memory pressure became a disk storm, until the machine was reset`.
    var headline: String { happened + end }

    /// Without its end.
    package var happened: String {
        let scope = incident.scope.kind == .cgroup ? NameWords.cgroup(incident.scope.cgroup) : "the host"
        switch incident.incidentClass {
        case .containedKill: return "A memory limit did its work: " + killed
        case .userspaceKill: return killers + " killed " + victims
        case .ioStorm: return "A saturated disk kept others waiting"
        case .throttleLivelock: return scope + " lived but got nowhere, throttled at its own memory limit"
        case .deviceStall: return "A disk stopped answering"
        case .fileThrash: return "Files were read from disk again and again: memory was too small to keep them"
        case .globalOom:
            let wasAsked = incident.kills.contains { $0.cause.killer == .sysrq }
            return (wasAsked ? "The kernel was asked to kill: " : "The host ran out of memory: ") + killed
        case .swapThrash: return "Memory pressure became a disk storm"
        }
    }

    private var victims: String {
        switch incident.kills.count {
        case 0: return "nothing"
        case 1:
            let victim = incident.kills[0].victim
            return NameWords.process(victim.comm, victim.tgid == 0 ? victim.pid : victim.tgid)
        default: return NameWords.plural(incident.kills.count, "process", "processes")
        }
    }

    private var killed: String {
        incident.kills.isEmpty
            ? "nothing was killed" : victims + (incident.kills.count == 1 ? " was killed" : " were killed")
    }

    /// Who did it, where it was one and the same.
    private var killers: String {
        let killers = Set(incident.kills.map(\.cause.killer))
        guard killers.count == 1, let killer = killers.first else { return "Several killers" }
        let words = NameWords.killer(killer)
        return killer == .earlyoom || killer == .oomd || killer == .nohang || killer == .systemdOomd
            || killer == .cgroupKill ? words : words.prefix(1).uppercased() + words.dropFirst()
    }

    private var end: String {
        switch ending?.by {
        case .uncleanReset: ", until the machine was reset"
        case .kernelPanic: ", until the kernel panicked"
        case .cleanShutdown: ", until the machine was shut down"
        case .recorderStopped, .recorderKilled, .recovered: ""
        case .open, nil: ", and it goes on"
        }
    }
}
