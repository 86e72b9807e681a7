import EventSamples
import Events
import Testing

@testable import Recording

@Suite struct PowerCutTests {
    /// Records with many commits, so that pages go through both tail slots and to their places.
    private func recorded(_ options: RecordingOptions, _ events: [Event]) throws -> MemoryFiles {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", options, files: files)
        files.watch(writer)
        for event in events {
            #expect(writer.append(event) { state(before: event.seq) })
            if event.seq % 3 == 0 { writer.commitAndWait(upTo: event.seq) }
        }
        #expect(writer.close())
        return files
    }

    private func expectExact(
        _ disk: MemoryFiles.Disk, _ written: [UInt64: Event], upTo acknowledged: UInt64, _ place: String
    ) {
        let events = disk.read()?.events ?? []
        var last: UInt64 = 0
        var seen: Set<UInt64> = []
        for event in events {
            if case .snapshot(let snapshot) = event.payload {
                if snapshot.state != state(before: event.seq) { Issue.record("a wrong snapshot, \(place)") }
                continue
            }
            if event.seq <= last { Issue.record("out of order, \(place)") }
            if written[event.seq] != event { Issue.record("a wrong event \(event.seq), \(place)") }
            last = event.seq
            seen.insert(event.seq)
        }
        let oldest = events.first?.seq ?? .max
        for seq in written.keys where seq <= acknowledged && seq >= oldest && !seen.contains(seq) {
            Issue.record("\(seq) was acknowledged (up to \(acknowledged)) and is missing, \(place)")
        }
        if acknowledged > 0 && events.isEmpty { Issue.record("nothing is left of \(acknowledged), \(place)") }
    }

    @Test func `what was acknowledged survives a power cut before, in and after every write`() throws {
        let events = sampleEvents(1..<400, longestName: 200)
        let written = Dictionary(uniqueKeysWithValues: events.map { ($0.seq, $0) })
        // Few segments: recycling happens too.
        let files = try recorded(smallOptions(segmentBytes: 32 << 10, totalBytes: 256 << 10), events)
        let history = files.history
        #expect(history.count > 150)
        var disk = MemoryFiles.Disk()
        for (place, step) in history.enumerated() {
            expectExact(disk, written, upTo: step.acknowledged, "before change \(place)")
            if case .write(let id, let offset, let bytes) = step.change {
                for cut in [1, 8, 63, 64, 512, bytes.count / 2, bytes.count - 1] where cut < bytes.count {
                    var torn = disk
                    torn.apply(.write(id: id, offset: offset, bytes: Bytes(bytes[..<cut])))
                    expectExact(torn, written, upTo: step.acknowledged, "in change \(place) after \(cut) bytes")
                    // Sectors may be written in any order, and one may hold anything.
                    var garbage = disk
                    var mixed = bytes
                    for at in cut..<min(cut + 512, bytes.count) { mixed[at] = UInt8(truncatingIfNeeded: at &* 31) }
                    if mixed != bytes {
                        garbage.apply(.write(id: id, offset: offset, bytes: mixed))
                        expectExact(garbage, written, upTo: step.acknowledged, "in change \(place), garbage at \(cut)")
                    }
                }
            }
            disk.apply(step.change)
        }
        #expect(disk.read()?.events.last?.seq == 399)
    }

    @Test
    func `what was acknowledged of a page is read from its tail slot, when the page is lost and the next one is there`()
        throws
    {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", smallOptions(), files: files)
        let events = sampleEvents(1..<400)
        for event in events {
            #expect(writer.append(event) { state(before: event.seq) })
            writer.commitAndWait(upTo: event.seq)
            // One slot has the page that is being filled, the other one still the page before it.
            let disk = files.disk
            let slots = disk.tails
            guard let id = disk.segmentID, slots.count == 2, let before = slots.min(by: { $0.index < $1.index }),
                slots[0].index != slots[1].index
            else { continue }
            var torn = disk
            let lost = (Layout.firstDataUnit + Int(before.index)) * 4096
            torn.contents[id]?.replaceSubrange(lost..<lost + 64, with: Bytes(repeating: 0xA5, count: 64))
            let read = try #require(torn.read())
            let seqs = Set(read.events.map(\.seq))
            let copied = before.firstSeq..<before.firstSeq + UInt64(before.events)
            #expect(copied.allSatisfy(seqs.contains), "\(copied), \(seqs.count) events")
            #expect(read.events.allSatisfy { $0.payload.kind == .snapshot || $0 == events[Int($0.seq) - 1] })
            // The page is damaged all the same, and named.
            #expect(read.damage.map(\.page) == [Int(before.index)])
            return
        }
        Issue.record("no page was followed by another within one commit")
    }

    @Test func `the durable copy of a page being filled is never the one being written`() throws {
        let files = try recorded(smallOptions(segmentBytes: 32 << 10), sampleEvents(1..<200))
        var newest: [Int: (unit: Int, rewrite: UInt32)] = [:]
        var tails = 0
        for step in files.history {
            guard case .write(let id, let offset, let bytes) = step.change,
                let page = bytes.withUnsafeBytes({ PageHeader($0) })
            else { continue }
            let unit = offset / 4096
            if page.flags.contains(.tail) {
                tails += 1
                #expect(Layout.tailUnits.contains(unit))
                if let before = newest[id] {
                    #expect(before.unit != unit)
                    #expect(page.rewrite > before.rewrite)
                }
                newest[id] = (unit, page.rewrite)
            } else {
                #expect(unit == Layout.firstDataUnit + Int(page.index))
            }
        }
        #expect(tails > 20)
        // A page goes to its place once.
        var places: Set<[Int]> = []
        for step in files.history {
            guard case .write(let id, let offset, _) = step.change, step.change.isPage,
                offset / 4096 >= Layout.firstDataUnit
            else { continue }
            #expect(places.insert([id, offset]).inserted)
        }
    }
}

extension MemoryFiles.Disk {
    /// The one segment's file.
    fileprivate var segmentID: Int? { names.first { SegmentName.generation($0.key) != nil }?.value }

    /// What its tail slots hold.
    fileprivate var tails: [PageHeader] {
        let bytes = segmentID.flatMap { contents[$0] } ?? []
        return Layout.tailUnits.compactMap { unit in
            Bytes(bytes.dropFirst(unit * 4096).prefix(4096)).withUnsafeBytes { PageHeader($0) }
        }
    }
}
