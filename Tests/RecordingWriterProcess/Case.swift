import EventSamples
import Events
import Glibc
import Recording

/// Records the events of a golden case as a recorder would that heard them: for what reads recordings as a whole.
func record(_ directory: String, of name: String) throws {
    let events = try CaseEvents.of(name)
    var (boot, clock) = (BootID(high: 1, low: 1), bootClock())
    for event in events.prefix(2) {
        if case .recorderStart(let start) = event.payload { boot = start.bootID }
        if case .clock(let snapshot) = event.payload { clock = snapshot }
    }
    try record(directory, boot, clock, events)
}

/// Records one incident of an hour, or so, from a kill by the kernel to the calm after the trouble.
func record(_ directory: String, busySeconds: UInt64, seed: UInt64) throws {
    // Somewhat more than a million events an hour.
    var host = BusyHost(seed: seed, cgroups: 12)
    var clock = ClockSnapshot()
    clock.boottimeNs = host.now
    clock.realtimeNs = 1_790_000_000_000_000_000
    let begin = host.now + 2_000_000_000
    let end = begin + busySeconds * 1_000_000_000
    let calm = end + 30_000_000_000
    let first = busyStart(seed, clock) + killed(at: begin)
    let events = sequence(state: first[...]) { rest -> Event? in
        if let next = rest.first, next.boottimeNs <= host.now { return rest.popFirst() }
        host.isCalm = host.now >= end
        return host.now < calm ? host.next(seq: 0) : nil
    }
    try record(directory, BootID(high: seed, low: 1), clock, events)
}

private func killed(at ns: UInt64) -> [Event] {
    let kill = kill(number: 4711)
    var exit = Exit()
    exit.task = kill.victim.task
    exit.exitCode = 9
    exit.markedBoottimeNs = ns
    return [Event(boottimeNs: ns, .oomKill(kill)), Event(boottimeNs: ns + 40_000_000, .exit(exit))]
}

private func busyStart(_ seed: UInt64, _ clock: ClockSnapshot) -> [Event] {
    var start = RecorderStart()
    start.bootID = BootID(high: seed, low: 1)
    start.hostname = Bytes("busy".utf8)
    start.memoryTotalBytes = Figure(16 << 30)
    start.swapTotalBytes = Figure(8 << 30)
    start.pressureAvailable = true
    return [
        Event(boottimeNs: clock.boottimeNs, .recorderStart(start)), Event(boottimeNs: clock.boottimeNs, .clock(clock)),
    ]
}

private func record(
    _ directory: String, _ boot: BootID, _ clock: ClockSnapshot, _ events: some Sequence<Event>
) throws {
    var options = RecordingOptions(bootID: boot, host: Bytes("case".utf8), clock: { clock })
    options.totalBytes = 256 << 20
    options.queueBytes = 64 << 20
    let (writer, recovered) = try RecordingWriter.open(directory, options)
    var history = History(writer: writer, nextSeq: recovered.nextSeq)
    for event in events { history.take(event) }
    guard writer.close() else { fail("not everything was written to \(directory)") }
    say("\(history.nextSeq - 1) events, \(history.incidents) incidents")
}
