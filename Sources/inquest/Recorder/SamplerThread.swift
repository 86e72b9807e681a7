import CLinux
import Events
import Glibc
import Host
import Probes
import Synchronization

/// Samples the host and reads the kernel side's aggregates, once a second in calm and ten times a second under pressure.
///
/// A thread of its own: a file in /proc or cgroupfs may make its reader wait while the machine is short of memory, and the
/// ring buffer must be drained all the same. Everything it observes goes through `queue`.
final class SamplerThread: @unchecked Sendable {
    /// Nanoseconds between samples.
    static let calmIntervalNs: UInt64 = 1_000_000_000
    static let pressureIntervalNs: UInt64 = 100_000_000
    /// Pressure is taken to last this long after its last sign.
    static let pressureHoldNs: UInt64 = 10_000_000_000
    /// Between two censuses under pressure.
    static let censusIntervalNs: UInt64 = 5_000_000_000
    /// How long a stop waits for a sample that is under way.
    private static let stopSeconds = 2
    /// At the most this often for kills.
    static let killCensusIntervalNs: UInt64 = 1_000_000_000
    /// Between two looks through the whole tree of cgroups, where those are needed.
    static let rescanIntervalNs: UInt64 = 60_000_000_000

    private let host: HostSampler
    private let probes: Probes
    private let triggers: PressureTriggers?
    let queue: EventQueue
    /// Cgroups that came, went, or had an event: the recorder tells.
    private let notes: EventQueue
    /// A note found no room: the tree is looked through for what it would have said.
    private let noteMissed = Atomic<Bool>(false)
    /// Whether the kernel tells of cgroups at all; otherwise the tree is looked through now and then.
    private let cgroupsHeard: Bool
    private var lastRescanNs: UInt64 = 0
    private var lastCensusNs: UInt64 = 0
    private let wake: Int32
    private let stopping = Atomic<Bool>(false)
    private let pressureUntilNs = Atomic<UInt64>(0)
    private let censusWanted = Atomic<Bool>(false)
    private let ticksWanted = Atomic<Bool>(false)
    private var thread = pthread_t()
    private var dropped: UInt64 = 0

    init(host: HostSampler, probes: Probes, triggers: PressureTriggers?) {
        self.host = host
        self.probes = probes
        self.triggers = triggers
        // Ready for more than a sample under pressure and its census are, before the pressure is.
        queue = EventQueue(capacity: 8192, ready: 512)
        notes = EventQueue(capacity: 1024)
        wake = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        cgroupsHeard = probes.hooks.contains { $0.name.elementsEqual("cgroup_names".utf8) && $0.mode != .absent }
    }

    deinit { close(wake) }

    func start() {
        let context = unsafe Unmanaged.passRetained(self)
        let status = unsafe pthread_create(&thread, nil, samplerMain, context.toOpaque())
        precondition(status == 0, "pthread_create: \(status)")
    }

    /// Ends the thread and waits for it, but not for ever: on a dying machine it may hang in a file of a cgroup, and a stop
    /// must still be a clean one.
    ///
    /// - Returns: whether it has ended. If not, it is left behind, and what it uses must not be closed.
    func stop() -> Bool {
        stopping.store(true, ordering: .releasing)
        signalEventfd(wake)
        var deadline = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += Self.stopSeconds
        return unsafe iq_join_until(thread, &deadline) == 0
    }

    /// The recorder heard something that calls for a closer look (any thread).
    func pressureSeen() {
        let until = Clocks.boottimeNs() + Self.pressureHoldNs
        if pressureUntilNs.load(ordering: .relaxed) < Clocks.boottimeNs() { signalEventfd(wake) }
        pressureUntilNs.store(until, ordering: .releasing)
    }

    /// A kill was heard: who else was there? (any thread)
    func wantCensus() {
        censusWanted.store(true, ordering: .releasing)
        signalEventfd(wake)
    }

    /// Tells of a cgroup: the sampler learns or forgets it, or samples it for a while (the recorder's thread only).
    func note(_ change: CgroupChange, at boottimeNs: UInt64) {
        if !notes.push(Event(boottimeNs: boottimeNs, .cgroup(change))) { noteMissed.store(true, ordering: .releasing) }
    }

    /// While an incident is open every sample is told, however calm: the correlator's time comes from events alone, and
    /// silence would keep the incident open.
    func setTicksWanted(_ wanted: Bool) {
        if ticksWanted.exchange(wanted, ordering: .relaxed) != wanted { signalEventfd(wake) }
    }

    fileprivate func run() {
        var blocked = sigset_t()
        unsafe sigfillset(&blocked)
        unsafe pthread_sigmask(SIG_BLOCK, &blocked, nil)
        var lastSampleNs: UInt64 = 0
        lastRescanNs = Clocks.boottimeNs()
        var hasStallHooks = false
        while !stopping.load(ordering: .acquiring) {
            let now = Clocks.boottimeNs()
            let pressed = now < pressureUntilNs.load(ordering: .acquiring)
            let interval = pressed ? Self.pressureIntervalNs : Self.calmIntervalNs
            // One cgroup at its memory.high is no reason for the whole host to be watched more closely, but for its stalls to be.
            let throttled = host.throttleSeenNs != 0 && now < host.throttleSeenNs + Self.pressureHoldNs
            if (pressed || throttled) != hasStallHooks {
                hasStallHooks.toggle()
                probes.setPressureHooks(hasStallHooks)
            }
            while let note = notes.pop() { take(note) }
            takeCensus(now, pressed)
            if now - lastSampleNs >= interval {
                lastSampleNs = now
                let completion = { (device: UInt32) in self.probes.lastCompletionNs(device: device) }
                host.sample(
                    underPressure: pressed, tellAll: ticksWanted.load(ordering: .relaxed),
                    lastCompletionNs: completion, push)
                probes.readIntervals { push($0) }
                reportDropped(now)
                if !pressed { rescan(now) }
            }
            queue.wakeConsumer()
            waitUntil(lastSampleNs + interval)
        }
    }

    private func takeCensus(_ now: UInt64, _ pressed: Bool) {
        let wanted = censusWanted.load(ordering: .acquiring)
        let due = pressed && now - lastCensusNs >= Self.censusIntervalNs
        guard due || wanted && now - lastCensusNs >= Self.killCensusIntervalNs else { return }
        // Only what was seen is taken back: a kill that is heard right now wants a census after it.
        if wanted { censusWanted.store(false, ordering: .releasing) }
        lastCensusNs = now
        probes.census(wanted ? .kill : .pressure) { push($0) }
    }

    /// Finds the cgroups that nobody told of. Opens every directory of the tree: seldom, and never under pressure.
    private func rescan(_ now: UInt64) {
        guard now - lastRescanNs >= Self.rescanIntervalNs else { return }
        if !noteMissed.exchange(false, ordering: .acquiring) && cgroupsHeard { return }
        lastRescanNs = now
        host.rescan { push($0) }
    }

    private func take(_ note: Event) {
        guard case .cgroup(let change) = note.payload else { return }
        // Seen: the recorder's own word for a cgroup that had an event. The others come from the kernel.
        if change.action == .seen { host.note(cgroup: change.id, path: change.path) } else { host.consume(change) }
    }

    private func push(_ event: Event) {
        if !queue.push(event) { dropped += 1 }
    }

    private func reportDropped(_ now: UInt64) {
        guard dropped > 0 else { return }
        if queue.push(Event(boottimeNs: now, .lost(Lost(source: .sampleQueueFull, count: dropped)))) { dropped = 0 }
    }

    /// Waits for the next sample's time, a pressure trigger, or a word from the recorder.
    private func waitUntil(_ deadlineNs: UInt64) {
        let now = Clocks.boottimeNs()
        var timeout = timespec()
        if deadlineNs > now {
            timeout.tv_sec = Int((deadlineNs - now) / 1_000_000_000)
            timeout.tv_nsec = Int((deadlineNs - now) % 1_000_000_000)
        }
        var descriptors = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
        for descriptor in triggers?.descriptors ?? [] {
            descriptors.append(pollfd(fd: descriptor, events: Int16(POLLPRI), revents: 0))
        }
        guard unsafe ppoll(&descriptors, nfds_t(descriptors.count), &timeout, nil) > 0 else { return }
        clearEventfd(wake)
        for entry in descriptors.dropFirst() where entry.revents & Int16(POLLPRI) != 0 { pressureSeen() }
    }
}

private func samplerMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    unsafe Unmanaged<SamplerThread>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
