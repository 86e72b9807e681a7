import EventSamples
import Events
import Glibc
import Testing

@testable import Recording

/// Every bit and every length of a recording so small that all of them can be tried.
@Suite struct BitFlipTests {
    /// What a reader makes of a disk.
    private struct Reading: Equatable {
        var events: [Event] = []
        var snapshots: [UInt64: Bytes] = [:]
        var damage: [RecordingDamage] = []
        var gaps: [RecordingGap] = []
    }

    private let disk: MemoryFiles.Disk
    private let name: String
    private let id: Int
    private let bytes: Bytes
    private let whole: Reading
    /// Numbers of the events on each page.
    private let pages: [Range<UInt64>]

    /// One segment of four pages with two events each behind a snapshot; the last page stands in the tail slots, first with one
    /// event, then with both.
    init() throws {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", smallOptions(segmentBytes: 32 << 10), files: files)
        for seq in 1...8 as ClosedRange<UInt64> {
            // As after an error of the disk: a page of its own, behind a snapshot.
            if seq % 2 == 1 { writer.shared.snapshotDue.store(true, ordering: .releasing) }
            #expect(writer.append(EventSamples.event(.memory, seed: seq, seq: seq)) { state(before: seq) })
            writer.commitAndWait(upTo: seq)
        }
        #expect(writer.close())
        let recorded = files.disk
        let found = try #require(recorded.names.first { SegmentName.generation($0.key) != nil })
        disk = recorded
        name = found.key
        id = found.value
        bytes = recorded.contents[found.value] ?? []
        pages = [1..<3, 3..<5, 5..<7, 7..<9]
        whole = Self.read(recorded)
        #expect(whole.events.map(\.seq) == Array(1...8))
        #expect(whole.snapshots.count == 4)
        #expect(whole.damage.isEmpty && whole.gaps.isEmpty)
        #expect(bytes.count == (Layout.firstDataUnit + 3) * 4096)
    }

    private static func read(_ disk: MemoryFiles.Disk) -> Reading {
        var reading = Reading()
        guard let reader = try? RecordingReader("memory", files: MemoryFiles(disk)) else { return reading }
        var (events, snapshots, gaps) = ([Event](), [UInt64: Bytes](), [RecordingGap]())
        let take = { (event: Event) in
            if case .snapshot(let state) = event.payload {
                snapshots[event.seq] = state.state
            } else {
                events.append(event)
            }
        }
        reader.forEach(gap: { gaps.append($0) }, take)
        (reading.events, reading.snapshots, reading.damage, reading.gaps) = (events, snapshots, reader.damage, gaps)
        return reading
    }

    /// Without the events and the snapshot of a page that later ones follow: named, and told as a gap.
    private func without(page: Int) -> Reading {
        var reading = whole
        reading.events.removeAll { pages[page].contains($0.seq) }
        reading.snapshots[pages[page].lowerBound] = nil
        let offset = (Layout.firstDataUnit + page) * 4096
        reading.damage = [RecordingDamage(kind: .page, segment: name, page: page, offset: offset)]
        reading.gaps = [
            RecordingGap(cause: .damage, afterSeq: pages[page].lowerBound - 1, beforeSeq: pages[page].upperBound)
        ]
        return reading
    }

    private func used(_ unit: Int) -> Int {
        bytes[(unit * 4096)...].withUnsafeBytes { page in
            PageHeader(UnsafeRawBufferPointer(rebasing: page[..<4096])).map { PageHeader.size + Int($0.used) } ?? 0
        }
    }

    /// Bytes that a checksum covers or is: all others are the zeros behind them, which no reader looks at.
    private var covered: [Int] {
        SegmentHeader.copies.flatMap { Array($0..<$0 + SegmentHeader.size) }
            + (1..<bytes.count / 4096).flatMap { unit in Array(unit * 4096..<unit * 4096 + used(unit)) }
    }

    /// Where the newest copy of the last page is.
    private var newestTail: Int { used(1) > used(2) ? 1 : 2 }

    private func expected(flippedAt place: Int) -> Reading {
        let unit = place / 4096
        if unit >= Layout.firstDataUnit { return without(page: unit - Layout.firstDataUnit) }
        var reading = whole
        // The other copy of the header, or of the last page, does.
        if unit == newestTail { reading.events.removeLast() }
        return reading
    }

    @Test func `every single bit flipped costs the page it stands in, named, and nothing else`() {
        #expect(covered.count > 2000)
        var wrong = 0
        for place in covered {
            let wanted = expected(flippedAt: place)
            for bit in 0..<8 as Range<UInt8> {
                var flipped = disk
                flipped.contents[id]?[place] ^= 1 << bit
                let reading = Self.read(flipped)
                guard reading != wanted else { continue }
                wrong += 1
                if wrong < 5 { Issue.record("bit \(bit) of byte \(place): \(reading.damage), \(reading.gaps)") }
            }
        }
        #expect(wrong == 0)
    }

    @Test func `bits outside the checksums change nothing, all of them flipped or any`() {
        let covered = Set(covered)
        let others = bytes.indices.filter { !covered.contains($0) }
        #expect(others.count > 10_000)
        for seed in 0..<4 as Range<UInt64> {
            var random = Seeded(seed)
            var filled = disk
            for place in others {
                filled.contents[id]?[place] = seed == 0 ? 0xff : UInt8(truncatingIfNeeded: random.next())
            }
            #expect(Self.read(filled) == whole, "seed \(seed)")
        }
        // One by one they are a quarter of a million: by wish.
        guard getenv("INQUEST_EXHAUSTIVE") != nil else { return }
        for place in others {
            for bit in 0..<8 as Range<UInt8> {
                var flipped = disk
                flipped.contents[id]?[place] ^= 1 << bit
                if Self.read(flipped) != whole { Issue.record("bit \(bit) of byte \(place)") }
            }
        }
    }

    @Test func `cut at every length it gives what is whole, and names what is not`() {
        for length in 0..<bytes.count {
            var cut = disk
            cut.apply(.resize(id: id, bytes: length))
            let reading = Self.read(cut)
            // The tail slots come first: with them a reader knows what should have followed.
            let gone = pages.indices.dropLast().filter { page in
                let unit = Layout.firstDataUnit + page
                return length < unit * 4096 + used(unit)
            }
            let tails = Layout.tailUnits.filter { length >= $0 * 4096 + used($0) }
            let wanted: [UInt64]
            if length < SegmentHeader.size || tails.isEmpty {
                wanted = []
            } else {
                let last = tails.contains(newestTail) ? pages[3] : pages[3].lowerBound..<pages[3].upperBound - 1
                wanted = (pages[..<3].enumerated().flatMap { gone.contains($0) ? [] : Array($1) }) + Array(last)
                if reading.damage.map(\.page) != gone.map(Optional.some) {
                    Issue.record("cut at \(length): \(reading.damage)")
                }
            }
            if reading.events.map(\.seq) != wanted || reading.events.contains(where: { !whole.events.contains($0) }) {
                Issue.record("cut at \(length): \(reading.events.map(\.seq)) instead of \(wanted)")
            }
        }
    }
}
