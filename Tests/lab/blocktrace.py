"""Where a durable write waits, as the kernel's tracepoints tell it: in the file system, for a tag, in the scheduler, in the device, for a flush."""

import base64
import gzip
import re
from dataclasses import dataclass

INSTANCE = "/sys/kernel/tracing/instances/lab"
BUFFER_KB = 6000
# All requests at the device; of these processes how they came there; and what the writers asked for.
WHO = ["inquest", "append", "sqlite"]
BIOS = " || ".join(f'comm == "{name}"' for name in WHO) + ' || comm ~ "jbd2*"'
OTHERS = 'comm == "append" || comm == "sqlite"'
EVENTS = {
    "block/block_rq_issue": None, "block/block_rq_complete": None, "block/block_bio_queue": BIOS, "block/block_getrq": BIOS,
    **{f"syscalls/sys_{end}_pwritev": 'comm == "inquest"' for end in ["enter", "exit"]},
    **{f"syscalls/sys_{end}_fdatasync": OTHERS for end in ["enter", "exit"]},
    "syscalls/sys_enter_write": 'comm == "append"', "syscalls/sys_enter_pwrite64": 'comm == "sqlite"',
}
LINE = re.compile(r"^ *(?P<comm>.+)-(?P<pid>\d+) +\[\d+\] \S+ +(?P<at>\d+\.\d+): (?P<event>\w+)(?P<rest>.*)$")
# 254,0 WS [BYTES] (COMMAND) SECTOR + SECTORS [COMM or ERROR]
REQUEST = re.compile(r": \d+,(?P<minor>\d+) (?P<kind>[A-Z]+) .*?(?P<sector>\d+) \+ (?P<sectors>\d+) \[")
# Sixteen minor numbers a virtio disk: itself, and its partitions.
MINORS = 16


class BlockTrace:
    """Traces in a guest from `start` to `stop`, which gives a Traced."""

    def __init__(self, guest):
        self.guest = guest

    def start(self):
        steps = ["set -e", f"mkdir -p {INSTANCE}", f"cd {INSTANCE}", "echo boot >trace_clock", f"echo {BUFFER_KB} >buffer_size_kb"]
        for event, who in EVENTS.items():
            if who:
                steps.append(f"echo '{who}' >events/{event}/filter")
            steps.append(f"echo 1 >events/{event}/enable")
        self.guest.sh("\n".join(steps))

    def stop(self):
        packed = self.guest.sh(f"cd {INSTANCE}; echo 0 >tracing_on; cat trace | gzip -1 | base64 -w 0; cd /; rmdir {INSTANCE}", timeout=300)
        return Traced(gzip.decompress(base64.b64decode(packed)).decode(errors="replace"))


@dataclass
class Write:
    """A write that is durable when it returns. Times are of CLOCK_BOOTTIME, in seconds, None where the trace has none."""

    begun: float
    asked: float = None
    "the first write(2) since the one before was called, for those that write and then wait for it"
    queued: float = None
    "its first bio was handed to the block layer"
    tagged: float = None
    "that got a request"
    issued: float = None
    "the driver got the request"
    completed: float = None
    "its last request was completed"
    flush_issued: float = None
    "the device was asked for the flush behind it"
    ended: float = None
    bytes_ahead: int = 0
    "of writes that the device had not completed when it got this one"

    PARTS = ["file system", "tag", "scheduler", "device", "before the flush", "flush"]

    def parts(self):
        """How long it was where, in the order of PARTS, seconds; None where the trace does not tell all of it."""
        steps = [self.begun, self.queued, self.tagged, self.issued, self.completed, self.flush_issued, self.ended]
        if None in steps:
            return None
        return [b - a for a, b in zip(steps, steps[1:])]


class Traced:
    """A trace, read: `writes` are the durable ones by process, in order, and `served` what the device did."""

    def __init__(self, text):
        self.writes = {name: [] for name in WHO}
        # How long the device had each write, seconds.
        self.served = []
        self.calls = {}
        self.asked = {}
        self.bios = {}
        self.in_device = {}
        self.flush_issued = self.last_flush = None
        for line in text.splitlines():
            if found := LINE.match(line):
                self.take(float(found["at"]), found["event"], found["comm"].strip(), int(found["pid"]), found["rest"])

    def take(self, at, event, comm, pid, rest):
        if event in ["sys_write", "sys_pwrite64"]:
            self.asked.setdefault(pid, at)
            return
        if event in ["sys_pwritev", "sys_fdatasync"]:
            # The end is told as "sys_pwritev -> 0x1000".
            if " -> " not in rest:
                self.calls[pid] = Write(at, self.asked.pop(pid, at))
            elif call := self.calls.pop(pid, None):
                self.end(call, at, comm)
            return
        request = REQUEST.match(rest)
        if not request:
            return
        kind, sectors = request["kind"], int(request["sectors"])
        place = int(request["minor"]) // MINORS, int(request["sector"])
        call = self.calls.get(pid)
        if event == "block_bio_queue" and call and sectors and "W" in kind:
            call.queued = call.queued or at
            self.bios[place] = call
        elif event == "block_getrq" and place in self.bios:
            self.bios[place].tagged = self.bios[place].tagged or at
        elif event == "block_rq_issue":
            self.issued(at, kind, place, sectors)
        elif event == "block_rq_complete":
            self.completed(at, kind, place, sectors)

    def issued(self, at, kind, place, sectors):
        if not sectors:
            self.flush_issued = at
            return
        if place in self.bios and not self.bios[place].issued:
            self.bios[place].issued = at
            self.bios[place].bytes_ahead = sum(size for (disk, _), (_, size) in self.in_device.items() if disk == place[0])
        if "W" in kind:
            self.in_device[place] = at, sectors * 512

    def completed(self, at, kind, place, sectors):
        if kind.startswith("FF"):
            self.last_flush = self.flush_issued
            return
        if place in self.bios:
            self.bios.pop(place).completed = at
        if place in self.in_device:
            self.served.append(at - self.in_device.pop(place)[0])

    def end(self, call, at, comm):
        call.ended = at
        if call.completed and self.last_flush:
            # A flush that the device had before the write was completed is none for it: then the trace has lost something.
            call.flush_issued = self.last_flush if self.last_flush >= call.completed else None
        self.writes[comm].append(call)
