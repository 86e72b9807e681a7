"""What the rows stand on: a recorder, other tools, a loop device, a full recording; each is gone when its row is over."""

import contextlib
import functools
import os
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .measure import output
from .row import CannotMeasure

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FULL_MIB = 256


class Process:
    """A program in the background, known by what the kernel says of it."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
        self.pid = self.process.pid

    def cpu_ns(self):
        """CPU time of all its threads, from the scheduler's own nanoseconds: ticks are too coarse for an idle program."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total += int(Path(f"/proc/{self.pid}/task/{task}/schedstat").read_text().split()[0])
        return total

    def memory_kib(self, field):
        """A field of /proc/PID/status: VmRSS, VmHWM, RssAnon."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise CannotMeasure(f"no {field} in /proc/{self.pid}/status")

    def is_running(self):
        return self.process.poll() is None

    def stop(self):
        if self.is_running():
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


class Recorder(Process):
    """`inquest record` in a directory of its own; made when it has said that it is attached."""

    def __init__(self, bench, directory, *flags):
        self.directory = directory
        self.live = bench.place / f"live-{bench.number()}.sock"
        begun = time.monotonic_ns()
        super().__init__(
            [bench.binary, "record", "--dir", directory, "--live", self.live, *flags],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.line = self.process.stdout.readline().strip()
        self.attach_ms = (time.monotonic_ns() - begun) / 1e6
        if not self.is_running() or "attached" not in self.line:
            self.stop()
            raise CannotMeasure(f"the recorder did not start: {self.line}")
        # Whatever it says later must not make it wait.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()


class Bench:
    """Where things are, how long to look, and what is shared between rows."""

    def __init__(self, binary, generator, unpacked, rounds, seconds, say):
        self.binary, self.generator, self.unpacked = binary, generator, unpacked
        self.rounds, self.seconds, self.say = rounds, seconds, say
        self.place = Path(tempfile.mkdtemp(prefix="inquest-bench.", dir="/var/tmp"))
        self._number = 0

    def close(self):
        shutil.rmtree(self.place, ignore_errors=True)

    def number(self):
        self._number += 1
        return self._number

    def directory(self):
        path = self.place / f"dir-{self.number()}"
        path.mkdir()
        return path

    def need_root(self):
        if os.geteuid() != 0:
            raise CannotMeasure("needs root (sudo tools/bench)")

    @contextlib.contextmanager
    def recorder(self, *flags, directory=None):
        self.need_root()
        recorder = Recorder(self, directory or self.directory(), *flags)
        try:
            yield recorder
        finally:
            recorder.stop()

    def tool(self, name):
        """The path of a Debian package's program: installed, or unpacked by tools/bench."""
        for place in ["usr/bin", "usr/sbin", "bin", "lib/systemd", "usr/lib/systemd"]:
            path = self.unpacked / place / name
            if path.exists():
                return path
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path is None:
            raise CannotMeasure(f"{name} is not there (run as root, tools/bench installs it)")
        return Path(path)

    def libraries(self):
        """The environment for an unpacked program: its libraries are unpacked beside it."""
        places = [self.unpacked / "usr/lib/x86_64-linux-gnu/systemd", self.unpacked / "usr/lib/x86_64-linux-gnu"]
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, places))}

    @contextlib.contextmanager
    def background(self, command, settle=2, **options):
        """Another tool, given time to attach; it must still be there then."""
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **options}
        process = Process(command, **options)
        try:
            time.sleep(settle)
            if not process.is_running():
                raise CannotMeasure(f"it does not run here: {last_line(process.process.stderr.read())}")
            yield process
        finally:
            process.stop()

    @functools.cached_property
    def paths(self):
        """The program that puts load on single paths through the kernel."""
        program = self.place / "paths"
        subprocess.run(["gcc", "-O2", "-pthread", "-o", program, HERE / "paths.c"], check=True)
        return program

    @functools.cached_property
    def full_recording(self):
        """A recording as large as it may become, with an incident every MiB; the recorder died in it."""
        self.say(f"filling a recording of {FULL_MIB} MiB")
        directory = self.directory()
        subprocess.run([self.generator, directory, "1", "fill", str(FULL_MIB)], check=True, stdout=subprocess.DEVNULL)
        return directory

    @functools.cached_property
    def hour_recording(self):
        """A recording of one incident that lasts an hour and has a million events."""
        self.say("recording an incident of an hour")
        directory = self.directory()
        subprocess.run([self.generator, directory, "1", "busy", "3600"], check=True, stdout=subprocess.DEVNULL)
        return directory

    def verified(self, directory):
        """What a recording holds: number of events, bytes on disk that each takes."""
        said = output([self.binary, "verify", "--dir", directory])
        events, size = re.search(r"^events +(\d+)", said, re.M), re.search(r"^size +([\d.]+) bytes an event", said, re.M)
        if not events or not size:
            raise CannotMeasure(f"inquest verify says no sizes: {said!r}")
        return int(events[1]), float(size[1])


@contextlib.contextmanager
def tracefs():
    """Mounts the kernel's tracing files where nobody has."""
    place = Path("/sys/kernel/tracing")
    if (place / "events").exists():
        yield
        return
    subprocess.run(["mount", "-t", "tracefs", "none", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@contextlib.contextmanager
def loop_device(mib):
    """A loop device over a file in memory: block IO that costs CPU and no disk."""
    file = tempfile.NamedTemporaryFile(prefix="inquest-bench.", dir="/dev/shm")
    with file:
        # Written, not sparse: a hole is read without the page cache.
        for _ in range(mib):
            file.write(os.urandom(1 << 20))
        file.flush()
        made = subprocess.run(["losetup", "--find", "--show", file.name], capture_output=True, text=True)
        if made.returncode != 0:
            raise CannotMeasure(f"no loop device: {made.stderr.strip()}")
        device = made.stdout.strip()
        try:
            yield device
        finally:
            subprocess.run(["losetup", "--detach", device], check=True)


def last_line(said):
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it says nothing"


def first_line_ms(command, wanted, **options):
    """Milliseconds until a program has printed a line with `wanted`, on a terminal, where nothing is held back; then it is stopped."""
    ours, theirs = pty.openpty()
    begun = time.monotonic_ns()
    process = Process(command, stdout=theirs, stderr=theirs, **options)
    os.close(theirs)
    said = b""
    try:
        while wanted.encode() not in said:
            try:
                chunk = os.read(ours, 4096)
            except OSError:
                chunk = b""
            if not chunk:
                raise CannotMeasure(f"it does not run here: {last_line(said)}")
            said += chunk
        return (time.monotonic_ns() - begun) / 1e6
    finally:
        process.stop()
        os.close(ours)
