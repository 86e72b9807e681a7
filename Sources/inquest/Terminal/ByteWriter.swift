import Glibc

/// Bytes to a descriptor through a buffer of fixed size.
///
/// Writing never throws: the first failure is kept, what follows is dropped, and the exit funnel (or `finish`) reports it, so
/// that no command has to handle a full disk at every line. A reader who went away (EPIPE) is no failure; a command that could
/// go on for ever asks `isClosed`.
final class ByteWriter {
    /// Errno of the first write that failed, other than EPIPE.
    private(set) var failure: Int32?
    /// The reader closed the pipe: nobody wants more.
    private(set) var isClosed = false

    private let descriptor: Int32
    private let limit: Int
    private var buffer: [UInt8] = []

    /// - Parameter capacity: bytes kept before they are written on; 0 writes at once.
    init(descriptor: Int32, capacity: Int = 1 << 16) {
        self.descriptor = descriptor
        limit = capacity
        buffer.reserveCapacity(capacity)
    }

    func write(_ text: String) { write(text.utf8) }

    func write(_ bytes: some Sequence<UInt8>) {
        guard !isClosed, failure == nil else { return }
        buffer.append(contentsOf: bytes)
        if buffer.count >= limit { flush() }
    }

    /// Much at once goes past the buffer.
    func write(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= limit else { return unsafe write(Array(bytes)) }
        flush()
        unsafe send(bytes)
    }

    func writeLine(_ text: String) {
        write(text)
        write(CollectionOfOne(UInt8(ascii: "\n")))
    }

    /// Hands everything to the kernel.
    func flush() {
        unsafe buffer.withUnsafeBytes { unsafe send($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func send(_ bytes: UnsafeRawBufferPointer) {
        var start = 0
        while start < bytes.count, !isClosed, failure == nil {
            let written = unsafe Glibc.write(descriptor, bytes.baseAddress! + start, bytes.count - start)
            if written >= 0 {
                start += written
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: waitUntilWritable()
            case EPIPE: isClosed = true
            case let code: failure = code
            }
        }
    }

    /// A terminal or pipe that someone made non-blocking.
    private func waitUntilWritable() {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&request, 1, -1)
    }
}

/// The system's words for an errno.
func errnoText(_ code: Int32) -> String {
    var text = [CChar](repeating: 0, count: 128)
    // The POSIX form fills the buffer, whatever it returns for a number that it does not know.
    _ = unsafe strerror_r(code, &text, text.count)
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
