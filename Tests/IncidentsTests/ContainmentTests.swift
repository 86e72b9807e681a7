import EventSamples
import Events
import Testing

@testable import Incidents

/// What would stop a runaway: facts, as events, to findings.
@Suite struct ContainmentTests {
    /// The machine of the project's first incident, small: one tree capped, one not, swap on a disk, earlyoom that waits for it.
    private static let machine = """
        0.5 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000001 page_size=4096 memory_total_bytes=8G swap_total_bytes=4G cgroup_mode=unified io_accounted=true recorder_tgid=77
        0.6 device_name device=266338304 name=vda swap=true
        0.6 user_name uid=1002 name=ben
        0.6 cgroup id=20 action=seen path=/user.slice
        0.6 cgroup id=21 action=seen path=/user.slice/user-1001.slice
        0.6 cgroup id=22 action=seen path=/user.slice/user-1002.slice
        0.6 cgroup id=30 action=seen path=/jobs.slice
        0.7 backstop kind=earlyoom running=true pid=420 settings=/usr/bin/earlyoom\\0--avoid\\0^(sshd|bash)$
        0.7 backstop kind=systemd_oomd
        1 memory total_bytes=8G available_bytes=6G swap_total_bytes=4G swap_free_bytes=4G
        1 cgroup_sample cgroup_id=20 current_bytes=900M max_bytes=max high_bytes=max swap_max_bytes=max
        1 cgroup_sample cgroup_id=21 current_bytes=100M max_bytes=2G high_bytes=1G swap_max_bytes=0
        1 cgroup_sample cgroup_id=22 current_bytes=800M max_bytes=max high_bytes=max swap_max_bytes=max
        1 cgroup_sample cgroup_id=30 current_bytes=50M max_bytes=4G high_bytes=max swap_max_bytes=0
        2 census_task task.pid=1 task.tgid=1 task.comm=systemd anon_rss_pages=900 file_rss_pages=0 shmem_rss_pages=0 swap_pages=0 pgtables_bytes=4096
        2 census_task task.pid=77 task.tgid=77 task.comm=inquest oom_score_adj=-1000 anon_rss_pages=900 file_rss_pages=0 shmem_rss_pages=0 swap_pages=0 pgtables_bytes=4096
        2 census_task task.pid=300 task.tgid=300 task.comm=sshd oom_score_adj=-1000 anon_rss_pages=300 file_rss_pages=0 shmem_rss_pages=0 swap_pages=0 pgtables_bytes=4096
        2 census_task task.pid=500 task.tgid=500 task.uid=1002 task.comm=ugrep task.cgroup_id=22 anon_rss_pages=180000 file_rss_pages=0 shmem_rss_pages=0 swap_pages=0 pgtables_bytes=409600
        2 census_task task.pid=501 task.tgid=501 task.uid=1002 task.comm=bash task.cgroup_id=22 anon_rss_pages=1000 file_rss_pages=0 shmem_rss_pages=0 swap_pages=0 pgtables_bytes=4096
        2 census_task task.pid=502 task.tgid=502 task.uid=1001 task.comm=node task.cgroup_id=21 anon_rss_pages=20000 file_rss_pages=0 shmem_rss_pages=0 swap_pages=0 pgtables_bytes=4096
        2 census_task task.pid=503 task.tgid=503 task.uid=1001 task.comm=tsc task.cgroup_id=21 anon_rss_pages=19000 file_rss_pages=0 shmem_rss_pages=0 swap_pages=0 pgtables_bytes=4096
        2 census processes=7
        """

    private func facts(_ change: (String, String)? = nil) throws -> ContainmentFacts {
        let text = change.map { Self.machine.replacing($0.0, with: $0.1) } ?? Self.machine
        if change != nil { #expect(text != Self.machine, "nothing was changed") }
        var correlator = Correlator()
        var tasks: [CensusTask] = []
        for event in try EventText.parse(text) {
            correlator.consume(event) { _ in }
            if case .censusTask(let task) = event.payload { tasks.append(task) }
        }
        return correlator.containment(tasks: tasks)
    }

    private func findings(_ change: (String, String)? = nil) throws -> Set<String> {
        Set(
            Containment(try facts(change)).findings.map { finding in
                let subject =
                    finding.subject.bytes.isEmpty ? "" : " " + String(decoding: finding.subject.bytes, as: UTF8.self)
                return "\(finding.verdict.label) \(finding.rule.label)\(subject)"
            })
    }

    @Test func `every finding says what follows, and a gap what changes it`() throws {
        let findings = Containment(try facts()).findings
        #expect(
            findings.allSatisfy { $0.verdict != .gap || !$0.consequence.bytes.isEmpty && !$0.setting.bytes.isEmpty },
            "\(findings.filter { $0.verdict == .gap && $0.setting.bytes.isEmpty }.map(\.rule))")
        let told = findings.map { String(decoding: $0.finding, as: UTF8.self) }
        #expect(
            told.contains(
                "/user.slice/user-1002.slice (ben) has no cap: it has 800 MiB and may use all memory and swap"),
            "\(told)")
        #expect(told.contains("4 GiB of swap, on the disk vda; /user.slice/user-1002.slice may use it"))
        #expect(
            told.contains {
                $0.hasPrefix("it would kill ugrep[500] first: 703.1 MiB, oom_score_adj 0, oom_score 7")
            })
        #expect(told.contains("--avoid ^(sshd|bash)$; now it would choose ugrep[500]"))
    }

    @Test func `of a machine the findings are these`() throws {
        #expect(
            try findings() == [
                "holds caps", "gap uncapped_tree /user.slice/user-1002.slice", "gap swap_on_disk vda", "gap earlyoom",
                "holds earlyoom_lists", "note next_victim ugrep", "note exempt inquest", "holds way_in sshd",
                "note way_in bash", "holds recorder inquest",
            ])
    }

    struct Change: CustomTestStringConvertible {
        let what: String
        let from: String
        let to: String
        var gone: Set<String> = []
        var come: Set<String> = []
        var testDescription: String { what }
    }

    @Test(arguments: [
        Change(
            what: "swap on zram", from: "name=vda swap=true", to: "name=zram0 swap=true in_memory=true",
            gone: ["gap swap_on_disk vda", "gap earlyoom"], come: ["holds swap_in_memory zram0", "holds earlyoom"]),
        Change(
            what: "a cap added", from: "current_bytes=800M max_bytes=max", to: "current_bytes=800M max_bytes=1G",
            gone: ["gap uncapped_tree /user.slice/user-1002.slice"]),
        Change(
            what: "a cap added, and swap off for it",
            from: "current_bytes=800M max_bytes=max high_bytes=max swap_max_bytes=max",
            to: "current_bytes=800M max_bytes=1G high_bytes=max swap_max_bytes=0",
            gone: ["gap uncapped_tree /user.slice/user-1002.slice", "gap swap_on_disk vda"],
            come: ["holds swap_on_disk vda"]),
        Change(
            what: "memory.high without memory.max", from: "max_bytes=2G high_bytes=1G",
            to: "max_bytes=max high_bytes=1G",
            come: ["gap high_without_max /user.slice/user-1001.slice"]),
        Change(
            what: "caps above memory", from: "max_bytes=4G", to: "max_bytes=7G", gone: ["holds caps"],
            come: ["gap caps_above_memory"]),
        Change(
            what: "IO not charged", from: "io_accounted=true", to: "io_accounted=false", come: ["gap io_not_charged"]),
        Change(
            what: "a tree below the top that the io controller does not see", from: "0.7 backstop kind=systemd_oomd",
            to: """
                0.7 backstop kind=systemd_oomd
                0.7 backstop kind=caps running=true settings="capped_trees=2\\ncapped_total_bytes=6442450944\\nio_ends_trees=1\\nio_ends=/user.slice/user-1002.slice\\n"
                """,
            come: ["gap io_not_charged /user.slice/user-1002.slice"]),
        Change(
            what: "the io controller taken away at the top since the start", from: "0.7 backstop kind=systemd_oomd",
            to: """
                0.7 backstop kind=systemd_oomd
                0.7 backstop kind=caps running=true settings="capped_trees=2\\ncapped_total_bytes=6442450944\\nio_ends_trees=1\\nio_ends=/\\n"
                """,
            come: ["gap io_not_charged"]),
        Change(
            what: "a recording that does not say where the io controller ends", from: "0.7 backstop kind=systemd_oomd",
            to: """
                0.7 backstop kind=systemd_oomd
                0.7 backstop kind=caps running=true settings="capped_trees=2\\ncapped_total_bytes=6442450944\\n"
                """),
        Change(
            what: "systemd-oomd without swap to watch", from: "kind=systemd_oomd",
            to: "kind=systemd_oomd running=true pid=9 settings=jobs.slice:ManagedOOMMemoryPressure=kill",
            come: ["holds systemd_oomd /jobs.slice", "gap oomd_inert /jobs.slice"]),
        Change(
            what: "systemd-oomd that watches nothing", from: "kind=systemd_oomd",
            to: "kind=systemd_oomd running=true pid=9",
            come: ["gap systemd_oomd"]),
        Change(
            what: "no earlyoom", from: "kind=earlyoom running=true pid=420", to: "kind=earlyoom",
            gone: ["gap earlyoom", "holds earlyoom_lists"], come: ["gap no_userspace_killer"]),
        Change(
            what: "earlyoom that leaves swap out", from: "--avoid\\0^", to: "-s\\0100\\0--avoid\\0^",
            gone: ["gap earlyoom"],
            come: ["holds earlyoom"]),
        Change(
            what: "sshd that is not exempt", from: "task.comm=sshd oom_score_adj=-1000", to: "task.comm=sshd",
            gone: ["holds way_in sshd"], come: ["note way_in sshd"]),
        Change(
            what: "sshd that is the first to go", from: "task.comm=sshd oom_score_adj=-1000",
            to: "task.comm=sshd oom_score_adj=900", gone: ["holds way_in sshd", "note next_victim ugrep"],
            come: ["gap way_in sshd", "note next_victim sshd"]),
        Change(
            what: "a list that does not name the shell", from: "(sshd|bash)", to: "(sshd)",
            gone: ["holds earlyoom_lists"],
            come: ["note earlyoom_lists bash"]),
        Change(
            what: "a list that is no regular expression", from: "(sshd|bash)", to: "(sshd",
            gone: ["holds earlyoom_lists"],
            come: ["unknown earlyoom_lists"]),
    ])
    func `one fact changed changes the findings that depend on it and no other`(_ change: Change) throws {
        let before = try findings()
        let after = try findings((change.from, change.to))
        #expect(before.subtracting(after) == change.gone)
        #expect(after.subtracting(before) == change.come)
    }

    @Test func `what cannot be read is unknown, and nothing of it holds`() {
        let findings = Containment(ContainmentFacts()).findings
        #expect(!findings.isEmpty)
        #expect(findings.allSatisfy { $0.verdict == .unknown }, "\(findings.map { ($0.rule, $0.verdict) })")
        #expect(findings.allSatisfy { String(decoding: $0.finding, as: UTF8.self).hasPrefix("unknown") })
    }

    @Test func `a v1 hierarchy is judged by its limit files`() throws {
        let findings = Containment(try facts(("cgroup_mode=unified", "cgroup_mode=legacy"))).findings
        let uncapped = try #require(findings.first { $0.rule == .uncappedTree })
        #expect(uncapped.evidence.contains { $0.source == Bytes("memory.limit_in_bytes".utf8) })
        #expect(!uncapped.evidence.contains { $0.source == Bytes("memory.high".utf8) })
    }

    @Test func `a limit above counts for what is below, and users are trees of their own`() throws {
        let facts = try facts(
            (
                "current_bytes=900M max_bytes=max high_bytes=max swap_max_bytes=max",
                "current_bytes=900M max_bytes=max high_bytes=max swap_max_bytes=0"
            ))
        #expect(facts.trees.map(\.path).contains(Bytes("/user.slice/user-1002.slice".utf8)))
        #expect(facts.trees.allSatisfy { $0.swapMaxBytes == 0 })
    }
}

/// Who is to die, by the kernel's measure.
@Suite struct BadnessTests {
    private func task(
        _ pid: UInt32, anon: UInt64 = 0, swap: UInt64 = 0, tables: UInt64 = 0, adj: Int32 = 0, flags: UInt32 = 0
    ) -> CensusTask {
        var task = CensusTask()
        task.task.pid = pid
        task.task.tgid = pid
        task.task.flags = flags
        (task.anonRssPages, task.fileRssPages, task.shmemRssPages) = (Figure(anon), 10, 5)
        (task.swapPages, task.pgtablesBytes, task.oomScoreAdj) = (Figure(swap), Figure(tables), adj)
        return task
    }

    @Test func `badness is resident, swapped and page table pages, and thousandths of all pages`() {
        func points(_ task: CensusTask) -> Int64? { Badness.points(task, totalPages: 1_000_999, pageSize: 4096) }
        #expect(points(task(7, anon: 100, swap: 20, tables: 8192)) == 137)
        // The kernel divides first: 1000 pages a thousandth.
        #expect(points(task(7, anon: 100, adj: 500)) == 500_115)
        #expect(points(task(7, anon: 100, adj: -999)) == -998_885)
    }

    @Test func `init, kernel threads, the exempt and those without an address space are never killed`() {
        func points(_ task: CensusTask) -> Int64? { Badness.points(task, totalPages: 1000, pageSize: 4096) }
        #expect(points(task(1, anon: 100)) == nil)
        #expect(points(task(7, anon: 100, adj: -1000)) == nil)
        #expect(points(task(7, anon: 100, flags: 0x0020_0000)) == nil)
        var zombie = task(7)
        zombie.anonRssPages = .unknown
        #expect(points(zombie) == nil)
    }

    @Test func `oom_score is the same on the kernel's scale`() {
        #expect(Badness.score(0, totalPages: 1000) == 666)
        #expect(Badness.score(1000, totalPages: 1000) == 1333)
        #expect(Badness.score(-999, totalPages: 1000) == 0)
        #expect(Badness.score(nil, totalPages: 1000) == 0)
    }

    @Test func `the order is that of badness, with the exempt left out and kept apart`() {
        let ranking = KillRanking(
            [task(5, anon: 10), task(6, anon: 1000), task(7, anon: 20, adj: 900), task(8, anon: 5000, adj: -1000)],
            totalPages: 10_000, pageSize: 4096)
        #expect(ranking.candidates.map(\.pid) == [7, 6, 5])
        #expect(ranking.candidates.map(\.place) == [1, 2, 3])
        #expect(ranking.exempt.map(\.pid) == [8])
    }

    @Test func `no figure is too large`() {
        let huge = Badness.points(
            task(7, anon: .max - 5, swap: .max - 5, adj: 1000), totalPages: .max, pageSize: 0)
        #expect(huge != nil)
        #expect(Badness.score(.max, totalPages: 1) == 0)
        #expect(Badness.score(.min + 1, totalPages: .max) <= 666)
    }
}

/// earlyoom's lists, as regex(7) has them.
@Suite struct ExtendedPatternTests {
    private func matches(_ pattern: String, _ text: String) -> Bool? {
        ExtendedPattern(Bytes(pattern.utf8)[...])?.matches(Bytes(text.utf8))
    }

    @Test(arguments: [
        ("(^|/)(init|Xorg|ssh|sshd)$", "sshd", true), ("(^|/)(init|Xorg|ssh|sshd)$", "sshd-session", false),
        ("^chrom", "chromium", true), ("Web Content", "Web Content", true), ("a.c", "xabcx", true),
        ("^a?b+c*$", "bbb", true),
        ("^a?b+c*$", "aac", false), ("[a-c]{2,3}$", "xab", true), ("^[^a-c]+$", "xyz", true), ("^[]x]$", "]", true),
        ("[[:digit:]]", "a1", true), ("\\.", "ab", false), ("\\.", "a.b", true), ("(a|b)(c|d)", "xbd", true),
        ("^$", "", true),
        ("(a*)*b", "aaaaac", false), ("", "x", true), ("a{2}", "a", false),
    ])
    func `it matches as regcomp does`(_ pattern: String, _ text: String, _ expected: Bool) {
        #expect(matches(pattern, text) == expected)
    }

    @Test(arguments: ["(a", "a)b(", "*a", "a{3", "a{3,2}", "[a", "a\\", "\\w", "[[.a.]]", "a{999}"])
    func `what is not understood is not guessed`(_ pattern: String) { #expect(matches(pattern, "a") == nil) }

    @Test func `a pattern that would take for ever is unknown`() {
        let pattern = "(" + String(repeating: "(a*)*", count: 12) + ")*b"
        #expect(matches(pattern, String(repeating: "a", count: 15)) == nil)
        #expect(matches(String(repeating: "(", count: 4000), "a") == nil)
    }
}
