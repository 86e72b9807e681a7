import EventSamples
import Events
import Glibc
import Testing

@testable import Recording

/// A directory of the test's own, removed at its end.
final class Scratch {
    let path: String

    init() {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
        var template = Array((base + "/recording-test-XXXXXX").utf8CString)
        guard let made = mkdtemp(&template) else { fatalError("cannot make a directory in \(base)") }
        path = String(cString: made)
    }

    deinit { Scratch.remove(path) }

    static func remove(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name == "." || name == ".." { continue }
                if unlink(path + "/" + name) != 0 { remove(path + "/" + name) }
            }
            closedir(directory)
        }
        rmdir(path)
    }

    /// Names of the segment files, in order.
    var segments: [String] {
        let files = SystemFiles()
        guard let directory = try? files.openDirectory(path, create: false) else { return [] }
        defer { files.close(directory) }
        return ((try? files.list(directory)) ?? []).filter { SegmentName.generation($0) != nil }.sorted()
    }

    func read(_ name: String) -> Bytes {
        let file = open(path + "/" + name, O_RDONLY)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var facts = stat()
        fstat(file, &facts)
        var bytes = Bytes(repeating: 0, count: Int(facts.st_size))
        let count = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
        return Bytes(bytes[..<max(0, count)])
    }

    func write(_ name: String, _ bytes: Bytes) {
        let file = open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o640)
        guard file >= 0 else { return }
        defer { close(file) }
        _ = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
    }
}

let testBoot = BootID(high: 0x1122_3344_5566_7788, low: 0x99aa_bbcc_ddee_ff00)

/// Small sizes, so that a few events fill pages and segments.
func smallOptions(segmentBytes: Int = 64 << 10, totalBytes: Int = 1 << 20) -> RecordingOptions {
    var options = RecordingOptions(bootID: testBoot, host: Bytes("host".utf8)) {
        var snapshot = ClockSnapshot()
        snapshot.boottimeNs = 1000
        snapshot.realtimeNs = 1_700_000_000_000_000_000
        return snapshot
    }
    options.pageBytes = 4096
    options.segmentBytes = segmentBytes
    options.totalBytes = totalBytes
    options.queueBytes = 1 << 20
    options.groupFile = "/nonexistent"
    return options
}

/// The correlator's state of these tests: names the event that it precedes.
func state(before seq: UInt64) -> Bytes { Bytes("state before \(seq)".utf8) }

/// Waits for what another thread does; far longer than it takes.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<20_000 {
        if condition() { return true }
        usleep(1000)
    }
    return false
}

extension RecordingWriter {
    /// Appends, and lets the disk catch up before the bounded memory is full.
    func appendAll(_ events: [Event]) {
        for event in events {
            if !append(event, snapshot: { state(before: event.seq) }) { Issue.record("no room for \(event.seq)") }
            if event.seq % 200 == 0 { commitAndWait(upTo: event.seq) }
        }
    }

    /// Commits and waits for the number of the last event appended.
    func commitAndWait(upTo target: UInt64) {
        commit()
        #expect(eventually { acknowledgedSeq >= target })
    }
}

func record(_ path: String, _ events: [Event], _ options: RecordingOptions = smallOptions()) throws {
    let (writer, _) = try RecordingWriter.open(path, options)
    writer.appendAll(events)
    #expect(writer.close())
}

func sampleEvents(_ seqs: Range<UInt64>, seed: UInt64 = 1, longestName: Int = 60) -> [Event] {
    seqs.map { EventSamples.event(seq: $0, seed: seed, longestName: longestName) }
}

/// The same without records of incidents: nothing that retention would keep.
func calmEvents(_ seqs: Range<UInt64>) -> [Event] {
    sampleEvents(seqs).map { event in
        guard case .incident = event.payload else { return event }
        return EventSamples.event(.load, seed: event.seq, seq: event.seq)
    }
}

func record(_ files: MemoryFiles, _ events: [Event], _ options: RecordingOptions = smallOptions()) throws {
    let (writer, _) = try RecordingWriter.open("memory", options, files: files)
    writer.appendAll(events)
    #expect(writer.close())
}

/// Events without the snapshots between them.
func events(_ reader: RecordingReader, from seq: UInt64 = 0) -> [Event] {
    var result: [Event] = []
    reader.forEach(from: seq) { (event: Event) in
        if case .snapshot = event.payload { return }
        result.append(event)
    }
    return result
}
