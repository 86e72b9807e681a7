/// The memory for pages that nobody holds: a few with their memory at hand, the rest as numbers.
///
/// It belongs to the writer's thread; the disk thread gives pages back through `WriterShared.returned`.
struct FreePages {
    /// More than this are given back to the system.
    private static let kept = 32

    private let shared: WriterShared
    private let pageBytes: Int
    /// The one used last on top.
    private var mapped: [Int] = []
    private var unmapped: [Int]

    init(_ shared: WriterShared, _ geometry: Geometry) {
        self.shared = shared
        pageBytes = geometry.pageBytes
        mapped.reserveCapacity(Self.kept + 1)
        unmapped = Array((0..<geometry.queuePages).reversed())
    }

    /// How many there are, with those that the disk thread has written meanwhile.
    mutating func count() -> Int {
        while let index = shared.returned.pop() {
            if mapped.count >= Self.kept {
                shared.slots[index].unmap()
                unmapped.append(index)
            } else {
                mapped.append(index)
            }
        }
        return mapped.count + unmapped.count
    }

    /// One of them; `nil` when there is none, or no memory for it.
    mutating func take() -> PageSlot? {
        guard count() > 0 else { return nil }
        if mapped.isEmpty {
            guard let index = unmapped.last, shared.slots[index].map(pageBytes) else { return nil }
            unmapped.removeLast()
            mapped.append(index)
        }
        return shared.slots[mapped.removeLast()]
    }
}
