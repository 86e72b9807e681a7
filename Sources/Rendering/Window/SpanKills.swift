import Events
import Incidents

/// The kills of a span of time, each once: those of incidents as the incident tells them, the others as they were heard.
///
/// A SIGKILL outside of any incident is the ordinary life of processes (a shell's children, a container that is stopped): who sent it is
/// said, and nobody judged it. What the kernel sends when it kills is part of that kill. Bounded: the first ones are kept.
struct SpanKills {
    private static let capacity = 200

    private(set) var kills: [Kill] = []
    private(set) var omitted: UInt64 = 0
    /// Of incidents, by the event that each began with.
    private let judged: [UInt64: Kill]

    init(of incidents: [Incident]) {
        judged = Dictionary(incidents.flatMap(\.kills).map { ($0.seq, $0) }) { first, _ in first }
    }

    /// - Returns: whether the event is a kill, and no earlier event of the span was the same.
    @discardableResult
    mutating func take(_ event: Event, _ names: borrowing NameTable) -> Bool {
        if case .exit(let exit) = event.payload {
            note(exit, event, names.boot)
            return false
        }
        var found = judged[event.seq]
        if found == nil, let heard = Kill(heard: event, names) {
            // A later step of a kill that an incident tells of: its SIGKILL, or what the kernel's log says of it.
            found = judged.values.first { $0.isStillGoing(event.moment, heard.victim.tgid, names.boot) } ?? heard
        }
        guard let kill = found, !isTold(kill, at: event.moment) else { return false }
        guard kills.count < Self.capacity else {
            omitted += 1
            return false
        }
        kills.append(kill)
        return true
    }

    private func isTold(_ kill: Kill, at moment: Moment) -> Bool {
        kills.contains { $0.seq == kill.seq || $0.isStillGoing(moment, kill.victim.tgid, kill.bootID) }
    }

    /// The end of one that no incident tells of.
    private mutating func note(_ exit: Exit, _ event: Event, _ boot: BootID) {
        let index = kills.lastIndex {
            $0.incidentID.isEmpty && $0.isStillGoing(event.moment, exit.task.tgid, boot)
        }
        guard let index else { return }
        kills[index].outcome.exitTime = event.moment
        kills[index].outcome.exitCode = Int64(exit.exitCode)
        kills[index].outcome.killToExitNs = Figure(event.boottimeNs - kills[index].at.boottimeNs)
    }
}

extension Kill {
    /// Whether it is the kill of this process, which has not ended yet.
    fileprivate func isStillGoing(_ moment: Moment, _ tgid: UInt32, _ boot: BootID) -> Bool {
        bootID == boot && victim.tgid == tgid && at <= moment
            && (outcome.exitTime.isUnknown || outcome.exitTime >= moment)
    }

    /// A kill as one event tells it; `nil` for what is none.
    fileprivate init?(heard event: Event, _ names: borrowing NameTable) {
        self.init()
        switch event.payload {
        case .oomKill(let kill):
            set(kill.victim, names)
            cause.constraint = kill.constraint
            cause.killer = kill.killer
            cause.oomMemcg = kill.oomCgroup.value.map { names.path(ofCgroup: $0) } ?? []
            quality.source = names.mechanism(of: "oom_kill")
        case .signal(let signal):
            // An ignored SIGKILL: the target is dying already.
            guard signal.signal == 9, signal.origin != .kernel, signal.result == 0 || signal.result == 4 else {
                return nil
            }
            set(signal.target, names)
            var sender = Sender()
            (sender.pid, sender.tgid, sender.comm) = (signal.sender.pid, signal.sender.tgid, signal.sender.comm)
            sender.uid = signal.sender.ownerUID
            sender.exe = signal.senderExe
            sender.cgroup = names.path(ofCgroup: signal.sender.cgroup)
            sender.signal = signal.signal
            self.sender = sender
            var step = SignalStep()
            (step.at, step.signal) = (event.moment, signal.signal)
            outcome.signals = [step]
            quality.source = names.mechanism(of: "signal")
        case .kernelLogKill(let kill):
            (victim.pid, victim.tgid, victim.comm) = (kill.pid, kill.pid, kill.comm)
            victim.uid = Figure(uid: kill.uid)
            victim.cgroup = kill.cgroupPath
            victim.anonRssBytes = kill.anonRssBytes
            cause.constraint = kill.constraint
            cause.oomMemcg = kill.oomCgroupPath
            quality.source = Bytes("/dev/kmsg".utf8)
            quality.fromKmsg = true
        default: return nil
        }
        seq = event.seq
        at = event.moment
        bootID = names.boot
        if let uid = victim.uid.value.flatMap({ UInt32(exactly: $0) }) { victim.user = names.name(ofUser: uid) }
    }

    private mutating func set(_ heard: Events.Victim, _ names: borrowing NameTable) {
        victim.pid = heard.task.pid
        victim.tgid = heard.task.tgid
        victim.ppid = heard.task.ppid
        victim.comm = heard.task.comm
        victim.uid = heard.task.ownerUID
        victim.cgroup = heard.cgroupPath.isEmpty ? names.path(ofCgroup: heard.task.cgroup) : heard.cgroupPath
        victim.anonRssBytes = heard.anonRssPages.scaled(by: names.pageSize)
        victim.fileRssBytes = heard.fileRssPages.scaled(by: names.pageSize)
        victim.shmemRssBytes = heard.shmemRssPages.scaled(by: names.pageSize)
        victim.swapBytes = heard.swapPages.scaled(by: names.pageSize)
    }
}

extension OomKill {
    /// Who killed, by what this one event says.
    var killer: Killer {
        switch (constraint, entry) {
        case _ where traced && order == -1: .sysrq
        case (.memcg, _), (_, .memcg): .kernelMemcg
        case (_, .sysrq): .sysrq
        case (.none, _), (.cpuset, _), (.memoryPolicy, _), (_, .global): .kernelGlobal
        case (.unknown, .unknown): .unknown
        }
    }
}
