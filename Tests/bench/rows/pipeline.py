"""From the ring buffer to the disk, as fast as one core can make events."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

from ..measure import Values, output, ratio
from ..row import CannotMeasure, Line, row

TURNS = 60_000


@row(30)
def pipeline(bench):
    """Events a second, ring buffer to decoded to correlated to disk, on one core.

    One core makes and removes cgroups as fast as it can, which is two events a turn, no rate limit and little else; the
    recorder's CPU time says how many of them it could take on a core of its own.
    """
    bench.need_root()
    produced, taken, lost = Values(), Values(), 0
    for _ in range(bench.rounds):
        made, cpu, missing = flood(bench)
        produced.append(made)
        taken.append(cpu)
        lost += missing
    yield Line(
        "cgroups made and removed, by the recorder's CPU time", taken.show("{:,.0f}", " events/s"),
        produced.show("{:,.0f}", " events/s") + " made by one core", ratio(taken.median, produced.median),
        "over 1, nothing lost")
    yield Line("of them lost", f"{lost:,} of {2 * TURNS * bench.rounds:,}", to_reach="0")
    # The same way without the kernel: the events of a rehearsal, again and again.
    kept = bench.place / "pipeline-drill"
    drill = subprocess.run([bench.binary, "drill", "--dir", kept], capture_output=True, text=True)
    if drill.returncode != 0:
        raise CannotMeasure(f"no rehearsal here: {drill.stderr.strip()}")
    for line in output([bench.binary, "bench-pipeline", "--dir", kept]).splitlines():
        name, _, figure = line.partition(": ")
        yield Line(f"a rehearsal's events, {name}", figure)


def flood(bench):
    """Events a second of the producing core, events a second of the recorder's CPU time, and how many are missing."""
    with memory_cgroup() as parent:
        with bench.recorder() as recorder:
            before = recorder.cpu_ns()
            turn_ns = float(output([bench.paths, "cgroup", str(TURNS), parent]))
            time.sleep(2)  # what is still in the ring and on its way to the disk belongs to it
            cpu = recorder.cpu_ns() - before
    found = 0
    export = [bench.binary, "export", "all", "--format", "ndjson", "--dir", recorder.directory]
    with subprocess.Popen(export, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            found += "/turn-" in line
    return 2e9 / turn_ns, 2 * TURNS * 1e9 / cpu, max(2 * TURNS - found, 0)


@contextlib.contextmanager
def memory_cgroup():
    """A cgroup in the hierarchy with the memory controller, which is the one that inquest listens to."""
    root = next((place for place in map(Path, ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"]) if (place / "cgroup.procs").exists()), None)
    if root is None:
        raise CannotMeasure("no cgroup hierarchy with the memory controller is mounted")
    path = root / f"inquest-bench-{os.getpid()}"
    path.mkdir()
    try:
        yield path
    finally:
        for child in path.iterdir():
            if child.is_dir():
                child.rmdir()
        path.rmdir()
