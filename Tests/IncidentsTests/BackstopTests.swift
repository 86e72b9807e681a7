import EventSamples
import Events
import Incidents
import Testing

/// Why nobody killed, and why somebody did: each backstop's own limits against the facts.
@Suite struct BackstopTests {
    private let start = """
        0.5 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000001 page_size=4096 memory_total_bytes=8G pressure_available=true cgroup_mode=unified memory_hierarchy=3
        0.6 cgroup id=30 action=seen path=/jobs.slice
        0.6 cgroup id=31 action=seen path=/jobs.slice/job.service
        """

    /// What it says of a backstop in the last incident.
    private func finding(_ name: String, _ text: String) throws -> String {
        let result = Cases.run(try EventText.parse(start + "\n" + text))
        let incident = try #require(result.open.last)
        let finding = try #require(incident.backstops.first { $0.name == Bytes(name.utf8) })
        return String(decoding: finding.finding, as: UTF8.self)
    }

    // A host's incident, for what is about the whole machine.

    private func earlyoom(_ arguments: String, available: String = "4G", swap: String = "0", swapFree: String = "0")
        throws
        -> String
    {
        try finding(
            "earlyoom",
            """
            0.7 backstop kind=earlyoom running=true pid=420 settings=/usr/bin/earlyoom\(arguments)
            9 memory total_bytes=8G available_bytes=\(available) swap_total_bytes=\(swap) swap_free_bytes=\(swapFree)
            10 oom_kill entry=global trigger.tgid=9 victim.task.pid=9 victim.task.tgid=9 victim.task.comm=job
            """)
    }

    @Test(arguments: [
        ("", "10 %"), ("\\0-m\\025,15", "25 %"), ("\\0-m25", "25 %"), ("\\0-m\\02.5", "2.5 %"), ("\\0-pm\\03", "3 %"),
        ("\\0-r\\060\\0-m\\04", "4 %"), ("\\0--prefer\\0^-m99$\\0-m\\04", "4 %"), ("\\0-M\\01048576", "12.5 %"),
        ("\\0-M\\01048576\\0-m\\05", "5 %"), ("\\0-m\\0x", "10 %"), ("\\0-m", "10 %"),
    ])
    func `earlyoom's limit is what its command line says`(_ arguments: String, _ limit: String) throws {
        #expect(
            try earlyoom(arguments)
                == "running, but its limit was not met: available memory never fell below 50 % (it acts at \(limit))")
    }

    @Test func `free swap holds earlyoom back, no swap does not`() throws {
        #expect(
            try earlyoom("", available: "400M", swap: "4G", swapFree: "1G")
                == "running, but its limit was not met: free swap never fell below 25 % (it needs 10 % too)")
        #expect(try earlyoom("", available: "400M") == "running, its limits were met, but it did not kill")
        #expect(
            try earlyoom("\\0-s\\0100", available: "400M", swap: "4G", swapFree: "4G")
                == "running, its limits were met, but it did not kill")
    }

    @Test func `an earlyoom that only says whom it would kill is no backstop`() throws {
        #expect(
            try earlyoom("\\0--dryrun", available: "400M")
                == "running, but told only to say whom it would kill (--dryrun)")
    }

    // A cgroup's live-lock, for what is about one tree.

    private func oomd(
        _ settings: String, running: Bool = true, swap: String = "0", pgscan: String = "0", slicePressure: Bool = true
    ) throws -> String {
        let full = slicePressure ? "0..29000000" : "0..500000"
        return try finding(
            "systemd-oomd",
            """
            0.7 backstop kind=systemd_oomd running=\(running) pid=430 settings=\(settings)
            1..40/1 memory total_bytes=8G available_bytes=6G swap_total_bytes=\(swap) swap_free_bytes=\(swap)
            1..10/1 cgroup_sample cgroup_id=30 current_bytes=100M swap_max_bytes=max memory_some_us=0 memory_full_us=0 pgscan=7
            1..10/1 cgroup_sample cgroup_id=31 current_bytes=100M high_bytes=100M swap_max_bytes=max memory_some_us=0 memory_full_us=0 pgscan=7
            11..40/1 cgroup_sample cgroup_id=30 current_bytes=100M swap_max_bytes=max memory_some_us=0..29000000 memory_full_us=\(full) pgscan=7..\(pgscan == "0" ? "7" : pgscan)
            11..40/1 cgroup_sample cgroup_id=31 current_bytes=100M high_bytes=100M swap_max_bytes=max memory_some_us=0..29000000 memory_full_us=0..29000000 pgscan=7
            11..40/1 cgroup_stall cgroup_id=31 mechanism=memory_high interval_ns=1000000000 count=2 total_ns=990000000 max_ns=990000000
            """)
    }

    private let watched =
        "DefaultMemoryPressureLimit=70%\\njobs.slice:ManagedOOMMemoryPressure=kill\\njobs.slice:ManagedOOMMemoryPressureLimit=10%"

    @Test func `armed but inert: the pressure of the slice that it watches is high, but nothing reclaims`() throws {
        #expect(
            try oomd(watched)
                == "running, but inert: memory full of /jobs.slice was up to 100 % over 10 s (it acts above 10 % for 30s), but it only kills what reclaims, and its pgscan stayed the same (there is no swap, so there is nothing to reclaim)"
        )
        #expect(try oomd(watched, swap: "4G").hasSuffix("and its pgscan stayed the same (nothing was reclaimed)"))
    }

    @Test func `what reclaims is no excuse, and pressure below its limit is one`() throws {
        #expect(
            try oomd(watched, swap: "4G", pgscan: "90000")
                == "running, but it did not kill: memory full of /jobs.slice was up to 100 % over 10 s (it acts above 10 % for 30s)"
        )
        #expect(
            try oomd(watched, slicePressure: false)
                == "running, but it did not kill: memory full of /jobs.slice was at most 2 % over 10 s (it acts above 10 % for 30s)"
        )
    }

    @Test(arguments: ["", "other.slice:ManagedOOMMemoryPressure=kill", "jobs.slice:ManagedOOMMemoryPressure=auto", "x"])
    func `what it was not told to watch it does not kill`(_ settings: String) throws {
        #expect(try oomd(settings).hasPrefix("running, but no unit file tells it to watch /jobs.slice/job.service: "))
    }

    @Test(arguments: [
        "slice:ManagedOOMMemoryPressure=kill",
        "jobs.slice:ManagedOOMMemoryPressure=kill\\nslice:ManagedOOMMemoryPressure=auto",
    ])
    func `the file that fits a unit best decides`(_ settings: String) throws {
        #expect(
            try oomd(settings).contains(
                "memory full of /jobs.slice was up to 100 % over 10 s (it acts above 60 % for 30s)"))
    }

    @Test func `its swap killer is told with its limit, and that there is no swap to watch`() throws {
        let settings = "SwapUsedLimit=80%\\n-.slice:ManagedOOMSwap=kill"
        #expect(try oomd(settings) == "running, but it did not kill: no swap whose use it could watch")
        #expect(
            try oomd(settings, swap: "4G")
                == "running, but it did not kill: swap was used up to 0 % (its limit for both is 80 %)")
    }

    @Test func `a cgroup without a cap of its own is told with the one above it`() throws {
        let cap = try finding(
            "caps",
            """
            1..12/1 cgroup_sample cgroup_id=30 current_bytes=100M high_bytes=80M max_bytes=max swap_max_bytes=max
            1..12/1 cgroup_sample cgroup_id=31 current_bytes=0..100M high_bytes=max max_bytes=max swap_max_bytes=max
            12 signal signal=9 group=true sender.tgid=430 sender.comm=systemd-oomd sender_exe=/usr/lib/systemd/systemd-oomd target.task.pid=9 target.task.tgid=9 target.task.cgroup_id=31 target.task.comm=job target.cgroup=/jobs.slice/job.service
            """)
        #expect(
            cap.hasPrefix(
                "/jobs.slice/job.service: memory.max=max, memory.high=max, memory.swap.max=max; above it /jobs.slice: memory.max=max, memory.high=80 MiB, memory.swap.max=max"
            ), "\(cap)")
    }

    @Test func `one that does not run, and one that nobody looked for`() throws {
        #expect(try oomd(watched, running: false) == "not running")
        #expect(
            try finding(
                "systemd-oomd",
                "10 oom_kill entry=global trigger.tgid=9 victim.task.pid=9 victim.task.tgid=9 victim.task.comm=job")
                == "unknown: not looked for")
    }
}
