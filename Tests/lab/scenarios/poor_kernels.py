"""Kernels that give less: without PSI, without the io controller, locked down. What works still works; what does not is said."""

from ..scenario import scenario

SWAP_DISK = 4_000_000


def capped_kill(guest):
    """A kill at a memory limit, by the kernel; gives the victim."""
    capped = guest.cgroup("capped", memory_max="40M", memory_swap_max=0)
    hog = guest.start("load -n hog memory 100M", cgroup=capped)
    assert hog.wait(30)[0] == 137
    guest.until_over("contained_kill")
    return hog


def judge_capped_kill(judge, account, hog):
    incident = judge.one(account.of_class("contained_kill"), "of class contained_kill")
    judge.equal([k["victim"]["pid"] for k in incident["kills"]], [hog.pid], "the victim")
    judge.equal(incident["kills"][0]["cause"]["killer"], "kernel_memcg", "the killer")
    judge.equal(incident["kills"][0]["cause"]["oom_memcg"], "/capped", "the cgroup that ran out")
    return incident


def notes(judge, incident, words):
    found = incident["quality"]["notes"]
    judge.must(any(words in note for note in found), f"the timeline notes that {words}", found)


def swap_storm(guest):
    """Two runaways that need more memory than there is, on a slow disk, until it is reported; then they are ended."""
    guest.throttle("data", bytes_per_second=SWAP_DISK)
    runaways = [guest.start(f"load -n runaway{n} memory 250M", cgroup=guest.cgroup(f"user{n}")) for n in range(2)]
    guest.until_incident("the storm is reported", lambda i: i["class"] == "swap_thrash", 120)
    for runaway in runaways:
        runaway.kill()
    guest.until_over("swap_thrash", 90)
    guest.throttle("data")


@scenario(cmdline="psi=0", busy=True)
def without_psi(guest, judge):
    """psi=0: a kill, a live-lock and a swap storm are told all the same, and that the phases come from elsewhere."""
    status, output = guest.try_sh("inquest doctor 2>&1")
    judge.must(status == 0 and "no pressure stall information" in output, "doctor says that there is no PSI", output)
    guest.swap(400)
    guest.record()
    hog = capped_kill(guest)
    squeezed = guest.cgroup("squeezed", memory_high="30M", memory_max="200M", memory_swap_max=0)
    task = guest.start("load -n squeezed memory 100M", cgroup=squeezed)
    guest.until_open("throttle_livelock")
    guest.write(f"/sys/fs/cgroup{squeezed}/memory.high", "max")
    task.until_full()
    task.kill()
    guest.until_over("throttle_livelock")
    swap_storm(guest)
    account = guest.stop()

    judge_capped_kill(judge, account, hog)
    for incident in account.incidents:
        judge.equal(incident["quality"]["pressure_available"], False, "pressure_available")
        notes(judge, incident, "PSI is not available")
    storm = judge.one(account.of_class("swap_thrash"), "of class swap_thrash")
    judge.must(storm["severity"] in ["thrash", "critical"], "the storm's severity", storm["severity"])
    judge.must({"growth", "swap_out", "saturation"} <= {l["kind"] for l in storm["chain"]}, "the chain has its links without PSI",
               [l["text"] for l in storm["chain"]])
    return account


@scenario(cmdline="lab.without=io", busy=True)
def without_io_controller(guest, judge):
    """IO that is not charged to cgroups: whose swap it is stays unknown, and nobody is blamed for it."""
    status, output = guest.try_sh("inquest doctor 2>&1")
    judge.must(status == 0 and "IO is not charged to cgroups" in output, "doctor says that IO is not charged", output)
    guest.swap(400)
    guest.record()
    hog = capped_kill(guest)
    swap_storm(guest)
    account = guest.stop()

    judge_capped_kill(judge, account, hog)
    storm = judge.one(account.of_class("swap_thrash"), "of class swap_thrash")
    judge.equal(storm["quality"]["io_accounted"], False, "io_accounted")
    notes(judge, storm, "IO is not charged")
    judge.must(storm["suspects"] and storm["suspects"][0]["cgroup"] in ["/user0", "/user1"], "who grew is a suspect all the same",
               storm["suspects"])
    judge.equal([(s["cgroup"], s["swap_written_bytes"]) for s in storm["suspects"] if s["swap_written_bytes"] is not None], [],
                "the list of those that swap is charged to")
    judge.must(not any(s["cgroup"] == "/" for s in storm["suspects"]), "the root is no suspect", storm["suspects"])
    return account


@scenario(cmdline="lockdown=integrity")
def lockdown_integrity(guest, judge):
    """Locked down as with secure boot, and BPF for root alone: everything is heard as ever."""
    guest.sh("mount -t securityfs none /sys/kernel/security; echo 1 >/proc/sys/kernel/unprivileged_bpf_disabled")
    judge.must("[integrity]" in guest.read("/sys/kernel/security/lockdown"), "the kernel is locked down")
    status, output = guest.try_sh("inquest doctor 2>&1")
    judge.must(status == 0 and "ok: kills by the kernel are heard" in output, "doctor has nothing against it", output)
    guest.record()
    hog = capped_kill(guest)
    account = guest.stop()
    incident = judge_capped_kill(judge, account, hog)
    judge.equal(incident["kills"][0]["quality"]["from_kmsg"], False, "from_kmsg")
    judge.equal(incident["kills"][0]["quality"]["partial_fields"], [], "the list of what is missing")
    return account


@scenario(cmdline="lockdown=confidentiality")
def lockdown_confidentiality(guest, judge):
    """Where no BPF program may read the kernel's memory its log is all that tells of kills, and that is said."""
    guest.sh("mount -t securityfs none /sys/kernel/security")
    judge.must("[confidentiality]" in guest.read("/sys/kernel/security/lockdown"), "the kernel is locked down")
    status, output = guest.try_sh("inquest doctor 2>&1")
    judge.must(status == 1 and "problem: lockdown=confidentiality" in output and "boot with lockdown=integrity" in output,
               "doctor says what is wrong and what to do", output)
    guest.record()
    said = guest.read("/run/agent/recorder-1.log")
    judge.must("locked down (confidentiality)" in said, "record says it at its start", said)
    hog = capped_kill(guest)
    account = guest.stop()
    incident = judge_capped_kill(judge, account, hog)
    judge.equal(incident["kills"][0]["quality"]["from_kmsg"], True, "from_kmsg")
    judge.must("cause.limit_pages" in incident["kills"][0]["quality"]["partial_fields"], "what is missing is named",
               incident["kills"][0]["quality"])
    notes(judge, incident, "locked down")
    return account
