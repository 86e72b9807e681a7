"""How long it takes to be safe on the disk of a dying machine, and on a reader's screen, side by side with what others do for it."""

import statistics

from ..blocktrace import BlockTrace, Write
from ..machine import Disk
from ..scenario import scenario
from ..truth import Witness, nanoseconds
from .origin import DISK

SECONDS = 60
# As little as is sold.
OWN_DISK = {"bytes_per_second": 1_000_000, "operations_per_second": 100}
# More memory than there is, all of it in use at once, and somebody who writes a log.
STORM = ["load -n hog memory 520M", "load -n hog memory 200M",
         "sh -c 'while :; do dd if=/dev/zero of=/var/tmp/log bs=1M count=300; done'"]
OTHERS = {"append": "append + fdatasync", "sqlite": "SQLite, WAL, synchronous=FULL", "journal": "systemd journal, synced"}


NEEDS = dict(systemd=True, seconds=600, judges_kills=False, by_name=True, programs={"durable": ("sqlite3", "m")})
HERE = "/var/lib/inquest"


@scenario(disks=(), **NEEDS)
def durable_latency(guest, judge):
    """From a kill in the kernel to its durable record, beside SQLite, append + fdatasync and a systemd journal, all in one storm"""
    return in_the_storm(guest, judge)


@scenario(disks=(), root_spare="512M", **NEEDS)
def durable_partition(guest, judge):
    """The same with the recording on a partition of its own on that disk"""
    guest.sh(f"mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/vda2 && mkdir -p {HERE} && "
             f"mount -o noatime,lazytime /dev/vda2 {HERE}")
    return in_the_storm(guest, judge)


@scenario(disks=(Disk("own", size="512M"),), **NEEDS)
def durable_disk(guest, judge):
    """The same with the recording on a small and slow disk of its own"""
    guest.sh(f"mkdir -p {HERE} && mount -o noatime,lazytime /dev/vdb {HERE}")
    guest.throttle("own", **OWN_DISK)
    return in_the_storm(guest, judge)


def in_the_storm(guest, judge):
    guest.sh("mkdir -p /var/log/journal /var/tmp/durable && systemctl restart systemd-journald && journalctl --flush")
    guest.swap(600)
    guest.write("/proc/sys/vm/drop_caches", 1)
    guest.record()
    witness = Witness(guest)
    trace = BlockTrace(guest)
    guest.throttle("root", **DISK)
    for command in STORM:
        guest.start(command)
    storm_rages(guest, witness)
    trace.start()
    said = everybody(guest, judge, witness)
    traced = trace.stop()
    account = guest.stop()
    told = side_by_side(judge, account, said)
    where_it_waits(judge, traced, told)
    kills = [nanoseconds(words[2]) for words in said if words[0] == "kill"]
    sampling(judge, account, witness, kills[0], kills[-1])
    judge.held_on(account, witness)
    return account


def storm_rages(guest, witness):
    """Waits until it does."""
    guest.until("the disk is full of swap", lambda: witness.counts()["pswpout"] * 4096 > 200_000_000 and
                witness.written_per_second(5) > 0.5 * DISK["bytes_per_second"], timeout=200)


def everybody(guest, judge, witness):
    """A minute of all of them at once; gives what they said, in words."""
    before = witness.counts()
    status, output = guest.start(f"/lab/durable /run/live.sock /var/tmp/durable {SECONDS}").wait(SECONDS + 240)
    judge.must(status == 0, "everybody did the job", output[-400:])
    after = witness.counts()
    seconds = (after["boottime_ns"] - before["boottime_ns"]) / 1e9
    swapped = ((after[name] - before[name]) * 4096 / seconds / 1e6 for name in ["pswpin", "pswpout"])
    moved = sum(after["disk"][name] - before["disk"][name] for name in ["read_bytes", "write_bytes"]) / seconds / 1e6
    judge.note(f"\n    disk {moved:.0f} MB/s, of it swapped in and out " + ", ".join(f"{s:.0f}" for s in swapped))
    return [line.split() for line in output.splitlines()]


def side_by_side(judge, account, said):
    """What each took for each kill, the same kills for all. Gives the recorder's: (killed at, told to be durable at), nanoseconds."""
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
        judge.must(None not in times, f"{name} has them all in the end", f"{times.count(None)} of {len(times)} are missing")
        times = [t / 1e6 for t in times if t is not None]
        if times:
            judge.note(f"\n      {name}: {quantiles(times)} ({len(times)})")
    return [(at, at + took) for (_, at), took in zip(kills, taken["inquest"]) if took is not None]


def quantiles(milliseconds):
    ordered = sorted(milliseconds)
    return ", ".join(f"{word} {ordered[min(len(ordered) - 1, int(part * len(ordered)))]:.0f} ms"
                     for word, part in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1)])


def where_it_waits(judge, traced, told):
    """What the time from a kill to its durable record is made of, of all and of the slowest; and the device as all found it."""
    writes = traced.writes["inquest"]
    rows = []
    for killed, durable in ((killed / 1e9, durable / 1e9) for killed, durable in told):
        # The write that it was told after, and the one before that.
        before, write = next(((b, w) for b, w in zip(writes[-2::-1], writes[:0:-1]) if w.ended <= durable), (None, None))
        if write and write.ended > killed and write.parts():
            behind = max(0, before.ended - killed)
            rows.append([behind, write.begun - killed - behind, *write.parts(), durable - write.ended])
    judge.must(len(rows) > len(told) / 2, "the trace tells of most kills' writes", f"{len(rows)} of {len(told)}")
    split(judge, "kills", ["behind the write before", "heard", *Write.PARTS, "told"], rows)
    split(judge, "writes of inquest", Write.PARTS, [w.parts() for w in writes if w.parts()])
    ahead = [w.bytes_ahead / 1e6 for w in writes]
    judge.note(f"\n      {len(writes)} writes found {statistics.mean(ahead):.1f} MB of others' at the device (at most "
               f"{max(ahead):.1f}), which had each write for {quantiles(1000 * s for s in traced.served)} ({len(traced.served)})")
    for name in ["inquest", "append", "sqlite"]:
        calls = [w for w in traced.writes[name] if w.completed]
        if calls:
            steps = [("in write(2)", lambda w: w.begun - w.asked), ("until its data were written", lambda w: w.completed - w.begun),
                     ("the rest", lambda w: w.ended - w.completed)]
            judge.note(f"\n      {name}, {len(calls)} times: " + "; ".join(
                f"{what} {statistics.mean(1000 * of(w) for w in calls):.1f} ms on average ({quantiles(1000 * of(w) for w in calls)})"
                for what, of in steps))


def split(judge, what, names, rows):
    """The parts of each row, in seconds: averages of all, of the slowest tenth and the slowest hundredth."""
    rows = sorted(rows, key=sum)
    for which, some in [("all", rows), ("the slowest tenth of the", rows[-len(rows) // 10:]), ("the slowest hundredth of the", rows[-len(rows) // 100:])]:
        if some:
            means = [1000 * statistics.mean(column) for column in zip(*some)]
            judge.note(f"\n      {which} {what}, on average: {sum(means):.0f} ms: " +
                       ", ".join(f"{name} {mean:.1f}" for name, mean in zip(names, means)))


def sampling(judge, account, witness, begin_ns, end_ns):
    """The recorder's samples beside a loop that has nothing to do but to look at the clock."""
    def gaps_of(times):
        times = [t for t in times if begin_ns <= t <= end_ns]
        return [(b - a) / 1e6 for a, b in zip(times, times[1:])]

    gaps = gaps_of(e["boottime_ns"] for e in account.of_kind("vmstat"))
    loop = gaps_of(nanoseconds(words[2]) for words in witness.lines("time"))
    judge.note(f"\n      between samples: median {statistics.median(gaps):.0f} ms, max {max(gaps):.0f} ms; between two turns of an mlocked "
               f"real-time loop: median {statistics.median(loop):.0f} ms, max {max(loop):.0f} ms")
