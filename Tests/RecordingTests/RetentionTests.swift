import EventSamples
import Events
import Testing

@testable import Recording

@Suite struct RetentionTests {
    private func incident(_ state: IncidentState, _ opening: UInt64, seq: UInt64) -> Event {
        var record = IncidentRecord()
        record.state = state
        record.openingSeq = opening
        record.bootID = testBoot
        record.document = Bytes("incident \(opening)".utf8)
        return Event(seq: seq, boottimeNs: seq, .incident(record))
    }

    /// A run of calm events in which incidents open and close at given numbers.
    private func run(_ last: UInt64, _ findings: [UInt64: Event]) -> [Event] {
        (1...last).map { seq in
            if let finding = findings[seq] { return finding }
            var event = EventSamples.event(.memory, seed: seq, seq: seq)
            event.boottimeNs = seq
            return event
        }
    }

    private let options = smallOptions(segmentBytes: 32 << 10, totalBytes: 256 << 10)

    @Test func `calm history is recycled before what belongs to an incident, and before what led to it`() throws {
        let files = MemoryFiles()
        let written = run(
            6000, [400: incident(.opened, 400, seq: 400), 500: incident(.closed, 400, seq: 500)])
        try record(files, written, options)
        let reader = try RecordingReader("memory", files: files)
        let seqs = Set(events(reader).map(\.seq))
        #expect(seqs.isSuperset(of: 400...500))
        #expect(seqs.contains(6000))
        #expect(seqs.count < 4000)
        let first = try #require(seqs.min())
        #expect(first < 400)
        #expect(reader.closedIncidents().map(\.openingSeq) == [400])
        var gaps: [RecordingGap] = []
        reader.forEach(gap: { gaps.append($0) }, { (_: Event) in })
        #expect(gaps.map(\.cause) == [.missingSegments])
        #expect(reader.damage.isEmpty)
        #expect(files.disk.bytes <= options.totalBytes + 4096)
    }

    @Test func `an incident larger than the recording loses its middle, and the loss is told`() throws {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", options, files: files)
        var lost: UInt64 = 0
        for event in run(6000, [200: incident(.opened, 200, seq: 200)]) {
            #expect(writer.append(event) { state(before: event.seq) })
            if event.seq % 50 == 0 { writer.commitAndWait(upTo: event.seq) }
            writer.takeLosses {
                #expect($0.source == .recordingThinned)
                lost += $0.count
            }
        }
        #expect(writer.close())
        let reader = try RecordingReader("memory", files: files)
        let seqs = events(reader).map(\.seq)
        #expect(seqs.contains(200))
        #expect(seqs.contains(6000))
        var gaps: [RecordingGap] = []
        reader.forEach(gap: { gaps.append($0) }, { (_: Event) in })
        #expect(gaps.count == 1)
        let calm = seqs.first ?? 1
        let missing = 6000 - UInt64(seqs.count) - (calm - 1)
        #expect(lost == missing)
    }

    @Test func `what is of an incident stays so over a restart`() throws {
        let files = MemoryFiles()
        try record(
            files, run(500, [300: incident(.opened, 300, seq: 300), 400: incident(.closed, 300, seq: 400)]), options)
        let (writer, recovered) = try RecordingWriter.open("memory", options, files: files)
        for offset in 0..<4000 as Range<UInt64> {
            let seq = recovered.nextSeq + offset
            var event = EventSamples.event(.memory, seed: seq, seq: seq)
            event.boottimeNs = seq
            #expect(writer.append(event) { state(before: seq) })
            if offset % 50 == 0 { writer.commitAndWait(upTo: seq) }
        }
        #expect(writer.close())
        #expect(try RecordingReader("memory", files: files).closedIncidents().map(\.openingSeq) == [300])
    }

    @Test func `an incident left open by a kill is still open for the next start, until its record is closed`() throws {
        let files = MemoryFiles()
        try record(files, run(300, [250: incident(.opened, 250, seq: 250)]), options)
        let (writer, recovered) = try RecordingWriter.open("memory", options, files: files)
        let seq = recovered.nextSeq
        #expect(writer.append(run(1, [:]).map { Event(seq: seq, boottimeNs: 1, $0.payload) }[0]) { state(before: seq) })
        #expect(writer.append(incident(.closed, 250, seq: seq + 1)) { state(before: seq + 1) })
        #expect(writer.close())
        let reader = try RecordingReader("memory", files: files)
        #expect(reader.listing.segments.last?.header.openIncidents == [250])
        let (next, _) = try RecordingWriter.open("memory", options, files: files)
        let after = seq + 2 + options.seqMargin
        #expect(next.append(EventSamples.event(.load, seed: 1, seq: after)) { state(before: after) })
        #expect(next.close())
        #expect(try RecordingReader("memory", files: files).listing.segments.last?.header.openIncidents == [])
    }

    @Test func `an incident that the correlator no longer knows stops being open`() throws {
        let files = MemoryFiles()
        try record(files, run(300, [250: incident(.opened, 250, seq: 250)]), options)
        let (writer, recovered) = try RecordingWriter.open("memory", options, files: files)
        #expect(writer.openIncidents == [250])
        writer.openIncidents = []
        let seq = recovered.nextSeq
        #expect(writer.append(EventSamples.event(.load, seed: 1, seq: seq)) { state(before: seq) })
        #expect(writer.close())
        let last = try #require(try RecordingReader("memory", files: files).listing.segments.last)
        #expect(last.header.firstSeq == seq)
        #expect(last.header.openIncidents == [])
    }

    @Test func `short runs give back the room they did not use`() throws {
        let files = MemoryFiles()
        for _ in 0..<30 {
            let (writer, recovered) = try RecordingWriter.open("memory", options, files: files)
            let seq = recovered.nextSeq
            #expect(writer.append(EventSamples.event(.load, seed: 1, seq: seq)) { state(before: seq) })
            #expect(writer.close())
        }
        let report = verify(try RecordingReader("memory", files: files))
        // Each takes three blocks; eight whole segments fit.
        #expect(report.events > 2 * 8)
        #expect(report.fileBytes <= options.totalBytes)
    }

    @Test func `the victim is the oldest calm segment, then the oldest closed incident's, then the middle`() {
        func segment(_ generation: UInt64, _ held: Bool) -> KeptSegment {
            KeptSegment(
                name: "", generation: generation, firstSeq: generation * 10, nextSeq: generation * 10 + 10,
                heldIncident: held,
                bytes: 1)
        }
        let calm = [segment(1, false), segment(2, false), segment(3, false)]
        #expect(Retention.victim(calm, oldestOpen: nil).map { $0.place } == 0)
        let held = [segment(1, false), segment(2, true), segment(3, false), segment(4, false)]
        #expect(Retention.victim(held, oldestOpen: nil).map { $0.place } == 2)
        let closed = [segment(1, false), segment(2, true)]
        #expect(Retention.victim(closed, oldestOpen: nil).map { $0.place } == 0)
        let open = [segment(1, false), segment(2, true), segment(3, true), segment(4, true)]
        let victim = Retention.victim(open, oldestOpen: 21)
        #expect(victim?.place == 2)
        #expect(victim?.thinned == true)
        #expect(Retention.victim([], oldestOpen: nil) == nil)
    }
}
