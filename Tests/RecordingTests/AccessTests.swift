import EventSamples
import Events
import Glibc
import Synchronization
import Testing

@testable import Recording

private final class SharedClock: Sendable {
    let boottimeNs = Atomic<UInt64>(0)
}

@Suite struct AccessTests {
    @Test func `a second recorder on the directory is refused with the first one's pid`() throws {
        let scratch = Scratch()
        let (writer, _) = try RecordingWriter.open(scratch.path, smallOptions())
        #expect(throws: RecordingError.locked(directory: scratch.path, pid: getpid())) {
            _ = try RecordingWriter.open(scratch.path, smallOptions())
        }
        writer.close()
        let (next, _) = try RecordingWriter.open(scratch.path, smallOptions())
        next.close()
    }

    @Test func `a reader sees what is committed while the recorder goes on`() throws {
        let scratch = Scratch()
        let (writer, _) = try RecordingWriter.open(scratch.path, smallOptions())
        defer { writer.close() }
        var written: [Event] = []
        for seq in 1..<900 as Range<UInt64> {
            let event = EventSamples.event(seq: seq, seed: 1, longestName: 60)
            written.append(event)
            #expect(writer.append(event) { state(before: seq) })
            guard seq % 60 == 0 else { continue }
            writer.commitAndWait(upTo: seq)
            let reader = try RecordingReader(scratch.path)
            #expect(events(reader) == written)
            #expect(reader.damage.isEmpty)
        }
    }

    @Test func `readers beside a busy recorder find no damage and no wrong event`() throws {
        let scratch = Scratch()
        var options = smallOptions(segmentBytes: 32 << 10, totalBytes: 512 << 10)
        options.queueBytes = 4 << 20
        let (writer, _) = try RecordingWriter.open(scratch.path, options)
        writer.commitIntervalNs = 1_000_000
        var seq: UInt64 = 1
        for round in 0..<40 {
            for _ in 0..<60 {
                #expect(writer.append(EventSamples.event(seq: seq, seed: 1, longestName: 60)) { state(before: seq) })
                seq += 1
            }
            writer.commit()
            // No wait: the disk thread is writing while this reads.
            guard let reader = try? RecordingReader(scratch.path) else { continue }
            for event in events(reader) where event != EventSamples.event(seq: event.seq, seed: 1, longestName: 60) {
                Issue.record("a wrong event \(event.seq) in round \(round)")
            }
            #expect(reader.damage.isEmpty)
        }
        #expect(writer.close())
        #expect(events(try RecordingReader(scratch.path)).last?.seq == seq - 1)
    }

    @Test func `events are committed within the interval when nobody asks`() throws {
        let scratch = Scratch()
        let (writer, _) = try RecordingWriter.open(scratch.path, smallOptions())
        defer { writer.close() }
        writer.commitIntervalNs = 20_000_000
        #expect(writer.append(EventSamples.event(seq: 1, seed: 1)) { state(before: 1) })
        #expect(eventually { writer.acknowledgedSeq == 1 })
    }

    @Test func `files and directory are for owner and group only`() throws {
        let scratch = Scratch()
        let path = scratch.path + "/deeper"
        umask(0o022)
        try record(path, sampleEvents(1..<5))
        var facts = stat()
        #expect(stat(path, &facts) == 0 && facts.st_mode & 0o777 == 0o750)
        for name in ["lock", SegmentName.of(1)] {
            #expect(lstat(path + "/" + name, &facts) == 0 && facts.st_mode & 0o777 == 0o640)
        }
    }

    @Test func `the group is found in the group file`() {
        let scratch = Scratch()
        scratch.write("group", Bytes("root:x:0:\nadm:x:4:a,b\ninquest:x:777:me\nbroken\n".utf8))
        #expect(RecordingDirectory.groupID("inquest", in: scratch.path + "/group") == 777)
        #expect(RecordingDirectory.groupID("adm", in: scratch.path + "/group") == 4)
        #expect(RecordingDirectory.groupID("nobody", in: scratch.path + "/group") == nil)
        #expect(RecordingDirectory.groupID("inquest", in: scratch.path + "/none") == nil)
    }

    @Test(.enabled(if: getuid() == 0, "giving files to a group needs root"))
    func `files and directory belong to the group where it exists`() throws {
        let scratch = Scratch()
        scratch.write("group", Bytes("inquest:x:54321:\n".utf8))
        var options = smallOptions()
        options.groupFile = scratch.path + "/group"
        let path = scratch.path + "/recording"
        try record(path, sampleEvents(1..<5), options)
        var facts = stat()
        for name in ["", "/lock", "/" + SegmentName.of(1)] {
            #expect(lstat(path + name, &facts) == 0 && facts.st_gid == 54321)
        }
    }

    @Test func `a symlink in the place of a file is never followed`() throws {
        let scratch = Scratch()
        let victim = scratch.path + "/precious"
        scratch.write("precious", Bytes("keep me".utf8))
        let path = scratch.path + "/recording"
        mkdir(path, 0o750)
        symlink(victim, path + "/" + SegmentName.of(1))
        symlink(victim, path + "/spare.inq")
        try record(path, sampleEvents(1..<2000))
        #expect(scratch.read("precious") == Bytes("keep me".utf8))
        unlink(path + "/lock")
        symlink(victim, path + "/lock")
        #expect(throws: RecordingError.notWritable(directory: path, errno: ELOOP)) {
            _ = try RecordingWriter.open(path, smallOptions())
        }
        #expect(scratch.read("precious") == Bytes("keep me".utf8))
    }

    @Test(arguments: ["lock", "spare.inq", SegmentName.of(1)])
    func `a hard link in the place of a file is never written`(name: String) throws {
        let scratch = Scratch()
        let precious = Bytes(repeating: 7, count: 5000)
        scratch.write("precious", precious)
        let path = scratch.path + "/recording"
        mkdir(path, 0o750)
        #expect(link(scratch.path + "/precious", path + "/" + name) == 0)
        if name == "lock" {
            #expect(throws: RecordingError.untrusted(path: path + "/lock", why: "has another name (a hard link)")) {
                _ = try RecordingWriter.open(path, smallOptions())
            }
        } else {
            try record(path, sampleEvents(1..<2000))
            #expect(events(try RecordingReader(path)).count == 1999)
        }
        #expect(scratch.read("precious") == precious)
    }

    @Test func `a pipe in the place of a segment holds nobody`() throws {
        let scratch = Scratch()
        try record(scratch.path, sampleEvents(1..<50))
        #expect(mkfifo(scratch.path + "/" + SegmentName.of(9), 0o600) == 0)
        #expect(events(try RecordingReader(scratch.path)).count == 49)
        let (writer, recovered) = try RecordingWriter.open(scratch.path, smallOptions())
        writer.appendAll(sampleEvents(recovered.nextSeq..<recovered.nextSeq + 5))
        #expect(writer.close())
        #expect(events(try RecordingReader(scratch.path)).count == 54)
    }

    @Test(arguments: [0o777, 0o1777, 0o702] as [mode_t])
    func `a directory that others can write is refused, and nothing is made in it`(mode: mode_t) throws {
        let scratch = Scratch()
        let path = scratch.path + "/recording"
        mkdir(path, 0o750)
        chmod(path, mode)
        let error = RecordingError.untrusted(path: path, why: "may be written by everybody")
        #expect(throws: error) { _ = try RecordingWriter.open(path, smallOptions()) }
        #expect(error.message.contains(path) && error.message.contains("--dir"))
        #expect(access(path + "/lock", F_OK) != 0)
        // Who reads a copy need not trust its directory.
        chmod(path, 0o750)
        try record(path, sampleEvents(1..<5))
        chmod(path, mode)
        #expect(events(try RecordingReader(path)).count == 4)
    }

    @Test(.enabled(if: getuid() == 0, "giving files to another user needs root"))
    func `a directory, or a file in it, that belongs to another user is refused`() throws {
        let scratch = Scratch()
        let path = scratch.path + "/recording"
        try record(path, sampleEvents(1..<5))
        chown(path + "/lock", 65534, 0)
        let why = "belongs to another user (uid 65534)"
        #expect(throws: RecordingError.untrusted(path: path + "/lock", why: why)) {
            _ = try RecordingWriter.open(path, smallOptions())
        }
        chown(path + "/lock", 0, 0)
        chown(path, 65534, 0)
        #expect(throws: RecordingError.untrusted(path: path, why: why)) {
            _ = try RecordingWriter.open(path, smallOptions())
        }
        chown(path, 0, 12345)
        chmod(path, 0o770)
        #expect(throws: RecordingError.untrusted(path: path, why: "may be written by the group 12345")) {
            _ = try RecordingWriter.open(path, smallOptions())
        }
    }

    @Test func `a directory that cannot be made or written is a clear error`() throws {
        let scratch = Scratch()
        let missing = scratch.path + "/none/deeper"
        #expect(throws: RecordingError.notWritable(directory: missing, errno: ENOENT)) {
            _ = try RecordingWriter.open(missing, smallOptions())
        }
        // Root may write anywhere but here.
        #expect {
            _ = try RecordingWriter.open("/proc/self/recording", smallOptions())
        } throws: { error in
            guard case RecordingError.notWritable(directory: "/proc/self/recording", _) = error else { return false }
            return (error as? RecordingError)?.message.contains("/proc/self/recording") == true
        }
    }

    @Test func `reading where there is no recording says so`() {
        let scratch = Scratch()
        #expect(throws: RecordingError.notARecording(directory: scratch.path)) { _ = try RecordingReader(scratch.path) }
        let missing = scratch.path + "/none"
        #expect(throws: RecordingError.notARecording(directory: missing)) { _ = try RecordingReader(missing) }
    }

    @Test func `a recording that needs a newer reader is refused, by reader and writer, naming the versions`() throws {
        let scratch = Scratch()
        try record(scratch.path, sampleEvents(1..<5))
        let name = SegmentName.of(1)
        var bytes = scratch.read(name)
        bytes.withUnsafeMutableBytes { raw in
            guard var header = SegmentHeader(block: UnsafeRawBufferPointer(raw)) else { return }
            header.version = 7
            header.readerVersion = 7
            header.write(UnsafeMutableRawBufferPointer(rebasing: raw[0..<4096]))
        }
        scratch.write(name, bytes)
        let error = RecordingError.newerFormat(file: scratch.path + "/" + name, version: 7, supported: Format.version)
        #expect(throws: error) { _ = try RecordingReader(scratch.path) }
        #expect(throws: error) { _ = try RecordingWriter.open(scratch.path, smallOptions()) }
        #expect(error.message.contains("version 7") && error.message.contains("up to \(Format.version)"))
    }

    @Test func `a later version that says older readers may read it is read`() throws {
        let scratch = Scratch()
        let written = sampleEvents(1..<200)
        try record(scratch.path, written)
        let name = try #require(scratch.segments.first)
        var bytes = scratch.read(name)
        bytes.withUnsafeMutableBytes { raw in
            guard var header = SegmentHeader(block: UnsafeRawBufferPointer(raw)) else { return }
            header.version = Format.version + 6
            header.write(UnsafeMutableRawBufferPointer(rebasing: raw[0..<4096]))
        }
        scratch.write(name, bytes)
        let reader = try RecordingReader(scratch.path)
        #expect(reader.segments.first?.formatVersion == Format.version + 6)
        #expect(events(reader) == written)
    }

    @Test func `one segment of a newer format among older ones is enough to refuse, not to read half`() throws {
        let scratch = Scratch()
        try record(scratch.path, sampleEvents(1..<3000))
        let name = try #require(scratch.segments.last)
        #expect(scratch.segments.count > 2)
        var bytes = scratch.read(name)
        bytes.withUnsafeMutableBytes { raw in
            guard var header = SegmentHeader(block: UnsafeRawBufferPointer(raw)) else { return }
            header.version = Format.version + 1
            header.readerVersion = header.version
            // What a newer version may have made of these fields is not ours to judge.
            header.pageBytes = 1 << 20
            header.segmentBytes = 1
            header.write(UnsafeMutableRawBufferPointer(rebasing: raw[0..<4096]))
        }
        scratch.write(name, bytes)
        let file = scratch.path + "/" + name
        let (newer, ours) = (Format.version + 1, Format.version)
        #expect(throws: RecordingError.newerFormat(file: file, version: newer, supported: ours)) {
            _ = try RecordingReader(scratch.path)
        }
    }

    @Test(arguments: [UInt64.max, UInt64.max - 1, Format.numberLimit])
    func `numbers that nobody can have counted to are nothing, and recording goes on`(number: UInt64) throws {
        let scratch = Scratch()
        let written = sampleEvents(1..<400)
        try record(scratch.path, written)
        let name = SegmentName.of(1)
        for field in [\SegmentHeader.generation, \.firstSeq, \.previousNextSeq] {
            var bytes = scratch.read(name)
            bytes.withUnsafeMutableBytes { raw in
                guard var header = SegmentHeader(block: UnsafeRawBufferPointer(raw)) else { return }
                header[keyPath: field] = number
                header.write(UnsafeMutableRawBufferPointer(rebasing: raw[0..<4096]))
            }
            scratch.write("segment-" + String(number - 1, radix: 16) + ".inq", bytes)
        }
        var bytes = scratch.read(name)
        bytes.withUnsafeMutableBytes { raw in
            let unit = Layout.firstDataUnit * 4096
            let page = UnsafeMutableRawBufferPointer(rebasing: raw[unit..<unit + 4096])
            guard var header = PageHeader(UnsafeRawBufferPointer(page)) else { return }
            header.firstSeq = number
            header.seal(page)
            #expect(PageHeader(UnsafeRawBufferPointer(page)) == nil)
        }
        let (writer, recovered) = try RecordingWriter.open(scratch.path, smallOptions())
        writer.appendAll(sampleEvents(recovered.nextSeq..<recovered.nextSeq + 5))
        #expect(writer.close())
        #expect(events(try RecordingReader(scratch.path)).count == written.count + 5)
    }

    @Test func `a copy with missing, doubled, renamed and foreign segments is read by what the segments say`() throws {
        let scratch = Scratch()
        let other = Scratch()
        let copy = Scratch()
        let written = sampleEvents(1..<4000)
        try record(scratch.path, written)
        try record(other.path, sampleEvents(1..<50, seed: 9))
        let names = scratch.segments
        #expect(names.count >= 5)
        // Names in reverse, the third left out, the first twice.
        for (place, name) in names.enumerated() where place != 2 {
            copy.write(SegmentName.of(UInt64(100 - place)), scratch.read(name))
        }
        copy.write(SegmentName.of(1), scratch.read(names[0]))
        copy.write(SegmentName.of(200), other.read(SegmentName.of(1)))
        let reader = try RecordingReader(copy.path)
        #expect(reader.segments.map(\.generation) == [1, 2] + (4...UInt64(names.count)))
        #expect(reader.ignored.count == 2)
        // The copy whose name does not fit, and the stranger: verify names both.
        #expect(try verify(copy.path).ignored.sorted() == [SegmentName.of(100), SegmentName.of(200)])
        var gaps: [RecordingGap] = []
        var read: [Event] = []
        let note = { (event: Event) in
            if case .snapshot = event.payload { return }
            read.append(event)
        }
        reader.forEach(gap: { gaps.append($0) }, note)
        #expect(gaps.count == 1)
        let gap = try #require(gaps.first)
        #expect(gap.cause == .missingSegments)
        #expect(read == written.filter { $0.seq <= gap.afterSeq || $0.seq >= gap.beforeSeq })
        #expect(reader.damage.isEmpty)
    }

    @Test func `a wall clock set back between two segments hides nothing that came after a moment`() throws {
        let files = MemoryFiles()
        let now = SharedClock()
        let offset = SharedClock()
        var options = smallOptions(segmentBytes: 32 << 10)
        options.clock = {
            var snapshot = ClockSnapshot()
            snapshot.boottimeNs = now.boottimeNs.load(ordering: .relaxed)
            snapshot.realtimeNs = offset.boottimeNs.load(ordering: .relaxed) + snapshot.boottimeNs
            return snapshot
        }
        let day: UInt64 = 1_000_000_000_000
        offset.boottimeNs.store(9 * day, ordering: .relaxed)
        let (writer, _) = try RecordingWriter.open("memory", options, files: files)
        for seq in 1..<2000 as Range<UInt64> {
            var event = EventSamples.event(.memory, seed: seq, seq: seq)
            event.boottimeNs = seq * 1_000_000
            // Half-way the clock goes back by five days.
            if seq == 1000 { offset.boottimeNs.store(4 * day, ordering: .relaxed) }
            now.boottimeNs.store(event.boottimeNs, ordering: .relaxed)
            #expect(writer.append(event) { state(before: seq) })
            if seq % 100 == 0 { writer.commitAndWait(upTo: seq) }
        }
        #expect(writer.close())
        let reader = try RecordingReader("memory", files: files)
        #expect(reader.segments.count > 4)
        // Before the step, by the clock of that time.
        #expect(reader.firstSeq(sinceRealtimeNs: 9 * day + 500 * 1_000_000) == 500)
        // A moment that only the later clock shows comes first in the older one's days.
        #expect(reader.firstSeq(sinceRealtimeNs: 4 * day + 1900 * 1_000_000) == 1)
        #expect(reader.firstSeq(sinceRealtimeNs: 10 * day) == nil)
    }

    @Test func `a host renamed and another boot are what their segments say`() throws {
        let files = MemoryFiles()
        let runs = [("before", testBoot), ("after", testBoot), ("after", BootID(high: 9, low: 9))]
        for (host, boot) in runs {
            var options = smallOptions()
            options.host = Bytes(host.utf8)
            options.bootID = boot
            let (writer, recovered) = try RecordingWriter.open("memory", options, files: files)
            let seq = recovered.nextSeq
            #expect(writer.append(EventSamples.event(.load, seed: 1, seq: seq)) { state(before: seq) })
            #expect(writer.close())
        }
        let reader = try RecordingReader("memory", files: files)
        #expect(reader.segments.map { String(decoding: $0.host, as: UTF8.self) } == runs.map(\.0))
        #expect(reader.segments.map(\.bootID) == runs.map(\.1))
        #expect(verify(reader).gaps.isEmpty)
        let (writer, recovered) = try RecordingWriter.open("memory", smallOptions(), files: files)
        #expect(recovered.lastBootID == BootID(high: 9, low: 9))
        writer.close()
    }

    @Test func `events since a moment of the wall clock begin at the first one after it`() throws {
        let written: [Event] = (1..<2000 as Range<UInt64>).map {
            var event = EventSamples.event(.memory, seed: $0, seq: $0)
            event.boottimeNs = 1000 + $0 * 1_000_000
            return event
        }
        let start: UInt64 = 1_700_000_000_000_000_000
        let appended = SharedClock()
        var options = smallOptions(segmentBytes: 32 << 10)
        options.clock = {
            var snapshot = ClockSnapshot()
            snapshot.boottimeNs = appended.boottimeNs.load(ordering: .relaxed)
            snapshot.realtimeNs = start + snapshot.boottimeNs - 1000
            return snapshot
        }
        let files = MemoryFiles()
        let (writer, _) = try RecordingWriter.open("memory", options, files: files)
        for event in written {
            appended.boottimeNs.store(event.boottimeNs, ordering: .relaxed)
            #expect(writer.append(event) { state(before: event.seq) })
            if event.seq % 100 == 0 { writer.commitAndWait(upTo: event.seq) }
        }
        writer.close()
        let reader = try RecordingReader("memory", files: files)
        #expect(reader.segments.count > 3)
        #expect(reader.firstSeq(sinceRealtimeNs: start) == 1)
        #expect(reader.firstSeq(sinceRealtimeNs: start + 700 * 1_000_000) == 700)
        #expect(reader.firstSeq(sinceRealtimeNs: start + 700 * 1_000_000 + 1) == 701)
        #expect(reader.firstSeq(sinceRealtimeNs: start + 5000 * 1_000_000) == nil)
        #expect(reader.firstSeq(since: Moment(boottimeNs: 1000 + 900 * 1_000_000), boot: testBoot) == 900)
        #expect(reader.firstSeq(since: Moment(boottimeNs: 1), boot: .unknown) == nil)
    }
}
