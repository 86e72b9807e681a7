public import Events

// What was lost, in words and in sums.

extension Lost {
    /// `12 events lost: the kernel ring was full`, `3 slow IOs beyond the rate limit: ...`: one line for people.
    public var sentence: Sentence {
        let text = source.limitAtWork(count) ?? "\(count, of: "event") lost: \(source.words)"
        return text.sentence
    }
}

extension [Lost] {
    /// Adds to what is known of its source.
    public mutating func note(_ lost: Lost) {
        guard lost.count > 0 else { return }
        guard let index = firstIndex(where: { $0.source == lost.source }) else { return append(lost) }
        self[index].count =
            lost.source.countsAnew
            ? Swift.max(self[index].count, lost.count) : self[index].count &+ lost.count
    }
}

extension LossSource {
    /// Whether something about the machine was not observed; the others are a stated limit at work.
    public var isBlind: Bool {
        switch self {
        case .slowIoSuppressed, .stallSuppressed, .signalSuppressed, .ioTimeUnknown, .liveReaderSlow,
            .cgroupsNotSampled, .devicesNotSampled, .censusTruncated:
            false
        default: true
        }
    }

    /// What a stated limit left out over the whole of an incident, for its notes; `nil` where something was not observed.
    func limitAtWork(_ count: UInt64) -> Phrase? {
        switch self {
        case .slowIoSuppressed:
            "\(count, of: "slow IO") beyond the rate limit: in the histograms, without a line of their own"
        case .stallSuppressed:
            "\(count, of: "long stall") beyond the rate limit: in the sums, without a line of their own"
        case .signalSuppressed: "\(count, of: "signal") between processes beyond the rate limit: counted only"
        case .ioTimeUnknown: "\(count, of: "IO") without times of their own: counted, in no histogram"
        case .liveReaderSlow: "\(count, of: "event") not sent to a live reader that was too slow: recorded all the same"
        case .cgroupsNotSampled: "up to \(count, of: "cgroup") beyond those that are sampled"
        case .devicesNotSampled: "up to \(count, of: "disk") beyond those that are sampled"
        case .censusTruncated: "up to \(count, of: "task") of a census beyond those that are kept"
        default: nil
        }
    }

    /// Whether each count stands for the whole (so many left out now), instead of adding to those before.
    var countsAnew: Bool {
        switch self {
        case .cgroupsNotSampled, .devicesNotSampled, .censusTruncated: true
        default: false
        }
    }

    var words: String {
        switch self {
        case .ringFullKill: "the kernel ring was full (kills, signals)"
        case .ringFullOther: "the kernel ring was full"
        case .ioSeriesFull: "no free slot for a device"
        case .cgroupIoFull: "no free slot for a cgroup's IO"
        case .stallSeriesFull: "no free slot for a cgroup's stalls"
        case .stallStartFull: "a stall's begin could not be noted"
        case .slowIoSuppressed: "slow IOs beyond the rate limit"
        case .ioTimeUnknown: "IOs without times of their own"
        case .markFull: "victims whose exit could not be awaited"
        case .stallSuppressed: "long stalls beyond the rate limit"
        case .signalSuppressed: "signals between processes beyond the rate limit"
        case .sampleQueueFull: "the sampler's queue was full"
        case .recordingMemoryFull: "the disk was too slow for the recorder's memory"
        case .recordingThinned: "the incident was larger than the recording"
        case .liveReaderSlow: "a live reader was too slow"
        case .undecodable: "kernel records that could not be decoded"
        case .cgroupsNotSampled: "more cgroups than are sampled"
        case .devicesNotSampled: "more disks than are sampled"
        case .censusTruncated: "more tasks than a census keeps"
        case .programBusy: "a kernel program was busy on that CPU"
        case .unknown: "for an unknown reason"
        }
    }
}
