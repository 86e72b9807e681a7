"""One cgroup's own trouble, on a host with plenty of memory."""

from ..account import link
from ..errors import Unsupported
from ..scenario import scenario

DISK_RATE = 12_000_000


@scenario(memory="768M")
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
    after = guest.truth.moved("vda", small)
    guest.until_incident("the thrash is over", lambda i: i["ended"], 60)
    account = guest.stop()

    incident = judge_own_trouble(judge, account, small, "swap_thrash")
    judge.chain_order(incident, "growth", "swap_out")
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
