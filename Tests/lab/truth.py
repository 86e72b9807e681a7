"""What the kernel itself says in a guest: its log, its counters, its files. inquest has no part in any of this."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class LoggedKill:
    """A kill as the kernel's log tells it: the line "Killed process", and what is told before it unless there are many: who asked for
    what memory, and which cgroup ran out."""

    pid: int
    comm: str
    uid: int
    total_vm_kb: int
    anon_kb: int
    file_kb: int
    shmem_kb: int
    oom_score_adj: int
    is_global: bool
    constraint: str = None
    oom_memcg: str = None
    task_memcg: str = None
    trigger_comm: str = None
    trigger_pid: int = None
    gfp_mask: int = None
    order: int = None


KILLED = re.compile(
    r"(?P<how>Out of memory|Memory cgroup out of memory)[^:]*: Killed process (?P<pid>\d+) \((?P<comm>.*)\) "
    r"total-vm:(?P<vm>\d+)kB, anon-rss:(?P<anon>\d+)kB, file-rss:(?P<file>\d+)kB, shmem-rss:(?P<shmem>\d+)kB, "
    r"UID:(?P<uid>\d+) pgtables:\d+kB oom_score_adj:(?P<adj>-?\d+)")
CHOSEN = re.compile(
    r"oom-kill:constraint=(?P<constraint>\w+),.*?(?:oom_memcg=(?P<oom>[^,]*),|global_oom,)task_memcg=(?P<task>[^,]*),"
    r"task=(?P<comm>.*),pid=(?P<pid>\d+),uid=")
INVOKED = re.compile(
    r"^[^;]*;(?P<comm>.*) invoked oom-killer: gfp_mask=(?P<gfp>0x[0-9a-f]+)\(.*\), order=(?P<order>-?\d+), oom_score_adj=")
INVOKER = re.compile(r"CPU: \d+ (?:UID: \d+ )?PID: (?P<pid>\d+) Comm: ")


def unescaped(text):
    """/dev/kmsg writes each byte that is not printable ASCII as \\xNN."""
    return documented(re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), text.encode()))


def documented(raw):
    """A name's bytes as inquest's documents write them."""
    return raw.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def logged_kills(log):
    """The kills in a kernel log, each once: a group kill tells of its first victim twice."""
    kills = {}
    chosen = {}
    invoked = invoker = None
    for line in log.splitlines():
        if found := INVOKED.search(line):
            invoked, invoker = found, None
        elif invoked and not invoker and (found := INVOKER.search(line)):
            invoker = found
        elif found := CHOSEN.search(line):
            chosen[int(found["pid"])] = dict(
                constraint=found["constraint"], oom_memcg=found["oom"], task_memcg=found["task"],
                trigger_comm=invoked and unescaped(invoked["comm"]), trigger_pid=invoker and int(invoker["pid"]),
                gfp_mask=invoked and int(invoked["gfp"], 16), order=invoked and int(invoked["order"]))
            invoked = invoker = None
        elif found := KILLED.search(line):
            pid = int(found["pid"])
            kills.setdefault(pid, LoggedKill(
                pid, unescaped(found["comm"]), int(found["uid"]), int(found["vm"]), int(found["anon"]), int(found["file"]),
                int(found["shmem"]), int(found["adj"]), found["how"] == "Out of memory", **chosen.pop(pid, {})))
    return list(kills.values())


def disk_counts(stat):
    """A disk's stat file."""
    fields = [int(f) for f in stat]
    return {"reads": fields[0], "read_bytes": fields[2] * 512, "writes": fields[4], "write_bytes": fields[6] * 512}


class Truth:
    """Reads a guest's own counters."""

    def __init__(self, guest):
        self.guest = guest

    def kernel_log(self):
        """All of /dev/kmsg: one record a line, control characters escaped."""
        return self.guest.sh("load kmsg")

    def kills(self):
        return logged_kills(self.kernel_log())

    def file(self, path):
        """A file of `name value` lines, such as memory.events or /proc/vmstat."""
        return {name: int(value) for name, value in (line.split() for line in self.guest.read(path).splitlines())}

    def cgroup(self, path, name):
        return self.file(f"/sys/fs/cgroup{path}/{name}")

    def usage(self, path):
        """What a cgroup uses, in bytes."""
        return int(self.guest.read(f"/sys/fs/cgroup{path}/memory.current"))

    def pressure(self, path, name="memory"):
        """{"some": us, "full": us} of a cgroup's or, with "", the host's pressure file."""
        file = f"/sys/fs/cgroup{path}/{name}.pressure" if path else f"/proc/pressure/{name}"
        return {line.split()[0]: int(line.rsplit("total=", 1)[1]) for line in self.guest.read(file).splitlines()}

    def vmstat(self):
        return self.file("/proc/vmstat")

    def io(self, path):
        """A cgroup's io.stat: {"254:0": {"rbytes": ...}}."""
        lines = (line.split() for line in self.guest.read(f"/sys/fs/cgroup{path}/io.stat").splitlines())
        return {line[0]: {k: int(v) for k, v in (p.split("=") for p in line[1:])} for line in lines if line}

    def disk(self, name):
        """A disk's own count: reads and writes, and their bytes."""
        return disk_counts(self.guest.read(f"/sys/block/{name}/stat").split())

    def moved(self, disk, cgroup):
        """How much went to and from a disk so far, by every count that the kernel keeps of it."""
        vmstat = self.vmstat()
        number = self.guest.read(f"/sys/block/{disk}/dev").strip()
        return {"swapped_out": vmstat["pswpout"] * 4096, "swapped_in": vmstat["pswpin"] * 4096,
                "scanned": vmstat["pgscan_kswapd"] + vmstat["pgscan_direct"],
                "boottime_ns": self.boottime_ns(), **self.disk(disk), **self.io(cgroup).get(number, {"rbytes": 0, "wbytes": 0})}

    def uptime(self):
        return float(self.guest.read("/proc/uptime").split()[0])

    def boottime_ns(self):
        """The guest's CLOCK_BOOTTIME, to 10 ms: to put what a scenario does on inquest's time axis."""
        return int(self.uptime() * 1e9)

    def realtime_ns(self):
        """The guest's wall clock."""
        # busybox's date has no nanoseconds.
        return int(self.guest.sh("/bin/date +%s%N"))

    def boot_realtime_ns(self):
        """What the wall clock, as it goes now, showed when the kernel booted: to a second."""
        return int(self.guest.read("/proc/stat").split("btime")[1].split()[0]) * 1_000_000_000


class Witness:
    """The guest's clock and counters on its serial console every 100 ms, and what becomes of its recorder, to the last ones before a
    reset: `load witness`."""

    def __init__(self, guest, disk="vda"):
        self.console = guest.machine.console
        guest.start(f"load -n witness witness {disk} {guest.recorder.pid} >/dev/ttyS0")
        guest.until("the witness speaks", lambda: self.lines("time") and self.lines("count"))

    def lines(self, kind):
        """The words of each whole line, in the order of time."""
        lines = (line.split() for line in self.console.read_text(errors="replace").splitlines() if line.startswith(f"witness {kind} "))
        return [words for words in lines if words[-1] == "."]

    def time(self):
        """(boottime_ns, realtime_ns): at most a tenth of a second before the guest's end."""
        return tuple(nanoseconds(seconds) for seconds in self.lines("time")[-1][2:4])

    def longest_gap_ns(self, begin_ns, end_ns):
        """The longest time between two of its looks at the clock that touches this span: what nobody could have done better."""
        times = [nanoseconds(words[2]) for words in self.lines("time")]
        return max((b - a for a, b in zip(times, times[1:]) if b > begin_ns and a < end_ns), default=0)

    def recorder(self, name):
        """What the kernel said of the recorder each time: VmSwap, VmHWM, VmLck (kB), majflt (a count so far)."""
        return [int(words[words.index(name) + 1]) for words in self.lines("count") if name in words]

    def counts(self):
        """What the kernel had counted last."""
        return counted(self.lines("count")[-1])

    def written_per_second(self, seconds):
        """What the disk wrote lately, bytes a second."""
        counts = [counted(words) for words in self.lines("count")[-50 * seconds:]]
        now = counts[-1]
        then = next(c for c in counts if c["boottime_ns"] >= now["boottime_ns"] - seconds * 1_000_000_000)
        elapsed = now["boottime_ns"] - then["boottime_ns"]
        return (now["disk"]["write_bytes"] - then["disk"]["write_bytes"]) * 1_000_000_000 / elapsed if elapsed else 0

    def last_comparable_ns(self):
        """The last moment after which it has looked often enough to say what there was just after it."""
        return counted(self.lines("count")[-3])["boottime_ns"]

    def counts_around(self, boottime_ns):
        """What it had counted just before and just after a moment. A line is older than its counts, but not by more than the time to
        the next line; and so may that be which is compared with it."""
        counts = [counted(words) for words in self.lines("count")]
        after = next((n for n, c in enumerate(counts) if c["boottime_ns"] >= boottime_ns), len(counts) - 1)
        return counts[max(after - 2, 0)], counts[min(after + 2, len(counts) - 1)]


def counted(words):
    """A witness's line: {"boottime_ns", "pswpin", "pswpout", "memory_full_avg10", "disk"}."""
    return {
        "boottime_ns": nanoseconds(words[2]),
        "pswpin": int(words[words.index("pswpin") + 1]), "pswpout": int(words[words.index("pswpout") + 1]),
        "memory_full_avg10": float(next(w for w in words if w.startswith("avg10=")).removeprefix("avg10=")),
        "disk": disk_counts(words[words.index("disk") + 1:-1]),
    }


def nanoseconds(seconds):
    whole, _, fraction = seconds.partition(".")
    return int(whole) * 1_000_000_000 + int(fraction.ljust(9, "0"))
