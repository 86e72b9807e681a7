import Events

/// Decides which samples of one series are written: all while it matters, those that moved in calm, and keyframes.
///
/// When a sample moved after others were held back, the one before it is written too, with its own time: otherwise the
/// movement would seem to stretch over the whole silence and its onset could not be dated. Events of one series therefore
/// keep their order; between series they may be one tick apart.
struct DeadBand<Sample> {
    private var written: Sample?
    private var held: Sample?
    private var heldNs: UInt64 = 0
    private var movedNs: UInt64?

    init() {}

    /// The sample of the tick before.
    var previous: Sample? { held ?? written }

    /// Whether a movement would be seen in the sample: for a sample that is first taken cheaply.
    @inline(__always)
    func isMovement(_ sample: Sample, _ moved: (_ sample: Sample, _ written: Sample, _ previous: Sample) -> Bool)
        -> Bool
    {
        guard let written else { return true }
        return moved(sample, written, held ?? written)
    }

    /// - Parameters:
    ///   - all: write it whatever it is (pressure, keyframe).
    ///   - tailNs: how long to go on after a movement.
    ///   - moved: whether the sample differs enough from the last written, or from the last tick.
    @inline(__always)
    mutating func offer(
        _ sample: Sample, now: UInt64, all: Bool, tailNs: UInt64,
        moved: (_ sample: Sample, _ written: Sample, _ previous: Sample) -> Bool, write: (UInt64, Sample) -> Void
    ) {
        guard let last = written else {
            write(now, sample)
            written = sample
            return
        }
        let isMovement = moved(sample, last, held ?? last)
        if isMovement { movedNs = now }
        let inTail = movedNs.map { now &- $0 < tailNs } ?? false
        guard all || isMovement || inTail else {
            held = sample
            heldNs = now
            return
        }
        if isMovement, let held { write(heldNs, held) }
        write(now, sample)
        written = sample
        held = nil
    }
}

/// Whether a level differs by at least `by`; unknown differs from known, and unlimited from any number.
@inline(__always)
func differs(_ a: Figure, _ b: Figure, by: UInt64) -> Bool {
    guard let x = a.value, let y = b.value else { return a != b }
    return (x > y ? x - y : y - x) >= by
}

/// Whether a counter rose by at least `by`; a counter that fell was reset, which is a movement.
@inline(__always)
func rose(_ now: Figure, since before: Figure, by: UInt64) -> Bool {
    guard let x = now.value, let y = before.value else { return now != before }
    return x < y || x - y >= by
}

/// What counts as a movement in each kind of sample.
extension SamplerOptions {
    func moved(_ a: PressureSample, _ written: PressureSample, _ previous: PressureSample) -> Bool {
        rose(a.memorySomeUs, since: previous.memorySomeUs, by: pressureRiseUs)
            || rose(a.ioSomeUs, since: previous.ioSomeUs, by: pressureRiseUs)
            // CPU pressure is a bystander here: ten times as much before it is worth a record.
            || rose(a.cpuSomeUs, since: previous.cpuSomeUs, by: pressureRiseUs * 10)
            || rose(a.memorySomeUs, since: written.memorySomeUs, by: pressureDriftUs)
            || rose(a.ioSomeUs, since: written.ioSomeUs, by: pressureDriftUs)
    }

    func moved(_ a: MemorySample, _ written: MemorySample, _ previous: MemorySample) -> Bool {
        let share = UInt64(Double(a.totalBytes.value ?? 0) * memoryShare)
        return a.totalBytes != written.totalBytes || a.swapTotalBytes != written.swapTotalBytes
            || differs(a.availableBytes, written.availableBytes, by: max(1, share))
            || differs(a.swapFreeBytes, written.swapFreeBytes, by: swapBytes)
            || differs(a.dirtyBytes, written.dirtyBytes, by: memoryBytes)
            || differs(a.writebackBytes, written.writebackBytes, by: memoryBytes)
            || differs(a.zswapBytes, written.zswapBytes, by: memoryBytes)
    }

    func moved(_ a: VmstatSample, _ written: VmstatSample, _ previous: VmstatSample) -> Bool {
        rose(a.pgscanKswapd, since: previous.pgscanKswapd, by: pagingPages)
            || rose(a.pgscanDirect, since: previous.pgscanDirect, by: pagingPages)
            || rose(a.pswpin, since: previous.pswpin, by: pagingPages)
            || rose(a.pswpout, since: previous.pswpout, by: pagingPages)
            || rose(a.workingsetRefaultAnon, since: previous.workingsetRefaultAnon, by: pagingPages)
            || rose(a.workingsetRefaultFile, since: previous.workingsetRefaultFile, by: pagingPages)
            || rose(a.zswpout, since: previous.zswpout, by: pagingPages)
            || rose(a.pgmajfault, since: previous.pgmajfault, by: majorFaults)
            || rose(a.allocstall, since: previous.allocstall, by: 1)
            || rose(a.oomKill, since: previous.oomKill, by: 1)
    }

    func moved(_ a: LoadSample, _ written: LoadSample, _ previous: LoadSample) -> Bool {
        differs(a.load1Milli, written.load1Milli, by: loadMilli) || differs(a.blocked, written.blocked, by: tasks)
            || differs(a.running, written.running, by: tasks * 4)
    }

    func moved(_ a: DeviceSample, _ written: DeviceSample, _ previous: DeviceSample) -> Bool {
        rose(a.busyMs, since: previous.busyMs, by: deviceBusyMs)
            || rose(a.readBytes, since: previous.readBytes, by: deviceBytes)
            || rose(a.writeBytes, since: previous.writeBytes, by: deviceBytes)
            || (a.oldestMinNs.value ?? 0) >= deviceOldestNs
    }

    func moved(_ a: CgroupSample, _ written: CgroupSample, _ previous: CgroupSample) -> Bool {
        let share = (written.currentBytes.value ?? 0) / 16
        return differs(a.currentBytes, written.currentBytes, by: max(cgroupBytes, share))
            || differs(a.swapBytes, written.swapBytes, by: swapBytes) || a.maxBytes != written.maxBytes
            || a.highBytes != written.highBytes || a.swapMaxBytes != written.swapMaxBytes
            || rose(a.eventsHigh, since: written.eventsHigh, by: 1)
            || rose(a.eventsMax, since: written.eventsMax, by: 1)
            || rose(a.eventsOom, since: written.eventsOom, by: 1)
            || rose(a.eventsOomKill, since: written.eventsOomKill, by: 1)
            || rose(a.memorySomeUs, since: previous.memorySomeUs, by: pressureRiseUs)
            || rose(a.ioFullUs, since: previous.ioFullUs, by: pressureRiseUs)
    }
}
