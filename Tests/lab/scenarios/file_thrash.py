"""A page cache that does not hold what is in use."""

from ..account import figure, link
from ..scenario import scenario

MB = 1 << 20


@scenario(memory="384M", busy=True)
def file_thrash(guest, judge):
    """The whole host reads its page cache over and over from the disk, without swap."""
    guest.sh("dd if=/dev/zero of=/data/big bs=1M count=220; sync; echo 3 >/proc/sys/vm/drop_caches")
    web = guest.cgroup("web")
    app = guest.cgroup("app")
    guest.start("load -n web memory 120M 0 500", cgroup=web).until_full()
    # As full as it gets before the disk is slow: then each read waits for the disk, not for the processor.
    guest.sh("cat /data/big /data/big >/dev/null")
    guest.record()
    begun = guest.truth.vmstat()["workingset_refault_file"]
    # The kernel's count beside its clock, ten times a second: as often as inquest looks.
    witness = guest.start("sh -c 'while :; do read up idle </proc/uptime; "
                          "echo $up $(sed -n \"s/^workingset_refault_file //p\" /proc/vmstat); usleep 100000; done'")
    readers = [guest.start("load -n files files /data/big 220M 64K", cgroup=app) for _ in range(5)]

    # Nor is it slow before what is read is what had been evicted: a disk that is full with first readings is no thrash.
    guest.until("pages are read again", lambda: guest.truth.vmstat()["workingset_refault_file"] > begun + 3000)
    guest.throttle("data", bytes_per_second=4 * MB)
    guest.until_open("file_thrash", 90)
    guest.sleep(5)
    for reader in readers:
        reader.kill("TERM")
    ended = guest.truth.vmstat()
    counts = [line.split() for line in witness.output().splitlines()]
    # No SIGKILL: from a stranger, and under pressure, that would be a kill of the incident.
    witness.kill("TERM")
    guest.until_over()
    account = guest.stop()

    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "file_thrash", "its class")
    judge.equal(incident["scope"].get("cgroup"), None, "the cgroup of its scope")
    judge.equal(incident["ended"]["by"], "recovered", "what ended it")
    judge.equal(ended["pswpout"], 0, "the kernel's count of swap-outs")
    judge.must(link(incident, "swap_out") is None, "the chain has no swap-out", incident["chain"])
    # What is in use is a matter of degree: the kernel may call a wait a memory stall before refaults are many.
    judge.chain_order(incident, "refault", "recovery")
    for kind in ["reclaim", "stalls"]:
        judge.must(link(incident, kind) is not None, f"the chain has {kind}", incident["chain"])

    refaults = {float(up): int(count) for up, count in counts}
    spans = [(a, b) for a in refaults for b in refaults if b - a >= 1]
    fastest = max((refaults[b] - refaults[a]) / (b - a) for a, b in spans)
    judge.near(figure(link(incident, "refault"), "refaults"), fastest, "the rate of refaults, beside /proc/vmstat", ratio=0.4)
    seen = max(e["workingset_refault_file"] for e in account.of_kind("vmstat"))
    judge.near(seen, ended["workingset_refault_file"], "the refaults recorded in the end, beside /proc/vmstat", ratio=0.05)
    judge.must(seen - begun > 5000, "there were refaults", seen)
    suspect = incident["suspects"][0]
    judge.equal(suspect["cgroup"], app, "the first suspect")
    return account
