import KernelWire

/// The byte stream of the task iterator, taken apart: `struct iq_census_task`, then `stack_lines` lines of text, and again.
///
/// Hand it whatever has been read so far and go on from where it stopped; it neither reads nor keeps anything.
///
///     +--------------------+---------------------+---------------------+--------
///     | iq_census_task 104 | "frame+0x1/0x2\n" * stack_lines           | iq_cen...
///     +--------------------+---------------------+---------------------+--------
public enum CensusStream {
    /// One task, its stack still where it lies in the stream: whoever keeps the task copies it.
    public struct Record: Equatable, Sendable {
        /// `stack` is empty here.
        public var task: CensusTask
        /// Positions of the stack's text in the bytes given, without the last newline; empty for a task that is not blocked.
        public var stack: Range<Int>
    }

    /// Decodes the record that begins at `offset` and moves `offset` behind it.
    ///
    /// - Returns: `nil` when the bytes end before the record does; `offset` is unchanged then.
    public static func next(in bytes: borrowing RawSpan, at offset: inout Int) -> Record? {
        let size = MemoryLayout<iq_census_task>.size
        guard offset >= 0, bytes.byteCount - offset >= size else { return nil }
        // Plain integers and a byte array: every pattern of bits is a value.
        let wire = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: iq_census_task.self)

        let begin = offset + size
        var end = begin
        for _ in 0..<min(wire.stack_lines, UInt32(IQ_STACK_MAX)) {
            guard let next = endOfLine(in: bytes, from: end) else { return nil }
            end = next
        }
        offset = end
        return Record(task: CensusTask(wire), stack: begin..<max(begin, end - 1))
    }

    private static func endOfLine(in bytes: borrowing RawSpan, from start: Int) -> Int? {
        var index = start
        while index < bytes.byteCount {
            if unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self) == UInt8(ascii: "\n") { return index + 1 }
            index += 1
        }
        return nil
    }
}

extension CensusTask {
    init(_ wire: iq_census_task) {
        self.init()
        task.pid = wire.task.pid
        task.tgid = wire.task.tgid
        task.ppid = wire.task.ppid
        task.uid = wire.task.uid
        task.session = wire.task.session
        task.flags = wire.task.flags
        task.cgroup = wire.task.cgroup_id
        task.comm = unsafe withUnsafeBytes(of: wire.task.comm) { unsafe Comm($0) }
        state = wire.state
        oomScoreAdj = wire.oom_score_adj
        startBoottimeNs = wire.start_boottime_ns
        anonRssPages = Figure(raw: wire.anon_rss_pages)
        fileRssPages = Figure(raw: wire.file_rss_pages)
        shmemRssPages = Figure(raw: wire.shmem_rss_pages)
        swapPages = Figure(raw: wire.swap_pages)
        inIowait = wire.in_iowait != 0
    }
}
