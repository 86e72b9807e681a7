import KernelWire

/// Reads the records that the BPF programs write (bpf/include/inquest_wire.h).
///
/// Pure: nothing here knows of libbpf, files or the time. The bytes are the kernel's, but their names are anyone's: lengths are
/// checked, contents are kept as they are.
public enum WireDecoder {
    /// - Parameters:
    ///   - record: one sample of the ring; it may be longer than the record (room that a cut name spilled into).
    ///   - symbols: what a kill's stack is compared with, where `oom_kill_process` could not be traced.
    /// - Throws: `WireError`; never crashes on any bytes.
    public static func event(from record: RawSpan, symbols: OomSymbols = OomSymbols()) throws(WireError) -> Event {
        guard record.byteCount >= MemoryLayout<iq_header>.size else {
            throw .truncated(kind: 0, bytes: record.byteCount)
        }
        let header = unsafe record.unsafeLoadUnaligned(as: iq_header.self)
        let expected = try size(of: header.kind)
        guard Int(header.size) == expected else {
            throw .wrongSize(kind: header.kind, size: Int(header.size), expected: expected)
        }
        guard record.byteCount >= expected else { throw .truncated(kind: header.kind, bytes: record.byteCount) }
        return try unsafe record.withUnsafeBytes { buffer throws(WireError) in
            let reader = unsafe WireReader(buffer, kind: header.kind)
            return Event(boottimeNs: header.boottime_ns, try payload(reader, symbols))
        }
    }

    private static func size(of kind: UInt16) throws(WireError) -> Int {
        switch UInt32(kind) {
        case IQ_KIND_OOM_KILL.rawValue: MemoryLayout<iq_oom_kill>.size
        case IQ_KIND_SIGNAL.rawValue: MemoryLayout<iq_signal>.size
        case IQ_KIND_EXIT.rawValue: MemoryLayout<iq_exit>.size
        case IQ_KIND_REAP.rawValue: MemoryLayout<iq_reap>.size
        case IQ_KIND_STALL.rawValue: MemoryLayout<iq_stall>.size
        case IQ_KIND_SLOW_IO.rawValue: MemoryLayout<iq_slow_io>.size
        case IQ_KIND_CGROUP.rawValue: MemoryLayout<iq_cgroup>.size
        default: throw .unknownKind(kind)
        }
    }

    private static func payload(_ reader: WireReader, _ symbols: OomSymbols) throws(WireError) -> Payload {
        switch UInt32(reader.kind) {
        case IQ_KIND_OOM_KILL.rawValue: .oomKill(try oomKill(reader, symbols))
        case IQ_KIND_SIGNAL.rawValue: .signal(try signal(reader))
        case IQ_KIND_EXIT.rawValue: .exit(exit(reader))
        case IQ_KIND_REAP.rawValue: .reap(reap(reader))
        case IQ_KIND_STALL.rawValue: .stall(stall(reader))
        case IQ_KIND_SLOW_IO.rawValue: .slowIO(slowIO(reader))
        case IQ_KIND_CGROUP.rawValue: .cgroup(try cgroup(reader))
        default: throw .unknownKind(reader.kind)
        }
    }

    // MARK: Who

    /// Who: the same struct in every record, and in what the census iterator writes.
    static func task(_ reader: WireReader, at offset: Int) -> TaskIdentity {
        let raw = reader.load(iq_task.self, at: offset)
        var task = TaskIdentity()
        task.pid = raw.pid
        task.tgid = raw.tgid
        task.ppid = raw.ppid
        task.uid = raw.uid
        task.session = raw.session
        task.flags = raw.flags
        task.cgroup = raw.cgroup_id
        task.comm = reader.comm(at: offset + WireLayout.taskComm)
        return task
    }

    static func victim(_ reader: WireReader, at offset: Int) throws(WireError) -> Victim {
        let raw = reader.load(iq_victim.self, at: offset)
        let cmdlineLength = Int(raw.cmdline_len)
        guard cmdlineLength <= Int(IQ_CMDLINE_MAX) else {
            throw .implausibleLength(kind: reader.kind, length: cmdlineLength)
        }
        var victim = Victim()
        victim.task = task(reader, at: offset)
        victim.nsPid = raw.ns_pid
        victim.nsUid = raw.ns_uid
        victim.oomScoreAdj = raw.oom_score_adj
        victim.alreadyExiting = raw.flags & UInt32(IQ_VICTIM_EXITING) != 0
        victim.cmdlineTruncated = raw.flags & UInt32(IQ_VICTIM_CMDLINE_TRUNCATED) != 0
        victim.cgroupTruncated = raw.flags & UInt32(IQ_VICTIM_PATH_TRUNCATED) != 0
        victim.startBoottimeNs = raw.start_boottime_ns
        victim.totalVmPages = Figure(raw: raw.total_vm_pages)
        victim.anonRssPages = Figure(raw: raw.anon_rss_pages)
        victim.fileRssPages = Figure(raw: raw.file_rss_pages)
        victim.shmemRssPages = Figure(raw: raw.shmem_rss_pages)
        victim.swapPages = Figure(raw: raw.swap_pages)
        victim.pgtablesBytes = Figure(raw: raw.pgtables_bytes)
        victim.cgroupPath = try reader.path(
            at: offset + WireLayout.victimPath, length: Int(raw.path_len), capacity: Int(IQ_PATH_MAX),
            complete: !victim.cgroupTruncated)
        // No component at all is the root's own path, if the cgroup is known.
        if victim.cgroupPath.isEmpty && victim.task.cgroup != 0 { victim.cgroupPath = [UInt8(ascii: "/")] }
        // The last argument's NUL ends the list; it separates nothing.
        var cmdlineEnd = offset + WireLayout.victimCmdline + cmdlineLength
        if cmdlineLength > 0, reader.byte(cmdlineEnd - 1) == 0 { cmdlineEnd -= 1 }
        victim.cmdline = reader.copy(offset + WireLayout.victimCmdline..<cmdlineEnd)
        return victim
    }

    // MARK: Kinds

    private static func oomKill(_ reader: WireReader, _ symbols: OomSymbols) throws(WireError) -> OomKill {
        let raw = reader.load(iq_oom_kill.self, at: 0)
        let ancestorCount = Int(raw.ancestor_count)
        let stackCount = Int(raw.stack_count)
        guard ancestorCount <= Int(IQ_ANCESTORS_MAX) else {
            throw .implausibleLength(kind: reader.kind, length: ancestorCount)
        }
        guard stackCount <= Int(IQ_STACK_MAX) else {
            throw .implausibleLength(kind: reader.kind, length: stackCount)
        }
        var kill = OomKill()
        kill.traced = raw.flags & UInt32(IQ_OOM_FACTS) != 0
        kill.trigger = task(reader, at: WireLayout.killTrigger)
        kill.victim = try victim(reader, at: WireLayout.killVictim)
        kill.ancestors.reserveCapacity(ancestorCount)
        for index in 0..<ancestorCount {
            kill.ancestors.append(
                memcg(reader.load(iq_memcg.self, at: WireLayout.killAncestors + index * MemoryLayout<iq_memcg>.stride)))
        }
        if kill.traced {
            kill.constraint = constraint(raw.constraint)
            kill.order = raw.order
            kill.gfpMask = raw.gfp_mask
            kill.limitPages = Figure(raw: raw.limit_pages)
            kill.chosenPoints = raw.chosen_points
            kill.oomCgroup = Figure(raw: raw.oom_cgroup_id)
            kill.oomGroup = raw.flags & UInt32(IQ_OOM_GROUP) != 0
            kill.entry = raw.oom_cgroup_id != 0 ? .memcg : raw.order == -1 ? .sysrq : .global
        } else {
            var stack: [UInt64] = []
            for index in 0..<stackCount { stack.append(reader.load(UInt64.self, at: WireLayout.killStack + index * 8)) }
            kill.entry = symbols.entry(of: stack)
            switch kill.entry {
            case .memcg:
                // mem_cgroup_out_of_memory passes its cgroup on: the kernel then knows no other constraint.
                kill.constraint = .memcg
                if raw.flags & UInt32(IQ_OOM_BY_LOCK) != 0 { kill.oomCgroup = Figure(raw: raw.oom_cgroup_id) }
            case .global, .sysrq: kill.oomCgroup = 0
            case .unknown: break
            }
        }
        return kill
    }

    /// `enum oom_constraint` of the kernel.
    private static func constraint(_ raw: Int32) -> Constraint {
        switch raw {
        case 0: .none
        case 1: .cpuset
        case 2: .memoryPolicy
        case 3: .memcg
        default: .unknown
        }
    }

    static func memcg(_ raw: iq_memcg) -> MemcgState {
        var state = MemcgState()
        state.id = raw.id
        state.usagePages = Figure(raw: raw.usage_pages)
        state.peakPages = Figure(raw: raw.peak_pages)
        state.minPages = Figure(raw: raw.min_pages)
        state.lowPages = Figure(raw: raw.low_pages)
        state.highPages = Figure(raw: raw.high_pages)
        state.maxPages = Figure(raw: raw.max_pages)
        state.swapUsagePages = Figure(raw: raw.swap_usage_pages)
        state.swapMaxPages = Figure(raw: raw.swap_max_pages)
        state.highEvents = Figure(raw: raw.high_events)
        state.maxEvents = Figure(raw: raw.max_events)
        state.oomEvents = Figure(raw: raw.oom_events)
        state.oomKillEvents = Figure(raw: raw.oom_kill_events)
        return state
    }

    private static func signal(_ reader: WireReader) throws(WireError) -> Signal {
        let raw = reader.load(iq_signal.self, at: 0)
        var signal = Signal()
        signal.signal = raw.signal
        signal.siCode = raw.si_code
        signal.result = raw.result
        signal.group = raw.group != 0
        signal.origin = SignalOrigin(rawValue: UInt8(truncatingIfNeeded: raw.origin)) ?? .fallback
        signal.sender = task(reader, at: WireLayout.signalSender)
        signal.target = try victim(reader, at: WireLayout.signalTarget)
        signal.senderExe = try reader.path(
            at: WireLayout.signalExe, length: Int(raw.exe_len), capacity: Int(IQ_EXE_MAX),
            complete: raw.exe_truncated == 0)
        return signal
    }

    private static func exit(_ reader: WireReader) -> Exit {
        let raw = reader.load(iq_exit.self, at: 0)
        var exit = Exit()
        exit.task = task(reader, at: MemoryLayout<iq_header>.size)
        exit.exitCode = raw.exit_code
        exit.lastSignal = raw.last_signal
        exit.markedBoottimeNs = raw.marked_boottime_ns
        exit.rssPages = Figure(raw: raw.rss_pages)
        return exit
    }

    private static func reap(_ reader: WireReader) -> Reap {
        let raw = reader.load(iq_reap.self, at: 0)
        var reap = Reap()
        reap.pid = raw.pid
        reap.step = ReapStep(rawValue: UInt8(truncatingIfNeeded: raw.step)) ?? .fallback
        return reap
    }

    private static func stall(_ reader: WireReader) -> Stall {
        let raw = reader.load(iq_stall.self, at: 0)
        var stall = Stall()
        stall.task = task(reader, at: MemoryLayout<iq_header>.size)
        stall.durationNs = raw.duration_ns
        stall.mechanism = StallMechanism(rawValue: UInt8(truncatingIfNeeded: raw.mechanism)) ?? .fallback
        return stall
    }

    private static func slowIO(_ reader: WireReader) -> SlowIO {
        let raw = reader.load(iq_slow_io.self, at: 0)
        var slow = SlowIO()
        slow.device = raw.dev
        slow.operation = IOOperation(rawValue: raw.op) ?? .fallback
        slow.swap = raw.swap != 0
        slow.failed = raw.error != 0
        slow.bytes = raw.bytes
        slow.sector = raw.sector
        slow.deviceNs = Figure(raw: raw.device_ns)
        slow.queueNs = Figure(raw: raw.queue_ns)
        slow.cgroup = raw.cgroup_id
        return slow
    }

    private static func cgroup(_ reader: WireReader) throws(WireError) -> CgroupChange {
        let raw = reader.load(iq_cgroup.self, at: 0)
        let length = Int(raw.path_len)
        guard length <= Int(IQ_PATH_MAX) else { throw .implausibleLength(kind: reader.kind, length: length) }
        var change = CgroupChange()
        change.id = raw.id
        change.hierarchy = raw.hierarchy
        change.action = CgroupAction(rawValue: UInt8(truncatingIfNeeded: raw.action)) ?? .fallback
        change.path = reader.copy(WireLayout.cgroupPath..<WireLayout.cgroupPath + length)
        return change
    }
}
