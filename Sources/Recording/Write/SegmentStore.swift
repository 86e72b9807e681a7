import Events
import Glibc

/// A segment as retention sees it.
struct KeptSegment: Equatable, Sendable {
    var name: String
    var generation: UInt64
    var firstSeq: UInt64
    /// The number after its last event.
    var nextSeq: UInt64
    var heldIncident: Bool
    var bytes: Int
}

/// Which segment goes when there is no room for another.
enum Retention {
    /// The oldest without an incident; else the oldest whose incidents are closed; else, all being one open incident's, the
    /// one in the middle, so that its onset and its last moments stay.
    ///
    /// - Parameters:
    ///   - segments: in order of generation.
    ///   - oldestOpen: opening number of the oldest open incident.
    /// - Returns: the place in `segments`, and whether an open incident was thinned.
    static func victim(_ segments: [KeptSegment], oldestOpen: UInt64?) -> (place: Int, thinned: Bool)? {
        guard !segments.isEmpty else { return nil }
        func guarded(_ place: Int, _ holds: (KeptSegment) -> Bool) -> Bool {
            // What came just before an incident is where its growth is.
            holds(segments[place]) || (place + 1 < segments.count && holds(segments[place + 1]))
        }
        func ofOpen(_ segment: KeptSegment) -> Bool {
            guard let oldestOpen else { return false }
            return segment.nextSeq > oldestOpen
        }
        let places = segments.indices
        if let place = places.first(where: { !guarded($0) { $0.heldIncident || ofOpen($0) } }) { return (place, false) }
        if let place = places.first(where: { !guarded($0, ofOpen) }) { return (place, false) }
        return (segments.count / 2, true)
    }
}

/// The segments' files: makes, recycles and seals them. Used by the disk thread alone.
final class SegmentStore {
    private let files: any RecordingFiles
    private let directory: RecordingDirectory
    private let options: RecordingOptions
    private let geometry: Geometry
    private let recording: UInt64
    private var nextGeneration: UInt64
    /// In order of generation; the segment being written is not among them.
    private(set) var kept: [KeptSegment]
    /// Files without a readable header: the first to be used again.
    private var headless: [(name: String, fileBytes: Int)]
    private var spareReady = false
    private var zeroing: Zeroing?
    private let block = AlignedBuffer(Layout.block)
    private var zeros: AlignedBuffer?
    private var direct = true

    /// The segment being written.
    struct Open {
        var file: Int32
        var name: String
        var header: SegmentHeader
        /// Bytes of the file that were written once, be it with zeros; from there on only their space is taken.
        var writtenTo: Int
    }

    init(
        _ directory: RecordingDirectory, _ options: RecordingOptions, _ files: any RecordingFiles, _ listing: Listing,
        kept: [KeptSegment], recording: UInt64
    ) {
        self.files = files
        self.directory = directory
        self.options = options
        self.recording = recording
        self.kept = kept
        geometry = options.geometry
        nextGeneration = listing.nextGeneration
        headless = listing.headless
        // A spare that an earlier run left may be half zeroed.
        if listing.hasSpare { try? files.unlink(directory.descriptor, SegmentName.spare) }
    }

    var bytes: Int {
        kept.reduce(0) { $0 + $1.bytes } + headless.reduce(0) { $0 + $1.fileBytes }
            + (spareReady || zeroing != nil ? geometry.segmentBytes : 0)
    }

    /// Begins a segment on disk: its header is durable when this returns.
    ///
    /// - Parameter thinned: told the number of events that an open incident lost for the room.
    func begin(
        firstSeq: UInt64, openIncidents: [UInt64], thinned: (UInt64) -> Void
    ) throws(RecordingError) -> Open {
        // The one before this, even when it is not there any more: readers are to know of it.
        let previous = kept.last
        moveWithPath()
        let name = SegmentName.of(nextGeneration)
        var header = SegmentHeader()
        header.pageBytes = UInt32(geometry.pageBytes)
        header.segmentBytes = UInt64(geometry.segmentBytes)
        header.generation = nextGeneration
        header.recording = recording
        header.firstSeq = firstSeq
        header.previousNextSeq = previous?.nextSeq ?? 0
        header.previousGeneration = previous?.generation ?? 0
        header.previousHeldIncident = previous?.heldIncident ?? false
        header.openIncidents = openIncidents
        header.bootID = options.bootID
        header.clock = options.clock()
        header.host = options.host
        // With the places of the tail, which are written first.
        let writtenTo = Layout.firstDataUnit * geometry.pageBytes
        // The name is used up even when what follows fails.
        nextGeneration += 1
        let (file, isNew) = try openFile(name, oldestOpen: openIncidents.first, thinned: thinned)
        do {
            if let group = directory.group { try? files.give(file, group: group) }
            unsafe header.write(block.raw)
            var parts = unsafe [UnsafeRawBufferPointer(block.raw)]
            if isNew { unsafe parts.append(someZeros(writtenTo - Layout.block)) }
            try unsafe files.write(file, parts, at: 0)
            try files.sync(directory.descriptor)
        } catch {
            files.close(file)
            headless.append((name, geometry.segmentBytes))
            // Some file systems take O_DIRECT when opening and refuse it when writing: the next try goes without.
            if error.errno == EINVAL { direct = false }
            throw .failed(operation: "begin", file: directory.path + "/" + name, errno: error.errno)
        }
        return Open(
            file: file, name: name, header: header, writtenTo: isNew ? writtenTo : geometry.segmentBytes)
    }

    /// Whether a segment's file can still be reached by a name: what is written into it otherwise would be gone with it.
    func isNamed(_ open: Open) throws(FileError) -> Bool {
        if !directory.countsNames { return true }
        return try files.identity(open.file).links > 0
    }

    /// The path says where to record, not the directory that it led to once. Without success the old one has to do.
    private func moveWithPath() {
        guard (try? directory.follow()) == true, let names = try? files.list(directory.descriptor) else { return }
        let there = Set(names)
        kept.removeAll { !there.contains($0.name) }
        headless.removeAll { !there.contains($0.name) }
        spareReady = false
        zeroing?.abandon(files, directory.descriptor)
        zeroing = nil
        for generation in names.compactMap(SegmentName.generation) {
            nextGeneration = max(nextGeneration, generation + 1)
        }
    }

    /// Closes the segment being written and keeps it.
    ///
    /// - Parameter usedBytes: when given, the file is cut to this size: nothing will be added to it.
    func seal(_ open: Open, nextSeq: UInt64, heldIncident: Bool, cutTo usedBytes: Int? = nil) {
        var bytes = geometry.segmentBytes
        if let usedBytes, (try? files.truncate(open.file, usedBytes)) != nil { bytes = usedBytes }
        files.close(open.file)
        kept.append(
            KeptSegment(
                name: open.name, generation: open.header.generation, firstSeq: open.header.firstSeq,
                nextSeq: max(nextSeq, open.header.firstSeq), heldIncident: heldIncident, bytes: bytes))
    }

    /// Closes a segment into which nothing could be written: the next one takes its file.
    func discard(_ open: Open) {
        files.close(open.file)
        headless.append((open.name, geometry.segmentBytes))
    }

    private func openFile(
        _ name: String, oldestOpen: UInt64?, thinned: (UInt64) -> Void
    ) throws(RecordingError) -> (file: Int32, isNew: Bool) {
        if spareReady {
            spareReady = false
            do {
                try files.rename(directory.descriptor, SegmentName.spare, name)
                return (try openDurable(name), false)
            } catch {
                try? files.unlink(directory.descriptor, SegmentName.spare)
                try? files.unlink(directory.descriptor, name)
            }
        }
        if let zeroing {
            // Not finished in time: its space is wanted now.
            zeroing.abandon(files, directory.descriptor)
            self.zeroing = nil
        }
        while bytes + geometry.segmentBytes > geometry.totalBytes {
            if let file = try recycle(name, oldestOpen: oldestOpen, thinned: thinned) { return (file, false) }
        }
        while true {
            do {
                return (try create(name), true)
            } catch {
                guard error.errno == ENOSPC || error.errno == EDQUOT else {
                    throw .failed(operation: "create", file: directory.path + "/" + name, errno: error.errno)
                }
            }
            // The disk is full, not the recording: the newest segment holds what was acknowledged last, and stays.
            guard headless.count > 0 || kept.count > 1 else { throw .full(directory: directory.path) }
            if let file = try recycle(name, oldestOpen: oldestOpen, thinned: thinned) { return (file, false) }
        }
    }

    /// Gives up the segment that matters least.
    ///
    /// - Returns: its file under the new name, when it has the right size; `nil` when it was removed instead.
    private func recycle(
        _ name: String, oldestOpen: UInt64?, thinned: (UInt64) -> Void
    ) throws(RecordingError) -> Int32? {
        let unused = headless.first
        let victim = unused == nil ? Retention.victim(kept, oldestOpen: oldestOpen) : nil
        guard let old = unused?.name ?? victim.map({ kept[$0.place].name }) else {
            throw .full(directory: directory.path)
        }
        let oldBytes = unused?.fileBytes ?? victim.map { kept[$0.place].bytes } ?? 0
        // Only what is gone is forgotten: on a disk that refuses, it is there and takes its room for as long.
        func forget() {
            guard let victim else {
                headless.removeFirst()
                return
            }
            let segment = kept.remove(at: victim.place)
            if victim.thinned { thinned(segment.nextSeq - segment.firstSeq) }
        }
        if oldBytes == geometry.segmentBytes, (try? files.rename(directory.descriptor, old, name)) != nil {
            forget()
            do { return try openDurable(name) } catch {
                headless.append((name, oldBytes))
                throw .failed(operation: "open", file: directory.path + "/" + name, errno: error.errno)
            }
        }
        do { try files.unlink(directory.descriptor, old) } catch  where error.errno != ENOENT {
            throw .failed(operation: "remove", file: directory.path + "/" + old, errno: error.errno)
        } catch {}
        forget()
        return nil
    }

    private func create(_ name: String) throws(FileError) -> Int32 {
        let file: Int32
        do {
            file = try files.open(directory.descriptor, name, .create(direct: direct))
        } catch {
            guard direct, error.errno == EINVAL else { throw error }
            direct = false
            try? files.unlink(directory.descriptor, name)
            file = try files.open(directory.descriptor, name, .create(direct: false))
        }
        do {
            try files.allocate(file, geometry.segmentBytes)
        } catch {
            files.close(file)
            try? files.unlink(directory.descriptor, name)
            throw error
        }
        return file
    }

    private func openDurable(_ name: String) throws(FileError) -> Int32 {
        do {
            return try files.open(directory.descriptor, name, .durable(direct: direct))
        } catch {
            guard direct, error.errno == EINVAL else { throw error }
            direct = false
            return try files.open(directory.descriptor, name, .durable(direct: false))
        }
    }

    /// Writes some of the zeros that a file made just now lacks, ahead of its pages: the first write into space that was only taken
    /// changes the file system's metadata, and a commit would have to wait for its journal.
    ///
    /// - Parameter place: where the next page goes, bytes.
    /// - Returns: whether there is more to do.
    func zeroAhead(_ open: inout Open, of place: Int) -> Bool {
        guard options.zeroAhead, open.writtenTo < geometry.segmentBytes else { return false }
        let begin = max(open.writtenTo, place)
        let count = min(Self.zeroBytes, geometry.segmentBytes - begin)
        // A disk that refuses: the pages to come will hear so themselves.
        let done = count > 0 && (try? unsafe files.write(open.file, someZeros(count), at: begin)) != nil
        open.writtenTo = done ? begin + count : geometry.segmentBytes
        if open.writtenTo < geometry.segmentBytes { return true }
        zeros = nil
        return false
    }

    private func someZeros(_ bytes: Int) -> UnsafeRawBufferPointer {
        let some = zeros ?? AlignedBuffer(Self.zeroBytes)
        zeros = some
        return unsafe UnsafeRawBufferPointer(rebasing: some.raw[0..<bytes])
    }

    /// At most so much is written ahead at once: a commit may have to wait for it.
    private static let zeroBytes = 256 << 10

    /// Does a little of the work ahead, when there is nothing better to do: writes zeros into the next segment's file.
    ///
    /// - Returns: whether there is more to do.
    func workAhead() -> Bool {
        guard options.zeroAhead, !spareReady else { return false }
        if zeroing == nil {
            // The segment being written counts too; when the total is reached, an old file is used again instead.
            guard bytes + 2 * geometry.segmentBytes <= geometry.totalBytes else { return false }
            zeroing = Zeroing(files, directory.descriptor, direct: direct, bytes: geometry.segmentBytes)
        }
        guard let step = zeroing?.step(files) else { return false }
        switch step {
        case .more: return true
        case .done:
            spareReady = true
            zeroing = nil
        case .failed:
            zeroing?.abandon(files, directory.descriptor)
            zeroing = nil
        }
        return false
    }

    func close() {
        zeroing?.abandon(files, directory.descriptor)
        if spareReady { try? files.unlink(directory.descriptor, SegmentName.spare) }
    }
}

/// A file being filled with zeros, a chunk at a time.
private final class Zeroing {
    enum Step { case more, done, failed }

    private let file: Int32
    private let bytes: Int
    private var written = 0
    private let zeros = AlignedBuffer(256 << 10)

    init?(_ files: any RecordingFiles, _ directory: Int32, direct: Bool, bytes: Int) {
        guard let file = try? files.open(directory, SegmentName.spare, .bulk(direct: direct)) else { return nil }
        self.file = file
        self.bytes = bytes
        if (try? files.allocate(file, bytes)) == nil {
            abandon(files, directory)
            return nil
        }
    }

    func step(_ files: any RecordingFiles) -> Step {
        let count = unsafe min(zeros.raw.count, bytes - written)
        do {
            try unsafe files.write(file, UnsafeRawBufferPointer(rebasing: zeros.raw[0..<count]), at: written)
            written += count
            if written < bytes { return .more }
            try files.sync(file)
            files.close(file)
            return .done
        } catch {
            return .failed
        }
    }

    func abandon(_ files: any RecordingFiles, _ directory: Int32) {
        files.close(file)
        try? files.unlink(directory, SegmentName.spare)
    }
}
