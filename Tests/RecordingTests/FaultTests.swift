import EventSamples
import Events
import Glibc
import Synchronization
import Testing

@testable import Recording

/// Says of each change whether it fails; switched by the test while the disk thread asks.
final class Faults: Sendable {
    private let rule = Mutex<(@Sendable (MemoryFiles.Change) -> Int32?)?>(nil)
    let hits = Atomic<Int>(0)

    func set(_ rule: (@Sendable (MemoryFiles.Change) -> Int32?)?) { self.rule.withLock { $0 = rule } }

    func install(_ files: MemoryFiles) {
        files.setFault { change in
            let errno = self.rule.withLock { $0?(change) }
            if errno != nil { self.hits.add(1, ordering: .relaxed) }
            return errno
        }
    }
}

extension MemoryFiles.Change {
    var isWrite: Bool { if case .write = self { true } else { false } }
    /// A page of events, at its place or in a tail slot.
    var isPage: Bool {
        if case .write(_, let offset, let bytes) = self { offset > 0 && bytes.contains { $0 != 0 } } else { false }
    }
}

@Suite struct FaultTests {
    private func numbered(_ disk: MemoryFiles.Disk) -> [Event] {
        (disk.read()?.events ?? []).filter { if case .snapshot = $0.payload { false } else { true } }
    }

    @Test func `after a write error everything is written again in another segment, and nothing is lost`() throws {
        for failing in [3, 8, 17] {
            let files = MemoryFiles()
            let (writer, _) = try RecordingWriter.open("memory", smallOptions(), files: files)
            let faults = Faults()
            faults.install(files)
            let count = Mutex(0)
            faults.set { change in
                guard change.isPage else { return nil }
                return count.withLock {
                    $0 += 1
                    return $0 == failing ? EIO : nil
                }
            }
            let written = sampleEvents(1..<500)
            for event in written {
                #expect(writer.append(event) { state(before: event.seq) })
                if event.seq % 20 == 0 { writer.commitAndWait(upTo: event.seq) }
            }
            #expect(writer.close())
            #expect(faults.hits.load(ordering: .relaxed) == 1)
            guard case .failed(operation: "write", _, errno: EIO) = writer.lastError else {
                Issue.record("no error to be seen: \(String(describing: writer.lastError))")
                continue
            }
            #expect(numbered(files.disk) == written)
            let reader = try RecordingReader("memory", files: files)
            #expect(reader.segments.count > 1)
            let report = verify(reader)
            #expect(report.damage.isEmpty)
            #expect(report.gaps.isEmpty)
        }
    }

    @Test func `an error within an event of many pages leaves the whole event in the next segment`() throws {
        let files = MemoryFiles()
        var options = smallOptions()
        // Four pages a call: the event's five do not go in one.
        options.queueBytes = 64 << 10
        let (writer, _) = try RecordingWriter.open("memory", options, files: files)
        let faults = Faults()
        faults.install(files)
        var record = IncidentRecord()
        record.openingSeq = 2
        record.document = EventSamples.noise(20_000, seed: 9)
        let written = [
            EventSamples.event(seq: 1, seed: 1, longestName: 10), Event(seq: 2, boottimeNs: 5, .incident(record)),
            EventSamples.event(seq: 3, seed: 1, longestName: 10),
        ]
        #expect(writer.append(written[0]) { state(before: 1) })
        writer.commitAndWait(upTo: 1)
        let count = Mutex(0)
        faults.set { change in
            guard change.isPage else { return nil }
            return count.withLock {
                $0 += 1
                return $0 == 2 ? EIO : nil
            }
        }
        #expect(writer.append(written[1]) { state(before: 2) })
        #expect(writer.append(written[2]) { state(before: 3) })
        #expect(writer.close())
        #expect(faults.hits.load(ordering: .relaxed) == 1)
        #expect(numbered(files.disk) == written)
    }

    @Test func `while the disk takes nothing the memory is bounded, and the loss is counted when there is room`() throws
    {
        let files = MemoryFiles()
        var options = smallOptions()
        options.queueBytes = 64 << 10
        let (writer, _) = try RecordingWriter.open("memory", options, files: files)
        let faults = Faults()
        faults.install(files)
        faults.set { $0.isWrite ? EIO : nil }
        var refused: [UInt64] = []
        var kept: [Event] = []
        for seq in 1..<3000 as Range<UInt64> {
            let event = EventSamples.event(seq: seq, seed: 1, longestName: 60)
            if writer.append(event, snapshot: { state(before: seq) }) {
                kept.append(event)
            } else {
                refused.append(seq)
            }
        }
        #expect(refused.count > 1000)
        var told: [Lost] = []
        writer.takeLosses { told.append($0) }
        #expect(told.isEmpty)
        let mapped = writer.shared.slots.count { $0.memory != nil }
        #expect(mapped * 4096 <= options.queueBytes)
        #expect(writer.acknowledgedSeq == 0)
        faults.set(nil)
        #expect(eventually { writer.acknowledgedSeq >= kept[kept.count - 1].seq })
        writer.takeLosses { told.append($0) }
        #expect(told == [Lost(source: .recordingMemoryFull, count: UInt64(refused.count))])
        let lost = Event(seq: 3000, boottimeNs: 9, .lost(told[0]))
        #expect(writer.append(lost) { state(before: 3000) })
        #expect(writer.close())
        #expect(numbered(files.disk) == kept + [lost])
        // After the hole the state stands anew.
        let all = files.disk.read()?.events ?? []
        let place = try #require(all.lastIndex { if case .snapshot = $0.payload { true } else { false } })
        #expect(all[place].seq == 3000)
        #expect(verify(try RecordingReader("memory", files: files)).gaps.map(\.cause) == [.notRecorded])
    }

    @Test func `a file system that refuses O_DIRECT when writing is written without it`() throws {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", smallOptions(), files: files)
        files.refuseDirect()
        let written = calmEvents(1..<100)
        writer.appendAll(written)
        writer.commitAndWait(upTo: 99)
        #expect(writer.close())
        #expect(numbered(files.disk) == written)
    }

    @Test func `on a full disk the oldest segment is used again`() throws {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", smallOptions(), files: files)
        let faults = Faults()
        faults.install(files)
        let room = Mutex((ids: [String: Int](), taken: Set<Int>()))
        // Three segments fit; a file that took room gives it back when it is removed.
        faults.set { change in
            room.withLock {
                switch change {
                case .create(let name, let id): $0.ids[name] = id
                case .rename(let from, let to): $0.ids[to] = $0.ids.removeValue(forKey: from)
                case .resize(let id, let bytes) where bytes == 64 << 10:
                    guard $0.taken.contains(id) || $0.taken.count < 3 else { return ENOSPC }
                    $0.taken.insert(id)
                case .unlink(let name): if let id = $0.ids.removeValue(forKey: name) { $0.taken.remove(id) }
                default: break
                }
                return nil
            }
        }
        let written = calmEvents(1..<3000)
        writer.appendAll(written)
        #expect(writer.close())
        let read = numbered(files.disk)
        #expect(read.last == written.last)
        #expect(read == Array(written.suffix(read.count)))
        #expect(try RecordingReader("memory", files: files).segments.count <= 3)
        #expect(faults.hits.load(ordering: .relaxed) > 0)
    }

    @Test func `a disk with room for one segment keeps it: what is acknowledged is not recycled for what is not`()
        throws
    {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", smallOptions(), files: files)
        let written = calmEvents(1..<6000)
        writer.appendAll(Array(written.prefix(200)))
        let faults = Faults()
        faults.install(files)
        // The first segment is there already; whoever shares the disk has taken all the rest.
        faults.set { change in
            if case .resize(_, let bytes) = change, bytes == 64 << 10 { return ENOSPC }
            return nil
        }
        for event in written.dropFirst(200) { writer.append(event, snapshot: { state(before: event.seq) }) }
        writer.commit()
        #expect(eventually { writer.lastError != nil })
        #expect(!writer.close(), "more was written than the disk holds")
        let acknowledged = writer.acknowledgedSeq
        #expect(acknowledged > 0)
        let read = numbered(files.disk)
        #expect(read.first == written.first, "the first segment is gone")
        #expect((read.last?.seq ?? 0) >= acknowledged)
        guard case .full = writer.lastError else {
            Issue.record("\(String(describing: writer.lastError))")
            return
        }
    }

    @Test func `a failing disk does not eat the recording that is there`() throws {
        let files = MemoryFiles()
        let options = smallOptions(segmentBytes: 32 << 10, totalBytes: 256 << 10)
        let (first, _) = try RecordingWriter.open("memory", options, files: files)
        first.appendAll(sampleEvents(1..<1500))
        #expect(first.close())
        let before = try RecordingReader("memory", files: files).segments.count
        let (writer, recovered) = try RecordingWriter.open("memory", options, files: files)
        let faults = Faults()
        faults.install(files)
        faults.set { $0.isPage ? EIO : nil }
        for seq in recovered.nextSeq..<recovered.nextSeq + 40 {
            writer.append(EventSamples.event(seq: seq, seed: 1), snapshot: { state(before: seq) })
            writer.commit()
        }
        #expect(eventually { faults.hits.load(ordering: .relaxed) >= 4 })
        #expect(!writer.close())
        #expect(writer.lastError != nil)
        // One segment may have been given up for room, and no more than one.
        let after = try RecordingReader("memory", files: files).segments.filter { $0.firstSeq < 1500 }
        #expect(after.count >= before - 1)
    }
}
