import CLibbpf
import Glibc

/// One BPF hash of per-cpu counters, read as totals and handed out as what was added since the reading before.
///
/// Every value is a row of 64-bit words that only grow: most are added up over the cpus, some (a maximum, a latest time)
/// are the greatest of them. Everything is allocated once, for as many entries as the map can hold; entries that have not
/// moved for long are removed from the map, so that what is gone (a cgroup, a device) makes room.
@safe final class CounterTable {
    /// A key of 8 or of 16 bytes.
    private struct Key: Hashable {
        var first: UInt64
        var second: UInt64
    }

    /// Entries that have not changed for this long are removed: 10 minutes.
    static let idleNs: UInt64 = 600_000_000_000
    /// Bytes of values that one batched read may take; the rest follows in further reads.
    private static let batchBytes = 256 * 1024

    private let map: Int32
    private let keyBytes: Int
    private let words: Int
    private let cpus: Int
    private let capacity: Int
    private let batch: Int
    /// Words that are the greatest of the cpus' values instead of their sum.
    private let greatest: [Bool]
    private var batchWorks: Bool

    private var slots: [Key: Int] = [:]
    private var freeSlots: [Int] = []
    private var idleKeys: [Key] = []
    private let totals: UnsafeMutablePointer<UInt64>
    private let changedNs: UnsafeMutablePointer<UInt64>
    private let keys: UnsafeMutableRawPointer
    private let values: UnsafeMutablePointer<UInt64>
    private let sum: UnsafeMutablePointer<UInt64>
    private let added: UnsafeMutablePointer<UInt64>

    /// - Parameters:
    ///   - map: descriptor of a `BPF_MAP_TYPE_PERCPU_HASH`; it must outlive this table.
    ///   - greatest: byte offsets of the words that are no sums.
    ///   - batched: whether to try reading many entries with one call; key by key otherwise.
    /// - Returns: `nil` when the kernel does not say what the map is.
    init?(map: Int32, cpus: Int, greatest offsets: [Int], batched: Bool = true) {
        var info = bpf_map_info()
        var length = UInt32(MemoryLayout<bpf_map_info>.size)
        guard unsafe bpf_obj_get_info_by_fd(map, &info, &length) == 0 else { return nil }
        self.map = map
        batchWorks = batched
        self.cpus = cpus
        keyBytes = Int(info.key_size)
        words = Int(info.value_size) / 8
        capacity = Int(info.max_entries)
        batch = min(capacity, max(8, Self.batchBytes / (8 * words * cpus)))
        var greatest = [Bool](repeating: false, count: words)
        for offset in offsets { greatest[offset / 8] = true }
        self.greatest = greatest
        slots.reserveCapacity(capacity)
        freeSlots = [Int]((0..<capacity).reversed())
        idleKeys.reserveCapacity(capacity)
        unsafe totals = .allocate(capacity: capacity * words)
        unsafe changedNs = .allocate(capacity: capacity)
        unsafe keys = .allocate(byteCount: (batch + 1) * keyBytes, alignment: 8)
        unsafe values = .allocate(capacity: batch * cpus * words)
        unsafe sum = .allocate(capacity: words)
        unsafe added = .allocate(capacity: words)
    }

    deinit {
        unsafe totals.deallocate()
        unsafe changedNs.deallocate()
        unsafe keys.deallocate()
        unsafe values.deallocate()
        unsafe sum.deallocate()
        unsafe added.deallocate()
    }

    /// Reads the map and calls `body` for each entry that moved: its key, and its value as what was added (the greatest
    /// value so far for words that are no sums). Both are valid during the call only.
    func read(nowNs: UInt64, _ body: (_ key: UnsafeRawPointer, _ added: UnsafeRawPointer) -> Void) {
        idleKeys.removeAll(keepingCapacity: true)
        if unsafe !(batchWorks && readBatched(nowNs, body)) { unsafe readSingly(nowNs, body) }
        for key in idleKeys { unsafe remove(key, nowNs, body) }
    }

    /// The greatest of one word over the cpus, straight from the map; `nil` without such an entry.
    func greatest(ofWordAt offset: Int, key: UnsafeRawPointer) -> UInt64? {
        guard unsafe bpf_map_lookup_elem(map, key, values) == 0 else { return nil }
        var result: UInt64 = 0
        for cpu in 0..<cpus { result = unsafe max(result, values[cpu * words + offset / 8]) }
        return result
    }

    /// - Returns: whether the whole map was read. An entry that is read again afterwards has nothing new to add.
    private func readBatched(_ nowNs: UInt64, _ body: (UnsafeRawPointer, UnsafeRawPointer) -> Void) -> Bool {
        var position: UInt32 = 0
        var begun = false
        // A map that grows while it is read might never end: each round gives one entry at least.
        for _ in 0...capacity {
            var next: UInt32 = 0
            var count = UInt32(batch)
            let result = unsafe withUnsafeMutablePointer(to: &position) { from in
                unsafe bpf_map_lookup_batch(map, begun ? from : nil, &next, keys, values, &count, nil)
            }
            let ended = result == -ENOENT
            guard result == 0 || ended else {
                // A bucket with more entries than a batch (ENOSPC) may be gone the next time; anything else stays.
                if result != -ENOSPC { batchWorks = false }
                return false
            }
            for index in 0..<Int(count) {
                unsafe absorb(keys + index * keyBytes, values + index * cpus * words, nowNs, body)
            }
            if ended { return true }
            position = next
            begun = true
        }
        return true
    }

    /// Key by key, where the kernel cannot read in batches.
    private func readSingly(_ nowNs: UInt64, _ body: (UnsafeRawPointer, UnsafeRawPointer) -> Void) {
        let next = unsafe keys + keyBytes
        var begun = false
        for _ in 0..<capacity * 2 {
            guard unsafe bpf_map_get_next_key(map, begun ? keys : nil, next) == 0 else { return }
            begun = true
            unsafe keys.copyMemory(from: next, byteCount: keyBytes)
            if unsafe bpf_map_lookup_elem(map, keys, values) == 0 { unsafe absorb(keys, values, nowNs, body) }
        }
    }

    /// - Returns: whether the entry moved.
    @discardableResult
    private func absorb(
        _ key: UnsafeRawPointer, _ row: UnsafePointer<UInt64>, _ nowNs: UInt64,
        _ body: (UnsafeRawPointer, UnsafeRawPointer) -> Void
    ) -> Bool {
        unsafe addUp(row)
        let identity = unsafe identity(key)
        guard let slot = slots[identity] ?? newSlot(identity) else { return false }
        let total = unsafe totals + slot * words
        var moved = false
        for word in 0..<words {
            if greatest[word] {
                unsafe added[word] = sum[word]
            } else {
                // Less than before: the entry was made anew in between.
                unsafe added[word] = sum[word] >= total[word] ? sum[word] - total[word] : sum[word]
                if unsafe added[word] != 0 { moved = true }
            }
            unsafe total[word] = sum[word]
        }
        if moved {
            unsafe changedNs[slot] = nowNs
            unsafe body(key, added)
        } else if unsafe changedNs[slot] == 0 {
            unsafe changedNs[slot] = nowNs
        } else if unsafe nowNs - changedNs[slot] >= Self.idleNs, idleKeys.count < capacity {
            idleKeys.append(identity)
        }
        return moved
    }

    private func addUp(_ row: UnsafePointer<UInt64>) {
        for word in 0..<words {
            var result: UInt64 = 0
            for cpu in 0..<cpus {
                let value = unsafe row[cpu * words + word]
                result = greatest[word] ? max(result, value) : result &+ value
            }
            unsafe sum[word] = result
        }
    }

    private func identity(_ key: UnsafeRawPointer) -> Key {
        unsafe Key(
            first: key.loadUnaligned(as: UInt64.self),
            second: keyBytes > 8 ? key.loadUnaligned(fromByteOffset: 8, as: UInt64.self) : 0)
    }

    private func newSlot(_ key: Key) -> Int? {
        guard let slot = freeSlots.popLast() else { return nil }
        slots[key] = slot
        unsafe (totals + slot * words).update(repeating: 0, count: words)
        unsafe changedNs[slot] = 0
        return slot
    }

    /// Removes an idle entry, unless it moved after all since it was read a moment ago.
    private func remove(_ key: Key, _ nowNs: UInt64, _ body: (UnsafeRawPointer, UnsafeRawPointer) -> Void) {
        unsafe keys.storeBytes(of: key.first, as: UInt64.self)
        if keyBytes > 8 { unsafe keys.storeBytes(of: key.second, toByteOffset: 8, as: UInt64.self) }
        guard let slot = slots[key] else { return }
        if unsafe bpf_map_lookup_elem(map, keys, values) == 0 {
            unsafe changedNs[slot] = nowNs
            if unsafe absorb(keys, values, nowNs, body) { return }
            unsafe bpf_map_delete_elem(map, keys)
        }
        slots[key] = nil
        freeSlots.append(slot)
    }
}
