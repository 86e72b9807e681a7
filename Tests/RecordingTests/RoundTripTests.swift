import EventSamples
import Events
import Testing

@testable import Recording

@Suite struct RoundTripTests {
    @Test func `what was appended comes back, over many pages and segments`() throws {
        let scratch = Scratch()
        let written: [Event] = sampleEvents(1..<3000)
        try record(scratch.path, written)
        let reader = try RecordingReader(scratch.path)
        #expect(reader.segments.count > 3)
        #expect(events(reader) == written)
        #expect(reader.damage.isEmpty)
        let report = try verify(scratch.path)
        #expect(report.events == written.count)
        #expect(report.gaps.isEmpty)
        #expect(report.firstSeq == 1)
        #expect(report.lastSeq == 2999)
    }

    @Test func `each segment begins with the state before its first event`() throws {
        let scratch = Scratch()
        try record(scratch.path, sampleEvents(1..<2000))
        let reader = try RecordingReader(scratch.path)
        var snapshots: [(UInt64, Bytes)] = []
        reader.forEachSegmentSnapshot { snapshots.append(($0, $1)) }
        #expect(snapshots.count == reader.segments.count)
        for (segment, snapshot) in zip(reader.segments, snapshots) {
            #expect(segment.firstSeq == snapshot.0)
            #expect(snapshot.1 == state(before: segment.firstSeq))
        }
    }

    @Test func `an event larger than many pages comes back whole, among small ones`() throws {
        let scratch = Scratch()
        var written = sampleEvents(1..<20)
        for (size, seq) in zip([3000, 4032, 4096, 9000, 20_000, 24_000], 20..<26 as Range<UInt64>) {
            var record = IncidentRecord()
            record.openingSeq = seq
            record.state = .closed
            record.document = (0..<size).map { UInt8(truncatingIfNeeded: $0 * 7) }
            written.append(Event(seq: seq, boottimeNs: seq, .incident(record)))
        }
        written += sampleEvents(26..<60)
        try record(scratch.path, written)
        let reader = try RecordingReader(scratch.path)
        #expect(events(reader) == written)
        #expect(reader.closedIncidents().count >= 6)
    }

    @Test func `a snapshot larger than many pages comes back whole`() throws {
        let scratch = Scratch()
        let large = Bytes((0..<22_000).map { UInt8(truncatingIfNeeded: $0 * 13) })
        let (writer, _) = try RecordingWriter.open(scratch.path, smallOptions())
        let written = sampleEvents(1..<900)
        for event in written { #expect(writer.append(event) { large }) }
        #expect(writer.close())
        let reader = try RecordingReader(scratch.path)
        #expect(events(reader) == written)
        var count = 0
        reader.forEachSegmentSnapshot {
            #expect($1 == large)
            count += 1
        }
        #expect(count == reader.segments.count)
    }

    @Test func `reading from a number on gives that event first`() throws {
        let scratch = Scratch()
        let written = sampleEvents(1..<1500)
        try record(scratch.path, written)
        let reader = try RecordingReader(scratch.path)
        for seq in [1, 2, 700, 1499] as [UInt64] {
            #expect(events(reader, from: seq) == Array(written[Int(seq - 1)...]))
        }
        #expect(events(reader, from: 1500).isEmpty)
    }

    @Test func `a start goes on after the last number, and replays what follows the last snapshot`() throws {
        let scratch = Scratch()
        var written = sampleEvents(1..<1000)
        var stop = RecorderStop()
        stop.reason = .requested
        written.append(Event(seq: 1000, boottimeNs: 5, .recorderStop(stop)))
        try record(scratch.path, written)
        let (writer, recovered) = try RecordingWriter.open(scratch.path, smallOptions())
        defer { writer.close() }
        #expect(recovered.nextSeq == 1001)
        #expect(recovered.endedCleanly)
        #expect(recovered.lastSeq == 1000)
        #expect(recovered.lastBootID == testBoot)
        var replayed: [Event] = []
        recovered.forEachEvent { replayed.append($0) }
        let first = try #require(replayed.first)
        #expect(recovered.snapshot == state(before: first.seq))
        #expect(replayed == Array(written[Int(first.seq - 1)...]))
        let more = sampleEvents(1001..<1100)
        writer.appendAll(more)
        #expect(writer.close())
        let reader = try RecordingReader(scratch.path)
        #expect(events(reader) == written + more)
        #expect(try verify(scratch.path).gaps.isEmpty)
    }

    @Test func `findings written after the stop mark leave the end clean`() throws {
        let files = MemoryFiles()
        var closed = IncidentRecord()
        closed.state = .closed
        closed.openingSeq = 2
        let written =
            calmEvents(1..<5) + [
                Event(seq: 5, boottimeNs: 5, .recorderStop(RecorderStop())),
                Event(seq: 6, boottimeNs: 5, .incident(closed)),
            ]
        try record(files, written)
        #expect(verify(try RecordingReader("memory", files: files)).endedCleanly)
        let (writer, recovered) = try RecordingWriter.open("memory", smallOptions(), files: files)
        #expect(recovered.endedCleanly)
        #expect(recovered.nextSeq == 7)
        writer.close()
    }

    @Test func `the newest snapshot and what follows it can be read`() throws {
        let files = MemoryFiles()
        let written = sampleEvents(1..<1000)
        try record(files, written)
        let reader = try RecordingReader("memory", files: files)
        var newest: (seq: UInt64, state: Bytes)?
        reader.forEachSegmentSnapshot { newest = ($0, $1) }
        let last = try #require(newest)
        #expect(last.seq == reader.segments.last?.firstSeq)
        #expect(last.state == state(before: last.seq))
        #expect(events(reader, from: last.seq) == Array(written[Int(last.seq - 1)...]))
    }

    @Test func `a start after an unclean end leaves numbers out, and that is no gap`() throws {
        let scratch = Scratch()
        let written = sampleEvents(1..<50)
        try record(scratch.path, written)
        let (writer, recovered) = try RecordingWriter.open(scratch.path, smallOptions())
        #expect(!recovered.endedCleanly)
        #expect(recovered.nextSeq > 50 + UInt64(smallOptions().queueBytes / 3))
        let more = sampleEvents(recovered.nextSeq..<recovered.nextSeq + 10)
        writer.appendAll(more)
        writer.close()
        #expect(events(try RecordingReader(scratch.path)) == written + more)
        #expect(try verify(scratch.path).gaps.isEmpty)
    }
}
