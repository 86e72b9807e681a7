// A recorder to be killed: appends the run of events of a seed, and prints each number that the writer acknowledges.
//
//     recording-writer DIRECTORY SEED
//     recording-writer DIRECTORY SEED bench COUNT
//     recording-writer DIRECTORY SEED fill MIB         a recording as large as it may become, for tools/bench
//     recording-writer DIRECTORY SEED rewrite OLD      the events of another recording, as this version writes them
//     recording-writer DIRECTORY SEED case NAME        the events of a case in Tests/cases
//     recording-writer DIRECTORY SEED serve SOCKET SECONDS     says what is recorded to live readers, as a recorder would
//     recording-writer DIRECTORY SEED busy SECONDS     one incident so long, on a busy machine
//
// and for power cuts (Tests/lab/power.py), each line of output beginning with NAME:
//
//     recording-writer DIRECTORY SEED storm NAME direct|buffered synced|unsynced
//     recording-writer DIRECTORY SEED check NAME       what is there, and whether it is what was written
//     recording-writer SOCKET 0 follow NAME            what a running recorder says is durable
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
    fail(
        "usage: recording-writer DIRECTORY SEED [bench N | fill MIB | rewrite OLD | case NAME | busy SECONDS | serve SOCKET SECONDS | storm NAME PATH SYNC ...]"
    )
}
let (place, verb, more) = (arguments[1], arguments.dropFirst(3).first, Array(arguments.dropFirst(4)))
switch (verb, more.count) {
case (nil, _): recordUntilKilled(place, seed)
case ("bench", 1): try bench(place, UInt64(more[0]) ?? 1_000_000)
case ("fill", 1): try fill(place, mebibytes: Int(more[0]) ?? 256, seed: seed)
case ("rewrite", 1): try rewrite(place, from: more[0])
case ("case", 1): try record(place, of: more[0])
case ("busy", 1): try record(place, busySeconds: UInt64(more[0]) ?? 3600, seed: seed)
case ("serve", 2): serve(place, on: more[0], seconds: UInt64(more[1]) ?? 3600)
case ("storm", 3):
    storm(place, seed, more[0], WatchedFiles(direct: more[1] == "direct", synced: more[2] == "synced"))
case ("check", 1): check(place, seed, more[0])
case ("follow", 1): follow(place, more[0])
default: fail("what is \(arguments.dropFirst(3).joined(separator: " "))?")
}

/// For a process that is killed while the machine lives on: small segments, many commits.
func recordUntilKilled(_ directory: String, _ seed: UInt64) {
    var options = RecordingOptions(bootID: BootID(high: seed, low: 1), host: Bytes("test".utf8), clock: bootClock)
    options.totalBytes = 64 << 20
    options.segmentBytes = 256 << 10
    options.pageBytes = 4096
    options.queueBytes = 256 << 10
    do throws(RecordingError) {
        let (writer, recovered) = try RecordingWriter.open(directory, options)
        append(to: writer, from: recovered.nextSeq, Seeded(seed), prefix: "", pauseUs: 100) {
            EventSamples.event(seq: $0, seed: seed)
        }
    } catch {
        fail(error.message)
    }
}

/// Appends for ever, with at most 400 events that are not yet durable, and says each number that is.
func append(
    to writer: RecordingWriter, from first: UInt64, _ generator: Seeded, prefix: String, pauseUs: UInt32,
    _ event: (UInt64) -> Event
) {
    say("\(prefix)start \(first)")
    var random = generator
    var told = first - 1
    var seq = first
    while true {
        let event = event(seq)
        guard writer.append(event, snapshot: { Bytes(repeating: UInt8(truncatingIfNeeded: event.seq), count: 700) })
        else {
            fail("\(prefix)no room for \(seq)")
        }
        seq += 1
        while seq - writer.acknowledgedSeq > 400 {
            writer.commit()
            usleep(pauseUs)
        }
        if random.next() % 16 == 0 { writer.commit() }
        if random.next() % 64 == 0 { usleep(3 * pauseUs) }
        let acknowledged = writer.acknowledgedSeq
        if acknowledged > told {
            told = acknowledged
            say("\(prefix)\(acknowledged)")
        }
    }
}
