import Events
import Testing

/// The layout of `struct iq_census_task`, written out by hand: a decoder that shared the C struct with its test would be
/// right about any layout.
struct CensusBytes {
    private(set) var bytes: Bytes = []

    mutating func task(
        pid: UInt32, tgid: UInt32, comm: String, state: UInt32, anon: UInt64, stack: [String] = [], iowait: Bool = false
    ) {
        for word in [pid, tgid, 7, 1001, 5, 0x40_0000] { append(word) }
        append(UInt64(0xc0ffee))
        var name = Bytes(comm.utf8)
        name += Bytes(repeating: 0, count: 16 - name.count)
        bytes += name
        append(state)
        append(UInt32(bitPattern: -500))
        append(UInt64(123_456_789))
        for pages in [anon, 20, 30, UInt64.max] { append(pages) }
        append(UInt64(40))
        append(iowait ? UInt32(1) : 0)
        append(UInt32(stack.count))
        for line in stack { bytes += Bytes(line.utf8) + [UInt8(ascii: "\n")] }
    }

    private mutating func append<N: FixedWidthInteger>(_ value: N) {
        for shift in stride(from: 0, to: N.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> N(shift)))
        }
    }
}

@Suite struct CensusStreamTests {
    @Test func `a task is read field by field`() throws {
        var stream = CensusBytes()
        stream.task(pid: 42, tgid: 41, comm: "a\u{1b}[2J b", state: 0x402, anon: 10, iowait: true)
        #expect(stream.bytes.count == 112)

        var offset = 0
        let record = try #require(CensusStream.next(in: stream.bytes.span.bytes, at: &offset))

        #expect(offset == 112)
        #expect(record.stack.isEmpty)
        let task = record.task
        #expect(task.task.pid == 42)
        #expect(task.task.tgid == 41)
        #expect(task.task.ppid == 7)
        #expect(task.task.uid == 1001)
        #expect(task.task.session == 5)
        #expect(task.task.flags == 0x40_0000)
        #expect(task.task.cgroup == 0xc0ffee)
        #expect(task.task.comm.bytes == Bytes("a\u{1b}[2J b".utf8))
        #expect(task.state == 0x402)
        #expect(!task.isBlocked)
        #expect(task.oomScoreAdj == -500)
        #expect(task.startBoottimeNs == 123_456_789)
        #expect(task.anonRssPages == 10)
        #expect(task.fileRssPages == 20)
        #expect(task.shmemRssPages == 30)
        #expect(task.swapPages.isUnknown)
        #expect(task.pgtablesBytes == 40)
        #expect(task.inIowait)
    }

    @Test func `a blocked task's stack is the lines that follow it, and the next task begins behind them`() throws {
        var stream = CensusBytes()
        stream.task(
            pid: 1, tgid: 1, comm: "stuck", state: 2, anon: 1, stack: ["io_schedule+0x1/0x2", "[mod] f+0x3/0x4"])
        stream.task(pid: 2, tgid: 2, comm: "next", state: 0, anon: 1)

        var offset = 0
        let first = try #require(CensusStream.next(in: stream.bytes.span.bytes, at: &offset))
        let second = try #require(CensusStream.next(in: stream.bytes.span.bytes, at: &offset))

        #expect(Bytes(stream.bytes[first.stack]) == Bytes("io_schedule+0x1/0x2\n[mod] f+0x3/0x4".utf8))
        #expect(first.task.isBlocked)
        #expect(second.task.task.comm == Comm("next"))
        #expect(offset == stream.bytes.count)
        #expect(CensusStream.next(in: stream.bytes.span.bytes, at: &offset) == nil)
    }

    @Test func `a stream cut at any byte gives the whole records before the cut and no other`() {
        var stream = CensusBytes()
        stream.task(pid: 1, tgid: 1, comm: "one", state: 0, anon: 1)
        let endOfFirst = stream.bytes.count
        stream.task(pid: 2, tgid: 2, comm: "two", state: 2, anon: 1, stack: ["a+0x1/0x2", "b+0x1/0x2"])
        let whole = stream.bytes

        for length in 0...whole.count {
            let cut = Bytes(whole[..<length])
            var offset = 0
            var pids: [UInt32] = []
            while let record = CensusStream.next(in: cut.span.bytes, at: &offset) { pids.append(record.task.task.pid) }
            let expected: [UInt32] = length == whole.count ? [1, 2] : length >= endOfFirst ? [1] : []
            #expect(pids == expected, "cut at \(length)")
            #expect(offset == (length == whole.count ? length : length >= endOfFirst ? endOfFirst : 0))
        }
    }

    @Test func `a stack count beyond what a record can hold does not swallow the stream`() throws {
        var stream = CensusBytes()
        stream.task(pid: 1, tgid: 1, comm: "liar", state: 2, anon: 1, stack: (0..<16).map { "f\($0)+0x0/0x1" })
        var bytes = stream.bytes
        for index in 108..<112 { bytes[index] = 0xff }
        var offset = 0

        let record = try #require(CensusStream.next(in: bytes.span.bytes, at: &offset))

        #expect(offset == bytes.count)
        #expect(bytes[record.stack].split(separator: UInt8(ascii: "\n")).count == 16)
    }
}
