/// One thing that was observed: by the kernel side, by a sample of the host, or by the recorder about itself.
///
/// Live and replay hand the same events, in the order of `seq`, to the same correlator.
public struct Event: Equatable, Sendable {
    /// Numbered for ever within a recording directory; 0 before the recorder has numbered it.
    public var seq: UInt64
    /// When it happened, nanoseconds of CLOCK_BOOTTIME.
    public var boottimeNs: UInt64
    public var payload: Payload

    @inlinable public init(seq: UInt64 = 0, boottimeNs: UInt64, _ payload: Payload) {
        self.seq = seq
        self.boottimeNs = boottimeNs
        self.payload = payload
    }

    public var moment: Moment { Moment(boottimeNs: boottimeNs) }
}

/// Kinds are numbered for ever and never reused; numbers up to 31 are the kernel side's (`enum iq_kind`).
public enum EventKind: UInt8, Choice {
    case oomKill = 1
    case signal = 2
    case exit = 3
    case reap = 4
    case stall = 5
    case slowIO = 6
    case cgroup = 7

    case ioInterval = 16
    case cgroupIO = 17
    case cgroupStall = 18
    case lost = 19
    case census = 20
    case censusTask = 21
    case censusCgroup = 22

    case pressure = 32
    case memory = 33
    case vmstat = 34
    case load = 35
    case device = 36
    case cgroupSample = 37

    case recorderStart = 48
    case recorderStop = 49
    case clock = 50
    case hook = 51
    case samplerGap = 52
    case deviceName = 53
    case userName = 54
    case backstop = 55
    case kernelLogKill = 56
    case containerName = 57

    case incident = 64
    case snapshot = 65

    public static var fallback: EventKind { .lost }
}

/// What was observed. Large, rare payloads are boxed (`indirect`), so that the frequent ones stay small and allocate nothing.
public enum Payload: Equatable, Sendable {
    indirect case oomKill(OomKill)
    indirect case signal(Signal)
    case exit(Exit)
    case reap(Reap)
    case stall(Stall)
    case slowIO(SlowIO)
    indirect case cgroup(CgroupChange)
    case ioInterval(IOInterval)
    case cgroupIO(CgroupIO)
    case cgroupStall(CgroupStall)
    case lost(Lost)
    case census(Census)
    indirect case censusTask(CensusTask)
    case censusCgroup(MemcgState)
    case pressure(PressureSample)
    case memory(MemorySample)
    case vmstat(VmstatSample)
    case load(LoadSample)
    case device(DeviceSample)
    case cgroupSample(CgroupSample)
    indirect case recorderStart(RecorderStart)
    case recorderStop(RecorderStop)
    case clock(ClockSnapshot)
    indirect case hook(HookState)
    case samplerGap(SamplerGap)
    indirect case deviceName(DeviceName)
    indirect case userName(UserName)
    indirect case backstop(BackstopState)
    indirect case kernelLogKill(KernelLogKill)
    indirect case containerName(ContainerName)
    indirect case incident(IncidentRecord)
    indirect case snapshot(StateSnapshot)
}
