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
    private var commitWanted = false
    /// Once a second a full turn, whatever is silent: records that asked for no wake-up are waiting in the ring.
    private static let turnMs: Int32 = 1000

    init(
        probes: Probes, sampler: SamplerThread, writer: RecordingWriter?, live: LiveServer?, stopSignals: StopSignals,
        correlator: consuming Correlator, nextSeq: UInt64, observe: @escaping (Event) -> Void,
        report: @escaping (Finding) -> Void
    ) {
        self.probes = probes
        self.sampler = sampler
        self.writer = writer
        self.live = live
        self.stopSignals = stopSignals
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
    /// - Returns: whether a signal ended it.
    func run(until: () -> Bool = { false }) -> Bool {
        var descriptors = [
            pollfd(fd: probes.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: sampler.queue.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stopSignals.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        if let live { descriptors.append(pollfd(fd: live.descriptor, events: Int16(POLLIN), revents: 0)) }
        while true {
            _ = unsafe poll(&descriptors, nfds_t(descriptors.count), Self.turnMs)
            turn()
            if stopSignals.received { return true }
            if until() { return false }
        }
    }

    private func turn() {
        probes.drain { take($0) }
        sampler.queue.clearWakeup()
        while let event = sampler.queue.pop() { take(event) }
        finishTurn()
    }

    /// Says that the recording ends here on purpose, and makes everything durable.
    func end(_ reason: StopReason) {
        sampler.stop()
        turn()
        var stop = RecorderStop()
        stop.reason = reason
        take(Event(boottimeNs: Clocks.boottimeNs(), .recorderStop(stop)))
        finishTurn()
        live?.close()
        writer?.close()
        // Last: detaching waits for the kernel, and everything that was heard is already safe.
        probes.close()
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
        live?.service()
        if spine.underPressure { sampler.pressureSeen() }
        sampler.setTicksWanted(spine.correlator.wantsTicks)
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
        case .cgroup: _ = sampler.notes.push(event)
        default: break
        }
    }

    private func note(_ cgroup: UInt64, _ path: Bytes, _ boottimeNs: UInt64) {
        var change = CgroupChange()
        change.id = cgroup
        change.path = path
        _ = sampler.notes.push(Event(boottimeNs: boottimeNs, .cgroup(change)))
    }
}
