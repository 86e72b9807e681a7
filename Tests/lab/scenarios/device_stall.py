"""A disk that stops completing, and comes back."""

import json

from ..account import figure, link
from ..machine import Disk
from ..scenario import scenario


@scenario(disks=(Disk("data"), Disk("other")))
def device_stall(guest, judge):
    """A disk stops completing for 20 s; the recording is on another."""
    guest.sh("mkdir -p /other; mount -t ext4 /dev/vdb /other")
    return stall(guest, judge, "other", "vdb", "/other")


@scenario(kernels=("5.10", "6.12"))
def device_stall_under_us(guest, judge):
    """The disk of the recording itself stops completing for 20 s."""
    return stall(guest, judge, "data", "vda", "/data")


@scenario(kernels=("6.1",))
def disk_hangs_a_minute(guest, judge):
    """The disk of the recording itself stops completing for a minute."""
    return stall(guest, judge, "data", "vda", "/data", stall_ns=60_000_000_000)


def stall(guest, judge, disk, device, mount, stall_ns=20_000_000_000):
    app = guest.cgroup("app")
    small = guest.cgroup("small", memory_max="20M", memory_swap_max=0)
    guest.record()
    tail = guest.start("inquest tail --live /run/live.sock --json")
    writer = guest.start(
        f"sh -c 'while :; do dd if=/dev/zero of={mount}/f bs=64k count=20 conv=fsync 2>/dev/null; sleep 0.1; done'", cgroup=app)
    guest.until("the writer writes", lambda: guest.truth.disk(device)["writes"] > 50)
    earliest = guest.truth.boottime_ns()
    guest.throttle(disk, bytes_per_second=1)
    begun = guest.truth.boottime_ns()
    guest.sleep(10)
    frozen = guest.truth.disk(device)
    # What happens meanwhile is not lost.
    victim = guest.start("load -n victim memory 100M", cgroup=small)
    judge.equal(victim.wait(30)[0], 137, "the wait status of the victim")
    guest.until("who reads live is told of it, while the disk takes nothing",
                lambda: any(kill["victim"]["task"]["tgid"] == victim.pid for kill in told(tail, "oom_kill")), 10)
    guest.until("the stall was long enough", lambda: guest.truth.boottime_ns() - begun >= stall_ns, timeout=90)
    judge.equal(guest.truth.disk(device), frozen, "what the kernel counted of the device meanwhile")
    ending = guest.truth.boottime_ns()
    guest.throttle(disk)
    guest.until("the disk completes again", lambda: guest.truth.disk(device) != frozen)
    latest = guest.truth.boottime_ns()
    guest.until_over("device_stall")
    writer.kill("TERM")
    account = guest.stop()

    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "device_stall", "its class")
    judge.equal(incident["scope"].get("cgroup"), None, "the cgroup of its scope")
    judge.equal(incident["ended"]["by"], "recovered", "what ended it")
    judge.must(device in incident["summary"], "the summary names the device", incident["summary"])
    silence = figure(link(incident, "stalls"), "time without a completion, at least")
    judge.must(silence is not None and stall_ns - 3e9 <= silence <= latest - earliest,
               f"the time without a completion is {stall_ns / 1e9 - 3:.0f} s to {(latest - earliest) / 1e9:.1f} s", silence)
    started = incident["started"]["boottime_ns"]
    judge.must(earliest - 1e9 <= started <= begun + 2e9, f"it began at {begun / 1e9:.1f}", started / 1e9)
    over = link(incident, "recovery")["onset"]["boottime_ns"]
    judge.must(ending - 1e9 <= over <= latest + 2e9, f"it recovered at {ending / 1e9:.1f} to {latest / 1e9:.1f}", over / 1e9)

    oldest = max((e["oldest_min_ns"] for e in account.of_kind("device") if isinstance(e["oldest_min_ns"], int)), default=0)
    judge.must(stall_ns - 3e9 <= oldest <= latest - earliest,
               "the oldest request's age is a lower bound of the true one, and a good one", oldest / 1e9)
    slow = max((e["device_ns"] for e in account.of_kind("slow_io") if isinstance(e["device_ns"], int)), default=0)
    judge.must(ending - begun - 1e9 <= slow <= latest - earliest + 1e9, "the request that waited has its time", slow / 1e9)
    nothing_missed(judge, account, earliest, latest)
    judge.equal([k["victim"]["pid"] for k in account.kills], [victim.pid], "the victim during the stall")
    judge.chain_order(incident, "stalls", "kill", "recovery")
    return account


def told(tail, kind):
    """The events of a kind that a live reader has printed so far."""
    lines = [json.loads(line) for line in tail.output().splitlines() if line.endswith("}")]
    return [event for event in lines if event["kind"] == kind]


def nothing_missed(judge, account, earliest, latest):
    """Every number is there, no event was lost, and the samples went on all through the stall."""
    numbers = [e["seq"] for e in account.events]
    judge.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "the sequence of events")
    judge.nothing_lost(account)
    times = [t for t in sorted(e["boottime_ns"] for e in account.of_kind("pressure")) if earliest <= t <= latest]
    gaps = [b - a for a, b in zip([earliest, *times], [*times, latest])]
    judge.must(max(gaps) <= 3e9, "no gap between samples is over 3 s", max(gaps) / 1e9)
