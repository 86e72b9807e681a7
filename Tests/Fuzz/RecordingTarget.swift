import EventSamples
import Events
import Glibc

@testable import Recording

/// Segments as a reader, `verify` and a recorder that starts may find them.
///
/// Segments of a few blocks of 4096 bytes, nearly all zeros, would leave the fuzzer little to find: its bytes are chunks, each put
/// at the beginning of a block of a segment. Checksums are set right afterwards (unless the first byte is odd): what stands behind
/// them is what this is about.
///
///     fix:u8  { place:u8 (segment << 5 | block)  length:u16 little-endian  bytes }...
enum RecordingTarget: FuzzTarget {
    static let name = "recording"

    static func run(_ bytes: [UInt8]) {
        var files = segments(bytes)
        if (bytes.first ?? 1) & 1 == 0 { for name in files.keys { fix(&files[name, default: []]) } }
        let held = HeldFiles(files)
        read(held)
        start(held)
    }

    private static func segments(_ bytes: [UInt8]) -> [String: [UInt8]] {
        var input = Input(bytes)
        _ = input.byte()
        var files: [String: [UInt8]] = [:]
        while !input.isEmpty {
            let place = input.byte()
            let length = Int(input.byte()) | Int(input.byte()) << 8
            let chunk = input.take(min(length, 4096))
            let name = SegmentName.of(UInt64(place >> 5) + 1)
            let start = Int(place & 31) * 4096
            var file = files[name] ?? []
            // What was never written to is shorter, or zero.
            if file.count < start + 4096 { file += [UInt8](repeating: 0, count: start + 4096 - file.count) }
            file.replaceSubrange(start..<start + chunk.count, with: chunk)
            files[name] = file
        }
        return files
    }

    private static func fix(_ file: inout [UInt8]) {
        file.withUnsafeMutableBytes { bytes in
            for start in SegmentHeader.copies where bytes.count >= start + SegmentHeader.size {
                let copy = UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + SegmentHeader.size])
                copy.put(crc32c(UnsafeRawBufferPointer(rebasing: copy[12...])), 8)
            }
            for start in stride(from: 4096, to: bytes.count, by: 4096) {
                let page = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
                let used = UnsafeRawBufferPointer(page).get(UInt32.self, 36)
                guard Int(used) <= page.count - PageHeader.size else { continue }
                page.put(crc32c(UnsafeRawBufferPointer(rebasing: page[8..<PageHeader.size + Int(used)])), 4)
            }
        }
    }

    private static func read(_ files: HeldFiles) {
        guard let reader = try? RecordingReader("fuzz", files: files) else { return }
        var last: UInt64 = 0
        var count = 0
        let take = { (event: Event) in
            count += 1
            if case .snapshot = event.payload { return }
            precondition(event.seq > last || last == 0, "numbers only grow")
            last = event.seq
        }
        var gaps: [RecordingGap] = []
        reader.forEach(gap: { gaps.append($0) }, take)
        for gap in gaps { precondition(gap.afterSeq &+ 1 < gap.beforeSeq || gap.afterSeq == .max, gap.message) }
        for place in reader.damage { precondition(!place.message.isEmpty) }
        if let newest = reader.newestClosedIncident() {
            precondition(reader.closedIncidents().contains { $0.openingSeq == newest.openingSeq })
        }
        _ = reader.newestSnapshot()
        _ = reader.firstSeq(sinceRealtimeNs: 1_700_000_000_000_000_000)
        _ = reader.firstSeq(since: Moment(boottimeNs: 5), boot: reader.segments.first?.bootID ?? .unknown)
        guard let again = try? RecordingReader("fuzz", files: files) else { fatalError("read once, and not again") }
        let report = verify(again)
        precondition(report.gaps == gaps)
        precondition(report.events + report.snapshots == count)
    }

    private static func start(_ files: HeldFiles) {
        var options = RecordingOptions(bootID: BootID(high: 1, low: 2), host: []) { ClockSnapshot() }
        options.pageBytes = 4096
        options.segmentBytes = 32 << 10
        options.totalBytes = 256 << 10
        options.groupFile = "/nonexistent"
        guard let directory = try? RecordingDirectory("fuzz", options, files) else { return }
        defer { directory.close() }
        guard let listing = try? Listing.of(directory.descriptor, path: "fuzz", files),
            let recovery = try? Recovery(directory, listing, options, files)
        else { return }
        if let last = recovery.recovered.lastSeq { precondition(recovery.recovered.nextSeq > last) }
        recovery.recovered.forEachEvent { _ in }
        _ = try? recovery.store.begin(firstSeq: recovery.recovered.nextSeq, openIncidents: recovery.openIncidents) {
            _ in
        }
    }

    // MARK: - Seeds

    static var seeds: [(name: String, bytes: [UInt8])] {
        var large = IncidentRecord()
        large.openingSeq = 3
        large.state = .closed
        large.document = EventSamples.noise(4500, seed: 7)
        let few = (1...6 as ClosedRange<UInt64>).map { EventSamples.event(seq: $0, seed: 1, longestName: 8) }
        var stopped = few
        stopped.append(Event(seq: 7, boottimeNs: 7, .recorderStop(RecorderStop())))
        var spread = Array(few.prefix(2))
        spread.append(Event(seq: 3, boottimeNs: 3, .incident(large)))
        spread += few.suffix(3)
        // A number left out begins another page: these are of three segments.
        let many = (1...12 as ClosedRange<UInt64>).map { EventSamples.event(.load, seed: $0, seq: 2 * $0) }
        return [
            ("few", recorded(few)), ("stopped", recorded(stopped)), ("spread", recorded(spread)),
            ("segments", recorded(many)), ("restarted", recorded(few, few)),
        ]
    }

    /// Records, and gives the chunks of what came of it.
    private static func recorded(_ runs: [Event]...) -> [UInt8] {
        let held = HeldFiles([:])
        var options = RecordingOptions(bootID: BootID(high: 1, low: 2), host: Array("fuzz".utf8)) {
            var clock = ClockSnapshot()
            clock.realtimeNs = 1_700_000_000_000_000_000
            return clock
        }
        options.pageBytes = 4096
        options.segmentBytes = 32 << 10
        options.totalBytes = 8 << 20
        options.zeroAhead = false
        options.seqMargin = 100
        options.groupFile = "/nonexistent"
        for run in runs {
            guard let (writer, recovered) = try? RecordingWriter.open("fuzz", options, files: held) else {
                fatalError()
            }
            for var event in run {
                event.seq += recovered.nextSeq - 1
                precondition(writer.append(event) { Array("state".utf8) })
                writer.commit()
                while writer.acknowledgedSeq < event.seq { usleep(100) }
            }
            precondition(writer.close())
        }
        var bytes: [UInt8] = [0]
        for (place, name) in held.names.filter({ SegmentName.generation($0) != nil }).sorted().enumerated() {
            let file = held.contents(name)
            for block in 0..<min(file.count / 4096, 32) {
                var chunk = Array(file[block * 4096..<block * 4096 + 4096])
                while chunk.last == 0 { chunk.removeLast() }
                if chunk.isEmpty { continue }
                bytes += [UInt8(place << 5 | block), UInt8(chunk.count & 255), UInt8(chunk.count >> 8)] + chunk
            }
        }
        return bytes
    }
}
