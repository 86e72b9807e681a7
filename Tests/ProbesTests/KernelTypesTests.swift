import Events
import Glibc
import Testing

@testable import Probes

@Suite struct KernelTypesTests {
    /// Type information of five types, as the kernel's documentation lays it out: int, struct of two members, function
    /// prototype of one parameter, function, typedef.
    private var sample: [UInt8] {
        let names = ["", "int", "pair", "a", "b", "do_it", "btf_trace_it", "do_it_not"]
        var strings: [UInt8] = []
        var offsets: [String: UInt32] = [:]
        for name in names {
            offsets[name] = UInt32(strings.count)
            strings += Array(name.utf8) + [0]
        }
        var types: [UInt32] = []
        func type(_ name: String, _ kind: UInt32, _ members: UInt32, _ size: UInt32, _ rest: [UInt32]) {
            types += [offsets[name] ?? 0, kind << 24 | members, size] + rest
        }
        type("int", 1, 0, 4, [32])
        type("pair", 4, 2, 8, [offsets["a"]!, 1, 0, offsets["b"]!, 1, 32])
        type("", 13, 1, 1, [offsets["a"]!, 1])
        type("do_it", 12, 0, 3, [])
        type("btf_trace_it", 8, 0, 3, [])
        type("do_it_not", 12, 0, 3, [])
        let header: [UInt32] = [
            0x1_eb9f, 24, 0, UInt32(types.count * 4), UInt32(types.count * 4), UInt32(strings.count),
        ]
        return (header + types).flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
            + strings
    }

    private func ids(_ bytes: [UInt8], _ wanted: Set<String>) -> [String: UInt32] {
        bytes.withUnsafeBytes { KernelTypes(bytes: $0, looking: wanted).ids }
    }

    @Test func `functions and tracepoints are found by their whole name`() {
        #expect(ids(sample, ["do_it", "btf_trace_it", "do", "missing"]) == ["do_it": 4, "btf_trace_it": 5])
        #expect(ids(sample, ["do_it_not"]) == ["do_it_not": 6])
    }

    @Test func `a struct of a wanted name is no function`() {
        #expect(ids(sample, ["pair", "int"]) == [:])
    }

    /// `pair` holds an `int` twice; the function prototype and the functions are not part of it.
    @Test func `an excerpt is a type and what it holds, and can be excerpted again`() throws {
        let excerpt = sample.withUnsafeBytes { KernelTypes(bytes: $0, looking: [], excerpting: ["pair", "do_it"]) }
            .excerpt
        try excerpt.withUnsafeBytes { bytes in
            let table = try #require(TypeTable(bytes))
            #expect(table.count == 3)
            #expect(table.kind(1) == .structure && table.members(1) == 2 && table.word(1, 2) == 8)
            #expect(table.name(table.word(1, 0)).elementsEqual("pair\0".utf8))
            #expect(table.name(table.word(1, 6)).elementsEqual("b\0".utf8))
            #expect(table.word(1, 4) == 2 && table.word(1, 7) == 2 && table.word(1, 8) == 32)
            #expect(table.kind(2) == .integer && table.name(table.word(2, 0)).elementsEqual("int\0".utf8))
            let again = KernelTypes(bytes: bytes, looking: [], excerpting: ["pair"]).excerpt
            #expect(again == excerpt)
        }
    }

    @Test func `what a pointer points to is no part of the excerpt`() throws {
        // struct list { struct list *next; enum colour { red = 7 } colour; int numbers[3]; }, all but the pointer's target by value
        let strings = Array("\0list\0next\0colour\0red\0numbers\0int\0".utf8)
        let types: [UInt32] = [
            1, 4 << 24 | 3, 24, 6, 2, 0, 11, 3, 64, 22, 4, 96,
            0, 2 << 24, 1,
            11, 6 << 24 | 1, 4, 18, 7,
            0, 3 << 24, 0, 5, 5, 3,
            30, 1 << 24, 4, 32,
        ]
        let header: [UInt32] = [
            0x1_eb9f, 24, 0, UInt32(types.count * 4), UInt32(types.count * 4), UInt32(strings.count),
        ]
        let whole =
            (header + types).flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } } + strings
        let excerpt = whole.withUnsafeBytes { KernelTypes(bytes: $0, looking: [], excerpting: ["list"]).excerpt }
        try excerpt.withUnsafeBytes { bytes in
            let table = try #require(TypeTable(bytes))
            #expect((1..<table.count).map { table.kind($0) } == [.structure, .pointer, .enumeration, .array, .integer])
            #expect(table.word(2, 2) == 0)
            #expect(table.name(table.word(3, 3)).elementsEqual("red\0".utf8) && table.word(3, 4) == 7)
            #expect(table.word(4, 3) == 5 && table.word(4, 4) == 5 && table.word(4, 5) == 3)
        }
    }

    @Test func `bytes that end anywhere, or are no type information, find nothing and never crash`() {
        func read(_ bytes: [UInt8]) {
            bytes.withUnsafeBytes { _ = KernelTypes(bytes: $0, looking: ["do_it"], excerpting: ["pair", "int"]) }
        }
        for length in 0..<sample.count { read(Array(sample.prefix(length))) }
        var damaged = sample
        damaged[0] = 0
        #expect(ids(damaged, ["do_it"]) == [:])
        for index in sample.indices {
            var flipped = sample
            flipped[index] ^= 0xff
            read(flipped)
        }
    }
}

@Suite struct KernelSymbolsTests {
    private func symbols(_ text: String, _ wanted: [String], absent: Set<String> = []) throws -> KernelSymbols {
        var path = Array("/tmp/inquest-kallsyms-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        try #require(descriptor >= 0)
        defer {
            close(descriptor)
            unlink(path)
        }
        let bytes = Array(text.utf8)
        try #require(bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count)
        return KernelSymbols(
            looking: wanted, absent: absent,
            path: String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    private let table = """
        ffffffff81000000 T _text
        ffffffff81000100 t out_of_memory.cold
        ffffffff81000200 T out_of_memory
        ffffffff81000200 T out_of_memory_alias
        ffffffff81000300 t __pfx_mem_cgroup_out_of_memory
        ffffffff81000310 t mem_cgroup_out_of_memory
        ffffffff81000400 t end_swap_bio_read
        ffffffff81000500 d twice
        ffffffff81000600 d twice
        ffffffff81000700 d _end
        ffffffffc0000000 t do_it\t[module]

        """

    @Test func `a function reaches to the next address, its parts belong to it`() throws {
        let found = try symbols(table, ["out_of_memory", "mem_cgroup_out_of_memory", "absent"])
        #expect(
            found.oom.global == [
                0xffff_ffff_8100_0100..<0xffff_ffff_8100_0200, 0xffff_ffff_8100_0200..<0xffff_ffff_8100_0300,
            ])
        #expect(found.oom.memcg == [0xffff_ffff_8100_0310..<0xffff_ffff_8100_0400])
        #expect(found.oom.sysrq == [])
        #expect(found.oom.entry(of: [0xffff_ffff_8100_0250, 0xffff_ffff_8100_0320]) == .memcg)
        #expect(found.oom.entry(of: [0xffff_ffff_8100_0250, 0xffff_ffff_8100_0305]) == .global)
    }

    @Test func `a name that is there twice has no address`() throws {
        let found = try symbols(table, ["twice", "end_swap_bio_read"])
        #expect(found.address("end_swap_bio_read") == 0xffff_ffff_8100_0400)
        #expect(found.address("twice") == nil)
        #expect(found.address("absent") == nil)
    }

    @Test func `what comes after everything was found is not read, and what is known to be absent is not waited for`()
        throws
    {
        let filler = String(repeating: "ffffffff90000000 t some_filling_symbol_of_no_use\n", count: 4000)
        let later = "ffffffffa0000000 t end_swap_bio_read\nffffffffa0000100 t last\n"
        let wanted = ["end_swap_bio_read", "moom_callback"]
        #expect(try symbols(table + filler + later, wanted).address("end_swap_bio_read") == nil)
        let known = try symbols(table + filler + later, wanted, absent: ["moom_callback"])
        #expect(known.address("end_swap_bio_read") == 0xffff_ffff_8100_0400)
    }

    /// A part of a function is not the function: the search goes on.
    @Test func `a part moved away does not end the search`() throws {
        let filler = String(repeating: "ffffffff80000000 t some_filling_symbol_of_no_use\n", count: 4000)
        let found = try symbols("ffffffff80000000 t out_of_memory.cold\n" + filler + table, ["out_of_memory"])
        #expect(found.oom.global.contains(0xffff_ffff_8100_0200..<0xffff_ffff_8100_0300))
    }

    @Test func `zeros instead of addresses tell nothing`() throws {
        let hidden = try symbols("0000000000000000 T out_of_memory\n0000000000000000 T next\n", ["out_of_memory"])
        #expect(hidden.ranges.isEmpty)
    }

    @Test func `lines that cross the reader's buffer are read whole`() throws {
        let filler = String(repeating: "ffffffff80000000 t some_filling_symbol_of_no_use\n", count: 4000)
        let found = try symbols(filler + table, ["end_swap_bio_read"])
        #expect(found.address("end_swap_bio_read") == 0xffff_ffff_8100_0400)
        #expect(try symbols("no table at all", ["x"]).ranges.isEmpty)
    }
}
