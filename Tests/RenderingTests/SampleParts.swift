import Events
import Incidents

// Small builders for the sample incidents: one line of test code for each thing that was found.

func b(_ text: String) -> Bytes { Bytes(text.utf8) }

let second: UInt64 = 1_000_000_000

func at(_ milliseconds: UInt64) -> Moment { Moment(boottimeNs: 5000 * second + milliseconds * 1_000_000) }

/// 2026-03-04 05:06:07.250 UTC at `at(0)`, recorded two hours east of Greenwich.
func sampleClock() -> ClockSnapshot {
    var clock = ClockSnapshot()
    clock.boottimeNs = 5000 * second
    clock.realtimeNs = 1_772_600_767_250_000_000
    clock.monotonicNs = 4990 * second
    clock.utcOffsetSeconds = 7200
    return clock
}

func evidence(
    _ name: String, _ value: Figure = .unknown, _ unit: String = "", over threshold: Figure = .unknown,
    from source: String
) -> Evidence {
    var evidence = Evidence()
    evidence.name = b(name)
    evidence.value = value
    evidence.unit = b(unit)
    evidence.threshold = threshold
    evidence.source = b(source)
    return evidence
}

func link(
    _ kind: LinkKind, _ onset: Moment, _ text: String, _ confidence: Confidence = .high, outOfOrder: Bool = false,
    _ evidence: [Evidence] = []
) -> Link {
    var link = Link()
    link.kind = kind
    link.onset = onset
    link.text = b(text)
    link.confidence = confidence
    link.outOfOrder = outOfOrder
    link.evidence = evidence
    return link
}

func alternative(_ name: String, _ text: String, _ evidence: [Evidence] = []) -> Alternative {
    var alternative = Alternative()
    alternative.name = b(name)
    alternative.text = b(text)
    alternative.evidence = evidence
    return alternative
}

func suspect(
    _ cgroup: String, _ pid: UInt32 = 0, _ comm: String = "", grew: Figure, swapped: Figure = .unknown,
    throttled: Figure = 0, _ confidence: Confidence = .high
) -> Suspect {
    var suspect = Suspect()
    suspect.cgroup = b(cgroup)
    suspect.pid = pid
    suspect.comm = Comm(comm)
    suspect.grewBytes = grew
    suspect.swapWrittenBytes = swapped
    suspect.throttledNs = throttled
    suspect.confidence = confidence
    return suspect
}

func bystander(_ cgroup: String, _ stalled: Figure, _ source: String) -> Bystander {
    var bystander = Bystander()
    bystander.cgroup = b(cgroup)
    bystander.stalledNs = stalled
    bystander.source = b(source)
    return bystander
}

func finding(
    _ name: String, _ text: String, _ evidence: [Evidence] = [], rule: FindingRule = .unknown, consequence: String = "",
    setting: String = ""
) -> BackstopFinding {
    var finding = BackstopFinding()
    finding.rule = rule
    finding.verdict = setting.isEmpty ? .note : .gap
    finding.consequence = Sentence(opaque: b(consequence))
    finding.setting = Sentence(opaque: b(setting))
    finding.name = b(name)
    finding.finding = b(text)
    finding.evidence = evidence
    return finding
}

func entry(_ at: Moment, _ seq: UInt64, _ kind: EntryKind, _ text: String, _ source: String) -> TimelineEntry {
    var entry = TimelineEntry()
    entry.at = at
    entry.seq = seq
    entry.kind = kind
    entry.text = b(text)
    entry.source = b(source)
    return entry
}

func hook(_ name: String, _ mode: HookMode, _ mechanism: String, errno: UInt32 = 0, refused: String = "") -> HookState {
    var hook = HookState()
    hook.name = b(name)
    hook.mode = mode
    hook.mechanism = b(mechanism)
    hook.errno = errno
    hook.refused = b(refused)
    return hook
}

func sampleHost() -> HostIdentity {
    var host = HostIdentity()
    host.name = b("example")
    host.bootID = BootID(high: 0x0123_4567_89ab_cdef, low: 0x0011_2233_4455_6677)
    host.kernel = b("6.1.0-50-amd64")
    host.cpus = 8
    host.memoryTotalBytes = Figure(16 << 30)
    host.swapTotalBytes = Figure(8 << 30)
    host.inquestVersion = b("0.1.0")
    return host
}

func sampleQuality() -> Quality {
    var quality = Quality()
    quality.hooks = [
        hook("oom_kill", .rich, "fentry/oom_kill_process"),
        hook("signal", .rich, "tp_btf/signal_generate"),
        hook("exit", .plain, "raw_tp/sched_process_exit", errno: 1, refused: "fentry/do_exit"),
        hook("memory_high", .absent, "", errno: 1, refused: "fentry/mem_cgroup_handle_over_high"),
    ]
    quality.pressureAvailable = true
    quality.ioAccounted = true
    quality.lostEvents = 0
    quality.longestSamplerGapNs = 312_000_000
    return quality
}
