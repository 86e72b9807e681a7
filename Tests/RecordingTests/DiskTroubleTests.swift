import EventSamples
import Events
import Glibc
import Synchronization
import Testing

@testable import Recording

/// A disk in trouble for a while: recording goes on in bounded memory, the loss is counted, writing resumes by itself, and what
/// was acknowledged stays.
@Suite struct DiskTroubleTests {
    /// Appends without waiting for anything; the numbers that found no room.
    private func append(_ events: [Event], to writer: RecordingWriter) -> (kept: [Event], refused: UInt64) {
        var kept: [Event] = []
        var refused: UInt64 = 0
        for event in events {
            if writer.append(event, snapshot: { state(before: event.seq) }) { kept.append(event) } else { refused += 1 }
            if event.seq % 50 == 0 { writer.commit() }
        }
        return (kept, refused)
    }

    /// Takes what is counted once there is room, as the recorder does with each turn.
    private func losses(_ writer: RecordingWriter) -> [Lost] {
        var told: [Lost] = []
        writer.takeLosses { told.append($0) }
        return told
    }

    private func expectBounded(_ writer: RecordingWriter, _ options: RecordingOptions) {
        #expect(writer.shared.slots.count { $0.memory != nil } * 4096 <= options.queueBytes)
    }

    private func options() -> RecordingOptions {
        var options = smallOptions(segmentBytes: 32 << 10, totalBytes: 256 << 10)
        options.queueBytes = 64 << 10
        return options
    }

    /// Everything refused, whatever is asked: a full disk, a broken one, one remounted read-only, a server that forgot us.
    @Test(arguments: [ENOSPC, EIO, EROFS, ESTALE])
    func `a disk that refuses everything for a while costs what did not fit into memory, counted`(errno: Int32) throws {
        let files = MemoryFiles()
        let options = options()
        let (writer, _) = try RecordingWriter.open("memory", options, files: files)
        // More than the recording holds: segments are being recycled when the trouble comes.
        let before = calmEvents(1..<3000)
        writer.appendAll(before)
        writer.commitAndWait(upTo: 2999)
        let held = events(try RecordingReader("memory", files: files)).count
        let faults = Faults()
        faults.install(files)
        faults.set { _ in errno }
        let (kept, refused) = append(calmEvents(3000..<5000), to: writer)
        #expect(eventually { faults.hits.load(ordering: .relaxed) >= 8 })
        #expect(refused > 500)
        #expect(losses(writer).isEmpty)
        expectBounded(writer, options)
        #expect(writer.acknowledgedSeq == 2999)
        #expect(writer.isFailing)
        #expect(writer.lastError != nil)
        // What was there is there.
        #expect(events(try RecordingReader("memory", files: files)).count == held)
        faults.set(nil)
        #expect(eventually { writer.acknowledgedSeq == kept.last?.seq })
        #expect(!writer.isFailing)
        let told = losses(writer)
        #expect(told == [Lost(source: .recordingMemoryFull, count: refused)])
        let lost = Event(seq: 5000, boottimeNs: 9, .lost(try #require(told.first)))
        #expect(writer.append(lost) { state(before: 5000) })
        #expect(writer.close())
        let reader = try RecordingReader("memory", files: files)
        let read = events(reader)
        let all = before + kept + [lost]
        #expect(read == Array(all.suffix(read.count)))
        #expect(read.count > kept.count)
        #expect(verify(reader).gaps.map(\.cause) == [.notRecorded])
        #expect(reader.damage.isEmpty)
        // No file was forgotten: the whole is as large as it may be, and no larger.
        #expect(files.disk.bytes <= options.totalBytes + 4096)
        #expect(reader.segments.count >= 7)
    }

    @Test func `a disk that hangs holds up nobody but its own thread`() throws {
        let files = MemoryFiles()
        let options = options()
        let (writer, _) = try RecordingWriter.open("memory", options, files: files)
        let before = calmEvents(1..<200)
        writer.appendAll(before)
        writer.commitAndWait(upTo: 199)
        files.gate.close()
        // What is on its way is not acknowledged, however long it takes: nobody has said that it is durable.
        let first = append(calmEvents(200..<260), to: writer)
        writer.commit()
        #expect(eventually { files.gate.holds })
        let second = append(calmEvents(260..<3000), to: writer)
        #expect(first.refused == 0)
        #expect(second.refused > 500)
        #expect(losses(writer).isEmpty)
        expectBounded(writer, options)
        #expect(writer.acknowledgedSeq == 199)
        files.gate.open()
        let kept = first.kept + second.kept
        #expect(eventually { writer.acknowledgedSeq == kept.last?.seq })
        let told = losses(writer)
        #expect(told == [Lost(source: .recordingMemoryFull, count: second.refused)])
        let after = append(calmEvents(3000..<3100), to: writer)
        #expect(after.refused == 0)
        #expect(writer.close())
        #expect(writer.lastError == nil)
        let reader = try RecordingReader("memory", files: files)
        #expect(events(reader) == before + kept + after.kept)
        #expect(verify(reader).gaps.map(\.cause) == [.notRecorded])
    }

    @Test func `a slow disk has the whole interval to itself between two commits that nobody asked for`() throws {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", options(), files: files)
        writer.appendAll(calmEvents(1..<10))
        writer.commitAndWait(upTo: 9)
        writer.commitIntervalNs = 200_000_000
        files.gate.close()
        writer.appendAll(calmEvents(10..<11))
        #expect(eventually { files.gate.holds })
        // The write takes longer than the interval, and more comes meanwhile.
        let begun = ContinuousClock.now
        writer.appendAll(calmEvents(11..<12))
        #expect(eventually { ContinuousClock.now - begun > .milliseconds(250) })
        let ended = ContinuousClock.now
        files.gate.open()
        #expect(eventually { writer.acknowledgedSeq == 11 })
        #expect(ContinuousClock.now - ended >= .milliseconds(200))
        // What is asked for does not wait for that.
        writer.commitIntervalNs = 1_000_000_000_000
        writer.appendAll(calmEvents(12..<13))
        writer.commitAndWait(upTo: 12)
        #expect(writer.close())
    }

    @Test func `a directory that vanishes is made anew, and everything from the next commit on is there`() throws {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", smallOptions(), files: files)
        let written = calmEvents(1..<900)
        writer.appendAll(Array(written.prefix(300)))
        writer.commitAndWait(upTo: 300)
        files.removeDirectory()
        writer.appendAll(Array(written.dropFirst(300)))
        writer.commitAndWait(upTo: 899)
        #expect(!writer.isFailing)
        #expect(writer.close())
        let reader = try RecordingReader("memory", files: files)
        let read = events(reader)
        #expect(read == Array(written.suffix(read.count)))
        #expect(read.count >= 599)
        var snapshots: [UInt64] = []
        reader.forEachSegmentSnapshot { seq, _ in snapshots.append(seq) }
        #expect(snapshots.count == reader.segments.count)
        let report = verify(reader)
        #expect(report.damage.isEmpty && report.gaps.isEmpty)
        // The next start goes on there.
        let (next, recovered) = try RecordingWriter.open("memory", smallOptions(), files: files)
        #expect(recovered.lastSeq == 899)
        next.close()
    }

    @Test func `a directory that vanishes while a segment is being begun is noticed all the same`() throws {
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", smallOptions(), files: files)
        files.gate.close()
        #expect(writer.append(calmEvents(1..<2)[0]) { state(before: 1) })
        writer.commit()
        // Its file has a name by now; its header is on the way.
        #expect(eventually { files.gate.holds })
        files.removeDirectory()
        files.gate.open()
        let written = calmEvents(1..<100)
        writer.appendAll(Array(written.dropFirst()))
        #expect(writer.close())
        #expect(events(try RecordingReader("memory", files: files)) == written)
    }

    @Test func `a segment removed under the recorder is a gap that readers tell, and the rest is there`() throws {
        let scratch = Scratch()
        let (writer, _) = try RecordingWriter.open(scratch.path, smallOptions())
        let written = calmEvents(1..<3000)
        // One whole segment, and a part of the next.
        var end = 0
        while scratch.segments.count < 2 {
            writer.appendAll(Array(written[end..<end + 20]))
            writer.commitAndWait(upTo: UInt64(end + 20))
            end += 20
        }
        writer.appendAll(Array(written[end..<end + 120]))
        end += 120
        writer.commitAndWait(upTo: UInt64(end))
        let newest = try #require(scratch.segments.last)
        unlink(scratch.path + "/" + newest)
        writer.appendAll(Array(written[end...]))
        #expect(writer.close())
        let reader = try RecordingReader(scratch.path)
        var gaps: [RecordingGap] = []
        reader.forEach(gap: { gaps.append($0) }, { (_: Event) in })
        #expect(gaps.map(\.cause) == [.missingSegments])
        let gap = try #require(gaps.first)
        // Lost is what stood in the file, and nothing that came after it was removed.
        #expect(gap.beforeSeq <= UInt64(end) + 1)
        #expect(events(reader) == written.filter { $0.seq <= gap.afterSeq || $0.seq >= gap.beforeSeq })
        #expect(reader.damage.isEmpty)
    }

    @Test func `a real directory removed under the recorder is made anew, locked, and written`() throws {
        let scratch = Scratch()
        let path = scratch.path + "/recording"
        let (writer, _) = try RecordingWriter.open(path, smallOptions())
        writer.appendAll(calmEvents(1..<200))
        writer.commitAndWait(upTo: 199)
        Scratch.remove(path)
        var facts = stat()
        #expect(stat(path, &facts) != 0)
        writer.appendAll(calmEvents(200..<400))
        writer.commitAndWait(upTo: 399)
        #expect(throws: RecordingError.locked(directory: path, pid: getpid())) {
            _ = try RecordingWriter.open(path, smallOptions())
        }
        #expect(writer.close())
        #expect(stat(path, &facts) == 0 && facts.st_mode & 0o777 == 0o750)
        let read = events(try RecordingReader(path))
        #expect(read == Array(calmEvents(1..<400).suffix(read.count)))
        #expect(read.count >= 200)
    }

    @Test func `a directory moved away is written to no more, and what was in it stays whole`() throws {
        let scratch = Scratch()
        let (path, aside) = (scratch.path + "/recording", scratch.path + "/aside")
        let (writer, _) = try RecordingWriter.open(path, smallOptions())
        let written = calmEvents(1..<2000)
        writer.appendAll(Array(written.prefix(200)))
        writer.commitAndWait(upTo: 200)
        #expect(rename(path, aside) == 0)
        writer.appendAll(Array(written.dropFirst(200)))
        #expect(writer.close())
        // The segment that was begun there is finished there; the next one is where the path says.
        let old = events(try RecordingReader(aside))
        let new = events(try RecordingReader(path))
        #expect(old + new == written)
        #expect(old.count >= 200 && new.count > 200)
    }
}

/// pwritev(2) as kernels may answer it.
@Suite struct WriteAllTests {
    /// Writes three buffers of 4096, 8192 and 100 bytes through calls that take at most so many bytes; negative: minus an errno.
    private func write(_ answers: [Int]) -> (file: Bytes, calls: Int, errno: Int32?) {
        let whole = Bytes((0..<12_388).map { UInt8(truncatingIfNeeded: $0 / 7) })
        var file = Bytes()
        var calls = 0
        var failed: Int32?
        whole.withUnsafeBytes { bytes in
            let parts = [
                UnsafeRawBufferPointer(rebasing: bytes[0..<4096]),
                UnsafeRawBufferPointer(rebasing: bytes[4096..<12_288]),
                UnsafeRawBufferPointer(rebasing: bytes[12_288...]),
            ]
            do throws(FileError) {
                try writeAll(parts, at: 512) { vectors, count, offset in
                    let answer = calls < answers.count ? answers[calls] : .max
                    calls += 1
                    if answer < 0 {
                        Glibc.errno = Int32(-answer)
                        return -1
                    }
                    var taken = Bytes()
                    for vector in UnsafeBufferPointer(start: vectors, count: Int(count)) {
                        taken += UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len)
                    }
                    taken = Bytes(taken.prefix(answer))
                    let at = offset - 512
                    file = Bytes(file.prefix(at)) + taken
                    return taken.count
                }
            } catch { failed = error.errno }
        }
        if failed == nil { #expect(file == whole) }
        #expect(whole.starts(with: file))
        return (file, calls, failed)
    }

    @Test func `one call is enough when it takes everything`() { #expect(write([]).calls == 1) }

    @Test func `a signal ends no write`() {
        let result = write([-Int(EINTR), -Int(EINTR), 4096, -Int(EINTR)])
        #expect(result.errno == nil && result.calls == 5)
    }

    @Test(arguments: [4096, 8192, 12_288, 5000, 12_300])
    func `a short write is continued from its last whole block`(taken: Int) {
        let result = write([taken])
        #expect(result.errno == nil && result.calls == 2)
    }

    @Test func `what stopped a short write is told by the call after it, and nothing is handed over again`() {
        let result = write([8192, -Int(EIO)])
        #expect(result.errno == EIO && result.calls == 2 && result.file.count == 8192)
        #expect(write([4096, -Int(EFBIG)]).errno == EFBIG)
    }

    @Test func `a call that takes less than a block, and says nothing, is the end of the disk`() {
        #expect(write([0]).errno == ENOSPC)
        #expect(write([4096, 511]).errno == ENOSPC)
    }
}
