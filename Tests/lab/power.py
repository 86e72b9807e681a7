"""Power cuts: guests record on disks whose volatile cache is lost with the power, and say what was acknowledged while they do. At the
next boot all of it must be there.

Ending qemu loses nothing that it has written, so each disk is an nbdkit of its own: what the guest has not flushed is in its memory
alone, and gone when it is killed. Every recording has a disk for itself, since a flush that one of two asks for would save the other.
"""

import contextlib
import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .acknowledged import Recorded
from .errors import LabError
from .guest import Guest
from .image import initramfs
from .machine import Disk, Machine, dies_with_us, listening_sockets

MKFS = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard"],
    "xfs": ["mkfs.xfs", "-q", "-K"],
    "btrfs": ["mkfs.btrfs", "-q", "-K"],
}
# How nbdkit's cache treats a flush.
DISKS = {"honest": "writeback", "lying": "unsafe"}
WRITER = "recording-writer"

# Numbers of the events of an ndjson document as ranges: "present 1-40 900-1000". (busybox's %d has 32 bits.)
RANGES = r"""awk 'function run() { if (first) out = out sprintf(" %.0f-%.0f", first, last) }
match($0, /"seq":[0-9]+/) { n = substr($0, RSTART + 6, RLENGTH - 6) + 0; if (!first || n != last + 1) { run(); first = n }; last = n }
END { run(); print "present" out }'"""


class PowerCuts:
    """A machine whose power goes again and again. The same seed makes the same choices: when, under which load, where inquest records.

    disk: "honest", or "lying": it acknowledges flushes and does nothing. writer: "synced", or "unsynced": the test's writer does not
    ask for them. Either must make the test fail.
    """

    def __init__(self, lab, kernel, directory, seed, disk="honest", writer="synced"):
        self.lab, self.kernel, self.directory, self.writer = lab, kernel, directory, writer
        self.cache = DISKS[disk]
        self.random = random.Random(seed)
        self.failures = []
        self.recordings = [Recorded(fs, how, self.random.randrange(1 << 32))
                           for fs in MKFS for how in ["direct", "buffered", "recorder"]]
        # The first of what follows records first.
        self.recorders = [r for r in self.recordings if r.how == "recorder"]
        self.random.shuffle(self.recorders)
        program = lab.results.parent / "release" / WRITER
        if not program.exists():
            raise LabError(f"{program} is not there; tools/lab builds it")
        self.archive = initramfs(kernel, lab.binary, lab.cache, ("xfs", "btrfs"), (program,))
        for recording in self.recordings:
            image = self.image(recording)
            subprocess.run(["truncate", "-s", "320M", image], check=True)
            subprocess.run([*MKFS[recording.file_system], image], check=True, stdout=subprocess.DEVNULL)

    def image(self, recording):
        return self.directory / f"{recording.name}.img"

    def run(self, times, say=lambda text: None):
        """Cuts the power so often, until something is lost; gives the Account of inquest's last recording, if that can be read."""
        written = []
        for number in range(times + 1):
            with self.powered(number) as (guest, disks):
                for recording in written:
                    self.failures += recording.examine(self.found(guest, recording))
                if self.failures or number == times:
                    guest.dir = written[-1].directory if written else None
                    return guest.account() if not self.failures else None
                written = [r for r in self.recordings if r.how != "recorder"] + [self.recorders[number % len(self.recorders)]]
                self.storm(guest, written)
                time.sleep(self.random.uniform(0, 3))
                for disk in disks:
                    disk.kill()
            self.hear(written)
            said = ", ".join(f"{r.name} {r.starts[-1][1] - r.starts[-1][0] + 1}" for r in written)
            say(f"cut {number + 1} of {times}; acknowledged since the boot: {said}")

    @contextlib.contextmanager
    def powered(self, number):
        """A guest with the power on, and its disks."""
        with tempfile.TemporaryDirectory(prefix="inquest-lab-") as sockets, contextlib.ExitStack() as stack:
            servers = [stack.enter_context(VolatileDisk(self.image(r), f"{sockets}/{r.name}", self.cache)) for r in self.recordings]
            disks = [Disk("scratch", size="64M"), Disk("swap", size="256M", raw=True)]
            disks += [Disk(r.name, server=server.socket) for r, server in zip(self.recordings, servers)]
            self.said = self.directory / "said.log"
            machine = stack.enter_context(Machine(self.kernel, self.archive, self.directory, disks, said=self.said))
            guest = Guest(machine, self.lab.binary, False, time.monotonic() + 240)
            for letter, recording in zip("cdefghijklmn", self.recordings):
                # Its journal is replayed here. One that cannot be mounted has lost everything.
                status, words = guest.try_sh(f"mkdir -p /cut/{recording.name}; "
                                             f"mount -t {recording.file_system} /dev/vd{letter} /cut/{recording.name}", timeout=90)
                if status != 0:
                    self.failures.append(f"{recording.name} cannot be mounted: {words.strip()}")
            if self.failures and number == 0:
                raise LabError("; ".join(self.failures))
            yield guest, servers

    def storm(self, guest, written):
        """Starts everything; returns once each recording has acknowledged something."""
        guest.sh("mkswap /dev/vdb >/dev/null; swapon /dev/vdb")
        guest.dir = written[-1].directory
        guest.record()
        commands = [f"/lab/{WRITER} {r.directory} {r.seed} storm {r.name} {r.how} {self.writer} &" for r in written[:-1]]
        guest.send(f"""
            for name in /sys/class/virtio-ports/*/name; do
                [ "$(cat "$name")" = lab.said ] && exec >/dev/$(basename "$(dirname "$name")") 2>&1
            done
            {chr(10).join(commands)}
            /lab/{WRITER} /run/live.sock 0 follow {written[-1].name} &
            wait""")
        # Kills, one after the other; writes that nobody waits for, on every disk; and now and then too little memory for all.
        hungry = guest.cgroup("hungry", memory_max="24M", memory_swap_max=0)
        guest.start("sh -c 'while :; do load memory 48M; done'", cgroup=hungry)
        places = " ".join(f"/cut/{r.name}" for r in written)
        guest.start(f"sh -c 'while :; do for place in {places}; do dd if=/dev/zero of=$place/noise bs=64k count=8 conv=notrunc "
                    "2>/dev/null; usleep 50000; done; done'")
        if self.random.random() < 0.5:
            guest.start("load -n hog memory 350M 0 50")
        guest.until("every recording has acknowledged something",
                    lambda: {r.name for r in written} <= {line.split()[0] for line in self.lines() if line.split()[1].isdigit()}, timeout=120)

    def lines(self):
        """What the guest has said, as far as the lines are whole."""
        return [line for line in self.said.read_text().split("\n")[:-1] if len(line.split()) > 1]

    def hear(self, written):
        by_name = {r.name: r for r in written}
        for line in self.lines():
            name, *words = line.split()
            if name in by_name and (words[0] == "start" or words[0].isdigit()):
                by_name[name].hear(words)
            else:
                self.failures.append(f"the guest said: {line}")

    @staticmethod
    def found(guest, recording):
        """What there is of a recording, in the guest's words."""
        verify = f"inquest verify --dir {recording.directory} >/tmp/verified 2>&1 || cat /tmp/verified; grep '^gap' /tmp/verified"
        if recording.how == "recorder":
            read = f"inquest export all --format ndjson --dir {recording.directory} | {RANGES}"
        else:
            read = f"/lab/{WRITER} {recording.directory} {recording.seed} check {recording.name}"
        return guest.try_sh(f"{verify}\n{read} 2>&1", timeout=120)[1]

    @property
    def cuts(self):
        return sum(r.cuts for r in self.recordings)

    def table(self):
        """How often the power went under each recording, and what that did."""
        rows = [(r.name, r.cuts, r.acknowledged, r.lost) for r in self.recordings]
        rows.append(("in all", *(sum(row[column] for row in rows) for column in [1, 2, 3])))
        return "\n".join([f"{'recording':16} {'cuts':>5} {'acknowledged':>13} {'lost':>9}",
                          *(f"{name:16} {cuts:5} {acknowledged:13,} {lost:9,}" for name, cuts, acknowledged, lost in rows)])


class VolatileDisk:
    """A disk that keeps in its memory what it was not asked to flush. Use in a `with`; `kill` is the end of its power."""

    def __init__(self, image, socket, cache):
        self.socket = socket
        # Each block takes its time on the way out of the cache, so that the end often comes in the middle of a flush.
        arguments = ["nbdkit", "--foreground", "--unix", socket, "--filter=cache", "--filter=delay", "file", image, f"cache={cache}",
                     "cache-min-block-size=4K", "delay-write=1ms"]
        self.log = image.with_suffix(".nbdkit.log")
        # The cache is a file, already removed when it is made: here, and not in a temporary directory that may be small.
        self.server = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=open(self.log, "w"), stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "TMPDIR": str(image.parent)}, preexec_fn=dies_with_us)

    def __enter__(self):
        bound = time.monotonic() + 20
        while self.socket not in listening_sockets():
            if self.server.poll() is not None or time.monotonic() > bound:
                raise LabError(f"nbdkit did not start: {self.log.read_text().strip()}")
            time.sleep(0.02)
        return self

    def kill(self):
        self.server.send_signal(signal.SIGKILL)

    def __exit__(self, *_):
        self.kill()
        self.server.wait()
