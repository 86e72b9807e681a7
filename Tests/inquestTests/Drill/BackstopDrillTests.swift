import Events
import Testing

@testable import inquest

@Suite struct BackstopDrillTests {
    private func arguments(_ words: String...) -> [String] {
        EarlyoomDryRun.arguments(from: Bytes(words.joined(separator: "\0").utf8)).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    private let always = ["earlyoom", "--dryrun", "-m", "99", "-s", "100", "-r", "0"]

    @Test func `a dry run keeps the lists and the order, and forces the limits`() {
        #expect(arguments("/usr/bin/earlyoom") == always)
        #expect(
            arguments("earlyoom", "-m", "5,3", "-M", "1024", "--avoid", "^(sshd|x y)$", "--prefer=hog", "--sort-by-rss")
                == always + ["--avoid", "^(sshd|x y)$", "--prefer=hog", "--sort-by-rss"])
    }

    @Test func `what runs a program, or is not known, does not come along`() {
        #expect(arguments("earlyoom", "-N", "/bin/notify", "-n", "-p", "-k", "--frobnicate", "--ignore") == always)
        #expect(arguments("").prefix(2) == ["earlyoom", "--dryrun"])
    }

    @Test(arguments: [
        "mem avail: 1\nsending SIGTERM to process 2211 uid 1000 \"a \"b\": badness 901, VmRSS 5 MiB\n",
        "sending SIGKILL to process 2211 uid 1000 \"a \"b\": oom_score 901",
    ])
    func `whom it would kill is read from its log line, whatever the name`(_ output: String) {
        let chosen = EarlyoomDryRun.chosen(in: Bytes(output.utf8))
        #expect(chosen?.pid == 2211)
        #expect(chosen?.name == Bytes("a \"b".utf8))
    }

    @Test(arguments: [
        "", "sending SIGTERM when mem <= 99.00%", "sending SIGTERM to process x uid 0 \"a\"", "sending SIG",
        "sending SIGTERM to process 5",
    ])
    func `other lines name nobody`(_ output: String) { #expect(EarlyoomDryRun.chosen(in: Bytes(output.utf8)) == nil) }

    @Test func `what systemd-oomd watches is told by what`() {
        let dump = OomctlDump(
            Bytes(
                """
                Dry Run: no
                Swap Used Limit: 90.00%
                Swap Monitored CGroups:
                \tPath: /
                \t\tSwap Usage: (see System Context)
                Memory Pressure Monitored CGroups:
                \tPath: /user.slice/user-1000.slice
                \t\tMemory Pressure Limit: 50.00%
                        Path: /jobs.slice

                """.utf8))
        #expect(dump.bySwap == ["/"])
        #expect(dump.byPressure == ["/user.slice/user-1000.slice", "/jobs.slice"])
        #expect(dump.words == "by pressure /user.slice/user-1000.slice, /jobs.slice; by swap /")
        #expect(OomctlDump([]).isEmpty && OomctlDump(Bytes("Path:".utf8)).isEmpty)
    }
}
