import EventSamples
import Events
import Glibc
import Incidents
import Recording

/// Fills a recording as months of a machine would that is calm for half an hour and in trouble for half a minute, in which the
/// kernel kills, then dies without a word. What is written is what the recorder writes: events, the correlator's findings, its state in each segment.
///
/// - Parameter mebibytes: size of the recording; it ends when the last segment is about full.
func fill(_ directory: String, mebibytes: Int, seed: UInt64) throws {
    var options = RecordingOptions(bootID: BootID(high: seed, low: 1), host: Bytes("bench".utf8), clock: bootClock)
    options.totalBytes = mebibytes << 20
    options.queueBytes = 64 << 20
    let (writer, recovered) = try RecordingWriter.open(directory, options)
    var host = BusyHost(seed: seed)
    var history = History(writer: writer, nextSeq: recovered.nextSeq)
    var start = RecorderStart()
    start.bootID = options.bootID
    start.hostname = options.host
    start.memoryTotalBytes = Figure(16 << 30)
    start.swapTotalBytes = Figure(8 << 30)
    start.cpus = 8
    start.pressureAvailable = true
    history.take(Event(boottimeNs: 1_000_000_000_000, .recorderStart(start)))
    let wanted = UInt64(options.totalBytes - 256 << 10)
    while writer.figures.bytesWritten < wanted {
        for (isCalm, seconds) in [(true, UInt64(1800)), (false, 30)] {
            host.isCalm = isCalm
            if !isCalm { history.take(Event(boottimeNs: host.now, .oomKill(kill(number: history.nextSeq)))) }
            let until = host.now + seconds * 1_000_000_000
            while host.now < until, writer.figures.bytesWritten < wanted { history.take(host.next(seq: 0)) }
        }
    }
    writer.commit()
    while writer.acknowledgedSeq + 1 < history.nextSeq { usleep(1000) }
    say("\(history.nextSeq - 1) events, \(history.incidents) incidents")
    // Past the writer's own end.
    _exit(0)
}

/// The kernel kills the largest process of a cgroup at its limit.
func kill(number: UInt64) -> OomKill {
    var kill = OomKill()
    kill.constraint = .memcg
    kill.oomCgroup = 2000
    kill.victim.task.tgid = UInt32(truncatingIfNeeded: number)
    kill.victim.task.pid = kill.victim.task.tgid
    kill.victim.task.comm = Comm("victim")
    kill.victim.task.cgroup = 2000
    kill.victim.cgroupPath = Bytes("/bench.slice/bench.service".utf8)
    kill.victim.anonRssPages = 20_000
    return kill
}

/// Events on the recorder's way: recorded, correlated, the findings recorded behind them (`Spine` in Sources/inquest).
struct History {
    let writer: RecordingWriter
    var nextSeq: UInt64
    var incidents = 0
    private var correlator = Correlator()

    init(writer: RecordingWriter, nextSeq: UInt64) {
        self.writer = writer
        self.nextSeq = nextSeq
    }

    mutating func take(_ observed: Event) {
        var event = observed
        keep(&event)
        var findings: [Finding] = []
        correlator.consume(event) { findings.append($0) }
        for record in findings.compactMap(\.record) {
            var event = Event(boottimeNs: event.boottimeNs, .incident(record))
            keep(&event)
            if record.state == .closed { incidents += 1 }
        }
    }

    private mutating func keep(_ event: inout Event) {
        event.seq = nextSeq
        nextSeq += 1
        guard writer.append(event, snapshot: { correlator.snapshot() }) else { fail("no room for \(event.seq)") }
        while nextSeq > writer.acknowledgedSeq + 200_000 {
            writer.commit()
            usleep(1000)
        }
    }
}
