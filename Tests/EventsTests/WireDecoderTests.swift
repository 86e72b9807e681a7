import KernelWire
import Testing

@testable import Events

/// A record as the BPF programs lay it out, written through the imported structs: the other side of the decoder.
struct WireRecord {
    var bytes: [UInt8]

    init<T: BitwiseCopyable>(_ value: T) {
        bytes = withUnsafeBytes(of: value) { Array($0) }
    }

    static func header(_ kind: iq_kind, _ size: Int, boottimeNs: UInt64 = 77) -> iq_header {
        iq_header(boottime_ns: boottimeNs, kind: UInt16(kind.rawValue), size: UInt16(size), cpu: 3)
    }

    mutating func put(_ text: some Collection<UInt8>, at offset: Int) {
        for (index, byte) in text.enumerated() { bytes[offset + index] = byte }
    }

    func decode(symbols: OomSymbols = OomSymbols()) throws -> Event {
        try bytes.withUnsafeBytes { buffer in
            try WireDecoder.event(from: buffer.bytes, symbols: symbols)
        }
    }
}

/// Leaf first, each component with its NUL: `/a/b` is `b\0a\0`.
private func leafFirst(_ components: String...) -> [UInt8] { components.reversed().flatMap { Array($0.utf8) + [0] } }

@Suite struct WireDecoderTests {
    private func someTask(_ pid: UInt32) -> iq_task {
        var task = iq_task()
        task.pid = pid
        task.tgid = pid + 1
        task.ppid = pid + 2
        task.uid = pid + 3
        task.session = pid + 4
        task.flags = pid + 5
        task.cgroup_id = UInt64(pid) + 6
        withUnsafeMutableBytes(of: &task.comm) { $0.copyBytes(from: Array("left\0over from it".utf8).prefix(16)) }
        return task
    }

    private func someVictim() -> (victim: iq_victim, pathOffset: Int, cmdlineOffset: Int) {
        var victim = iq_victim()
        victim.task = someTask(500)
        victim.ns_pid = 5
        victim.ns_uid = 1000
        victim.oom_score_adj = -17
        victim.flags = UInt32(IQ_VICTIM_EXITING)
        victim.start_boottime_ns = 12
        victim.total_vm_pages = 100
        victim.anon_rss_pages = 101
        victim.file_rss_pages = 102
        victim.shmem_rss_pages = 103
        victim.swap_pages = 104
        victim.pgtables_bytes = 4096
        let path = leafFirst("user.slice", "a b", "\u{1b}x")
        let cmdline = Array("/bin/x\0-y\0\0".utf8)
        victim.path_len = UInt16(path.count)
        victim.cmdline_len = UInt16(cmdline.count)
        withUnsafeMutableBytes(of: &victim.path) { $0.copyBytes(from: path) }
        withUnsafeMutableBytes(of: &victim.cmdline) { $0.copyBytes(from: cmdline) }
        return (victim, WireLayout.victimPath, WireLayout.victimCmdline)
    }

    private func expectTask(_ task: TaskIdentity, _ pid: UInt32) {
        #expect(task.pid == pid && task.tgid == pid + 1 && task.ppid == pid + 2 && task.uid == pid + 3)
        #expect(task.session == pid + 4 && task.flags == pid + 5 && task.cgroup == UInt64(pid) + 6)
        // What follows the NUL is left over from a longer name.
        #expect(task.comm == Comm("left"))
    }

    private func expectVictim(_ victim: Victim) {
        expectTask(victim.task, 500)
        #expect(victim.nsPid == 5 && victim.nsUid == 1000 && victim.oomScoreAdj == -17)
        #expect(victim.alreadyExiting && !victim.cmdlineTruncated && !victim.cgroupTruncated)
        #expect(victim.startBoottimeNs == 12)
        #expect(victim.totalVmPages == 100 && victim.anonRssPages == 101 && victim.fileRssPages == 102)
        #expect(victim.shmemRssPages == 103 && victim.swapPages == 104 && victim.pgtablesBytes == 4096)
        #expect(victim.cgroupPath == Array("/user.slice/a b/\u{1b}x".utf8))
        // Only the list's own end goes; the empty last argument stays.
        #expect(victim.cmdline == Array("/bin/x\0-y\0".utf8))
    }

    private func someKill() -> iq_oom_kill {
        var kill = iq_oom_kill()
        kill.header = WireRecord.header(IQ_KIND_OOM_KILL, MemoryLayout<iq_oom_kill>.size)
        kill.flags = UInt32(IQ_OOM_FACTS) | UInt32(IQ_OOM_GROUP)
        kill.constraint = 3
        kill.order = 2
        kill.gfp_mask = 0xcc0
        kill.limit_pages = 8192
        kill.chosen_points = -5
        kill.oom_cgroup_id = 99
        kill.trigger = someTask(300)
        kill.victim = someVictim().victim
        kill.ancestor_count = 2
        kill.ancestors.0.id = 10
        kill.ancestors.0.usage_pages = 11
        kill.ancestors.0.max_pages = UInt64.max - 1
        kill.ancestors.1.id = 20
        kill.ancestors.1.oom_kill_events = 21
        kill.stack_count = 0
        return kill
    }

    @Test func `an OOM kill with the facts of oom_kill_process`() throws {
        let event = try WireRecord(someKill()).decode()
        #expect(event.boottimeNs == 77 && event.seq == 0)
        guard case .oomKill(let kill) = event.payload else { throw WireError.unknownKind(0) }
        #expect(kill.traced && kill.oomGroup && kill.entry == .memcg && kill.constraint == .memcg)
        #expect(kill.order == 2 && kill.gfpMask == 0xcc0 && kill.limitPages == 8192 && kill.chosenPoints == -5)
        #expect(kill.oomCgroup == 99)
        expectTask(kill.trigger, 300)
        expectVictim(kill.victim)
        #expect(kill.ancestors.map(\.id) == [10, 20])
        #expect(kill.ancestors[0].usagePages == 11 && kill.ancestors[0].maxPages == .unlimited)
        #expect(kill.ancestors[1].oomKillEvents == 21)
    }

    @Test func `sysrq and a global OOM are told apart by the order`() throws {
        for (order, entry) in [(Int32(-1), OomEntry.sysrq), (0, .global)] {
            var raw = someKill()
            raw.constraint = 0
            raw.order = order
            raw.oom_cgroup_id = 0
            guard case .oomKill(let kill) = try WireRecord(raw).decode().payload else { throw WireError.unknownKind(0) }
            #expect(kill.entry == entry && kill.constraint == .none && kill.oomCgroup == 0)
        }
    }

    @Test func `without the facts the stack says how it came to it, and the rest is unknown`() throws {
        var symbols = OomSymbols()
        symbols.memcg = [0x1000..<0x2000]
        symbols.global = [0x3000..<0x4000]
        symbols.sysrq = [0x5000..<0x6000]
        let cases: [([UInt64], UInt32, OomEntry, Constraint, Figure)] = [
            ([0x10, 0x3010, 0x1010], UInt32(IQ_OOM_BY_LOCK), .memcg, .memcg, 99),
            ([0x10, 0x3010, 0x1010], 0, .memcg, .memcg, .unknown),
            ([0x10, 0x3010, 0x20], UInt32(IQ_OOM_BY_LOCK), .global, .unknown, 0),
            ([0x3010, 0x5010], 0, .sysrq, .unknown, 0),
            ([0x10, 0x20], UInt32(IQ_OOM_BY_LOCK), .unknown, .unknown, .unknown),
        ]
        for (stack, flags, entry, constraint, cgroup) in cases {
            var raw = someKill()
            raw.flags = flags
            raw.constraint = -1
            raw.limit_pages = UInt64.max
            raw.oom_cgroup_id = flags == 0 ? UInt64.max : 99
            raw.stack_count = UInt32(stack.count)
            withUnsafeMutableBytes(of: &raw.stack) { buffer in
                for (index, address) in stack.enumerated() {
                    buffer.storeBytes(of: address, toByteOffset: index * 8, as: UInt64.self)
                }
            }
            guard case .oomKill(let kill) = try WireRecord(raw).decode(symbols: symbols).payload else {
                throw WireError.unknownKind(0)
            }
            #expect(!kill.traced && kill.entry == entry && kill.constraint == constraint && kill.oomCgroup == cgroup)
            #expect(kill.limitPages == .unknown)
        }
    }

    @Test func `a stack is never called global while the way through a memory cgroup has no address`() {
        var symbols = OomSymbols()
        symbols.global = [0x3000..<0x4000]
        #expect(symbols.entry(of: [0x3010]) == .unknown)
    }

    @Test func `a signal`() throws {
        var raw = iq_signal()
        raw.header = WireRecord.header(IQ_KIND_SIGNAL, MemoryLayout<iq_signal>.size)
        raw.signal = 9
        raw.si_code = -6
        raw.result = 1
        raw.group = 1
        raw.origin = UInt16(IQ_SIGNAL_NOINFO.rawValue)
        raw.sender = someTask(700)
        raw.target = someVictim().victim
        let exe = leafFirst("usr", "bin", "dash")
        raw.exe_len = UInt16(exe.count)
        withUnsafeMutableBytes(of: &raw.exe) { $0.copyBytes(from: exe) }
        guard case .signal(let signal) = try WireRecord(raw).decode().payload else { throw WireError.unknownKind(0) }
        #expect(signal.signal == 9 && signal.siCode == -6 && signal.result == 1 && signal.group)
        #expect(signal.origin == .noInfo)
        expectTask(signal.sender, 700)
        expectVictim(signal.target)
        #expect(signal.senderExe == Array("/usr/bin/dash".utf8))

        raw.exe_truncated = 1
        guard case .signal(let cut) = try WireRecord(raw).decode().payload else { throw WireError.unknownKind(0) }
        // Its beginning is not known: it does not pretend to be a path from the root.
        #expect(cut.senderExe == Array("usr/bin/dash".utf8))
    }

    @Test func `exits, reaping, stalls, slow IOs and cgroups`() throws {
        var exit = iq_exit()
        exit.header = WireRecord.header(IQ_KIND_EXIT, MemoryLayout<iq_exit>.size)
        exit.task = someTask(1)
        exit.exit_code = 0x300
        exit.last_signal = 15
        exit.marked_boottime_ns = 4
        exit.rss_pages = UInt64.max
        guard case .exit(let decodedExit) = try WireRecord(exit).decode().payload else {
            throw WireError.unknownKind(3)
        }
        expectTask(decodedExit.task, 1)
        #expect(decodedExit.exitCode == 0x300 && decodedExit.lastSignal == 15 && decodedExit.markedBoottimeNs == 4)
        #expect(decodedExit.rssPages == .unknown)

        var reap = iq_reap()
        reap.header = WireRecord.header(IQ_KIND_REAP, MemoryLayout<iq_reap>.size)
        reap.pid = 8
        reap.step = UInt32(IQ_REAP_FINISH.rawValue)
        guard case .reap(let decodedReap) = try WireRecord(reap).decode().payload else {
            throw WireError.unknownKind(4)
        }
        #expect(decodedReap.pid == 8 && decodedReap.step == .finish)

        var stall = iq_stall()
        stall.header = WireRecord.header(IQ_KIND_STALL, MemoryLayout<iq_stall>.size)
        stall.task = someTask(2)
        stall.duration_ns = 9
        stall.mechanism = UInt32(IQ_STALL_DIRECT_RECLAIM.rawValue)
        guard case .stall(let decodedStall) = try WireRecord(stall).decode().payload else {
            throw WireError.unknownKind(5)
        }
        expectTask(decodedStall.task, 2)
        #expect(decodedStall.durationNs == 9 && decodedStall.mechanism == .directReclaim)

        var slow = iq_slow_io()
        slow.header = WireRecord.header(IQ_KIND_SLOW_IO, MemoryLayout<iq_slow_io>.size)
        slow.dev = 7 << 20 | 1
        slow.op = UInt8(IQ_IO_WRITE.rawValue)
        slow.swap = 1
        slow.bytes = 4096
        slow.sector = 6
        slow.device_ns = 5
        slow.queue_ns = UInt64.max
        slow.cgroup_id = 3
        guard case .slowIO(let decodedSlow) = try WireRecord(slow).decode().payload else {
            throw WireError.unknownKind(6)
        }
        #expect(decodedSlow.device == 7 << 20 | 1 && decodedSlow.operation == .write && decodedSlow.swap)
        #expect(!decodedSlow.failed && decodedSlow.bytes == 4096 && decodedSlow.sector == 6)
        #expect(decodedSlow.deviceNs == 5 && decodedSlow.queueNs == .unknown && decodedSlow.cgroup == 3)

        var cgroup = iq_cgroup()
        cgroup.header = WireRecord.header(IQ_KIND_CGROUP, MemoryLayout<iq_cgroup>.size)
        cgroup.id = 44
        cgroup.hierarchy = 4
        cgroup.action = UInt16(IQ_CGROUP_REMOVED.rawValue)
        cgroup.path_len = 4
        withUnsafeMutableBytes(of: &cgroup.path) { $0.copyBytes(from: Array("/a/b".utf8)) }
        guard case .cgroup(let change) = try WireRecord(cgroup).decode().payload else { throw WireError.unknownKind(7) }
        #expect(
            change.id == 44 && change.hierarchy == 4 && change.action == .removed && change.path == Array("/a/b".utf8))
    }

    @Test func `the root's path is a slash; an unknown cgroup has none; a cut path has no leading slash`() throws {
        var raw = someKill()
        raw.victim.path_len = 0
        guard case .oomKill(let root) = try WireRecord(raw).decode().payload else { throw WireError.unknownKind(0) }
        #expect(root.victim.cgroupPath == Array("/".utf8))
        raw.victim.task.cgroup_id = 0
        guard case .oomKill(let none) = try WireRecord(raw).decode().payload else { throw WireError.unknownKind(0) }
        #expect(none.victim.cgroupPath == [])
        raw = someKill()
        raw.victim.flags = UInt32(IQ_VICTIM_PATH_TRUNCATED)
        guard case .oomKill(let cut) = try WireRecord(raw).decode().payload else { throw WireError.unknownKind(0) }
        #expect(cut.victim.cgroupTruncated && cut.victim.cgroupPath == Array("user.slice/a b/\u{1b}x".utf8))
    }

    @Test func `room behind the record, for a name that was cut, is not read`() throws {
        var record = WireRecord(someKill())
        let exact = try record.decode()
        record.bytes += [UInt8](repeating: 0xff, count: 256)
        #expect(try record.decode() == exact)
    }

    /// The offsets of the names, against the imported structs.
    @Test func `names lie where the C structs have them`() {
        #expect(WireLayout.taskComm == MemoryLayout<iq_task>.offset(of: \.comm))
        #expect(WireLayout.victimPath == MemoryLayout<iq_victim>.offset(of: \.path))
        #expect(WireLayout.victimCmdline == MemoryLayout<iq_victim>.offset(of: \.cmdline))
        #expect(WireLayout.killTrigger == MemoryLayout<iq_oom_kill>.offset(of: \.trigger))
        #expect(WireLayout.killVictim == MemoryLayout<iq_oom_kill>.offset(of: \.victim))
        #expect(WireLayout.killAncestors == MemoryLayout<iq_oom_kill>.offset(of: \.ancestors))
        #expect(WireLayout.killStack == MemoryLayout<iq_oom_kill>.offset(of: \.stack))
        #expect(WireLayout.signalSender == MemoryLayout<iq_signal>.offset(of: \.sender))
        #expect(WireLayout.signalTarget == MemoryLayout<iq_signal>.offset(of: \.target))
        #expect(WireLayout.signalExe == MemoryLayout<iq_signal>.offset(of: \.exe))
        #expect(WireLayout.cgroupPath == MemoryLayout<iq_cgroup>.offset(of: \.path))
    }

    /// A stale import after an edit of the header would show here: the sizes as the C compiler has them.
    @Test func `Swift sees the structs as C does`() {
        let sizes = [
            MemoryLayout<iq_header>.size, MemoryLayout<iq_task>.size, MemoryLayout<iq_memcg>.size,
            MemoryLayout<iq_victim>.size, MemoryLayout<iq_oom_kill>.size, MemoryLayout<iq_signal>.size,
            MemoryLayout<iq_exit>.size, MemoryLayout<iq_reap>.size, MemoryLayout<iq_stall>.size,
            MemoryLayout<iq_slow_io>.size, MemoryLayout<iq_cgroup>.size, MemoryLayout<iq_cmdline>.size,
        ]
        for (index, size) in sizes.enumerated() { #expect(size == Int(iq_wire_size(Int32(index)))) }
        #expect(iq_wire_size(Int32(sizes.count)) == 0)
    }

    // MARK: Bytes that are not what they say

    private var records: [WireRecord] {
        var signal = iq_signal()
        signal.header = WireRecord.header(IQ_KIND_SIGNAL, MemoryLayout<iq_signal>.size)
        var cgroup = iq_cgroup()
        cgroup.header = WireRecord.header(IQ_KIND_CGROUP, MemoryLayout<iq_cgroup>.size)
        var slow = iq_slow_io()
        slow.header = WireRecord.header(IQ_KIND_SLOW_IO, MemoryLayout<iq_slow_io>.size)
        return [WireRecord(someKill()), WireRecord(signal), WireRecord(cgroup), WireRecord(slow)]
    }

    @Test func `a record cut anywhere is an error`() {
        for record in records {
            for length in 0..<record.bytes.count {
                var cut = record
                cut.bytes.removeLast(record.bytes.count - length)
                #expect(throws: WireError.self) { try cut.decode() }
            }
        }
    }

    @Test func `a size that is not the kind's, and a kind that is none, are errors`() {
        var record = WireRecord(someKill())
        record.bytes[10] &+= 1
        #expect(throws: WireError.self) { try record.decode() }
        for kind in [UInt8(0), 8, 31, 200] {
            var record = WireRecord(someKill())
            record.bytes[8] = kind
            #expect(throws: WireError.unknownKind(UInt16(kind))) { try record.decode() }
        }
    }

    @Test func `lengths and counts beyond their field are errors`() {
        var kills = [iq_oom_kill](repeating: someKill(), count: 4)
        kills[0].victim.path_len = UInt16(IQ_PATH_MAX) + 1
        kills[1].victim.cmdline_len = UInt16.max
        kills[2].ancestor_count = UInt32(IQ_ANCESTORS_MAX) + 1
        kills[3].flags = 0
        kills[3].stack_count = UInt32.max
        for kill in kills { #expect(throws: WireError.self) { try WireRecord(kill).decode() } }
    }

    /// Whatever a byte becomes, decoding ends: with an event or with an error.
    @Test func `a flipped byte anywhere never crashes`() {
        for record in records {
            for index in record.bytes.indices {
                for flip in [UInt8(0xff), 0x01, 0x80] {
                    var damaged = record
                    damaged.bytes[index] ^= flip
                    _ = try? damaged.decode()
                }
            }
        }
    }

    @Test func `names of all 0xff bytes, without any end, never crash`() throws {
        var raw = someKill()
        raw.victim.path_len = UInt16(IQ_PATH_MAX)
        raw.victim.cmdline_len = UInt16(IQ_CMDLINE_MAX)
        withUnsafeMutableBytes(of: &raw.victim.path) {
            $0.copyBytes(from: [UInt8](repeating: 0xff, count: Int(IQ_PATH_MAX)))
        }
        withUnsafeMutableBytes(of: &raw.victim.cmdline) {
            $0.copyBytes(from: [UInt8](repeating: 0xff, count: Int(IQ_CMDLINE_MAX)))
        }
        withUnsafeMutableBytes(of: &raw.victim.task.comm) { $0.copyBytes(from: [UInt8](repeating: 0xff, count: 16)) }
        guard case .oomKill(let kill) = try WireRecord(raw).decode().payload else { throw WireError.unknownKind(0) }
        #expect(kill.victim.cgroupPath.count == Int(IQ_PATH_MAX) + 1)
        #expect(kill.victim.cmdline.count == Int(IQ_CMDLINE_MAX))
        #expect(kill.victim.task.comm.bytes.count == 16)
    }
}
