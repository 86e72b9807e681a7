import Events
import Glibc
import Testing

@testable import Host

@Suite struct `Facts about a machine` {
    @Test func `what cannot be read is unreadable and not no`() {
        let fixture = Fixture()
        let facts = HostFacts(fixture.paths)
        for name in [
            "kernel_release", "btf", "cgroup_mode", "capabilities", "initial_pid_namespace", "lockdown", "zswap",
            "ftrace_enabled",
            "swap_total_bytes", "unprivileged_bpf_disabled", "pressure", "io_accounting", "initial_user_namespace",
        ] {
            #expect(facts[name]?.state == .unreadable(errno: ENOENT), "\(name)")
            #expect(facts[name]?.value.isEmpty == true, "\(name)")
        }
        #expect(facts.hasBTF == nil)
        #expect(facts.isInitialPidNamespace == nil)
    }

    @Test func `a kernel without PSI says no, and a file that makes no sense is unreadable`() {
        let fixture = Fixture()
        fixture.host()
        fixture.remove("proc/pressure")
        fixture.file("proc/self/status", "nothing\n")
        let facts = HostFacts(fixture.paths)
        #expect(facts["pressure"]?.value == Bytes("no (not built into this kernel)"))
        #expect(facts["capabilities"]?.state == .unreadable(errno: 0))
        #expect(facts["cgroup_mode"]?.value == Bytes("none"))
        #expect(facts["io_accounting"]?.value == Bytes("no"))
    }

    @Test(arguments: [
        ("[none] mq-deadline kyber bfq", "6.1.0-50-amd64", "none", false), ("none", "6.1.0", "none", false),
        ("mq-deadline [kyber]", "6.1.0", "kyber", false), ("none [bfq]", "5.10.0-30-amd64", "bfq", true),
        ("[mq-deadline] none", "5.10.0-30-amd64", "mq-deadline", false),
        ("[mq-deadline] none", "5.14.0", "mq-deadline", true),
        ("[mq-deadline] none", "6.12.1+deb13", "mq-deadline", true),
        ("[mq-deadline] none", "unknown", "mq-deadline", nil), ("[newer] none", "9.9.9", "newer", nil),
    ])
    func `whether a disk's scheduler heeds IO priorities is told`(
        _ file: String, _ release: String, _ name: String, _ heeds: Bool?
    ) {
        let fixture = Fixture()
        fixture.host()
        fixture.file("proc/sys/kernel/osrelease", release + "\n")
        for disk in ["vda", "loop0", "sdb", "nvme0n1"] {
            fixture.file("sys/block/\(disk)/queue/scheduler", file + "\n")
            fixture.file(
                "sys/block/\(disk)/stat", disk == "sdb" ? "0 0 0 0 0 0 0 0 0 0 0\n" : "7 0 56 1 2 0 16 1 0 1 2\n")
            if disk != "loop0" { fixture.directory("sys/block/\(disk)/device") }
        }
        fixture.remove("sys/block/nvme0n1/queue/scheduler")
        let facts = HostFacts(fixture.paths)
        // Neither the one whose requests wait at another disk, nor the one that nobody used.
        #expect(
            facts.schedulers == [
                DiskScheduler(disk: Bytes("nvme0n1"), name: nil, heedsPriorities: nil),
                DiskScheduler(disk: Bytes("vda"), name: Bytes(name), heedsPriorities: heeds),
            ])
        #expect(facts["disk_schedulers"]?.value == Bytes("nvme0n1:unreadable vda:\(name)"))
    }

    @Test func `a whole machine is told`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified(enabled: "io memory")
        fixture.file("sys/kernel/btf/vmlinux", "x")
        fixture.file("sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
        fixture.file("sys/module/zswap/parameters/enabled", "Y\n")
        fixture.file("proc/sys/kernel/unprivileged_bpf_disabled", "2\n")
        fixture.file("proc/sys/kernel/ftrace_enabled", "0\n")
        fixture.file("proc/self/status", "Name:\tx\nCapEff:\t000000c000000000\nCapBnd:\t0\n")
        fixture.link("proc/self/ns/pid", to: "pid:[4026531836]")
        fixture.link("proc/self/ns/user", to: "user:[4026532000]")
        let facts = HostFacts(fixture.paths)
        #expect(facts["kernel_release"]?.value == Bytes("6.1.0-50-amd64"))
        #expect(facts["btf"]?.value == Bytes("yes"))
        #expect(facts["cgroup_mode"]?.value == Bytes("unified"))
        #expect(facts["cgroup_controllers"]?.value == Bytes("cpu:v2 io:v2 memory:v2 pids:v2"))
        #expect(facts["io_accounting"]?.value == Bytes("yes"))
        #expect(facts["pressure"]?.value == Bytes("yes"))
        #expect(facts["lockdown"]?.value == Bytes("integrity"))
        #expect(facts["zswap"]?.value == Bytes("yes"))
        #expect(facts["unprivileged_bpf_disabled"]?.value == Bytes("2"))
        #expect(facts["ftrace_enabled"]?.value == Bytes("no"))
        #expect(facts["capabilities"]?.value == Bytes("CAP_PERFMON CAP_BPF"))
        #expect(facts.capabilities?.mayLoadPrograms == true)
        #expect(facts["initial_pid_namespace"]?.value == Bytes("yes"))
        #expect(facts["initial_user_namespace"]?.value == Bytes("no"))
        #expect(facts["backstop_earlyoom"]?.value == Bytes("not running"))
        #expect(facts["directory"] == nil, "no directory was asked for")
    }

    @Test(arguments: ["CapEff:\n", "CapEff:\tzz\n", "CapEff: 11112222333344445\n", "Cap", ""])
    func `a status file without readable capabilities gives none known`(_ text: String) {
        #expect(Capabilities(status: Bytes(text)) == nil)
    }

    @Test func `CAP_BPF alone does not suffice, CAP_SYS_ADMIN does`() {
        #expect(!Capabilities(effective: 1 << 39).mayLoadPrograms)
        #expect(Capabilities(effective: 1 << 21).mayLoadPrograms)
        #expect(Capabilities(effective: 1 << 14).names == ["CAP_IPC_LOCK"])
    }

    @Test func `a directory that is not there yet is judged by the nearest one that is`() {
        let fixture = Fixture()
        let facts = DirectoryFacts(Bytes(fixture.root + "/not/yet/there"))
        #expect(!facts.exists)
        #expect(facts.directory == Bytes(fixture.root))
        #expect(facts.writableErrno == 0)
        #expect(facts.freeBytes.value ?? 0 > 0)
        #expect(Calls.entries(Bytes(fixture.root))?.isEmpty == true, "the probe is removed")
        #expect(!DirectoryFacts(Bytes(fixture.root + "/x")).fileSystem.isEmpty)
    }

    @Test func `a directory where nothing can be written says why`() {
        let facts = DirectoryFacts(Bytes("/proc"))
        #expect(facts.exists)
        #expect(facts.writableErrno != 0)
        #expect(facts.fileSystem == Bytes("proc"))
    }

    @Test func `an error says what failed, on what, why, and what to do, in one line`() {
        let error = HostError("create the drill's cgroup", on: "/x", errno: EACCES, advice: "run as root")
        #expect(error.message == "cannot create the drill's cgroup (/x): Permission denied; run as root")
    }
}
