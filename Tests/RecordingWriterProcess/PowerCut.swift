import EventSamples
import Events
import Glibc
import Live
import Recording

/// Event number `seq` of a storm: any kind but an incident's record, so that what retention takes is the oldest, and nothing else.
private func stormEvent(_ seq: UInt64, _ seed: UInt64) -> Event {
    let event = EventSamples.event(seq: seq, seed: seed)
    guard case .incident = event.payload else { return event }
    return EventSamples.event(.oomKill, seed: seed &+ seq, seq: seq)
}

/// Records for a power cut: a small recording, so that segments are also used again, with pages of one size or another.
func storm(_ directory: String, _ seed: UInt64, _ name: String, _ files: WatchedFiles) {
    var options = RecordingOptions(bootID: BootID(high: seed, low: 1), host: Bytes("test".utf8), clock: bootClock)
    options.totalBytes = 2 << 20
    options.segmentBytes = 256 << 10
    options.pageBytes = seed % 2 == 0 ? 4096 : 16 << 10
    options.queueBytes = 1 << 20
    do throws(RecordingError) {
        let (writer, recovered) = try RecordingWriter.open(directory, options, files: files)
        append(
            to: writer, from: recovered.nextSeq, Seeded(seed &+ recovered.nextSeq), prefix: "\(name) ", pauseUs: 1000
        ) { stormEvent($0, seed) }
    } catch {
        fail(error.message)
    }
}

/// Says what a recording of `storm` holds: the numbers that are there, the bytes of its files, and everything that is not as it
/// was written.
func check(_ directory: String, _ seed: UInt64, _ name: String) {
    func trouble(_ text: String) { say("\(name) trouble \(text)") }
    let reader: RecordingReader
    do throws(RecordingError) { reader = try RecordingReader(directory) } catch { fail("\(name) \(error.message)") }
    var runs: [ClosedRange<UInt64>] = []
    var (disorder, wrong) = (0, 0)
    let note = { (event: Event) in
        if case .snapshot = event.payload { return }
        if let last = runs.last, event.seq <= last.upperBound { disorder += 1 }
        if event != stormEvent(event.seq, seed) { wrong += 1 }
        if let last = runs.last, event.seq == last.upperBound + 1 {
            runs[runs.count - 1] = last.lowerBound...event.seq
        } else {
            runs.append(event.seq...event.seq)
        }
    }
    reader.forEach(note)
    if disorder > 0 { trouble("\(disorder) events are out of order") }
    if wrong > 0 { trouble("\(wrong) events are not what was written") }
    for damage in reader.damage { trouble(damage.message) }
    say("\(name) bytes \(reader.segments.reduce(0) { $0 + $1.fileBytes })")
    say(([name, "present"] + runs.map { "\($0.lowerBound)-\($0.upperBound)" }).joined(separator: " "))
}

/// Says what a running recorder's live socket tells of durable numbers, until the connection ends.
func follow(_ socket: String, _ name: String) {
    do throws(LiveError) {
        let client = try LiveClient(path: socket)
        var (begun, told) = (false, UInt64(0))
        while true {
            let events = try client.receive(timeoutMs: -1)
            if !begun, let first = events.first(where: { $0.seq > 0 }) {
                say("\(name) start \(first.seq)")
                begun = true
            }
            guard begun, client.durableSeq > told else { continue }
            told = client.durableSeq
            say("\(name) \(told)")
        }
    } catch {
        fail("\(name) \(error.message)")
    }
}
