import CLinux
import Events
import Glibc
import Host
import Incidents
import Live
import Probes
import Recording

/// Hears the kernel, samples the host, and sends everything down the spine until told to stop.
///
/// This is the only place where the rooms meet. The thread that calls `run` drains the ring buffer and never waits for the
/// disk (the writer has a thread of its own), for a reader (the live server never blocks) or for /proc (the sampler's
/// thread).
final class Recorder {
    private var spine: Spine
    private let probes: Probes
    private let sampler: SamplerThread
    private let writer: RecordingWriter?
    private let live: LiveServer?
    private let stopSignals: StopSignals
    private let kernelLog: KernelLog?
    /// Told once for each new trouble with the disk, and once when it is over.
    private let trouble: (String) -> Void
    private var lastTrouble: RecordingError?
    private var wasFailing = false
    /// After `end`: whether everything observed is durable.
    private(set) var isComplete = false
    private var commitWanted = false
    /// How long samples may wait between two commits. In calm each one writes a page or a part of it again: what a power cut may take
    /// is weighed against what wears the disk out. Under pressure it is weighed against the kill that comes meanwhile, and waits for
    /// the disk to take the samples first.
    private static let calmCommitNs: UInt64 = 10_000_000_000
    private static let pressureCommitNs: UInt64 = 250_000_000
    /// Once a second a full turn, whatever is silent: records that asked for no wake-up are waiting in the ring.
    private static let turnMs: Int32 = 1000

    init(
        probes: Probes, sampler: SamplerThread, kernelLog: KernelLog?, writer: RecordingWriter?, live: LiveServer?,
        stopSignals: StopSignals, correlator: consuming Correlator, nextSeq: UInt64, observe: @escaping (Event) -> Void,
        report: @escaping (Finding) -> Void, trouble: @escaping (String) -> Void
    ) {
        self.probes = probes
        self.sampler = sampler
        self.writer = writer
        self.live = live
        self.stopSignals = stopSignals
        self.trouble = trouble
        self.kernelLog = kernelLog
        spine = Spine(
            writer: writer, live: live, correlator: correlator, nextSeq: nextSeq, observe: observe, report: report)
    }

    /// The first events of a run: who records, on what, with which hooks.
    ///
    /// - Parameter unrecorded: findings of an earlier run that did not reach the disk.
    func begin(_ startEvents: [Event], unrecorded: [Finding]) {
        for finding in unrecorded { spine.record(finding, at: Clocks.boottimeNs()) }
        for event in startEvents { take(event) }
        let now = Clocks.boottimeNs()
        for hook in probes.hooks { take(Event(boottimeNs: now, .hook(hook))) }
        finishTurn()
        sampler.start()
    }

    /// Runs until a stop signal arrives or `until` says so; asked after each turn.
    ///
    /// - Parameter others: descriptors that are worth a turn when they are readable.
    /// - Returns: whether a signal ended it.
    func run(waking others: [Int32] = [], until: () -> Bool = { false }) -> Bool {
        var descriptors = [
            pollfd(fd: probes.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: sampler.queue.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stopSignals.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        if let live {
            descriptors.append(pollfd(fd: live.descriptor, events: Int16(POLLIN), revents: 0))
            if let writer { descriptors.append(pollfd(fd: writer.newsDescriptor, events: Int16(POLLIN), revents: 0)) }
        }
        descriptors += others.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            // Nobody is told what is durable while nobody reads: then it is no reason to wake.
            if let live, let writer { descriptors[4].fd = live.isRead ? writer.newsDescriptor : -1 }
            _ = unsafe poll(&descriptors, nfds_t(descriptors.count), Self.turnMs)
            turn()
            if stopSignals.received { return true }
            if until() { return false }
        }
    }

    private func turn() {
        sampler.queue.clearWakeup()
        // Held up between the two, it would take samples of after a kill before the kill: of what is in the ring now nothing is
        // younger than what the sampler has yet to tell.
        let told = sampler.queue.end
        probes.drain { take($0) }
        while let event = sampler.queue.pop(before: told) { take(event) }
        kernelLog?.read { take($0) }
        writer?.takeLosses { take(Event(boottimeNs: Clocks.boottimeNs(), .lost($0))) }
        finishTurn()
    }

    /// An incident that has not ended, as it stands; between two turns only.
    func openIncident(_ id: Bytes) -> Incident? { spine.correlator.openIncident(id) }

    /// Says that the recording ends here on purpose, and makes everything durable.
    func end(_ reason: StopReason) {
        let isSamplerDone = sampler.stop()
        turn()
        // Nobody else looks any more: what found no room since the sampler last asked is told too.
        if isSamplerDone { probes.readIntervals { take($0) } }
        var stop = RecorderStop()
        stop.reason = reason
        take(Event(boottimeNs: Clocks.boottimeNs(), .recorderStop(stop)))
        finishTurn()
        live?.close()
        isComplete = writer?.close() ?? true
        // Last: detaching waits for the kernel, and everything that was heard is already safe.
        if isSamplerDone { probes.close() }
    }

    private func take(_ event: Event) {
        react(to: event)
        if spine.take(event) { commitWanted = true }
    }

    private func finishTurn() {
        if commitWanted {
            commitWanted = false
            writer?.commit()
        }
        live?.flush()
        if let writer, let live {
            writer.clearNews()
            live.tellDurable(upTo: writer.acknowledgedSeq)
        }
        live?.service()
        reportTrouble()
        let isUnderPressure = spine.correlator.isUnderPressure
        let commitNs = isUnderPressure ? Self.pressureCommitNs : Self.calmCommitNs
        // Only on a change: setting it wakes the writer.
        if let writer, writer.commitIntervalNs != commitNs { writer.commitIntervalNs = commitNs }
        if isUnderPressure { sampler.pressureSeen() }
        sampler.setTicksWanted(spine.correlator.wantsTicks)
    }

    private func reportTrouble() {
        guard let writer else { return }
        // In this order: an error that is over by now is told all the same.
        let isFailing = writer.isFailing
        if let error = writer.lastError, error != lastTrouble || isFailing && !wasFailing {
            trouble("\(error.message); recording goes on in memory")
            lastTrouble = error
            wasFailing = true
        }
        if wasFailing && !isFailing { trouble("the recording is written again") }
        wasFailing = isFailing
    }

    /// A kill wants a closer look around it; a cgroup's name is news for the sampler.
    private func react(to event: Event) {
        switch event.payload {
        case .oomKill(let kill):
            sampler.pressureSeen()
            sampler.wantCensus()
            note(kill.victim.task.cgroup, kill.victim.cgroupPath, event.boottimeNs)
        case .signal(let signal) where signal.signal == SIGKILL:
            note(signal.target.task.cgroup, signal.target.cgroupPath, event.boottimeNs)
        case .cgroup(let change): sampler.note(change, at: event.boottimeNs)
        default: break
        }
    }

    private func note(_ cgroup: UInt64, _ path: Bytes, _ boottimeNs: UInt64) {
        var change = CgroupChange()
        change.id = cgroup
        change.path = path
        sampler.note(change, at: boottimeNs)
    }
}
