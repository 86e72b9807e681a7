import EventSamples
import Events
import Glibc
import Testing

@testable import Recording

/// What a list, one incident and a start read of a large recording: little.
@Suite struct OpeningTests {
    /// Incidents of which each is followed by many pages; one is open for very long.
    private static func written() -> [Event] {
        return (1..<6000 as Range<UInt64>).map { seq in
            var record = IncidentRecord()
            record.document = EventSamples.noise(seq % 2 == 0 ? 300 : 6000, seed: seq)
            switch seq {
            case 100:
                record.openingSeq = seq
            case 700...5000 where seq % 500 == 0:
                record.openingSeq = seq
            case 700...5200 where seq % 500 == 133:
                record.openingSeq = seq - 133
                record.state = .closed
            case 5100:
                record.openingSeq = 100
                record.state = .closed
            default: return EventSamples.event(.cgroupSample, seed: seq, seq: seq)
            }
            return Event(seq: seq, boottimeNs: seq, .incident(record))
        }
    }

    private static func closings(_ events: [Event]) -> [UInt64] {
        let closed = events.compactMap { event -> UInt64? in
            guard case .incident(let record) = event.payload, record.state == .closed else { return nil }
            return record.openingSeq
        }
        return closed.sorted()
    }

    @Test func `a list reads headers, and of the pages only those with a closing`() throws {
        let files = MemoryFiles()
        let written = Self.written()
        try record(files, written)
        let reader = try RecordingReader("memory", files: files)
        #expect(reader.segments.count > 4)
        let before = files.bytesRead
        let records = reader.closedIncidents()
        #expect(records.map(\.openingSeq) == Self.closings(written))
        #expect(records.count == 10)
        for record in records { #expect([300, 6000].contains(record.document.count)) }
        #expect(files.bytesRead - before < files.disk.bytes / 4)
        #expect(reader.damage.isEmpty)
    }

    /// In a storm each read waits for a second, and what was zeroed ahead of the pages has to be read to be known as nothing.
    @Test func `what is gone through to its end is asked for at once, and what is left early only in part`() throws {
        let files = MemoryFiles()
        let bytes = 4 << 20
        try record(files, calmEvents(1..<300), smallOptions(segmentBytes: bytes, totalBytes: 8 * bytes))
        // As its writer leaves it when the machine dies: no page is behind the last one, but there is room for many.
        let name = try #require(files.disk.names.keys.first { $0.hasPrefix("segment-") })
        var disk = files.disk
        let id = try #require(disk.names[name])
        disk.apply(.resize(id: id, bytes: bytes))
        let died = MemoryFiles(disk)
        let reader = try RecordingReader("memory", files: died)
        let before = died.waits
        #expect(events(reader).count >= 299)
        #expect(died.asked == [0..<256 << 10, 256 << 10..<bytes])
        #expect(died.waits == before)
        let first = MemoryFiles(disk)
        #expect(try RecordingReader("memory", files: first).firstSeq(sinceRealtimeNs: 0) == 1)
        #expect(first.asked == [0..<256 << 10])
    }

    @Test func `the newest incident is the one that opened last, not the one that closed last`() throws {
        let files = MemoryFiles()
        let written = Self.written()
        try record(files, written)
        let reader = try RecordingReader("memory", files: files)
        let newest = try #require(reader.newestClosedIncident())
        #expect(newest.openingSeq == Self.closings(written).last)
        #expect(newest.openingSeq == 5000)
        let none = MemoryFiles()
        try record(none, calmEvents(1..<300))
        #expect(try RecordingReader("memory", files: none).newestClosedIncident() == nil)
    }

    /// What a list finds, and how many bytes it reads for it.
    private func list(_ disk: MemoryFiles.Disk) throws -> (closed: [UInt64], bytesRead: Int, damage: Int) {
        let files = MemoryFiles(disk)
        let reader = try RecordingReader("memory", files: files)
        let before = files.bytesRead
        let closed = reader.closedIncidents().map(\.openingSeq)
        return (closed, files.bytesRead - before, reader.damage.count)
    }

    @Test func `in a full segment each page tells of the last closing before it; one that does not costs reads only`()
        throws
    {
        let files = MemoryFiles()
        let written = Self.written()
        try record(files, written)
        let direct = try list(files.disk)
        #expect(direct.closed == Self.closings(written))
        for told in [0, 1, UInt16.max - 1] as [UInt16] {
            let misled = rewritten(files.disk) { page, header in
                guard header.sinceClosing != PageHeader.noClosing else { return }
                header.sinceClosing = told
                header.seal(page)
            }
            let found = try list(misled)
            #expect(found.closed == direct.closed)
            #expect(found.bytesRead > direct.bytesRead && found.damage == 0)
        }
    }

    @Test func `a damaged page on the way from closing to closing hides no other`() throws {
        let files = MemoryFiles()
        let written = Self.written()
        try record(files, written)
        let all = Self.closings(written)
        var places: [(id: Int, page: Int)] = []
        for (name, id) in files.disk.names where SegmentName.generation(name) != nil {
            let bytes = files.disk.contents[id] ?? []
            for page in stride(from: 3 * 4096, to: bytes.count, by: 4096)
            where bytes[page + 40] & UInt8(PageFlags.closing.rawValue) != 0 { places.append((id, page)) }
        }
        #expect(places.count == all.count)
        for place in places {
            var disk = files.disk
            disk.contents[place.id]?[place.page + 20] ^= 1
            let found = try list(disk)
            #expect(found.closed.count == all.count - 1 && Set(found.closed).isSubset(of: all))
            let untold = rewritten(disk) { page, header in
                header.sinceClosing = 0
                header.seal(page)
            }
            #expect(found.damage == (try list(untold).damage))
        }
    }

    @Test func `pages whose headers have no checksum of their own are read whole`() throws {
        let files = MemoryFiles()
        let written = Self.written()
        try record(files, written)
        let old = rewritten(files.disk) { page, header in
            // What a page was before headers had a checksum of their own.
            page.put(UInt32(0), 44)
            page.put(header.flags.subtracting(.closing).rawValue, 40)
            page.put(crc32c(UnsafeRawBufferPointer(rebasing: page[8..<64 + Int(header.used)])), 4)
        }
        let reader = try RecordingReader("memory", files: MemoryFiles(old))
        #expect(reader.closedIncidents().map(\.openingSeq) == Self.closings(written))
        #expect(reader.newestClosedIncident()?.openingSeq == 5000)
        #expect(events(reader) == written)
        #expect(events(reader, from: 3000) == Array(written[2999...]))
        #expect(reader.damage.isEmpty)
    }

    @Test(arguments: [99, 100, 101, 699, 1000, 1001, 1132, 1133, 1134, 2700, 5099, 5100, 5132, 5133, 5134, 5999])
    func `a start knows the last event, what is open and the state, wherever the recording ends`(end: Int) throws {
        let files = MemoryFiles()
        let written = Array(Self.written().prefix(end))
        try record(files, written)
        var open: [UInt64] = []
        for case .incident(let record) in written.map(\.payload) {
            open.removeAll { $0 == record.openingSeq }
            if record.state == .opened { open.append(record.openingSeq) }
        }
        let newest = try RecordingReader("memory", files: files).newestSnapshot()
        let (writer, recovered) = try RecordingWriter.open("memory", smallOptions(), files: files)
        #expect(writer.openIncidents == open.sorted())
        #expect(recovered.lastSeq == UInt64(end) && !recovered.endedCleanly && recovered.damage.isEmpty)
        #expect(recovered.snapshot == newest?.state)
        #expect(writer.close())
    }

    /// The recording with each page changed.
    private func rewritten(
        _ disk: MemoryFiles.Disk, _ change: (UnsafeMutableRawBufferPointer, inout PageHeader) -> Void
    ) -> MemoryFiles.Disk {
        var disk = disk
        for (name, id) in disk.names where SegmentName.generation(name) != nil {
            var bytes = disk.contents[id] ?? []
            bytes.withUnsafeMutableBytes { whole in
                for start in stride(from: 4096, to: whole.count, by: 4096) {
                    let page = UnsafeMutableRawBufferPointer(rebasing: whole[start..<min(start + 4096, whole.count)])
                    guard var header = PageHeader(UnsafeRawBufferPointer(page)) else { continue }
                    change(page, &header)
                }
            }
            disk.contents[id] = bytes
        }
        return disk
    }

    @Test func `a header is believed by its own checksum, and by nothing else`() {
        let page = AlignedBuffer(4096)
        var header = PageHeader()
        header.generation = 7
        header.firstSeq = 12
        header.events = 3
        header.used = 900
        header.flags = [.incident, .closing]
        header.recording = 99
        header.seal(page.raw)
        func alone() -> PageHeader? { PageHeader(alone: UnsafeRawBufferPointer(rebasing: page.raw[0..<64])) }
        let whole = PageHeader(UnsafeRawBufferPointer(page.raw))
        #expect(whole != nil && alone() == whole)
        for bit in 0..<64 * 8 where !(4 * 8..<8 * 8).contains(bit) {
            page.raw[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(alone() == nil, "bit \(bit)")
            page.raw[bit / 8] ^= 1 << UInt8(bit % 8)
        }
        // The events are damaged: the header still says what was there.
        page.raw[500] ^= 1
        #expect(alone() == whole)
        #expect(PageHeader(UnsafeRawBufferPointer(page.raw)) == nil)
    }

    @Test func `the state is recorded so often that little is replayed, and so rarely that it takes little`() throws {
        for stateBytes in [2000, 300_000] {
            let files = MemoryFiles()
            var options = smallOptions(segmentBytes: 16 << 20, totalBytes: 128 << 20)
            options.pageBytes = 16 << 10
            options.queueBytes = 8 << 20
            options.zeroAhead = false
            let (writer, _) = try RecordingWriter.open("memory", options, files: files)
            var host = BusyHost()
            var snapshots = 0
            var seq: UInt64 = 0
            while writer.figures.bytesWritten < 12 << 20 {
                seq += 1
                #expect(
                    writer.append(host.next(seq: seq)) {
                        snapshots += 1
                        return EventSamples.noise(stateBytes, seed: UInt64(snapshots))
                    })
                if seq % 5000 == 0 { writer.commitAndWait(upTo: seq) }
            }
            #expect(writer.close())
            let reader = try RecordingReader("memory", files: files)
            let newest = try #require(reader.newestSnapshot())
            #expect(newest.state == EventSamples.noise(stateBytes, seed: UInt64(snapshots)))
            #expect(snapshots * stateBytes < 12 << 20 / 8)
            // A MiB of them, or sixteen times the state.
            let bound = seq * UInt64(max(1 << 20, 17 * stateBytes)) / (12 << 20)
            #expect(snapshots > 1 && seq - newest.seq < bound * 5 / 4)
            #expect(events(reader, from: newest.seq).first?.seq == newest.seq)
        }
    }

    @Test func `a state behind missing events is not taken for that before them`() throws {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", smallOptions(), files: files)
        writer.appendAll(calmEvents(1..<40))
        writer.shared.snapshotDue.store(true, ordering: .releasing)
        for event in calmEvents(60..<70) { #expect(writer.append(event) { state(before: event.seq) }) }
        #expect(writer.close())
        let reader = try RecordingReader("memory", files: files)
        #expect(reader.newestSnapshot()?.state == state(before: 1))
        #expect(events(reader).count == 49)
    }

    @Test func `a new segment is zeroed ahead of its pages, and no page under them`() throws {
        let files = MemoryFiles()
        var options = smallOptions(segmentBytes: 1 << 20, totalBytes: 8 << 20)
        options.pageBytes = 16 << 10
        let (writer, _) = try RecordingWriter.open("memory", options, files: files)
        let written = calmEvents(1..<300)
        writer.appendAll(written)
        var end = 0
        #expect(
            eventually {
                var segment: Int?
                end = 0
                for step in files.history {
                    switch step.change {
                    case .create(let name, let id) where SegmentName.generation(name) != nil: segment = segment ?? id
                    // What is behind the events of a full page is never written.
                    case .write(let id, let offset, let bytes) where id == segment && offset <= end:
                        end = max(end, (offset + bytes.count + 16383) / 16384 * 16384)
                    default: break
                    }
                }
                return end == 1 << 20
            }, "written up to \(end) from the beginning")
        #expect(writer.close())
        #expect(events(try RecordingReader("memory", files: files)) == written)
    }

    @Test func `the writer says when more is durable`() throws {
        let (writer, _) = try RecordingWriter.open("memory", smallOptions(), files: MemoryFiles())
        func isTold(withinMs timeout: Int32) -> Bool {
            var entry = pollfd(fd: writer.newsDescriptor, events: Int16(POLLIN), revents: 0)
            return unsafe poll(&entry, 1, timeout) == 1
        }
        #expect(!isTold(withinMs: 0))
        for seq: UInt64 in 1...2 {
            writer.append(EventSamples.event(seq: seq, seed: 1)) { state(before: seq) }
            writer.commit()
            #expect(isTold(withinMs: 20_000))
            writer.clearNews()
            #expect(writer.acknowledgedSeq == seq)
            #expect(!isTold(withinMs: 0))
        }
        #expect(writer.close())
    }
}
