/// A queue of bytes of fixed capacity; nothing is allocated after `init`.
@safe
struct ByteRing: ~Copyable {
    private let base: UnsafeMutableRawPointer
    let capacity: Int
    private var head = 0
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = capacity
        unsafe base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { unsafe base.deallocate() }

    var free: Int { capacity - count }

    /// Appends all of it; the caller has looked at `free`.
    mutating func push(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= free)
        guard let source = bytes.baseAddress, unsafe !bytes.isEmpty else { return }
        let tail = (head + count) % capacity
        let first = min(bytes.count, capacity - tail)
        unsafe (base + tail).copyMemory(from: source, byteCount: first)
        unsafe base.copyMemory(from: source + first, byteCount: bytes.count - first)
        count += bytes.count
    }

    /// The oldest bytes, as many as lie together.
    borrowing func withFront<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        unsafe body(UnsafeRawBufferPointer(start: base + head, count: min(count, capacity - head)))
    }

    mutating func pop(_ bytes: Int) {
        precondition(bytes <= count)
        count -= bytes
        head = count == 0 ? 0 : (head + bytes) % capacity
    }
}
