"""A disk kept busy by some, with memory calm."""

from ..account import figure, link
from ..scenario import scenario

MB = 1 << 20
# Of the disk, in bytes per second.
RATE = 4 * MB


def with_a_reader(guest):
    """A file that /web reads from, gently, and what is normal for it known to inquest."""
    guest.sh("dd if=/dev/urandom of=/data/small bs=1M count=60; sync; echo 3 >/proc/sys/vm/drop_caches")
    web = guest.cgroup("web")
    guest.record()
    guest.throttle("data", bytes_per_second=RATE)
    reader = guest.start("load -n web reader /data/small 20", cgroup=web)
    guest.sleep(25)
    return web, reader


@scenario(seconds=400, busy=True)
def io_storm(guest, judge):
    """Buffered writers on a slow disk: another's reads suffer, memory is calm."""
    web, reader = with_a_reader(guest)
    batch = guest.cgroup("batch")
    pressure = guest.truth.pressure("")["some"]
    before = guest.truth.pressure(web, "io")
    begun = guest.truth.boottime_ns()
    writers = [guest.start(f"sh -c 'while :; do dd if=/dev/zero of=/data/b{n} bs=1M count=4 conv=fsync 2>/dev/null; done'",
                           cgroup=batch) for n in range(12)]
    guest.until_incident("the storm is reported", lambda i: i["class"] == "io_storm", 180)
    judge.notes.append(f"list took up to {guest.slowest_list:.1f} s in the storm")
    stalled = guest.truth.pressure("")["some"] - pressure
    waited = guest.truth.pressure(web, "io")["some"] - before["some"]
    lasted = (guest.truth.boottime_ns() - begun) / 1000
    for writer in writers:
        writer.kill("TERM")
    guest.until_over(timeout=90)
    waited_in_all = guest.truth.pressure(web, "io")["some"] - before["some"]
    reader.kill("TERM")
    account = guest.stop()
    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "io_storm", "its class")
    judge.equal(incident["ended"]["by"], "recovered", "what ended it")
    judge.equal([s["cgroup"] for s in incident["suspects"] if not s["pid"]][:1], [batch], "the first suspect")
    judge.equal([b["cgroup"] for b in incident["bystanders"]], [web], "the bystanders")
    # With memory calm there is a sample a second.
    judge.chain_order(incident, "saturation", "stalls", "recovery", at_once_ns=1_000_000_000)
    judge.must(link(incident, "growth") is None, "the chain blames nobody's growth", incident["chain"])
    judge.must(stalled < 0.05 * lasted, "memory is calm, says the kernel", f"{stalled} us of {lasted}")
    judge.must(waited > 0.3 * lasted, "the reader waits, says the kernel", f"{waited} us of {lasted}")
    saturation = link(incident, "saturation")
    judge.near(figure(saturation, "throughput of vda"), RATE, "the throughput, beside the disk's limit", ratio=0.25)
    waits = figure(saturation, "read p99")
    judge.must(waits is not None and waits >= 500_000_000, "reads waited for at least half a second", waits)
    stalled_ns = incident["bystanders"][0]["stalled_ns"]
    judge.near(stalled_ns, waited_in_all * 1000, "the bystander's stall, beside its io.pressure", ratio=0.25)
    return account


@scenario()
def harmless_backup(guest, judge):
    """A backup that keeps the disk saturated, and hurts nobody, is no incident."""
    web, reader = with_a_reader(guest)
    copy = guest.cgroup("backup")
    disk = guest.truth.disk("vda")
    begun = guest.truth.boottime_ns()
    copying = guest.start(
        "sh -c 'while :; do dd if=/dev/zero of=/data/copy bs=256k count=200 oflag=direct 2>/dev/null; done'", cgroup=copy)
    guest.sleep(40)
    moved = guest.truth.disk("vda")["write_bytes"] - disk["write_bytes"]
    rate = moved / (guest.truth.boottime_ns() - begun) * 1e9
    copying.kill("TERM")
    reader.kill("TERM")
    account = guest.stop()
    judge.near(rate, RATE, "what the disk moved, beside its limit", ratio=0.25)
    judge.quiet(account)
    return account
