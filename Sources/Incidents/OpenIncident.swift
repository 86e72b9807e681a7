import Events

/// When one link of the chain began within an incident, and the most it reached.
struct LinkTrack: Fields {
    var onsetNs: UInt64 = 0
    var first: UInt64 = 0
    var peak: UInt64 = 0
    var peakNs: UInt64 = 0

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("onset_ns", &onsetNs)
        try w.unsigned("first", &first)
        try w.unsigned("peak", &peak)
        try w.unsigned("peak_ns", &peakNs)
    }

    /// Takes over what is going on now.
    mutating func follow(_ onset: Onset, at ns: UInt64, hold: UInt64) {
        guard onset.isOn(at: ns, hold: hold) else { return }
        // Several cgroups may be followed: the earliest counts.
        if onsetNs == 0 || onset.sinceNs < onsetNs {
            onsetNs = onset.sinceNs
            first = onset.first
        }
        if onset.peak > peak {
            peak = onset.peak
            peakNs = onset.lastNs
        }
    }
}

/// Lines of one kind that come in crowds: of each second the first and the worst are kept.
struct Crowd: Fields {
    var sinceNs: UInt64 = 0
    var count: UInt64 = 0
    /// The worst after the first: how bad, and its number in the timeline.
    var worst: UInt64 = 0
    var worstSeq: UInt64 = 0

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("since_ns", &sinceNs)
        try w.unsigned("count", &count)
        try w.unsigned("worst", &worst)
        try w.unsigned("worst_seq", &worstSeq)
    }
}

/// A cgroup followed through an incident.
struct CgroupTrack: Fields {
    var id: UInt64 = 0
    var path = Bytes()
    /// Lowest use in the lookback, and when it was last near it.
    var lowBytes = Figure.unknown
    var lowNs: UInt64 = 0
    var peakBytes = Figure.unknown
    var peakNs: UInt64 = 0
    var swapWritten: UInt64 = 0
    var movedBytes: UInt64 = 0
    var throttledNs: UInt64 = 0
    /// PSI totals at the start and now, microseconds.
    var ioFullFrom = Figure.unknown
    var ioFullTo = Figure.unknown
    var memoryFullFrom = Figure.unknown
    var memoryFullTo = Figure.unknown
    var scannedFrom = Figure.unknown
    var scannedTo = Figure.unknown
    var slowestReadNs: UInt64 = 0
    var maxBytes = Figure.unknown
    var highBytes = Figure.unknown
    var swapMaxBytes = Figure.unknown
    /// The most it stalled in full over a phase window, in hundredths of a percent.
    var fullPeak: UInt64 = 0
    /// The most swap it used.
    var swapPeak = Figure.unknown

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("id", &id)
        try w.text("path", &path)
        try w.figure("low_bytes", &lowBytes)
        try w.unsigned("low_ns", &lowNs)
        try w.figure("peak_bytes", &peakBytes)
        try w.unsigned("peak_ns", &peakNs)
        try w.unsigned("swap_written", &swapWritten)
        try w.unsigned("moved_bytes", &movedBytes)
        try w.unsigned("throttled_ns", &throttledNs)
        try w.figure("io_full_from", &ioFullFrom)
        try w.figure("io_full_to", &ioFullTo)
        try w.figure("memory_full_from", &memoryFullFrom)
        try w.figure("memory_full_to", &memoryFullTo)
        try w.figure("scanned_from", &scannedFrom)
        try w.figure("scanned_to", &scannedTo)
        try w.unsigned("slowest_read_ns", &slowestReadNs)
        try w.figure("max_bytes", &maxBytes)
        try w.figure("high_bytes", &highBytes)
        try w.figure("swap_max_bytes", &swapMaxBytes)
        try w.unsigned("full_peak", &fullPeak)
        try w.figure("swap_peak", &swapPeak)
    }

    /// - Parameters:
    ///   - share: of the last phase window in which it stalled in full, in hundredths of a percent.
    ///   - grows: whether more than ever before counts.
    mutating func follow(_ sample: CgroupSample, full share: UInt64, at ns: UInt64, grows: Bool) {
        if let use = sample.useBytes {
            if lowBytes.isUnknown || use < lowBytes.value ?? 0 && peakBytes.isUnknown {
                lowBytes = Figure(use)
                lowNs = ns
            }
            if grows, peakBytes.isUnknown || use > peakBytes.value ?? 0 {
                peakBytes = Figure(use)
                peakNs = ns
            }
        }
        if ioFullFrom.isUnknown { ioFullFrom = sample.ioFullUs }
        if memoryFullFrom.isUnknown { memoryFullFrom = sample.memoryFullUs }
        if scannedFrom.isUnknown { scannedFrom = sample.pgscan }
        swapPeak = higher(swapPeak, sample.swapBytes)
        ioFullTo = sample.ioFullUs
        memoryFullTo = sample.memoryFullUs
        scannedTo = sample.pgscan
        // The limits as they were when it began: lifting them is often how it ended.
        if maxBytes.isUnknown { maxBytes = sample.maxBytes }
        if highBytes.isUnknown { highBytes = sample.highBytes }
        if swapMaxBytes.isUnknown { swapMaxBytes = sample.swapMaxBytes }
        fullPeak = max(fullPeak, share)
    }

    mutating func follow(readNs: UInt64) { slowestReadNs = max(slowestReadNs, readNs) }

    var grewBytes: UInt64? { rise(lowBytes, peakBytes) }

    /// Whether its use of memory is limited.
    var hasCap: Bool { maxBytes.value != nil || highBytes.value != nil }
}

/// A process followed through an incident, by censuses and kills.
struct ProcessTrack: Fields {
    var tgid: UInt32 = 0
    var comm = Comm()
    var uid: UInt32 = 0
    var cgroup: UInt64 = 0
    var path = Bytes()
    var startNs: UInt64 = 0
    var firstBytes = Figure.unknown
    var peakBytes = Figure.unknown

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("tgid", &tgid)
        try w.comm("comm", &comm)
        try w.unsigned("uid", &uid)
        try w.unsigned("cgroup", &cgroup)
        try w.text("path", &path)
        try w.unsigned("start_ns", &startNs)
        try w.figure("first_bytes", &firstBytes)
        try w.figure("peak_bytes", &peakBytes)
    }
}

/// An incident while it lasts: its document so far, and what is followed to complete it.
struct OpenIncident: Fields {
    var incident = Incident()
    var openedNs: UInt64 = 0
    /// Of the latest kill; 0 without one.
    var lastKillNs: UInt64 = 0
    /// When the condition of its class last held; 0 for classes that are single events.
    var conditionNs: UInt64 = 0
    var killsOmitted: UInt64 = 0
    /// Whether its opening was told: at the end of the step that opened it, when its first figures are in.
    var announced = false

    var reclaim = LinkTrack()
    var throttle = LinkTrack()
    var swapOut = LinkTrack()
    var refault = LinkTrack()
    var saturation = LinkTrack()
    var stalls = LinkTrack()
    var blocked = LinkTrack()
    var readP99 = LinkTrack()
    /// The device that saturated, stormed or stalled; its figures at the worst moment.
    var device: UInt32 = 0
    var deviceName = Bytes()
    var deviceBytes = Figure.unknown
    var deviceCeiling = Figure.unknown
    var deviceSwapShare = Figure.unknown
    var deviceCalmP99 = Figure.unknown
    var deviceSilenceNs = Figure.unknown
    var deviceInflight = Figure.unknown
    var deviceCeilingIsSet = false
    /// Of the mean request in the window in which requests took longest: in the kernel's queue, and in the device.
    var requestQueueNs = Figure.unknown
    var requestDeviceNs = Figure.unknown
    /// The longest that any disk completed nothing with requests in flight.
    var longestSilenceNs: UInt64 = 0

    var lowestAvailable = Figure.unknown
    var swapUsedFrom = Figure.unknown
    var swapUsedPeak = Figure.unknown
    var lowestSwapFree = Figure.unknown
    var loadFrom = Figure.unknown
    var loadPeak = Figure.unknown
    var blockedFrom = Figure.unknown
    var stolenFrom = Figure.unknown
    var stolenTo = Figure.unknown
    var scannedFrom = Figure.unknown
    var scannedTo = Figure.unknown
    /// Paging rates at the opening.
    var swapOutAtOpening = Figure.unknown

    var cgroups: [CgroupTrack] = []
    var processes: [ProcessTrack] = []

    var seriesSpacingNs: UInt64 = 500_000_000
    var seriesNs: UInt64 = 0
    var seriesPressure = PressurePoint()
    var seriesPaging = PagingPoint()
    var seriesDiskBytes = Figure.unknown
    /// When the host was last sampled: the gaps between are the incident's own.
    var sampledNs: UInt64 = 0
    /// What stated limits left out.
    var limits: [Lost] = []
    /// The slow IOs and the stalls of this second.
    var slowIOs = Crowd()
    var longStalls = Crowd()
    /// What the cgroup of a live-lock uses while it lasts.
    var heldBytes = Figure.unknown

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("incident", &incident)
        try w.unsigned("opened_ns", &openedNs)
        try w.unsigned("last_kill_ns", &lastKillNs)
        try w.unsigned("condition_ns", &conditionNs)
        try w.unsigned("kills_omitted", &killsOmitted)
        try w.flag("announced", &announced)
        try w.group("reclaim", &reclaim)
        try w.group("throttle", &throttle)
        try w.group("swap_out", &swapOut)
        try w.group("refault", &refault)
        try w.group("saturation", &saturation)
        try w.group("stalls", &stalls)
        try w.group("blocked", &blocked)
        try w.group("read_p99", &readP99)
        try w.unsigned("device", &device)
        try w.text("device_name", &deviceName)
        try w.figure("device_bytes", &deviceBytes)
        try w.figure("device_ceiling", &deviceCeiling)
        try w.figure("device_swap_share", &deviceSwapShare)
        try w.figure("device_calm_p99", &deviceCalmP99)
        try w.figure("device_silence_ns", &deviceSilenceNs)
        try w.figure("device_inflight", &deviceInflight)
        try w.figure("lowest_available", &lowestAvailable)
        try w.figure("swap_used_from", &swapUsedFrom)
        try w.figure("swap_used_peak", &swapUsedPeak)
        try w.figure("lowest_swap_free", &lowestSwapFree)
        try w.figure("load_from", &loadFrom)
        try w.figure("load_peak", &loadPeak)
        try w.figure("blocked_from", &blockedFrom)
        try w.figure("stolen_from", &stolenFrom)
        try w.figure("stolen_to", &stolenTo)
        try w.figure("scanned_from", &scannedFrom)
        try w.figure("scanned_to", &scannedTo)
        try w.figure("swap_out_at_opening", &swapOutAtOpening)
        try w.list("cgroups", &cgroups)
        try w.list("processes", &processes)
        try w.unsigned("series_spacing_ns", &seriesSpacingNs)
        try w.unsigned("series_ns", &seriesNs)
        try w.group("series_pressure", &seriesPressure)
        try w.group("series_paging", &seriesPaging)
        try w.figure("series_disk_bytes", &seriesDiskBytes)
        try w.unsigned("sampled_ns", &sampledNs)
        try w.list("limits", &limits)
        try w.group("slow_ios", &slowIOs)
        try w.group("long_stalls", &longStalls)
        try w.figure("held_bytes", &heldBytes)
        try w.flag("device_ceiling_is_set", &deviceCeilingIsSet)
        try w.figure("request_queue_ns", &requestQueueNs)
        try w.figure("request_device_ns", &requestDeviceNs)
        try w.unsigned("longest_silence_ns", &longestSilenceNs)
    }

    var isHost: Bool { incident.scope.kind == .host }

    /// Whether a cgroup lies in the incident's scope. Without a path only the id can tell.
    func covers(_ id: UInt64, _ path: Bytes) -> Bool { incident.scope.covers(id, path) }

    /// Whether it is about a live-lock that no longer held at a time: how the cgroup grows once its cap is lifted is the remedy,
    /// not the trouble.
    func isLiveLockPast(at ns: UInt64) -> Bool {
        incident.incidentClass.isLiveLockPast(heldNs: conditionNs, at: ns)
    }

    /// Whether all that happened is that somebody asked the kernel to kill (sysrq-f), with memory to spare.
    var isOnRequest: Bool {
        incident.incidentClass == .globalOom
            && incident.kills.allSatisfy { $0.cause.killer == .sysrq && $0.host.phase == .calm }
    }

    /// The index of a kill whose victim has not exited.
    func livingKill(_ tgid: UInt32) -> Int? {
        incident.kills.lastIndex { $0.victim.tgid == tgid && $0.outcome.exitTime.isUnknown }
    }

    mutating func note(_ text: Phrase) {
        let notes = incident.quality.noteSentences
        guard notes.count < Bounds.notes, !notes.contains(text.sentence) else { return }
        incident.quality.noteSentences.append(text.sentence)
    }
}

extension IncidentClass {
    func isLiveLockPast(heldNs: UInt64, at ns: UInt64) -> Bool { self == .throttleLivelock && heldNs < ns }
}

extension Scope {
    func covers(_ id: UInt64, _ path: Bytes) -> Bool { kind == .host || id == cgroupID || isWithin(path, cgroup) }
}

func lower(_ a: Figure, _ b: Figure) -> Figure {
    guard let x = a.value else { return b }
    guard let y = b.value else { return a }
    return Figure(min(x, y))
}

func higher(_ a: Figure, _ b: Figure) -> Figure {
    guard let x = a.value else { return b }
    guard let y = b.value else { return a }
    return Figure(max(x, y))
}
