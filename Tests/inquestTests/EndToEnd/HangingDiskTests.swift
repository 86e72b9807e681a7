import Events
import Glibc
import Incidents
import Synchronization
import Testing

@testable import Live
@testable import Recording
@testable import inquest

/// The file system itself, whose writes return when the test lets them.
private final class HangingDisk: RecordingFiles {
    private let system = SystemFiles()
    private let hangs = Atomic(false)
    private let held = Atomic(0)

    func hang() { hangs.store(true, ordering: .releasing) }
    func go() { hangs.store(false, ordering: .releasing) }
    var holdsAWrite: Bool { held.load(ordering: .acquiring) > 0 }

    func write(_ file: Int32, _ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileError) {
        held.add(1, ordering: .acquiringAndReleasing)
        while hangs.load(ordering: .acquiring) { usleep(500) }
        held.subtract(1, ordering: .acquiringAndReleasing)
        try system.write(file, buffers, at: offset)
    }

    func openDirectory(_ path: String, create: Bool) throws(FileError) -> Int32 {
        try system.openDirectory(path, create: create)
    }
    func open(_ directory: Int32, _ name: String, _ mode: OpenMode) throws(FileError) -> Int32 {
        try system.open(directory, name, mode)
    }
    func close(_ file: Int32) { system.close(file) }
    func list(_ directory: Int32) throws(FileError) -> [String] { try system.list(directory) }
    func size(_ file: Int32) throws(FileError) -> Int { try system.size(file) }
    func identity(_ file: Int32) throws(FileError) -> FileIdentity { try system.identity(file) }
    func read(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try system.read(file, buffer, at: offset)
    }
    func allocate(_ file: Int32, _ bytes: Int) throws(FileError) { try system.allocate(file, bytes) }
    func truncate(_ file: Int32, _ bytes: Int) throws(FileError) { try system.truncate(file, bytes) }
    func sync(_ file: Int32) throws(FileError) { try system.sync(file) }
    func rename(_ directory: Int32, _ from: String, _ to: String) throws(FileError) {
        try system.rename(directory, from, to)
    }
    func unlink(_ directory: Int32, _ name: String) throws(FileError) { try system.unlink(directory, name) }
    func lock(_ file: Int32) throws(FileError) -> Bool { try system.lock(file) }
    func give(_ file: Int32, group: UInt32) throws(FileError) { try system.give(file, group: group) }
}

@Suite struct HangingDiskTests {
    private func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0..<20_000 {
            if condition() { return true }
            usleep(1000)
        }
        return false
    }

    private func event(_ number: UInt64) -> Event {
        var change = CgroupChange()
        change.id = number
        // Nothing that a block could pack.
        var state = number
        change.path = (0..<100).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        return Event(boottimeNs: number, .cgroup(change))
    }

    /// What has come through the socket so far.
    private func receive(_ socket: Int32, _ decoder: inout LiveDecoder) throws -> [UInt64] {
        var numbers: [UInt64] = []
        var block = Bytes(repeating: 0, count: 65536)
        while case let count = recv(socket, &block, block.count, Int32(MSG_DONTWAIT)), count > 0 {
            decoder.feed(block.span.extracting(..<count))
            while let item = try decoder.next() { if case .events(let events) = item { numbers += events.map(\.seq) } }
        }
        return numbers
    }

    @Test func `while the disk hangs live readers see everything, and the recording has what fitted into memory`()
        throws
    {
        let scratch = try Scratch()
        let disk = HangingDisk()
        let boot = BootID(high: 1, low: 2)
        var options = RecordingOptions(bootID: boot, host: []) { ClockSnapshot() }
        options.queueBytes = 128 << 10
        options.groupFile = "/nonexistent"
        let (writer, _) = try RecordingWriter.open(scratch.path("recording"), options, files: disk)
        let live = try LiveServer(path: scratch.path("live.sock"), bootID: boot)
        defer { live.close() }
        let socket = try UnixSocket.connect(live.path)
        defer { close(socket) }
        let request = LiveProtocol.request()
        #expect(send(socket, request, request.count, 0) == request.count)
        for _ in 0..<2 { live.service() }
        var decoder = LiveDecoder()
        var spine = Spine(
            writer: writer, live: live, correlator: Correlator(), nextSeq: 1, observe: { _ in }, report: { _ in })
        _ = spine.take(event(1))
        writer.commit()
        #expect(eventually { writer.acknowledgedSeq == 1 })
        disk.hang()
        var seen: [UInt64] = []
        for number in 2...6000 as ClosedRange<UInt64> {
            _ = spine.take(event(number))
            guard number % 50 == 0 else { continue }
            writer.commit()
            live.flush()
            live.service()
            seen += try receive(socket, &decoder)
        }
        #expect(seen == Array(1...6000))
        #expect(eventually { disk.holdsAWrite })
        #expect(writer.acknowledgedSeq == 1)
        let refused = writer.figures.droppedEvents
        #expect(refused > 2000)
        disk.go()
        #expect(eventually { writer.acknowledgedSeq >= 6000 - refused })
        var losses: [Lost] = []
        writer.takeLosses { losses.append($0) }
        #expect(losses == [Lost(source: .recordingMemoryFull, count: refused)])
        for lost in losses { _ = spine.take(Event(boottimeNs: 6001, .lost(lost))) }
        #expect(writer.close())
        let report = try verify(scratch.path("recording"))
        #expect(report.events == 6000 - Int(refused) + 1)
        #expect(report.gaps.map(\.cause) == [.notRecorded])
        #expect(report.damage.isEmpty)
    }
}
