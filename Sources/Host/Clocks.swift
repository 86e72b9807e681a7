public import Events
internal import Glibc

/// The clocks of this machine.
public enum Clocks {
    /// What the recorder's own observations are timed by, nanoseconds: reading a file takes longer, and the recording has short
    /// codes for multiples of this.
    static let grainNs: UInt64 = 4096

    /// CLOCK_BOOTTIME, nanoseconds, cut to the grain: goes on while the machine is suspended.
    public static func boottimeNs() -> UInt64 { read(CLOCK_BOOTTIME) & ~(grainNs - 1) }

    public static func realtimeNs() -> UInt64 { read(CLOCK_REALTIME) }

    /// Which boot these are of; unknown where /proc is not to be read.
    public static func bootID(_ paths: HostPaths = HostPaths()) -> BootID {
        contents(of: paths.proc("sys/kernel/random/boot_id")).flatMap { BootID($0) } ?? .unknown
    }

    /// All clocks at one moment. Boottime is read on both sides of realtime, so that a preemption in between shows and is
    /// repeated (at most four times) instead of ending up as an error of the conversion.
    public static func snapshot() -> ClockSnapshot {
        var best = ClockSnapshot()
        var bestSpread = UInt64.max
        for _ in 0..<4 {
            let before = read(CLOCK_BOOTTIME)
            let realtime = realtimeNs()
            let monotonic = read(CLOCK_MONOTONIC)
            let spread = read(CLOCK_BOOTTIME) &- before
            guard spread < bestSpread else { continue }
            bestSpread = spread
            let moment = before + spread / 2
            // All three as of the grain's beginning: how they lie to each other is not touched.
            let cut = moment & (grainNs - 1)
            best.boottimeNs = moment - cut
            best.realtimeNs = realtime - cut
            best.monotonicNs = monotonic - cut
            if spread < 10_000 { break }
        }
        best.utcOffsetSeconds = utcOffsetSeconds(at: best.realtimeNs)
        return best
    }

    /// Seconds east of UTC by `/etc/localtime`; 0 (UTC) when it cannot be read.
    static func utcOffsetSeconds(at realtimeNs: UInt64) -> Int32 {
        var seconds = time_t(realtimeNs / 1_000_000_000)
        var parts = unsafe tm()
        guard unsafe localtime_r(&seconds, &parts) != nil else { return 0 }
        return Int32(truncatingIfNeeded: unsafe parts.tm_gmtoff)
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        // Cannot fail: the clocks exist on every kernel that this program runs on, and the pointer is valid.
        _ = unsafe clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
