"""How long it takes to be safe on the disk of a dying machine, and on a reader's screen, side by side with what others do for it."""

import statistics

from ..scenario import scenario
from ..truth import Witness, nanoseconds
from .origin import DISK

SECONDS = 60
# More memory than there is, all of it in use at once, and somebody who writes a log.
STORM = ["load -n hog memory 520M", "load -n hog memory 200M",
         "sh -c 'while :; do dd if=/dev/zero of=/var/tmp/log bs=1M count=300; done'"]
OTHERS = {"append": "append + fdatasync", "sqlite": "SQLite, WAL, synchronous=FULL", "journal": "systemd journal, synced"}


@scenario(systemd=True, disks=(), seconds=900, judges_kills=False, by_name=True, programs={"durable": ("sqlite3", "m")})
def durable_latency(guest, judge):
    """From a kill in the kernel to its durable record, beside SQLite, append + fdatasync and a systemd journal, all in one storm"""
    guest.sh("mkdir -p /var/log/journal /var/tmp/durable && systemctl restart systemd-journald && journalctl --flush")
    guest.swap(600)
    guest.write("/proc/sys/vm/drop_caches", 1)
    guest.record()
    witness = Witness(guest)
    guest.throttle("root", **DISK)
    for command in STORM:
        guest.start(command)
    guest.until("the disk is full of swap", lambda: witness.counts()["pswpout"] * 4096 > 200_000_000 and
                witness.written_per_second(5) > 0.5 * DISK["bytes_per_second"], timeout=200)
    said = {"ext4": everybody(guest, judge, witness, "ext4")}
    # A write then changes no time stamp on the disk, and need not wait for the file system's journal to do it.
    guest.sh("mount -o remount,lazytime /", timeout=120)
    said["ext4, lazytime"] = everybody(guest, judge, witness, "ext4, lazytime")
    account = guest.stop()
    for where, lines in said.items():
        side_by_side(judge, account, where, lines)
        kills = [nanoseconds(words[2]) for words in lines if words[0] == "kill"]
        sampling(judge, account, witness, kills[0], kills[-1])
    judge.held_on(account, witness)
    return account


def everybody(guest, judge, witness, where):
    """A minute of all of them at once; gives what they said, in words."""
    before = witness.counts()
    status, output = guest.start(f"/lab/durable /run/live.sock /var/tmp/durable {SECONDS}").wait(SECONDS + 240)
    judge.must(status == 0, f"everybody did the job on {where}", output[-400:])
    after = witness.counts()
    seconds = (after["boottime_ns"] - before["boottime_ns"]) / 1e9
    swapped = ((after[name] - before[name]) * 4096 / seconds / 1e6 for name in ["pswpin", "pswpout"])
    moved = sum(after["disk"][name] - before["disk"][name] for name in ["read_bytes", "write_bytes"]) / seconds / 1e6
    judge.note(f"\n    {where}: disk {moved:.0f} MB/s, of it swapped in and out " + ", ".join(f"{s:.0f}" for s in swapped))
    return [line.split() for line in output.splitlines()]


def side_by_side(judge, account, where, said):
    """What each took for each kill, the same kills for all."""
    kills = [(int(pid), nanoseconds(at)) for word, pid, at in said if word == "kill"]
    taken = {}
    for name in OTHERS:
        done = {nanoseconds(at): nanoseconds(durable) for word, at, durable in said if word == name}
        taken[OTHERS[name]] = [(done[at] - at) if at in done else None for _, at in kills]
    heard = {e["target"]["task"]["tgid"]: e["seq"] for e in account.of_kind("signal") if e["signal"] == 9}
    judge.must(all(pid in heard for pid, _ in kills), "each kill is recorded", [pid for pid, _ in kills if pid not in heard])
    durable = [(int(seq), nanoseconds(at)) for word, seq, at in said if word == "durable"]
    lines = {int(seq): nanoseconds(at) for word, seq, at in said if word == "line"}
    taken["inquest"] = [next((told - at for seq, told in durable if seq >= heard.get(pid, 1 << 63)), None) for pid, at in kills]
    taken["inquest tail, on screen"] = [lines[heard[pid]] - at if heard.get(pid) in lines else None for pid, at in kills]
    for name, times in taken.items():
        judge.must(None not in times, f"{name} has them all in the end ({where})", f"{times.count(None)} of {len(times)} are missing")
        times = sorted(t / 1e6 for t in times if t is not None)
        if times:
            quantiles = [times[min(len(times) - 1, int(part * len(times)))] for part in [0.5, 0.9, 0.99, 1]]
            judge.note(f"\n      {where}: {name}: " + ", ".join(f"{word} {figure:.0f} ms" for word, figure in zip(
                ["p50", "p90", "p99", "max"], quantiles)) + f" ({len(times)})")


def sampling(judge, account, witness, begin_ns, end_ns):
    """The recorder's samples beside a loop that has nothing to do but to look at the clock."""
    def gaps_of(times):
        times = [t for t in times if begin_ns <= t <= end_ns]
        return [(b - a) / 1e6 for a, b in zip(times, times[1:])]

    gaps = gaps_of(e["boottime_ns"] for e in account.of_kind("vmstat"))
    loop = gaps_of(nanoseconds(words[2]) for words in witness.lines("time"))
    judge.note(f"\n      between samples: median {statistics.median(gaps):.0f} ms, max {max(gaps):.0f} ms; between two turns of an mlocked "
               f"real-time loop: median {statistics.median(loop):.0f} ms, max {max(loop):.0f} ms")
