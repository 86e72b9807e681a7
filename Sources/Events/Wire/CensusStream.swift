import KernelWire

/// The byte stream of the task iterator, taken apart: `struct iq_census_task`, then `stack_lines` lines of text, and again.
///
/// Hand it whatever has been read so far and go on from where it stopped; it neither reads nor keeps anything.
///
///     +--------------------+---------------------+---------------------+--------
///     | iq_census_task 112 | "frame+0x1/0x2\n" * stack_lines           | iq_cen...
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
        let start = offset
        guard start >= 0, bytes.byteCount - start >= size else { return nil }
        return unsafe bytes.withUnsafeBytes { buffer in
            let reader = unsafe WireReader(buffer, kind: 0)
            let wire = reader.load(iq_census_task.self, at: start)
            let text = start + size
            var end = text
            for _ in 0..<min(wire.stack_lines, UInt32(IQ_STACK_MAX)) {
                guard let newline = unsafe buffer[end...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
                end = newline + 1
            }
            offset = end
            var task = CensusTask(wire)
            task.task = WireDecoder.task(reader, at: start)
            return Record(task: task, stack: text..<max(text, end - 1))
        }
    }
}

extension CensusStream {
    /// Decodes the next record of the cgroup iterator's stream (`struct iq_memcg`, one a cgroup) and moves `offset` behind it.
    ///
    /// - Returns: `nil` when the bytes end before the record does.
    public static func nextCgroup(in bytes: borrowing RawSpan, at offset: inout Int) -> MemcgState? {
        let size = MemoryLayout<iq_memcg>.size
        guard offset >= 0, bytes.byteCount - offset >= size else { return nil }
        defer { offset += size }
        return unsafe bytes.withUnsafeBytes { buffer in
            WireDecoder.memcg(unsafe WireReader(buffer, kind: 0).load(iq_memcg.self, at: offset))
        }
    }
}

extension CensusTask {
    /// All but who it is.
    fileprivate init(_ wire: iq_census_task) {
        self.init()
        state = wire.state
        oomScoreAdj = wire.oom_score_adj
        startBoottimeNs = wire.start_boottime_ns
        anonRssPages = Figure(raw: wire.anon_rss_pages)
        fileRssPages = Figure(raw: wire.file_rss_pages)
        shmemRssPages = Figure(raw: wire.shmem_rss_pages)
        swapPages = Figure(raw: wire.swap_pages)
        pgtablesBytes = Figure(raw: wire.pgtables_bytes)
        inIowait = wire.in_iowait != 0
    }
}
