import EventSamples
import Events
import Glibc
import Testing

@testable import Recording

/// A large recording, spoilt in many places at once. The seed is in the test's name; `INQUEST_SEEDS=100000` tries as many.
@Suite struct RandomDamageTests {
    static let seeds: Range<UInt64> = 0..<(getenv("INQUEST_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 16)

    /// A dozen segments, written once for all seeds: a few incidents, one of them of many pages.
    private static let recorded: (disk: MemoryFiles.Disk, written: [UInt64: Event]) = {
        var written = sampleEvents(1..<3500, longestName: 80)
        var large = IncidentRecord()
        large.openingSeq = 3000
        large.document = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 * 11) }
        written[2999] = Event(seq: 3000, boottimeNs: 3_000_000_000, .incident(large))
        let files = MemoryFiles()
        do { try record(files, written, smallOptions(segmentBytes: 64 << 10, totalBytes: 4 << 20)) } catch {
            Issue.record(error)
        }
        return (files.disk, Dictionary(uniqueKeysWithValues: written.map { ($0.seq, $0) }))
    }()

    /// Bytes of other places, random ones, zeros, single bits, lost ends and files.
    private func spoil(_ disk: inout MemoryFiles.Disk, _ random: inout Seeded) {
        let names = disk.names.keys.filter { SegmentName.generation($0) != nil }.sorted()
        func pick() -> Int { disk.names[names[Int(random.next() % UInt64(names.count))]] ?? 0 }
        for _ in 0...random.next() % 12 {
            let id = pick()
            guard var bytes = disk.contents[id], bytes.count > 8192 else { continue }
            let count = min(bytes.count, 1 + Int(random.next() % 20_000))
            let start = Int(random.next() % UInt64(bytes.count - count + 1))
            switch random.next() % 8 {
            case 0: for place in start..<start + count { bytes[place] = UInt8(truncatingIfNeeded: random.next()) }
            case 1: for place in start..<start + count { bytes[place] = 0 }
            case 2, 3:
                // A write that went astray: whole pages of this or another segment, with good checksums, in the wrong place.
                let other = disk.contents[pick()] ?? []
                guard other.count >= 4096 else { continue }
                let from = Int(random.next() % UInt64(other.count / 4096)) * 4096
                let to = Int(random.next() % UInt64(bytes.count / 4096)) * 4096
                let length = min(other.count - from, bytes.count - to, 4096 * Int(1 + random.next() % 3))
                bytes.replaceSubrange(to..<to + length, with: other[from..<from + length])
            case 4: bytes.removeLast(count)
            case 5: if random.next() % 4 == 0 { disk.names[names[Int(random.next() % UInt64(names.count))]] = nil }
            default:
                for _ in 0..<20 { bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() % 8) }
            }
            disk.contents[id] = bytes
        }
    }

    @Test(arguments: seeds)
    func `whatever is spoilt, what is read was written, and what is missing is told`(seed: UInt64) throws {
        let (whole, written) = Self.recorded
        var disk = whole
        var random = Seeded(seed &* 7919)
        spoil(&disk, &random)
        let files = MemoryFiles(disk)
        let reader = try RecordingReader("memory", files: files)
        var read: [UInt64] = []
        var gaps: [RecordingGap] = []
        let take = { (event: Event) in
            if case .snapshot(let snapshot) = event.payload {
                if snapshot.state != state(before: event.seq) { Issue.record("a wrong snapshot before \(event.seq)") }
                return
            }
            if written[event.seq] != event { Issue.record("a wrong event \(event.seq)") }
            read.append(event.seq)
        }
        reader.forEach(gap: { gaps.append($0) }, take)
        #expect(zip(read, read.dropFirst()).allSatisfy { $0 < $1 })
        // Between the first and the last that is left, what is missing is what the gaps say.
        var missing: Set<UInt64> = []
        if let first = read.first, let last = read.last { missing = Set(first...last).subtracting(read) }
        for gap in gaps { missing.subtract((gap.afterSeq + 1)..<gap.beforeSeq) }
        #expect(missing.isEmpty, "not told: \(missing.sorted().prefix(5))")
        #expect(!gaps.contains { $0.cause == .notRecorded })
        if gaps.contains(where: { $0.cause == .damage }) { #expect(!reader.damage.isEmpty) }
        // verify says the same, and names places that are there.
        let report = verify(try RecordingReader("memory", files: files))
        #expect(report.gaps == gaps)
        #expect(report.events == read.count)
        for place in report.damage {
            #expect(disk.names[place.segment] != nil)
            #expect(place.offset % 4096 == 0)
        }
        try goOn(files, after: read)
    }

    /// A recorder that starts on it keeps what is left, and what it records comes after.
    private func goOn(_ files: MemoryFiles, after read: [UInt64]) throws {
        let (writer, recovered) = try RecordingWriter.open(
            "memory", smallOptions(segmentBytes: 64 << 10, totalBytes: 4 << 20), files: files)
        #expect(recovered.nextSeq > read.last ?? 0)
        let more = sampleEvents(recovered.nextSeq..<recovered.nextSeq + 100)
        writer.appendAll(more)
        #expect(writer.close())
        let after = events(try RecordingReader("memory", files: files))
        #expect(after.map(\.seq) == read + more.map(\.seq))
        #expect(Array(after.suffix(100)) == more)
    }
}
