"""How the cost of calm grows with the machine."""

import contextlib
import subprocess
import time

from ..machine import loop_device
from ..row import CannotMeasure, Line, row
from .pipeline import memory_cgroup

CGROUPS = [10, 100, 1000, 10_000]
DEVICES = [1, 8, 64]
TASKS = [100, 1000, 10_000, 50_000]
SETTLE_SECONDS = 25


@row(100)
def growth(bench):
    """CPU and memory of an idle recorder, by cgroups, devices and tasks.

    What is there is there before the recorder starts, and is as idle as it is.
    """
    bench.need_root()
    for count in CGROUPS:
        yield point(bench, f"{count:,} cgroups", lambda: cgroups(count))
    for count in DEVICES:
        yield point(bench, f"{count} more devices", lambda: devices(count))
    for count in TASKS:
        yield point(bench, f"{count:,} more tasks", lambda: tasks(bench, count))


def point(bench, what, there):
    try:
        with there(), bench.recorder() as recorder:
            # A start reads and writes files: what it makes others wait for counts as pressure, for a while.
            time.sleep(SETTLE_SECONDS)
            before = recorder.cpu_ns()
            seconds = min(bench.seconds, 20)
            time.sleep(seconds)
            cpu = 100 * (recorder.cpu_ns() - before) / 1e9 / seconds
            rss = recorder.memory_kib("VmRSS") / 1024
    except CannotMeasure as reason:
        return Line(what, f"not measured: {reason}")
    return Line(what, f"{cpu:.3f} % of a core, {rss:.1f} MiB, attached in {recorder.attach_ms:.0f} ms", to_reach="constant in calm")


@contextlib.contextmanager
def cgroups(count):
    with memory_cgroup() as parent:
        for number in range(count):
            (parent / f"idle-{number}").mkdir()
        yield


@contextlib.contextmanager
def devices(count):
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(loop_device(1))
        yield


@contextlib.contextmanager
def tasks(bench, count):
    process = subprocess.Popen(
        [bench.paths, "tasks", str(count)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if process.stdout.readline() != "there\n":
            raise CannotMeasure(f"so many tasks cannot be had here: {process.stderr.read().strip()}")
        yield
    finally:
        process.kill()
        process.wait()
