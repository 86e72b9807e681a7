"""One cgroup's own trouble, on a host with plenty of memory."""

from ..account import link
from ..errors import LabError, Unsupported
from ..scenario import scenario

DISK_RATE = 12_000_000


@scenario(memory="768M", busy=True)
def cgroup_file_thrash(guest, judge):
    """A small cgroup evicts its page cache and reads it again and again."""
    # Larger than the cgroup by little: what is read again is then mostly what was in use, and only that does the kernel call a
    # memory stall.
    guest.sh("dd if=/dev/zero of=/data/tree bs=1M count=44 2>/dev/null; sync; echo 3 >/proc/sys/vm/drop_caches")
    guest.record()
    small = guest.cgroup("small", memory_max="32M", memory_swap_max=0)
    load = guest.start("load -n reader files /data/tree 44M", cgroup=small)
    # The first reading of a file is no thrash: the disk is fast until the cgroup is full.
    guest.until("the cgroup is full", lambda: int(guest.read(f"/sys/fs/cgroup{small}/memory.current")) > 31 << 20)
    guest.throttle("data", operations_per_second=400)
    begun_ns, begun_us = guest.truth.boottime_ns(), guest.truth.pressure(small)["some"]
    try:
        guest.until_incident("the thrash is reported", lambda i: i["class"] == "file_thrash", 45)
    except LabError:
        share = (guest.truth.pressure(small)["some"] - begun_us) * 1000 / (guest.truth.boottime_ns() - begun_ns)
        if share < 0.05:
            # Seen on 6.12: of pages read again the multi-generational LRU calls few a working set.
            raise Unsupported(f"the kernel itself calls only {share:.1%} of the time a memory stall: no thrash") from None
        raise
    guest.sleep(5)
    refaults = guest.truth.cgroup(small, "memory.stat")
    load.kill()
    guest.until_over()
    account = guest.stop()

    incident = judge_own_trouble(judge, account, small, "file_thrash")
    judge.chain_order(incident, "reclaim", "refault")
    judge.must(refaults.get("workingset_refault_file", refaults.get("workingset_refault", 0)) > 1000,
               "the kernel counted refaults", refaults)
    return account


@scenario(memory="768M", busy=True)
def cgroup_swap_thrash(guest, judge):
    """A small cgroup swaps at its own limit, and its swapping makes others wait for the disk."""
    guest.swap(400)
    guest.sh("dd if=/dev/zero of=/data/file bs=1M count=64 2>/dev/null; sync; echo 3 >/proc/sys/vm/drop_caches")
    guest.record()
    other = guest.start("load -n other reader /data/file 50", cgroup=guest.cgroup("other"))
    small = guest.cgroup("small", memory_max="48M")
    guest.sleep(8)
    guest.throttle("data", bytes_per_second=DISK_RATE)
    before = guest.truth.moved("vda", small)
    load = guest.start("load -n swapper memory 160M", cgroup=small)
    guest.until("the thrash is reported, or the load is gone",
                lambda: load.is_over or any(i["class"] == "swap_thrash" for i in guest.incidents()), 120, every=0.5)
    if load.is_over and guest.truth.kills():
        # Seen on 6.12, with either LRU: nothing but pages under writeback to the slow disk.
        raise Unsupported("the kernel kills in the cgroup while its pages are on their way to the swap: no thrash")
    guest.sleep(5)
    load.kill()
    load.wait()
    guest.until_over()
    # No earlier: the kernel counts what is swapped out as it asks for it, the hooks as it is done.
    after = guest.truth.moved("vda", small)
    account = guest.stop()

    incident = judge_own_trouble(judge, account, small, "swap_thrash")
    judge.chain_order(incident, "growth", "reclaim", "swap_out")
    judge.must(link(incident, "saturation") is not None, "the chain has the saturation of the disk", incident["chain"])
    judge.equal([b["cgroup"] for b in incident["bystanders"]], ["/other"], "the bystanders")
    device = next(e["device"] for e in account.of_kind("device_name") if e["name"] == "vda")
    judge.moved(account, before, after, device, incident["scope"]["cgroup_id"])
    judge.near(incident["suspects"][0]["swap_written_bytes"], after["swapped_out"] - before["swapped_out"],
               "what the suspect is said to have swapped out", ratio=0.1)
    judge.must(after["scanned"] - before["scanned"] < 1000, "the host itself did not reclaim", (before, after))
    return account


def judge_own_trouble(judge, account, cgroup, kind):
    """What holds for each of them; gives the incident."""
    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], kind, "its class")
    judge.equal(incident["scope"].get("cgroup"), cgroup, "its scope")
    judge.equal(incident["ended"]["by"], "recovered", "what ended it")
    judge.equal(incident["suspects"][0]["cgroup"], cgroup, "the first suspect")
    judge.must(all(k["host"]["phase"] in ["calm", "watch"] for k in incident["kills"]), "the host was never under pressure", incident["kills"])
    return incident
