// A recorder to be killed: appends the run of events of a seed, and prints each number that the writer acknowledges.
//
//     recording-writer DIRECTORY SEED [bench COUNT]
import EventSamples
import Events
import Glibc
import Recording

func bootClock() -> ClockSnapshot {
    func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
    var snapshot = ClockSnapshot()
    snapshot.boottimeNs = read(clockid_t(7))
    snapshot.realtimeNs = read(CLOCK_REALTIME)
    snapshot.monotonicNs = read(CLOCK_MONOTONIC)
    return snapshot
}

/// Past stdio: a killed process must not have said less than it did.
func say(_ text: String, to descriptor: Int32 = 1) {
    let line = Array((text + "\n").utf8)
    _ = write(descriptor, line, line.count)
}

func fail(_ message: String) -> Never {
    say(message, to: 2)
    exit(1)
}

let arguments = CommandLine.arguments
guard arguments.count >= 3, let seed = UInt64(arguments[2]) else {
    fail("usage: recording-writer DIRECTORY SEED [bench COUNT]")
}
if arguments.count == 5, arguments[3] == "bench", let count = UInt64(arguments[4]) {
    try bench(arguments[1], count)
    exit(0)
}

var options = RecordingOptions(bootID: BootID(high: seed, low: 1), host: Bytes("test".utf8), clock: bootClock)
options.totalBytes = 64 << 20
options.segmentBytes = 256 << 10
options.pageBytes = 4096
options.queueBytes = 256 << 10
do throws(RecordingError) {
    let (writer, recovered) = try RecordingWriter.open(arguments[1], options)
    say("start \(recovered.nextSeq)")
    var random = Seeded(seed)
    var told: UInt64 = recovered.nextSeq - 1
    var seq = recovered.nextSeq
    while true {
        let event = EventSamples.event(seq: seq, seed: seed)
        guard writer.append(event, snapshot: { Bytes(repeating: UInt8(truncatingIfNeeded: event.seq), count: 700) })
        else {
            fail("no room for \(seq)")
        }
        seq += 1
        while seq - writer.acknowledgedSeq > 400 {
            writer.commit()
            usleep(100)
        }
        if random.next() % 16 == 0 { writer.commit() }
        if random.next() % 64 == 0 { usleep(300) }
        let acknowledged = writer.acknowledgedSeq
        if acknowledged > told {
            told = acknowledged
            say("\(acknowledged)")
        }
    }
} catch {
    fail(error.message)
}
