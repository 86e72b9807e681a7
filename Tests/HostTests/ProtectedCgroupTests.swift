import Events
import Testing

@testable import Host

@Suite struct `The recorder's own cgroup` {
    private let fixture = Fixture()
    private static let files = ["memory.min", "memory.swap.max", "io.weight", "cgroup.procs"]

    init() {
        fixture.host()
        fixture.unified(enabled: "cpu io memory pids")
        fixture.file("proc/self/cgroup", "0::/\n")
        fixture.file("sys/fs/cgroup/cgroup.procs", "")
    }

    /// The kernel makes these files with the directory.
    private func prepared(_ files: [String] = files) {
        for file in files { fixture.file("sys/fs/cgroup/inquest-recorder/" + file, "") }
    }

    private func content(_ file: String) -> String? {
        contents(of: Bytes(fixture.root + "/sys/fs/cgroup/" + file))?.text
    }

    private func enter() -> ProtectedCgroup { ProtectedCgroup(enter: true, pid: 42, paths: fixture.paths) }

    @Test func `keeps memory, forbids swap, and comes first in IO, where nobody else manages cgroups`() {
        prepared()
        let cgroup = enter()
        #expect(cgroup.isProtected == true)
        #expect(cgroup.words == "in /inquest-recorder: 64 MiB kept, not swapped")
        #expect(content("inquest-recorder/memory.min") == "67108864")
        #expect(content("inquest-recorder/memory.swap.max") == "0")
        #expect(content("inquest-recorder/io.weight") == "1000")
        #expect(content("inquest-recorder/cgroup.procs") == "42")
        #expect(content("cgroup.procs") == "")
        cgroup.leave()
        #expect(content("cgroup.procs") == "42", "it went back to where it was")
    }

    @Test func `leaves a container's cgroup alone, also where the whole tree is mounted in it`() {
        fixture.file(
            "proc/self/mountinfo", "30 24 0:26 /../../.. /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n")
        prepared()
        let cgroup = enter()
        #expect(cgroup.isProtected == nil)
        #expect(cgroup.words == "its cgroup is unknown; what protects the recorder is unknown")
        #expect(content("inquest-recorder/cgroup.procs") == "")
    }

    @Test func `does without what a kernel has not`() {
        prepared(["memory.min", "cgroup.procs"])
        #expect(enter().isProtected == true)
        #expect(content("inquest-recorder/cgroup.procs") == "42")
    }

    @Test func `is not entered without its protection`() {
        prepared(["memory.swap.max", "io.weight", "cgroup.procs"])
        let cgroup = enter()
        #expect(cgroup.isProtected == false)
        #expect(cgroup.words == "no cgroup of its own: memory.min: No such file or directory")
        #expect(content("inquest-recorder/cgroup.procs") == "")
    }

    @Test func `is only spoken of when nobody asked for it`() {
        let cgroup = ProtectedCgroup(enter: false, pid: 42, paths: fixture.paths)
        #expect(cgroup.words == "the recorder makes /inquest-recorder")
        #expect(!Calls.exists(Bytes(fixture.root + "/sys/fs/cgroup/inquest-recorder")))
        #expect(HostFacts(fixture.paths)["recorder_cgroup"]?.value == Bytes("the recorder makes /inquest-recorder"))
    }

    @Test(arguments: [
        ("0::/user.slice/x\n", "/user.slice/x is somebody else's"), ("1:memory:/\n", "its cgroup is unknown"),
        ("0::/../other\n", "inside a container"),
    ])
    func `is not made for a process that somebody has put elsewhere`(own: String, why: String) {
        prepared()
        fixture.file("proc/self/cgroup", own)
        let cgroup = enter()
        #expect(cgroup.isProtected != true)
        #expect(cgroup.words.contains(why), "\(cgroup.words)")
        #expect(Self.files.allSatisfy { content("inquest-recorder/" + $0) == "" })
    }

    @Test func `is not made where the memory controller is off, and that is not changed`() {
        prepared()
        fixture.file("sys/fs/cgroup/cgroup.subtree_control", "pids\n")
        #expect(enter().words.contains("the memory controller is off below the root"))
        #expect(content("cgroup.subtree_control") == "pids\n")
        #expect(content("inquest-recorder/cgroup.procs") == "")
    }

    @Test func `is not made on v1, which protects nobody`() {
        let fixture = Fixture()
        fixture.host()
        fixture.legacy()
        let cgroup = ProtectedCgroup(enter: true, pid: 42, paths: fixture.paths)
        #expect(cgroup.isProtected == false)
        #expect(cgroup.words == "no cgroup of its own: memory cgroups are v1, which protect nobody")
    }

    @Test func `is the service's under systemd: nothing is set, and what every slice lets through is said`() {
        prepared()
        fixture.directory("run/systemd/system")
        fixture.file("proc/self/cgroup", "0::/inquest.slice/inquest.service\n")
        let limits = [("inquest.slice", "67108864", "max"), ("inquest.slice/inquest.service", "max", "0")]
        for (path, least, swap) in limits {
            fixture.file("sys/fs/cgroup/\(path)/memory.min", least + "\n")
            fixture.file("sys/fs/cgroup/\(path)/memory.swap.max", swap + "\n")
        }
        let cgroup = enter()
        let place = "in /inquest.slice/inquest.service (systemd manages cgroups)"
        #expect(cgroup.words == place + ": 64 MiB kept, not swapped")
        #expect(cgroup.isProtected == true)
        // A slice that keeps nothing: its services are kept nothing, whatever they say.
        fixture.file("sys/fs/cgroup/inquest.slice/memory.min", "0\n")
        #expect(enter().words.hasSuffix("0 MiB kept, not swapped"))
        #expect(enter().isProtected == false)
        #expect(content("inquest-recorder/cgroup.procs") == "")
        #expect(content("cgroup.procs") == "")
    }
}
