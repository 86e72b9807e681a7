import Events
import Glibc

/// A segment's file as it was found.
struct FoundSegment: Sendable {
    var name: String
    var header: SegmentHeader
    var fileBytes: Int
}

/// What a directory holds, judged by the files' own headers: their names may have been changed by a copy.
struct Listing: Sendable {
    /// Of one recording, each generation once, in order.
    var segments: [FoundSegment] = []
    /// Named like a segment, with no intact header: begun and never used, or damaged.
    var headless: [(name: String, fileBytes: Int)] = []
    /// Copies of a generation that is in `segments`.
    var duplicates: [String] = []
    /// Segments of another recording.
    var foreign: [String] = []
    /// Above every generation seen, in a header or a name.
    var nextGeneration: UInt64 = 1
    var hasSpare = false
    /// Errno of a segment that exists and may not be opened.
    var refused: Int32?

    /// Headless files that hold pages all the same: their header was there once.
    var damagedHeaders: [String] = []

    /// Reads the first block of every segment.
    static func of(_ directory: Int32, path: String, _ files: any RecordingFiles) throws(RecordingError) -> Listing {
        var listing = Listing()
        var found: [FoundSegment] = []
        let names: [String]
        do { names = try files.list(directory).sorted() } catch {
            throw .failed(operation: "list", file: path, errno: error.errno)
        }
        let block = AlignedBuffer(Layout.block)
        for name in names {
            if name == SegmentName.spare { listing.hasSpare = true }
            guard let named = SegmentName.generation(name) else { continue }
            listing.nextGeneration = max(listing.nextGeneration, named &+ 1)
            // A link in the place of a segment, or a file that is gone again, is not a segment.
            let file: Int32
            do { file = try files.open(directory, name, .read) } catch {
                if error.errno == EACCES || error.errno == EPERM { listing.refused = error.errno }
                continue
            }
            defer { files.close(file) }
            guard let bytes = try? files.size(file), let count = unsafe try? files.read(file, block.raw, at: 0),
                let header = unsafe SegmentHeader(block: UnsafeRawBufferPointer(rebasing: block.raw[0..<count]))
            else {
                listing.headless.append((name, (try? files.size(file)) ?? 0))
                if holdsPages(file, files) { listing.damagedHeaders.append(name) }
                continue
            }
            if header.readerVersion > Format.version {
                throw .newerFormat(file: path + "/" + name, version: header.version, supported: Format.version)
            }
            listing.nextGeneration = max(listing.nextGeneration, header.generation &+ 1)
            found.append(FoundSegment(name: name, header: header, fileBytes: bytes))
        }
        listing.sort(found)
        return listing
    }

    /// Whether a page of events stands where the first one belongs, whatever the page size.
    private static func holdsPages(_ file: Int32, _ files: any RecordingFiles) -> Bool {
        let probe = AlignedBuffer(65536)
        for pageBytes in [4096, 8192, 16384, 32768, 65536] {
            for unit in Layout.tailUnits + [Layout.firstDataUnit] {
                let page = unsafe UnsafeMutableRawBufferPointer(rebasing: probe.raw[0..<pageBytes])
                guard let count = unsafe try? files.read(file, page, at: unit * pageBytes) else { continue }
                if unsafe PageHeader(UnsafeRawBufferPointer(rebasing: page[0..<count])) != nil { return true }
            }
        }
        return false
    }

    /// Keeps the recording that has the most segments; of two copies the one whose name fits.
    private mutating func sort(_ found: [FoundSegment]) {
        var counts: [UInt64: Int] = [:]
        for segment in found { counts[segment.header.recording, default: 0] += 1 }
        let recording = counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key
        var kept: [UInt64: FoundSegment] = [:]
        for segment in found {
            let generation = segment.header.generation
            if segment.header.recording != recording {
                foreign.append(segment.name)
            } else if let other = kept[generation] {
                let fits = segment.name == SegmentName.of(generation)
                duplicates.append(fits ? other.name : segment.name)
                if fits { kept[generation] = segment }
            } else {
                kept[generation] = segment
            }
        }
        segments = kept.values.sorted { $0.header.generation < $1.header.generation }
    }
}
