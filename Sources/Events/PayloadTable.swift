// The one table of kinds: which struct each kind carries. A new kind adds a case to `EventKind`, one to `Payload`, and a line to
// each of the three switches below; the compiler names what was forgotten.

extension Payload {
    @inlinable public var kind: EventKind {
        switch self {
        case .oomKill: .oomKill
        case .signal: .signal
        case .exit: .exit
        case .reap: .reap
        case .stall: .stall
        case .slowIO: .slowIO
        case .cgroup: .cgroup
        case .ioInterval: .ioInterval
        case .cgroupIO: .cgroupIO
        case .cgroupStall: .cgroupStall
        case .lost: .lost
        case .census: .census
        case .censusTask: .censusTask
        case .censusCgroup: .censusCgroup
        case .pressure: .pressure
        case .memory: .memory
        case .vmstat: .vmstat
        case .load: .load
        case .device: .device
        case .cgroupSample: .cgroupSample
        case .recorderStart: .recorderStart
        case .recorderStop: .recorderStop
        case .clock: .clock
        case .hook: .hook
        case .samplerGap: .samplerGap
        case .deviceName: .deviceName
        case .userName: .userName
        case .backstop: .backstop
        case .kernelLogKill: .kernelLogKill
        case .containerName: .containerName
        case .incident: .incident
        case .snapshot: .snapshot
        }
    }

    /// Hands the fields to a writer.
    @inlinable public func write<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        switch self {
        case .oomKill(var value): try value.walk(&w)
        case .signal(var value): try value.walk(&w)
        case .exit(var value): try value.walk(&w)
        case .reap(var value): try value.walk(&w)
        case .stall(var value): try value.walk(&w)
        case .slowIO(var value): try value.walk(&w)
        case .cgroup(var value): try value.walk(&w)
        case .ioInterval(var value): try value.walk(&w)
        case .cgroupIO(var value): try value.walk(&w)
        case .cgroupStall(var value): try value.walk(&w)
        case .lost(var value): try value.walk(&w)
        case .census(var value): try value.walk(&w)
        case .censusTask(var value): try value.walk(&w)
        case .censusCgroup(var value): try value.walk(&w)
        case .pressure(var value): try value.walk(&w)
        case .memory(var value): try value.walk(&w)
        case .vmstat(var value): try value.walk(&w)
        case .load(var value): try value.walk(&w)
        case .device(var value): try value.walk(&w)
        case .cgroupSample(var value): try value.walk(&w)
        case .recorderStart(var value): try value.walk(&w)
        case .recorderStop(var value): try value.walk(&w)
        case .clock(var value): try value.walk(&w)
        case .hook(var value): try value.walk(&w)
        case .samplerGap(var value): try value.walk(&w)
        case .deviceName(var value): try value.walk(&w)
        case .userName(var value): try value.walk(&w)
        case .backstop(var value): try value.walk(&w)
        case .kernelLogKill(var value): try value.walk(&w)
        case .containerName(var value): try value.walk(&w)
        case .incident(var value): try value.walk(&w)
        case .snapshot(var value): try value.walk(&w)
        }
    }

    /// Builds the payload of a kind from a reader.
    @inlinable public static func read<W: FieldWalker & ~Copyable>(_ kind: EventKind, _ w: inout W) throws(W.Failure)
        -> Payload
    {
        switch kind {
        case .oomKill: .oomKill(try build(&w))
        case .signal: .signal(try build(&w))
        case .exit: .exit(try build(&w))
        case .reap: .reap(try build(&w))
        case .stall: .stall(try build(&w))
        case .slowIO: .slowIO(try build(&w))
        case .cgroup: .cgroup(try build(&w))
        case .ioInterval: .ioInterval(try build(&w))
        case .cgroupIO: .cgroupIO(try build(&w))
        case .cgroupStall: .cgroupStall(try build(&w))
        case .lost: .lost(try build(&w))
        case .census: .census(try build(&w))
        case .censusTask: .censusTask(try build(&w))
        case .censusCgroup: .censusCgroup(try build(&w))
        case .pressure: .pressure(try build(&w))
        case .memory: .memory(try build(&w))
        case .vmstat: .vmstat(try build(&w))
        case .load: .load(try build(&w))
        case .device: .device(try build(&w))
        case .cgroupSample: .cgroupSample(try build(&w))
        case .recorderStart: .recorderStart(try build(&w))
        case .recorderStop: .recorderStop(try build(&w))
        case .clock: .clock(try build(&w))
        case .hook: .hook(try build(&w))
        case .samplerGap: .samplerGap(try build(&w))
        case .deviceName: .deviceName(try build(&w))
        case .userName: .userName(try build(&w))
        case .backstop: .backstop(try build(&w))
        case .kernelLogKill: .kernelLogKill(try build(&w))
        case .containerName: .containerName(try build(&w))
        case .incident: .incident(try build(&w))
        case .snapshot: .snapshot(try build(&w))
        }
    }

    @inlinable static func build<W: FieldWalker & ~Copyable, F: Fields>(_ w: inout W) throws(W.Failure) -> F {
        var value = F()
        try value.walk(&w)
        return value
    }

    /// What tells one series of this kind from another (a cgroup, a device): successive events of a series resemble each
    /// other, and the codec codes the difference.
    @inlinable var seriesKey: UInt64? {
        switch self {
        case .cgroupSample(let value): value.cgroup
        case .cgroupIO(let value): value.cgroup &* 31 &+ UInt64(value.operation.rawValue) &* 2 &+ (value.swap ? 1 : 0)
        case .cgroupStall(let value): value.cgroup &* 5 &+ UInt64(value.mechanism.rawValue)
        case .device(let value): UInt64(value.device)
        case .ioInterval(let value):
            UInt64(value.device) &* 8 &+ UInt64(value.operation.rawValue) &* 2 &+ (value.swap ? 1 : 0)
        default: nil
        }
    }
}
