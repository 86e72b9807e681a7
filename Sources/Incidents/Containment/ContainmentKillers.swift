import Events

// Those who would kill: earlyoom, systemd-oomd, others, and the kernel itself.

extension Containment {
    var userspaceKillers: [BackstopFinding] {
        let looked = facts.backstops.filter { $0.kind != .caps }
        guard !looked.isEmpty else {
            return [finding(.noUserspaceKiller, .unknown, "unknown: userspace killers were not looked for")]
        }
        let running = looked.filter(\.running)
        guard !running.isEmpty else {
            return [
                finding(
                    .noUserspaceKiller, .gap, "no userspace killer runs (earlyoom, systemd-oomd, oomd, nohang)",
                    consequence:
                        "while reclaim makes any progress the kernel kills nobody: a thrashing machine is on its own",
                    setting: "earlyoom, or systemd-oomd with ManagedOOMMemoryPressure=kill")
            ]
        }
        return running.flatMap { state -> [BackstopFinding] in
            switch state.kind {
            case .earlyoom: return earlyoom(state)
            case .systemdOomd: return systemdOomd(state)
            case .oomd:
                return [finding(.oomd, .unknown, "runs; its rules are not read: whether it would act is unknown")]
            case .nohang:
                return [
                    finding(.nohang, .unknown, "runs; its settings are not read: whether it would act is unknown")
                ]
            case .caps, .unknown: return []
            }
        }
    }

    private func earlyoom(_ state: BackstopState) -> [BackstopFinding] {
        let limits = EarlyoomLimits(
            commandLine: state.settings, memoryTotal: facts.memoryTotalBytes.value ?? 0,
            swapTotal: facts.swapTotalBytes.value ?? 0)
        let place: Phrase = "EARLYOOM_ARGS in /etc/default/earlyoom"
        if state.settings.isEmpty {
            return [finding(.earlyoom, .unknown, "runs; its command line could not be read")]
        }
        if limits.isDryRun {
            return [
                finding(
                    .earlyoom, .gap, "runs, but only says whom it would kill (--dryrun)",
                    consequence: "it kills nobody", setting: "remove --dryrun from \(place)")
            ]
        }
        var found: [BackstopFinding] = []
        var fact: Phrase = "runs: \(limits.words(swapTotal: facts.swapTotalBytes.value))"
        var shown: [Evidence] = []
        if let memory = facts.memoryTotalBytes.value, let available = facts.availableBytes.value {
            let share = hundredths(available, of: memory)
            fact.append("; now \(share: share) is available")
            shown.append(
                evidence(
                    "available memory", Figure(share / 100), "percent", threshold: Figure(limits.memory.term / 100),
                    "/proc/meminfo"))
        }
        // It waits for both: with much swap on a disk the storm comes first.
        let waits = (facts.swapTotalBytes.value ?? 0) > 0 && limits.swap.term < 10_000
        let disk = facts.swapDevices.contains { !$0.inMemory }
        found.append(
            finding(
                .earlyoom, waits && disk ? .gap : .holds, fact, shown,
                consequence: waits && disk
                    ? "it waits until swap is used up, too: the disk is flooded before it acts" : "",
                setting: waits && disk ? "-s 100 in \(place): swap is left out of it" : ""))
        let choice = EarlyoomChoice(commandLine: state.settings)
        if let lists = lists(choice, place) { found.append(lists) }
        return found
    }

    /// Whom its lists protect, and whom it would choose now.
    private func lists(_ choice: EarlyoomChoice, _ place: Phrase) -> BackstopFinding? {
        guard facts.processes > 0 else {
            return finding(.earlyoomLists, .unknown, "whom it would kill now is unknown: there was no census")
        }
        let words = choice.words.isEmpty ? "no lists: it goes by oom_score alone" : choice.words
        guard let order = choice.order(facts.ranking),
            !facts.wayIn.contains(where: { choice.says(of: $0.comm) == .unknown })
        else {
            return finding(
                .earlyoomLists, .unknown, "its lists (\(words)) are not understood here: whom it would kill is unknown")
        }
        let next: Phrase = order.first.map { "; now it would choose \($0)" } ?? ""
        let open = facts.wayIn.filter { one in
            guard one.points != nil else { return false }
            let say = choice.says(of: one.comm)
            return say == .nothing || say == .prefers
        }
        guard let first = open.first else {
            return finding(.earlyoomLists, .holds, "\(words)\(next)")
        }
        return finding(
            .earlyoomLists, .note, "\(words)\(next)", subject: "\(comm: first)",
            consequence: "\(first) is on no list: it counts like everybody",
            setting: "--avoid in \(place), with \(comm: first)")
    }

    private func systemdOomd(_ state: BackstopState) -> [BackstopFinding] {
        let watch = OomdWatch(settings: state.settings)
        let place: Phrase = "ManagedOOMMemoryPressure=kill of the slices (systemd.resource-control(5))"
        var watched: [(tree: CgroupTree, pressure: Bytes?, swap: Bytes?)] = []
        for tree in facts.trees {
            let pressure = watch.watched(tree.path, "ManagedOOMMemoryPressure")
            let swap = watch.watched(tree.path, "ManagedOOMSwap")
            if pressure != nil || swap != nil { watched.append((tree, pressure, swap)) }
        }
        guard !watched.isEmpty else {
            return [
                finding(
                    .systemdOomd, .gap, "runs, but no unit file tells it to watch any of the trees here",
                    consequence: "it kills nobody", setting: place)
            ]
        }
        var places: [Bytes] = []
        for place in watched.flatMap({ [$0.pressure, $0.swap] }).compactMap(\.self) where !places.contains(place) {
            places.append(place)
        }
        var fact: Phrase = "runs and watches "
        for (index, place) in places.prefix(4).enumerated() {
            fact.append("\(index == 0 ? "" : ", ")\(cgroup: place)")
        }
        if places.count > 4 { fact.append(" and \(places.count - 4) more") }
        if let pressure = watched.lazy.compactMap(\.pressure).first {
            fact.append("; it acts when memory full is above \(watch.pressureWords(of: pressure))")
        }
        if watched.contains(where: { $0.swap != nil }) {
            fact.append("; by swap, when memory and swap are both used above \(limit: watch.swapUsed)")
        }
        var found = [finding(.systemdOomd, .holds, fact, subject: "\(cgroup: places[0])")]
        let inert = watched.filter { facts.swapTotalBytes == 0 || $0.tree.mayUseSwap == false }
        if let first = inert.first {
            let why: Phrase = facts.swapTotalBytes == 0 ? "there is no swap" : "\(cgroup: first.tree.path) may not swap"
            let more: Phrase = inert.count > 1 && facts.swapTotalBytes != 0 ? " (and \(inert.count - 1) more)" : ""
            found.append(
                finding(
                    .oomdInert, .gap, "\(why)\(more): its pressure killer only kills what reclaims",
                    subject: "\(cgroup: first.tree.path)",
                    consequence:
                        "anonymous memory without swap is nothing to reclaim: pgscan stays flat, and it stays armed and inert",
                    setting: "a memory.max below what hurts, or earlyoom"))
        }
        return found
    }

    /// The kernel's own: whom it would take now, and whom never.
    var kernel: [BackstopFinding] {
        guard facts.processes > 0 else {
            return [finding(.nextVictim, .unknown, "unknown: whom it would kill, as there was no census")]
        }
        var found: [BackstopFinding] = []
        if let first = facts.ranking.first {
            let size = (first.rssBytes.value ?? 0) &+ (first.swapBytes.value ?? 0)
            found.append(
                finding(
                    .nextVictim, .note,
                    "it would kill \(first) first: \(bytes: size), oom_score_adj \(first.oomScoreAdj), oom_score \(first.oomScore)",
                    [
                        evidence("badness", Figure(UInt64(clamping: first.points ?? 0)), "pages", "oom_badness"),
                        evidence("oom_score", Figure(first.oomScore), "", "/proc/PID/oom_score"),
                    ],
                    subject: "\(comm: first)", setting: "OOMScoreAdjust= of a unit: 1000 first, -1000 never"))
        }
        if let first = facts.exempt.first {
            let more: Phrase = facts.exempt.count > 1 ? " and \(facts.exempt.count - 1) more" : ""
            let held = facts.exempt.reduce(0 as UInt64) { $0 &+ ($1.rssBytes.value ?? 0) &+ ($1.swapBytes.value ?? 0) }
            found.append(
                finding(
                    .exempt, .note,
                    "\(first)\(more) with oom_score_adj -1000 \(more.isEmpty ? "is" : "are") exempt, and hold \(bytes: held)",
                    subject: "\(comm: first)",
                    consequence: "whatever they hold, the kernel does not kill them"))
        }
        return found
    }
}
