import Events
internal import Glibc

/// One buffer for every file that is sampled: filled again and again, allocated once.
///
/// It grows (doubling, at most to `limit`) for a file that does not fit, which happens once on a machine with very many
/// interrupts (`/proc/stat`); what is beyond the limit is not read.
struct ReadBuffer {
    static let limit = 1 << 20

    private(set) var storage: [UInt8]
    private(set) var count = 0

    init(capacity: Int = 32_768) { storage = [UInt8](repeating: 0, count: capacity) }

    /// Reads a file that is kept open from its beginning.
    ///
    /// seq_file hands out whole records up to about a page at a time, so less than half a page is the whole file and needs no
    /// second call to see its end. - Returns: 0 or the errno; then the buffer is empty.
    mutating func fill(_ descriptor: Int32) -> Int32 { fill(descriptor, wholeBelow: 2048) }

    /// Opens, reads and closes. - Returns: 0 or the errno.
    mutating func fill(path: Bytes) -> Int32 {
        count = 0
        let descriptor = Calls.open(path)
        guard descriptor >= 0 else { return -descriptor }
        defer { Calls.close(descriptor) }
        // A regular file may be shorter than half a page and still be read in pieces by a slow file system: read to the end.
        return fill(descriptor, wholeBelow: 0)
    }

    private mutating func fill(_ descriptor: Int32, wholeBelow: Int) -> Int32 {
        count = 0
        guard descriptor >= 0 else { return EBADF }
        while true {
            if count == storage.count {
                guard storage.count < ReadBuffer.limit else { return 0 }
                storage.append(contentsOf: repeatElement(0, count: storage.count))
            }
            let read = Calls.read(descriptor, into: &storage, at: count, offset: count)
            if read < 0 {
                count = 0
                return Int32(-read)
            }
            count += read
            if read == 0 || count < wholeBelow { return 0 }
        }
    }

    @inline(__always)
    func parse<R>(_ body: (Span<UInt8>) -> R) -> R { body(storage.span.extracting(first: count)) }

    var bytes: Bytes { Bytes(storage[..<count]) }
}

/// A whole small file, outside the sampling path. `nil`: it could not be read.
func contents(of path: Bytes) -> Bytes? {
    var buffer = ReadBuffer(capacity: 4096)
    return buffer.fill(path: path) == 0 ? buffer.bytes : nil
}

/// A file of one line, without its end.
func line(of path: Bytes) -> Bytes? {
    guard var bytes = contents(of: path) else { return nil }
    while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: " ") { bytes.removeLast() }
    return bytes
}

/// A descriptor that is opened once and read again and again; closed with its owner.
final class OpenFile {
    let descriptor: Int32
    /// Why it could not be opened; 0 when it is open.
    let errno: Int32

    init(_ path: Bytes) {
        let result = Calls.open(path)
        descriptor = result < 0 ? -1 : result
        errno = result < 0 ? -result : 0
    }

    deinit { Calls.close(descriptor) }
}
