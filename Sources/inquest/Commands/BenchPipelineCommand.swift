import Events
import Glibc
import Host
import Incidents
import Recording

/// What one event costs on its way from bytes to disk, measured with a recording's own events; for tools/bench, not for people.
///
/// The events are repeated, their times moved on, until there are enough of them. Rates are by the CPU time of the thread that
/// does the work (what one core can do); the writer's own thread and the disk show in the wall clock.
enum BenchPipelineCommand: Command {
    static let verb = Verbs.benchPipeline
    private static let wantedEvents: UInt64 = 4_000_000
    private static let blockEvents = 256
    /// Events in flight to the disk: far below what the writer's memory holds, so that nothing is dropped.
    private static let inFlight: UInt64 = 200_000

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let blocks = try load(invocation[Flags.directory])
        let scratch = try DrillDirectory(keep: nil)
        defer { scratch.remove() }
        let decode = measure(blocks) { _ in }
        var correlator = Correlator()
        let correlate = measure(blocks) { correlator.consume($0) { _ in } }
        let writer = try open(scratch.path, firstSeq: 1)
        var all = Correlator()
        let began = Clocks.boottimeNs()
        let pipeline = measure(blocks) { event in
            writer.append(event) { all.snapshot() }
            all.consume(event) { _ in }
        } pause: {
            while $0 > writer.acknowledgedSeq + inFlight { usleep(1000) }
        }
        let complete = writer.close()
        let wallNs = Clocks.boottimeNs() - began
        console.out.writeLine("decode: \(rate(decode))")
        console.out.writeLine("decode + correlate: \(rate(correlate))")
        console.out.writeLine("decode + correlate + append: \(rate(pipeline))")
        console.out.writeLine(
            "the same, with its disk: \(pipeline.events * 1_000_000_000 / max(1, wallNs)) events/s by the wall clock"
                + (complete && writer.figures.droppedEvents == 0 ? ", nothing lost" : ", INCOMPLETE"))
        let perEvent = Double(writer.figures.bytesWritten) / Double(pipeline.events)
        console.out.writeLine(
            "bytes written: \((perEvent * 10).rounded() / 10) an event, tails written again among them")
    }

    /// Encoded blocks of the recording's events: what a page holds.
    private struct Blocks {
        var encoded: [Bytes] = []
        var events: UInt64 = 0
        var spanNs: UInt64 = 0
    }

    private struct Cost {
        let events: UInt64
        let cpuNs: UInt64
    }

    private static func load(_ directory: String) throws(CommandError) -> Blocks {
        let reader = try openRecording(directory)
        var blocks = Blocks()
        var encoder = EventEncoder()
        encoder.beginBlock()
        var first: UInt64?
        reader.forEach(from: 0) { (event: Event) in
            switch event.payload {
            case .incident, .snapshot, .recorderStart, .recorderStop: return
            default: break
            }
            if first == nil { first = event.boottimeNs }
            blocks.spanNs = max(blocks.spanNs, event.boottimeNs &- (first ?? 0))
            encoder.append(event)
            blocks.events += 1
            if encoder.count == blockEvents { finish(&encoder, &blocks) }
        }
        if encoder.count > 0 { finish(&encoder, &blocks) }
        guard blocks.events > 0 else { throw .nothingMatched("no events in \(directory) to measure with") }
        return blocks
    }

    private static func finish(_ encoder: inout EventEncoder, _ blocks: inout Blocks) {
        blocks.encoded.append(unsafe encoder.withBytes { unsafe Bytes($0) })
        encoder.beginBlock()
    }

    private static func measure(
        _ blocks: Blocks, _ body: (Event) -> Void, pause: (UInt64) -> Void = { _ in }
    ) -> Cost {
        var decoder = EventDecoder()
        var seq: UInt64 = 1
        var shiftNs: UInt64 = 0
        let began = threadCPUNs()
        while seq <= wantedEvents {
            for block in blocks.encoded {
                decoder.beginBlock(firstSeq: seq)
                var offset = 0
                while offset < block.count {
                    guard var event = try? decoder.next(block.span, at: &offset) else { break }
                    event.boottimeNs &+= shiftNs
                    body(event)
                    seq += 1
                }
                pause(seq)
            }
            shiftNs &+= blocks.spanNs &+ 1_000_000
        }
        return Cost(events: seq - 1, cpuNs: threadCPUNs() - began)
    }

    private static func open(_ directory: String, firstSeq: UInt64) throws(CommandError) -> RecordingWriter {
        var options = RecordingOptions(bootID: .unknown, host: Bytes("bench".utf8), clock: { Clocks.snapshot() })
        options.totalBytes = 64 << 20
        do throws(RecordingError) {
            return try RecordingWriter.open(directory, options).0
        } catch {
            throw CommandError(error.message)
        }
    }

    private static func rate(_ cost: Cost) -> String {
        let perSecond = cost.events * 1_000_000_000 / max(1, cost.cpuNs)
        return
            "\(perSecond) events/s on one core (\(cost.cpuNs / max(1, cost.events)) ns an event, \(cost.events) events)"
    }

    private static func threadCPUNs() -> UInt64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}
