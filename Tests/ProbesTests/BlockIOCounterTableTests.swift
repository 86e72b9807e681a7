import CLibbpf
import Glibc
import Testing

@testable import Probes

/// A per-cpu map of its own, filled from here instead of by a program.
private final class PerCPUMap {
    let descriptor: Int32
    let words: Int
    let cpus = max(1, Int(libbpf_num_possible_cpus()))

    init?(entries: UInt32, words: Int) {
        self.words = words
        descriptor = bpf_map_create(BPF_MAP_TYPE_PERCPU_HASH, "iq_test", 8, UInt32(8 * words), entries, nil)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// Sets every word of an entry, by cpu.
    func set(_ key: UInt64, _ value: (_ cpu: Int, _ word: Int) -> UInt64) {
        var key = key
        var values = [UInt64](repeating: 0, count: cpus * words)
        for cpu in 0..<cpus { for word in 0..<words { values[cpu * words + word] = value(cpu, word) } }
        #expect(bpf_map_update_elem(descriptor, &key, &values, 0) == 0)
    }

    func holds(_ key: UInt64) -> Bool {
        var key = key
        var values = [UInt64](repeating: 0, count: cpus * words)
        return bpf_map_lookup_elem(descriptor, &key, &values) == 0
    }
}

@Suite(.enabled(if: geteuid() == 0, "SKIPPED: needs root to make BPF maps"))
struct BlockIOCounterTableTests {
    private func read(_ table: CounterTable, at seconds: UInt64, words: Int) -> [UInt64: [UInt64]] {
        var result: [UInt64: [UInt64]] = [:]
        table.read(nowNs: seconds * 1_000_000_000) { key, added in
            let identity = key.loadUnaligned(as: UInt64.self)
            #expect(result[identity] == nil, "entry \(identity) was handed out twice")
            result[identity] = (0..<words).map { added.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        }
        return result
    }

    @Test(arguments: [true, false])
    func `a reading is the sum over the cpus of what was added since the last, or their greatest`(batched: Bool) throws
    {
        let map = try #require(PerCPUMap(entries: 16, words: 2))
        let table = try #require(
            CounterTable(map: map.descriptor, cpus: map.cpus, greatest: [8], batched: batched))
        let cpus = UInt64(map.cpus)

        map.set(7) { cpu, word in word == 0 ? 10 : UInt64(100 + cpu) }
        #expect(read(table, at: 1, words: 2) == [7: [10 * cpus, 99 + cpus]])
        #expect(read(table, at: 2, words: 2).isEmpty)

        map.set(7) { cpu, word in word == 0 ? 15 : UInt64(100 + cpu) }
        #expect(read(table, at: 3, words: 2) == [7: [5 * cpus, 99 + cpus]])
    }

    @Test(arguments: [true, false])
    func `every entry is read once however many batches it takes`(batched: Bool) throws {
        // Values so large that a batch holds only some of them.
        let words = 2000
        let map = try #require(PerCPUMap(entries: 300, words: words))
        let table = try #require(CounterTable(map: map.descriptor, cpus: map.cpus, greatest: [], batched: batched))
        for key in UInt64(1)...300 { map.set(key) { cpu, word in cpu == 0 && word == words - 1 ? key : 0 } }

        let first = read(table, at: 1, words: words)
        #expect(first.count == 300)
        for (key, values) in first { #expect(values.last == key) }
        #expect(read(table, at: 2, words: words).isEmpty)
    }

    @Test func `an entry that has not moved for ten minutes is removed and counts from zero when it returns`() throws {
        let map = try #require(PerCPUMap(entries: 4, words: 1))
        let table = try #require(CounterTable(map: map.descriptor, cpus: map.cpus, greatest: []))
        let cpus = UInt64(map.cpus)
        map.set(1) { _, _ in 50 }
        map.set(2) { _, _ in 50 }
        #expect(read(table, at: 1000, words: 1).count == 2)

        map.set(2) { _, _ in 51 }
        #expect(read(table, at: 1599, words: 1) == [2: [cpus]])
        #expect(map.holds(1))
        #expect(read(table, at: 1600, words: 1).isEmpty)
        #expect(!map.holds(1))
        #expect(map.holds(2))

        map.set(1) { _, _ in 3 }
        #expect(read(table, at: 1601, words: 1) == [1: [3 * cpus]])
    }

    @Test func `a map in constant change never needs more room than it has itself`() throws {
        let map = try #require(PerCPUMap(entries: 8, words: 1))
        let table = try #require(CounterTable(map: map.descriptor, cpus: map.cpus, greatest: []))
        for round in UInt64(0)..<20 {
            for key in 0..<UInt64(8) { map.set(round * 8 + key + 1) { _, _ in round + 1 } }
            #expect(read(table, at: round * 2000 + 1, words: 1).count == 8)
            #expect(read(table, at: round * 2000 + 1000, words: 1).isEmpty)
            #expect(!map.holds(round * 8 + 1))
        }
    }
}
