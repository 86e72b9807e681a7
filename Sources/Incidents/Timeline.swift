import Events

extension OpenIncident {
    /// Adds a line. Over the bound the least telling line nearest to the middle makes room, so that beginning and end stay whole;
    /// kills, phases, class changes and losses are given up last.
    mutating func tell(_ text: Phrase, _ kind: EntryKind, at ns: UInt64, seq: UInt64, _ source: String) {
        tell(text, kind, at: ns, seq: seq, source: Bytes(source.utf8))
    }

    /// Adds a line of a kind that comes in crowds, `badness` telling the worst: of each second the first and the worst.
    mutating func tell(
        _ text: @autoclosure () -> Phrase, _ kind: EntryKind, badness: UInt64,
        in crowd: WritableKeyPath<OpenIncident, Crowd>,
        at ns: UInt64, seq: UInt64, _ source: String
    ) {
        if self[keyPath: crowd].count == 0 || ns >= self[keyPath: crowd].sinceNs &+ Bounds.crowdNs {
            self[keyPath: crowd] = Crowd()
            self[keyPath: crowd].sinceNs = ns
        }
        self[keyPath: crowd].count &+= 1
        if self[keyPath: crowd].count > 1 {
            let before = self[keyPath: crowd]
            if before.count > 2 {
                incident.quality.timelineOmitted &+= 1
                guard badness > before.worst else { return }
                if let at = incident.timeline.lastIndex(where: { $0.seq == before.worstSeq && $0.kind == kind }) {
                    incident.timeline.remove(at: at)
                }
            }
            self[keyPath: crowd].worst = badness
            self[keyPath: crowd].worstSeq = seq
        }
        tell(text(), kind, at: ns, seq: seq, source)
    }

    mutating func tell(_ text: Phrase, _ kind: EntryKind, at ns: UInt64, seq: UInt64, source: Bytes) {
        if incident.timeline.count >= Bounds.timeline {
            incident.quality.timelineOmitted &+= 1
            let middle = Bounds.timeline / 2
            var victim: Int?
            for step in 0..<Bounds.timeline {
                let index = step % 2 == 0 ? middle + step / 2 : middle - 1 - step / 2
                if incident.timeline.indices.contains(index), !incident.timeline[index].kind.isKept {
                    victim = index
                    break
                }
            }
            guard let victim = victim ?? (kind.isKept ? middle : nil) else { return }
            incident.timeline.remove(at: victim)
        }
        var entry = TimelineEntry()
        entry.at = Moment(boottimeNs: ns)
        entry.seq = seq
        entry.kind = kind
        entry.sentence = text.sentence
        entry.source = source
        incident.timeline.append(entry)
    }
}

extension EntryKind {
    /// Whether a crowded timeline keeps it before others.
    var isKept: Bool {
        switch self {
        case .kill, .phase, .classChange, .loss, .gap, .recorder: true
        case .note, .signal, .exit, .reap, .stall, .slowIO, .census, .cgroup: false
        }
    }
}

extension State {
    /// A line for every incident whose scope has the cgroup. Callers format nothing while no incident is open.
    mutating func tell(
        _ cgroup: UInt64, _ path: Bytes, _ kind: EntryKind, _ event: Event, _ source: String, _ text: Phrase
    ) {
        for index in open.indices where open.span[index].covers(cgroup, path) {
            open[index].tell(text, kind, at: event.boottimeNs, seq: event.seq, source)
        }
    }

    /// A line for every incident.
    mutating func tellAll(_ kind: EntryKind, _ event: Event, _ source: String, _ text: Phrase) {
        for index in open.indices { open[index].tell(text, kind, at: event.boottimeNs, seq: event.seq, source) }
    }

    mutating func note(_ stall: Stall, _ event: Event) {
        guard !open.isEmpty else { return }
        let path = names.path(stall.task.cgroup)
        for index in open.indices where open.span[index].covers(stall.task.cgroup, path) {
            let cgroup = cgroupLabel(stall.task.cgroup, path)
            open[index].tell(
                "\(stall.task) in \(cgroup) stalled \(duration: stall.durationNs) in \(stall.mechanism.words)",
                .stall, badness: stall.durationNs, in: \.longStalls, at: event.boottimeNs, seq: event.seq,
                "stall hooks")
        }
    }

    mutating func note(_ reap: Reap, _ event: Event) {
        guard reap.step == .finish || reap.step == .skip else { return }
        for index in open.indices {
            guard
                let kill = open[index].incident.kills.last(where: {
                    $0.victim.tgid == reap.pid || $0.victim.pid == reap.pid
                })
            else { continue }
            let what = reap.step == .finish ? "reaped the memory of" : "gave up on"
            open[index].tell(
                "the OOM reaper \(what) \(kill.victim)", .reap, at: event.boottimeNs,
                seq: event.seq,
                reap.step == .finish ? "oom:finish_task_reaping" : "oom:skip_task_reaping")
        }
    }

    mutating func note(_ lost: Lost, _ event: Event) {
        guard lost.count > 0 else { return }
        for index in open.indices {
            guard lost.source.isBlind else {
                // A stated limit at work: told once, in the notes, with its sum.
                open[index].limits.note(lost)
                continue
            }
            open[index].incident.quality.lostEvents &+= lost.count
            open[index].tell(
                "\(lost.count, of: "event") lost: \(lost.source.words)", .loss, at: event.boottimeNs, seq: event.seq,
                "recorder")
        }
    }

    mutating func note(_ gap: SamplerGap, _ event: Event) {
        samplerNs = max(samplerNs, event.boottimeNs)
        for index in open.indices {
            open[index].incident.quality.longestSamplerGapNs = higher(
                open[index].incident.quality.longestSamplerGapNs, Figure(gap.actualNs))
        }
        guard gap.actualNs >= rules[.gapTold] else { return }
        hold(for: gap.actualNs, until: event.boottimeNs)
        guard !open.isEmpty else { return }
        tellAll(
            .gap, event, "sampler", "inquest itself was held up: no sample for \(duration: gap.actualNs)")
    }

    /// What held before a time in which nobody looked held through it: nobody saw it end.
    mutating func hold(for length: UInt64, until ns: UInt64) {
        let from = ns &- min(length, ns)
        let leave = rules[.phaseLeave]
        host.phase.hold(from: from, to: ns, leave: leave)
        for index in cgroups.indices { cgroups[index].phase.hold(from: from, to: ns, leave: leave) }
        for index in open.indices where from < open[index].conditionNs &+ rules[.closeCalm] {
            open[index].conditionNs = max(open[index].conditionNs, ns)
        }
    }

    /// The cgroup by its path, or by its id when its name was never heard.
    func cgroupLabel(_ id: UInt64, _ path: Bytes) -> Phrase {
        path.isEmpty ? "cgroup \(id)" : "\(cgroup: path)"
    }

    /// Adds a point to the incidents' series, from the samples of this moment.
    mutating func addToSeries(at ns: UInt64) {
        guard !open.isEmpty else { return }
        let pressure = host.pressure.latest
        let paging = host.paging.latest
        var disk: UInt64?
        for index in devices.indices where !devices[index].inMemory {
            if let bytes = devices[index].window.latest.bytes.value { disk = (disk ?? 0) &+ bytes }
        }
        let swapUsed = rise(host.memory.swapFreeBytes, host.memory.swapTotalBytes)
        for index in open.indices {
            guard open[index].seriesNs == 0 || ns >= open[index].seriesNs &+ open[index].seriesSpacingNs else {
                continue
            }
            var point = SeriesPoint()
            point.at = Moment(boottimeNs: ns)
            point.availableBytes = host.memory.availableBytes
            point.swapUsedBytes = Figure(swapUsed)
            point.blockedTasks = host.load.blocked
            point.load1Milli = host.load.load1Milli
            let span = ns &- open[index].seriesNs
            if open[index].seriesNs != 0, span > 0 {
                let before = open[index].seriesPressure
                let paged = open[index].seriesPaging
                func share(_ a: Figure, _ b: Figure) -> Ratio {
                    rise(a, b).map { Ratio($0 &* 1000, of: span) } ?? .unknown
                }
                func rate(_ a: Figure, _ b: Figure, _ factor: UInt64) -> Figure {
                    Figure(rise(a, b).map { perSecond($0 &* factor, over: span) })
                }
                point.memorySome = share(before.memorySomeUs, pressure.memorySomeUs)
                point.memoryFull = share(before.memoryFullUs, pressure.memoryFullUs)
                point.ioFull = share(before.ioFullUs, pressure.ioFullUs)
                point.swapInBytesPerSecond = rate(paged.swappedIn, paging.swappedIn, recorder.pageSize)
                point.swapOutBytesPerSecond = rate(paged.swappedOut, paging.swappedOut, recorder.pageSize)
                point.diskBytesPerSecond = rate(open[index].seriesDiskBytes, Figure(disk), 1)
            }
            open[index].seriesNs = ns
            open[index].seriesPressure = pressure
            open[index].seriesPaging = paging
            open[index].seriesDiskBytes = Figure(disk)
            open[index].addToSeries(point)
        }
    }
}

extension OpenIncident {
    /// A full series keeps every second point, and half the resolution from then on.
    mutating func addToSeries(_ point: SeriesPoint) {
        if incident.series.count >= Bounds.series {
            var kept: [SeriesPoint] = []
            kept.reserveCapacity(Bounds.series)
            for index in stride(from: 0, to: incident.series.count, by: 2) { kept.append(incident.series[index]) }
            incident.quality.seriesOmitted &+= UInt64(incident.series.count - kept.count)
            incident.series = kept
            seriesSpacingNs &*= 2
        }
        incident.series.append(point)
    }
}

extension StallMechanism {
    var words: String {
        switch self {
        case .unknown: "an unknown wait"
        case .memoryHigh, .memoryHighSleep: "memory.high"
        case .directReclaim: "direct reclaim"
        case .memcgReclaim: "its cgroup's reclaim"
        }
    }
}
