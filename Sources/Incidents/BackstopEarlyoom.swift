import Events

// earlyoom against the facts: what it was told on its command line, and what memory and swap came to.

extension State {
    func earlyoom(_ open: OpenIncident) -> BackstopFinding {
        let acted = acted(open, .earlyoom)
        let state = backstops.first { $0.kind == .earlyoom }
        guard let state, state.running else {
            return absent(.earlyoom, state, acted: acted)
        }
        let memory = host.memory.totalBytes.value ?? recorder.memoryTotalBytes.value
        let swap = host.memory.swapTotalBytes.value ?? recorder.swapTotalBytes.value
        let limits = EarlyoomLimits(commandLine: state.settings, memoryTotal: memory ?? 0, swapTotal: swap ?? 0)
        if let acted {
            let first = open.incident.kills.first { $0.cause.killer == .earlyoom }
            var shown: [Evidence] = []
            if let memory, let available = first?.host.memory.availableBytes.value {
                shown.append(
                    percent(
                        "available memory, last sampled before the kill", hundredths(available, of: memory),
                        limit: limits.memory.term))
            }
            return finding(.earlyoom, .holds, "\(acted); \(limits.words(swapTotal: swap))", shown)
        }
        let place = "EARLYOOM_ARGS in /etc/default/earlyoom"
        if limits.isDryRun {
            return finding(
                .earlyoom, .gap, "running, but told only to say whom it would kill (--dryrun)",
                setting: "remove --dryrun from \(place)")
        }
        var shown: [Evidence] = []
        var margin: Phrase = "how far memory was from its limit is not known"
        if let memory, let lowest = open.lowestAvailable.value {
            let available = hundredths(lowest, of: memory)
            shown.append(percent("lowest available memory", available, limit: limits.memory.term))
            if available > limits.memory.term {
                return finding(
                    .earlyoom, .gap,
                    "running, but its limit was not met: available memory never fell below \(share: available) (it acts at \(limit: limits.memory.term))",
                    shown,
                    consequence:
                        "at the worst moment \(share: available - limits.memory.term) of all memory was missing to its limit",
                    setting: "a higher -m in \(place)")
            }
            margin = "available memory fell \(share: limits.memory.term - available) of all memory below its limit"
        }
        // Without swap its limit on free swap always holds.
        if let swap, swap > 0, let lowest = open.lowestSwapFree.value {
            let free = hundredths(lowest, of: swap)
            shown.append(percent("lowest free swap", free, limit: limits.swap.term))
            if free > limits.swap.term {
                return finding(
                    .earlyoom, .gap,
                    "running, but its limit was not met: free swap never fell below \(share: free) (it needs \(limit: limits.swap.term) too)",
                    shown,
                    consequence:
                        "\(margin), but at the worst moment \(share: free - limits.swap.term) of swap were missing",
                    setting: "-s 100 in \(place): swap is left out of it")
            }
        }
        return finding(
            .earlyoom, shown.isEmpty ? .unknown : .gap,
            shown.isEmpty
                ? "running, it did not kill, and what memory came to is unknown"
                : "running, its limits were met, but it did not kill",
            shown, consequence: margin,
            setting: "inquest drill backstop shows whether it finds a victim")
    }

    private func percent(_ name: Phrase, _ value: UInt64, limit: UInt64) -> Evidence {
        evidence(name, Figure(value / 100), "percent", threshold: Figure(limit / 100), "/proc/meminfo")
    }
}

/// earlyoom acts when available memory and free swap are both at or below its limits (earlyoom(1)): `-m PERCENT[,KILL_PERCENT]`
/// and `-s` as shares, `-M SIZE[,KILL_SIZE]` and `-S` in KiB; where both are given the lower counts. 10 % each by default, and half of
/// it for SIGKILL.
struct EarlyoomLimits {
    /// Hundredths of a percent: where SIGTERM is sent, and where SIGKILL.
    struct Pair: Equatable {
        var term: UInt64 = 1000
        var kill: UInt64 = 500
    }

    var memory = Pair()
    var swap = Pair()
    var isDryRun = false

    /// - Parameters:
    ///   - commandLine: NUL-separated.
    ///   - memoryTotal: what sizes are shares of; 0 when unknown, then they are left out.
    init(commandLine: Bytes, memoryTotal: UInt64, swapTotal: UInt64) {
        var shares: [UInt8: Pair] = [:]
        let arguments = commandLine.split(separator: 0)
        var index = 1
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            if argument == Bytes("--dryrun".utf8)[...] { isDryRun = true }
            guard argument.count > 1, argument.first == UInt8(ascii: "-"), !starts(argument, with: "--") else {
                continue
            }
            // Letters in one argument: flags, until one that takes a value.
            var letters = argument.dropFirst()
            while let letter = letters.popFirst() {
                guard EarlyoomLimits.takeValue.contains(letter) else { continue }
                if letters.isEmpty, index < arguments.count {
                    letters = arguments[index]
                    index += 1
                }
                if let pair = EarlyoomLimits.pair(letters) { shares[letter] = pair }
                break
            }
        }
        func limit(_ share: UInt8, _ size: UInt8, of total: UInt64) -> Pair {
            let own = shares[share]
            guard let sized = shares[size], total > 0 else { return own ?? Pair() }
            // Hundredths of a KiB of the total's bytes.
            func part(_ hundredthsKiB: UInt64) -> UInt64 {
                hundredths(min(hundredthsKiB, 1 << 50) / 100 &* 1024, of: total)
            }
            let converted = Pair(term: part(sized.term), kill: part(sized.kill))
            return own.map { Pair(term: min($0.term, converted.term), kill: min($0.kill, converted.kill)) } ?? converted
        }
        memory = limit(UInt8(ascii: "m"), UInt8(ascii: "M"), of: memoryTotal)
        swap = limit(UInt8(ascii: "s"), UInt8(ascii: "S"), of: swapTotal)
    }

    private static let takeValue = Bytes("msMSNr".utf8)

    /// `25,15`, `10`, `2.5`: in hundredths.
    private static func pair(_ text: ArraySlice<UInt8>) -> Pair? {
        let parts = text.split(separator: UInt8(ascii: ","), maxSplits: 1)
        guard let first = parts.first, let term = parseHundredths(first) else { return nil }
        return Pair(term: term, kill: parts.count > 1 ? parseHundredths(parts[1]) ?? term / 2 : term / 2)
    }

    /// `it sends SIGTERM when available memory is at most 25 %, SIGKILL at 15 %`.
    func words(swapTotal: UInt64?) -> Phrase {
        let swapCounts = swapTotal != 0 && swap.term < 10_000
        let withSwap: Phrase = swapCounts ? " and free swap at most \(limit: swap.term)" : ""
        return
            "it sends SIGTERM when available memory is at most \(limit: memory.term)\(withSwap), SIGKILL at \(limit: memory.kill)"
    }
}

/// A decimal number in hundredths: `12`, `2.5`, `0.25`; what follows is not looked at.
func parseHundredths(_ text: ArraySlice<UInt8>) -> UInt64? {
    func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
    let whole = text.prefix(while: isDigit)
    guard whole.count <= 15, let number = wholeNumber(whole) else { return nil }
    var rest = text.dropFirst(whole.count)
    guard rest.first == UInt8(ascii: ".") else { return number * 100 }
    rest = rest.dropFirst().prefix(while: isDigit).prefix(2)
    let fraction = (wholeNumber(rest) ?? 0) * (rest.count == 1 ? 10 : 1)
    return number * 100 + fraction
}
