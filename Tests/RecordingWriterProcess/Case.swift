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

/// Records an hour, or so, of a machine in trouble from its first second to its last, whose kernel kills in the middle.
func record(_ directory: String, busySeconds: UInt64, seed: UInt64) throws {
    // About a million events an hour.
    var host = BusyHost(seed: seed, cgroups: 11)
    var (seq, killed) = (UInt64(1), false)
    var clock = ClockSnapshot()
    clock.boottimeNs = host.now
    clock.realtimeNs = 1_790_000_000_000_000_000
    let (start, from) = (busyStart(seed, clock), host.now)
    let events = sequence(state: start[...]) { rest -> Event? in
        seq += 1
        if let event = rest.popFirst() { return event }
        guard host.now < from + busySeconds * 1_000_000_000 else { return nil }
        if !killed, host.now > from + busySeconds * 500_000_000 {
            killed = true
            return Event(boottimeNs: host.now, .oomKill(kill(number: seq)))
        }
        return host.next(seq: 0)
    }
    try record(directory, BootID(high: seed, low: 1), clock, events)
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
