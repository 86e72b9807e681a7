"""What the recorder costs where there are things that this machine has not: a calm system, and tens of thousands of tasks."""

import re
import statistics
from collections import Counter

from ..judge import MEMORY_BOUND
from ..machine import Disk
from ..scenario import scenario

CALM_SECONDS = 300
TASKS = [100, 1000, 10_000, 50_000]
CGROUPS = [10, 100, 1000, 10_000]
DEVICES = [1, 8, 64]
SECONDS = 20


def cost(guest):
    """What the recorder has taken so far: CPU time, bytes in its recording, bytes it caused to be written."""
    # proc(5): fields 14 and 15, after a name that may hold anything but the last parenthesis; in hundredths of a second.
    fields = guest.read(f"/proc/{guest.recorder.pid}/stat").rsplit(")", 1)[1].split()
    written = int(re.search(r"^write_bytes: (\d+)", guest.read(f"/proc/{guest.recorder.pid}/io"), re.MULTILINE)[1])
    return {"at": guest.truth.uptime(), "cpu": (int(fields[11]) + int(fields[12])) / 100, "written": written}


def resident(guest):
    return int(re.search(r"VmRSS:\s+(\d+)", guest.read(f"/proc/{guest.recorder.pid}/status"))[1]) / 1024


def recorded(guest):
    """(bytes, events) that are durable."""
    told = guest.sh(f"inquest verify --dir {guest.dir}")
    events = int(re.search(r"events\s+(\d+)", told)[1])
    return float(re.search(r"size\s+([\d.]+) bytes an event", told)[1]) * events, events


@scenario(systemd=True, disks=(), seconds=700, by_name=True, busy=False)
def a_day_of_calm(guest, judge):
    """A Debian system at rest: what minutes of it cost, as much as a day would"""
    guest.record()
    guest.sleep(60)
    (size, events), before = recorded(guest), cost(guest)
    guest.sleep(CALM_SECONDS)
    after, (size_after, events_after) = cost(guest), recorded(guest)
    seconds = after["at"] - before["at"]
    a_day = 86400 / seconds / (1 << 20)
    judge.note(f"\n    {seconds:.0f} s: {(size_after - size) * a_day:.2f} MiB of recording a day, {events_after - events} events of "
               f"{(size_after - size) / max(events_after - events, 1):.1f} bytes; {(after['written'] - before['written']) * a_day:.0f} MiB "
               f"a day sent to the disk; {100 * (after['cpu'] - before['cpu']) / seconds:.2f} % of an emulated processor; "
               f"{resident(guest):.1f} MiB resident")
    account = guest.stop()
    begin, end = (int(c["at"] * 1e9) for c in [before, after])
    kinds = Counter(e["kind"] for e in account.events if begin <= e["boottime_ns"] <= end)
    judge.note("\n    " + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))
    judge.equal([i["class"] for i in account.incidents], [], "the list of incidents")
    return account


@scenario(memory="4G", disks=(Disk("data"),), seconds=1200, by_name=True)
def growth(guest, judge):
    """The recorder's cost by the number of tasks, in calm and under pressure"""
    guest.write("/proc/sys/kernel/pid_max", 200_000)
    guest.write("/proc/sys/kernel/threads-max", 200_000)

    def grow(count, there):
        guest.start(f"load -n waits tasks {count - there}").until_full(300)

    return curve(guest, judge, "tasks", TASKS, grow)


@scenario(memory="2G", seconds=900, by_name=True)
def growth_cgroups(guest, judge):
    """The recorder's cost by the number of cgroups, in calm and under pressure"""
    guest.cgroup("idle/1")

    def grow(count, there):
        guest.sh(f"cd /sys/fs/cgroup/idle; seq {max(there, 1) + 1} {count} | xargs mkdir", timeout=300)

    return curve(guest, judge, "cgroups", CGROUPS, grow)


@scenario(memory="1G", seconds=900, by_name=True)
def growth_devices(guest, judge):
    """The recorder's cost by the number of disks, in calm and under pressure"""
    def grow(count, there):
        if there:
            guest.sh("rmmod null_blk")
        guest.module("null_blk", f"nr_devices={count}")

    return curve(guest, judge, "devices", DEVICES, grow)


def curve(guest, judge, what, counts, grow):
    """At each of the counts, reached by `grow(count, there before)`, a recorder of its own."""
    # Program text that does not fit, read again and again.
    tight = guest.cgroup("tight", memory_max="60M", memory_swap_max=0)
    for there, count in zip([0, *counts], counts):
        grow(count, there)
        guest.dir = f"/data/inquest-{count}"
        guest.record()
        guest.sleep(5)
        calm, _ = percent(guest)
        thrash = guest.start("load -n thrash files /data/text 120M", cgroup=tight)
        before = guest.truth.pressure("")["some"]
        guest.until("the host waits for memory", lambda: guest.truth.pressure("")["some"] > before + 2_000_000, 120)
        pressed, (begin, end) = percent(guest)
        thrash.kill()
        thrash.wait()
        memory = resident(guest)
        account = guest.stop(f"recording-{count}")
        inside = [e for e in account.events if begin <= e["boottime_ns"] <= end]
        taken = [e["duration_ns"] / 1e6 for e in inside if e["kind"] == "census"]
        samples = [e["boottime_ns"] for e in inside if e["kind"] == "vmstat"]
        gaps = [(b - a) / 1e6 for a, b in zip(samples, samples[1:])]
        if judge.must(bool(taken and gaps), f"there are samples and censuses with {count} {what}", (len(taken), len(gaps))):
            judge.note(f"\n    {count:,} {what}: {calm:.2f} % of an emulated processor in calm, {pressed:.2f} % under pressure, "
                       f"{memory:.1f} MiB resident; under pressure a census takes {statistics.median(taken):.1f} ms (max {max(taken):.1f}), "
                       f"between samples {statistics.median(gaps):.0f} ms (max {max(gaps):.0f})")
        judge.must(memory * (1 << 20) < MEMORY_BOUND, f"the recorder stays below its bound with {count} {what}", memory)
    return account


def percent(guest):
    """Of a processor, over some seconds; and when they were."""
    before = cost(guest)
    guest.sleep(SECONDS)
    after = cost(guest)
    return 100 * (after["cpu"] - before["cpu"]) / (after["at"] - before["at"]), (int(before["at"] * 1e9), int(after["at"] * 1e9))
