"""How long IO takes, and how much of it there is."""

import json
from math import log2

from ..machine import Disk
from ..scenario import scenario



@scenario(systemd=True, memory="768M", disks=(Disk("data", raw=True),))
def io_latency(guest, judge):
    """fio's own percentiles beside the histograms, and bytes and counts beside the kernel's."""
    device = guest.sh("lsblk -dno NAME,TYPE | awk '$2 == \"disk\" {print $1}' | tail -n 1").strip()
    number = guest.read(f"/sys/block/{device}/dev").strip()
    # As the kernel numbers devices inside, and as inquest does.
    major, minor = map(int, number.split(":"))
    key = major << 20 | minor
    cgroup = guest.cgroup("measured")
    cgroup_id = int(guest.sh(f"stat -c %i /sys/fs/cgroup{cgroup}"))
    guest.throttle("data", operations_per_second=150)
    guest.record()
    disk, io = guest.truth.disk(device), guest.truth.io(cgroup)
    ran = [fio(guest, cgroup, device, *how) for how in [("randread", "4k", 6), ("randwrite", "16k", 12)]]
    # One interval later all of it is heard.
    guest.sleep(3)
    disk = {k: v - disk[k] for k, v in guest.truth.disk(device).items()}
    io = {k: v - io.get(number, {}).get(k, 0) for k, v in guest.truth.io(cgroup)[number].items()}
    account = guest.stop()

    for job, operation in zip(ran, ["read", "write"]):
        intervals = [e for e in account.of_kind("io_interval") if e["device"] == key and e["operation"] == operation]
        heard = sum(e["count"] for e in intervals)
        figures = job["jobs"][0][operation]
        # Nearly always equal; two of 1607 were missing once on 5.10, and why is not known.
        judge.near(heard, disk[f"{operation}s"], f"the {operation}s heard, beside /sys/block/{device}/stat", ratio=0.005)
        judge.near(sum(e["bytes"] for e in intervals), disk[f"{operation}_bytes"], "their bytes", ratio=0.005)
        histogram = summed(e["total_us"] for e in intervals)
        judge.equal(sum(histogram.values()), heard, f"the {operation}s in the histogram")
        for quantile in [0.5, 0.9, 0.99]:
            said = figures["clat_ns"]["percentile"][f"{quantile * 100:.6f}"]
            bucket = bucket_of_quantile(histogram, quantile)
            judge.must(abs(bucket - int(log2(said / 1000))) <= 1,
                       f"the {quantile:.0%} of {operation}s is within one bucket of fio's {said / 1e6:.1f} ms", f"2^{bucket} us")
        owned = [e for e in account.of_kind("cgroup_io")
                 if (e["device"], e["cgroup_id"], e["operation"]) == (key, cgroup_id, operation)]
        judge.near(sum(e["count"] for e in owned), io[f"{operation[0]}ios"], f"the cgroup's {operation}s, beside its io.stat", ratio=0.005)
        # Others read the device, too: udev looks at it when fio closes it.
        judge.near(sum(e["count"] for e in owned), figures["total_ios"], f"the cgroup's {operation}s, beside fio's own count", ratio=0.02)
        judge.near(sum(e["bytes"] for e in owned), io[f"{operation[0]}bytes"], "their bytes", ratio=0.005)
    last = [e for e in account.of_kind("device") if e["device"] == key][-1]
    judge.must(last["reads"] >= disk["reads"] and last["writes"] >= disk["writes"], "the samples have the device's counts", last)
    judge.nothing_lost(account)
    judge.quiet(account)
    return account


def fio(guest, cgroup, device, how, size, depth):
    """Runs fio for a while in a cgroup, and gives its report."""
    job = guest.start(
        f"fio --name=load --filename=/dev/{device} --direct=1 --ioengine=libaio --rw={how} --bs={size} --iodepth={depth} --size=64M "
        "--time_based --runtime=10 --percentile_list=50:90:99 --output-format=json", cgroup=cgroup)
    status, output = job.wait(60)
    return json.loads(output[output.index("{"):])


def summed(histograms):
    total = {}
    for histogram in histograms:
        for bound, count in histogram.items():
            total[bound] = total.get(bound, 0) + count
    return total


def bucket_of_quantile(histogram, quantile):
    """The number of the bucket that holds a quantile: n for 2^n to 2^(n+1) microseconds. Keys are upper bounds."""
    rank = quantile * sum(histogram.values())
    for bound, count in sorted((float("inf") if b == "max" else int(b), c) for b, c in histogram.items()):
        rank -= count
        if rank <= 0:
            return round(log2(bound)) - 1
    raise ValueError("no such quantile")
