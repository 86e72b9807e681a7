public import Events

/// The unit of a threshold: what its number counts.
public enum RuleUnit: UInt8, Choice {
    case percent = 0
    case ns = 1
    case pages = 2
    case pagesPerSecond = 3
    case tasks = 4
    case count = 5
    case factor = 6
    public static var fallback: RuleUnit { .count }
}

/// Every threshold of the correlator, by name; the snake_case label is the name for `replay --set`.
public enum RuleName: UInt8, Choice {
    case memorySomeWatch = 0
    case watchWindow = 1
    case memoryFullPressure = 2
    case memorySomePressure = 3
    case phaseWindow = 4
    case memoryFullThrash = 5
    case memorySomeThrash = 6
    case ioFullThrash = 7
    case pagingRate = 8
    case pagingShare = 9
    case memoryFullCritical = 10
    case criticalWindow = 11
    case phaseLeave = 12
    case globalReclaimRate = 13
    case samplerSilence = 14

    case scanRateWatch = 15
    case scanRatePressure = 16
    case reclaimStallWatch = 17
    case reclaimStallPressure = 18
    case blockedTasksThrash = 19

    case saturationBusy = 20
    case saturationShare = 21
    case ceilingWindow = 22
    case stormReadFactor = 23
    case stormReadP99 = 24
    case stormDuration = 25
    case stormOtherReads = 26
    case stormOtherIoFull = 27
    case calmReads = 28
    case deviceSilence = 29

    case livelockStall = 30
    case livelockWindow = 31
    case livelockMove = 32

    case killMerge = 33
    case closeCalm = 34
    case victimWait = 35
    case escalationWindow = 36
    case markWindow = 37
    case limitBatch = 38
    case swapFlatRate = 39

    case growthLookback = 40
    case growthShare = 41
    case chainTolerance = 42
    case contextAge = 43
    case suspectShare = 44
    case livelockSleep = 45
    case saturationSamples = 46
    case leftoverWindow = 47
    case gapTold = 48
    case restartGap = 49
    public static var fallback: RuleName { .memorySomeWatch }
}

/// One threshold, documented.
public struct Rule: Sendable {
    public let name: RuleName
    public let unit: RuleUnit
    public let defaultValue: UInt64
    /// Where the number comes from.
    public let source: String
    /// What it decides.
    public let meaning: String

    init(_ name: RuleName, _ value: UInt64, _ unit: RuleUnit, _ source: String, _ meaning: String) {
        self.name = name
        self.unit = unit
        self.defaultValue = value
        self.source = source
        self.meaning = meaning
    }
}

extension Rule {
    /// A value as `Rules.set` reads it: `5s`, `40%`, `64`.
    public func written(_ value: UInt64) -> String {
        switch unit {
        case .percent: "\(value)%"
        case .ns where value % 1_000_000_000 == 0: "\(value / 1_000_000_000)s"
        case .ns where value % 1_000_000 == 0: "\(value / 1_000_000)ms"
        case .ns: "\(value)ns"
        case .pages, .pagesPerSecond, .tasks, .count, .factor: "\(value)"
        }
    }
}

extension RuleUnit {
    /// Where a value does not say itself of what it is: `pages`, `pages/s`; `nil` elsewhere.
    public var words: String? {
        switch self {
        case .percent, .ns, .count: nil
        case .pages: "pages"
        case .pagesPerSecond: "pages/s"
        case .tasks: "tasks"
        case .factor: "times"
        }
    }
}

/// Why a threshold could not be set.
public enum RuleError: Error, Equatable, Sendable {
    case unknownName(String, nearest: String)
    case badValue(name: String, value: String, unit: String)

    public var message: String {
        switch self {
        case .unknownName(let name, let nearest):
            "no threshold is called '\(name)'; the nearest name is '\(nearest)'"
        case .badValue(let name, let value, let unit):
            "threshold '\(name)' cannot be '\(value)': give a whole number"
                + (unit == "ns" ? " of nanoseconds, or one followed by ms or s" : " (\(unit))")
        }
    }
}

/// The thresholds in force: `rules[.memorySomeWatch]`. All have defaults; `Rules.all` documents them.
public struct Rules: Equatable, Sendable {
    private var values: [UInt64]
    /// What disks can move, by name, in bytes per second: instead of what was recorded with their names, or learned.
    public var ceilings: [Bytes: UInt64] = [:]

    public init() { values = Rules.defaults }

    private static let defaults: [UInt64] = {
        var values = [UInt64](repeating: 0, count: RuleName.allCases.count)
        for rule in Rules.all { values[Int(rule.name.rawValue)] = rule.defaultValue }
        return values
    }()

    public subscript(name: RuleName) -> UInt64 {
        get { values[Int(name.rawValue)] }
        set { values[Int(name.rawValue)] = newValue }
    }

    /// Sets a threshold by its snake_case name. Times take `ms` or `s`.
    public mutating func set(name: String, value: String) throws(RuleError) {
        guard let rule = Rules.all.first(where: { $0.name.label == name }) else {
            throw .unknownName(name, nearest: Rules.nearest(to: name))
        }
        var digits = value[...]
        var factor: UInt64 = 1
        if rule.unit == .ns {
            if digits.hasSuffix("ms") {
                digits = digits.dropLast(2)
                factor = 1_000_000
            } else if digits.hasSuffix("ns") {
                digits = digits.dropLast(2)
            } else if digits.hasSuffix("s") {
                digits = digits.dropLast(1)
                factor = 1_000_000_000
            }
        } else if rule.unit == .percent, digits.hasSuffix("%") {
            digits = digits.dropLast(1)
        }
        guard let number = UInt64(digits), number <= Rules.largest / factor else {
            throw .badValue(name: name, value: value, unit: rule.unit.label)
        }
        self[rule.name] = number * factor
    }

    /// Eleven days in nanoseconds: larger thresholds mean nothing, and arithmetic with them could overflow.
    private static let largest: UInt64 = 1_000_000_000_000_000

    private static func nearest(to name: String) -> String {
        var best = ""
        var bestDistance = Int.max
        for rule in all {
            let distance = editDistance(Array(name.utf8.prefix(64)), Array(rule.name.label.utf8))
            if distance < bestDistance {
                bestDistance = distance
                best = rule.name.label
            }
        }
        return best
    }

    private static func editDistance(_ a: Bytes, _ b: Bytes) -> Int {
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (left == right ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}

private let second: UInt64 = 1_000_000_000

extension Rules {
    /// Every threshold with its default, its unit, its source and what it decides.
    public static let all: [Rule] = [
        Rule(
            .memorySomeWatch, 15, .percent, "kernel PSI documentation's example trigger",
            "a scope is on watch when its memory some reaches this share of watch_window"),
        Rule(
            .watchWindow, second, .ns, "kernel PSI documentation's example trigger", "the window of watch and of rates"),
        Rule(
            .memoryFullPressure, 10, .percent, "nohang's warning level",
            "a scope is under pressure when memory full reaches this share of phase_window"),
        Rule(
            .memorySomePressure, 40, .percent, "nohang's warning level",
            "or when memory some reaches this share of phase_window"),
        Rule(.phaseWindow, 10 * second, .ns, "nohang's warning level", "the window of pressure and thrash"),
        Rule(
            .memoryFullThrash, 20, .percent, "ours: full dilutes on many CPUs",
            "a scope thrashes when memory full reaches this share of phase_window, with IO and paging beside it"),
        Rule(.memorySomeThrash, 60, .percent, "ours", "or when memory some reaches this share"),
        Rule(
            .ioFullThrash, 5, .percent, "ours",
            "thrash needs IO full of at least this share of phase_window and of the last watch_window, or a paging device saturated all the while"
        ),
        Rule(
            .pagingRate, 100, .pagesPerSecond, "ours",
            "swap-ins, swap-outs or refaults of at least this rate count as paging"),
        Rule(
            .pagingShare, 50, .percent, "ours: most of the bytes",
            "swap (or swap and refaults) of at least this share of a device's bytes makes it the paging device"),
        Rule(
            .memoryFullCritical, 60, .percent, "systemd-oomd's default limit",
            "a scope is critical when memory full reaches this share of critical_window"),
        Rule(.criticalWindow, 30 * second, .ns, "systemd-oomd's default duration", "the window of critical"),
        Rule(
            .phaseLeave, 5 * second, .ns,
            "ours; under its level in the last watch_window: a window of 30 s would stay full long after the end",
            "a phase is left after this time under its entry level"),
        Rule(
            .globalReclaimRate, 100, .pagesPerSecond, "ours",
            "the host's phase rises above watch only while pgscan_kswapd + pgscan_direct rise at least so fast"),
        Rule(
            .samplerSilence, 30 * second, .ns, "ours: in calm, samples without change are not recorded",
            "without any sample for this time the last figures count as unchanged"),
        Rule(
            .scanRateWatch, 1000, .pagesPerSecond, "ours",
            "without PSI: the host is on watch when reclaim scans so fast"),
        Rule(
            .scanRatePressure, 10000, .pagesPerSecond, "ours",
            "without PSI: under pressure when reclaim scans so fast over phase_window"),
        Rule(
            .reclaimStallWatch, 15, .percent, "as memory_some_watch, in task time",
            "without PSI: on watch when tasks stall in reclaim for this share of the time"),
        Rule(
            .reclaimStallPressure, 40, .percent, "as memory_some_pressure, in task time",
            "without PSI: under pressure when tasks stall in reclaim for this share of the time"),
        Rule(
            .blockedTasksThrash, 4, .tasks, "ours",
            "without PSI: thrash needs this many blocked tasks, and critical as many for critical_window"),
        Rule(
            .saturationBusy, 95, .percent, "ours",
            "a saturated device has requests in flight for this share of the time"),
        Rule(
            .saturationSamples, 10, .count,
            "ours: a device at work for 6 tenths of the time is seen so in one of 165 tries; 5.10 was seen to say so of one "
                + "that never rested",
            "or in so many samples in a row"),
        Rule(
            .saturationShare, 80, .percent, "ours",
            "and moves this share of its ceiling, the most bytes or requests per second it was seen to sustain"),
        Rule(
            .ceilingWindow, 10 * second, .ns,
            "ours: a disk behind a token bucket was seen to move 2.5 times its rate for a second",
            "a device's ceiling is learned over windows of this length"),
        Rule(.stormReadFactor, 10, .factor, "ours", "an IO storm raises the reads' p99 by this factor over calm"),
        Rule(.stormReadP99, 500_000_000, .ns, "ours", "and to at least this"),
        Rule(.stormDuration, 30 * second, .ns, "ours", "and lasts this long"),
        Rule(
            .stormOtherReads, 3, .count, "ours",
            "and so many slow reads belong to cgroups other than the one that moves most bytes"),
        Rule(
            .stormOtherIoFull, 10, .percent, "ours",
            "or a cgroup other than that one stalls on IO for this share of phase_window"),
        Rule(.calmReads, 100, .count, "ours", "a device's calm latency is known after this many reads in calm"),
        Rule(
            .deviceSilence, 5 * second, .ns, "ours",
            "a device stalls when requests are in flight and none completes for this time"),
        Rule(
            .livelockStall, 50, .percent, "ours",
            "a cgroup is in a throttle live-lock when it stalls at memory.high for this share of livelock_window"),
        Rule(.livelockWindow, 10 * second, .ns, "ours", "the window of throttle_livelock"),
        Rule(.livelockMove, 5, .percent, "ours", "and its usage moves less than this"),
        Rule(
            .livelockSleep, second / 2, .ns,
            "ours: a quarter of the kernel's longest sleep; after each a task may charge one batch of 64 pages, so that several "
                + "tasks together were seen to creep 9 % in 10 s without getting anywhere",
            "or its tasks get this far apart: a stall at memory.high lasts so long on average"),
        Rule(.killMerge, 10 * second, .ns, "ours", "kills of the same memory cgroup within this time are one incident"),
        Rule(.closeCalm, 5 * second, .ns, "ours", "an incident closes after this time below watch"),
        Rule(
            .victimWait, 120 * second, .ns, "ours: exit events can be lost",
            "a victim that has not exited after this time no longer keeps its incident open"),
        Rule(
            .escalationWindow, 60 * second, .ns, "ours: above the usual stop timeouts of 10 to 45 s",
            "a SIGTERM this long before a SIGKILL to the same process is the same kill"),
        Rule(
            .leftoverWindow, 5 * second, .ns, "ours: 13 ms was seen at the end of a login",
            "a service manager's SIGKILL so soon after a process of the unit ended as asked only clears away the rest"),
        Rule(
            .markWindow, second, .ns, "ours: the kernel marks and signals in one go",
            "a kernel SIGKILL this close to the mark of a victim belongs to that OOM"),
        Rule(
            .limitBatch, 64, .pages, "the kernel's charge batch (MEMCG_CHARGE_BATCH)",
            "a memory cgroup within this many pages of its limit has reached it"),
        Rule(.swapFlatRate, 10, .pagesPerSecond, "ours", "swap-outs below this rate count as flat"),
        Rule(
            .growthLookback, 300 * second, .ns, "ours", "growth is measured from the lowest use within this time before"
        ),
        Rule(
            .growthShare, 10, .percent, "ours",
            "growth began when use was last within this share of the growth above its lowest"),
        Rule(
            .suspectShare, 5, .percent, "ours: what grew by so little did not make the difference",
            "who grew less than this share of what the largest suspect of its kind did is no suspect"),
        Rule(
            .chainTolerance, 2 * second, .ns,
            "ours: twice the sampling interval of calm, for cause and effect are each dated to within one",
            "an effect this much before its cause is still in order"),
        Rule(
            .gapTold, second, .ns, "ours: as long as what is sampled in calm anyway",
            "a gap between samples is told on the timeline from this length on; shorter ones are in the quality alone"),
        Rule(
            .restartGap, 60 * second, .ns,
            "ours: a service manager starts it again within seconds, and reading a recording on a disk in a storm takes some more",
            "what was open when the recorder was killed goes on when it is back within this time; after longer it ended there"
        ),
        Rule(.contextAge, 5 * second, .ns, "ours", "a census this close to a kill is its context"),
    ]
}
