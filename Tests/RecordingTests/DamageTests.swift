import EventSamples
import Events
import Testing

@testable import Recording

@Suite struct DamageTests {
    /// Two segments with a few events each, one of them over several pages, and a tail.
    private static func small() throws -> (disk: MemoryFiles.Disk, written: [UInt64: Event]) {
        var events: [Event] = []
        for seq in 1..<22 as Range<UInt64> {
            if seq % 5 == 0 {
                var record = IncidentRecord()
                record.openingSeq = seq
                record.document = EventSamples.noise(seq == 10 ? 5000 : 1900, seed: seq)
                events.append(Event(seq: seq, boottimeNs: seq * 1000, .incident(record)))
            } else {
                events.append(EventSamples.event(seq: seq, seed: 3, longestName: 40))
            }
        }
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", smallOptions(segmentBytes: 32 << 10), files: files)
        for event in events {
            #expect(writer.append(event) { state(before: event.seq) })
            writer.commitAndWait(upTo: event.seq)
        }
        #expect(writer.close())
        return (files.disk, Dictionary(uniqueKeysWithValues: events.map { ($0.seq, $0) }))
    }

    /// Reads, and compares every event with what was written.
    private func check(_ disk: MemoryFiles.Disk, _ written: [UInt64: Event], _ place: String) -> Int {
        guard let (events, _) = disk.read() else { return 0 }
        var last: UInt64 = 0
        for event in events {
            if case .snapshot(let snapshot) = event.payload {
                if snapshot.state != state(before: event.seq) { Issue.record("a wrong snapshot, \(place)") }
                continue
            }
            if event.seq <= last || written[event.seq] != event { Issue.record("a wrong event \(event.seq), \(place)") }
            last = event.seq
        }
        return events.count
    }

    @Test func `a recording cut at any byte gives what is before the cut, and never anything else`() throws {
        let (disk, written) = try Self.small()
        let whole = check(disk, written, "whole")
        #expect(whole > written.count)
        for (name, id) in disk.names where SegmentName.generation(name) != nil {
            let size = disk.contents[id]?.count ?? 0
            for length in stride(from: size - 1, through: 0, by: -1) where hasBytes(disk, id, length) {
                var cut = disk
                cut.apply(.resize(id: id, bytes: length))
                #expect(check(cut, written, "\(name) cut at \(length)") <= whole)
            }
        }
    }

    @Test func `a bit flipped in any byte costs at most what stands there, and never gives a wrong record`() throws {
        let (disk, written) = try Self.small()
        let whole = check(disk, written, "whole")
        var harmed = 0
        for (name, id) in disk.names where SegmentName.generation(name) != nil {
            for place in (disk.contents[id] ?? []).indices where hasBytes(disk, id, place) {
                var flipped = disk
                flipped.contents[id]?[place] ^= 1 << UInt8(place % 8)
                if check(flipped, written, "\(name) flipped at \(place)") < whole { harmed += 1 }
            }
        }
        #expect(harmed > 1000)
    }

    /// Leaves out the insides of long runs of zeros, where nothing was written.
    private func hasBytes(_ disk: MemoryFiles.Disk, _ id: Int, _ place: Int) -> Bool {
        guard let bytes = disk.contents[id] else { return false }
        return bytes[max(0, place - 2)..<min(bytes.count, place + 3)].contains { $0 != 0 }
    }

    @Test func `a damaged page with later ones is named with its place, and the rest is read`() throws {
        let scratch = Scratch()
        let written = sampleEvents(1..<400)
        try record(scratch.path, written)
        let name = try #require(scratch.segments.first)
        var bytes = scratch.read(name)
        let offset = (Layout.firstDataUnit + 4) * 4096
        bytes[offset + 700] ^= 4
        scratch.write(name, bytes)
        let report = try verify(scratch.path)
        #expect(report.damage == [RecordingDamage(kind: .page, segment: name, page: 4, offset: offset)])
        let message = try #require(report.damage.first).message
        #expect(message == "\(name): page 4 at byte \(offset) is damaged")
        #expect(report.gaps.count == 1)
        let gap = try #require(report.gaps.first)
        #expect(gap.cause == .damage)
        let read = events(try RecordingReader(scratch.path))
        #expect(read == written.filter { $0.seq <= gap.afterSeq || $0.seq >= gap.beforeSeq })
        #expect(read.count < written.count)
    }

    @Test func `records missing at a segment's end are damage when the next segment knows of them`() throws {
        let scratch = Scratch()
        try record(scratch.path, sampleEvents(1..<1200))
        let name = try #require(scratch.segments.first)
        var bytes = scratch.read(name)
        // The last page, and both tail slots.
        for unit in [1, 2, 15] { bytes[unit * 4096 + 100] ^= 1 }
        scratch.write(name, bytes)
        let report = try verify(scratch.path)
        #expect(report.damage.map(\.kind) == [.end])
        #expect(report.gaps.map(\.cause) == [.damage])
    }

    @Test func `zeros, garbage or an older generation after the last page are the end of the log`() throws {
        let written = sampleEvents(1..<100)
        for filler in [0, 0xa5] as [UInt8] {
            let scratch = Scratch()
            try record(scratch.path, written)
            let name = try #require(scratch.segments.first)
            let bytes = scratch.read(name) + Bytes(repeating: filler, count: 8000)
            scratch.write(name, bytes)
            let report = try verify(scratch.path)
            #expect(report.damage.isEmpty)
            #expect(report.lastSeq == 99)
        }
    }

    @Test func `one damaged header copy costs nothing, both cost the segment and are named`() throws {
        let scratch = Scratch()
        try record(scratch.path, sampleEvents(1..<1500))
        let name = try #require(scratch.segments.first)
        var bytes = scratch.read(name)
        bytes[40] ^= 1
        scratch.write(name, bytes)
        #expect(try verify(scratch.path).damage.isEmpty)
        bytes[2048 + 40] ^= 1
        scratch.write(name, bytes)
        let report = try verify(scratch.path)
        #expect(report.damage == [RecordingDamage(kind: .header, segment: name, page: nil, offset: 0)])
        #expect(report.lastSeq == 1499)
    }
}
