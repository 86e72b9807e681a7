"""What the hooks cost on paths that every machine takes all the time."""

import contextlib
import os
import re
from pathlib import Path

from ..machine import tracefs
from ..measure import in_turn, output, ratio
from ..row import CannotMeasure, Line, row

STATS = Path("/proc/sys/kernel/bpf_stats_enabled")
# What, how often, and who else listens there (libbpf-tools); what runs in a context switch runs under pressure only.
PATHS = {
    "switch": ("context switch ping-pong", 200_000, None),
    "fork": ("fork and exit", 10_000, "exitsnoop"),
    "signal": ("signal sent, and ignored", 500_000, "sigsnoop"),
    "handle": ("signal sent, and handled", 500_000, "sigsnoop"),
}


@row(20)
def paths(bench):
    """Time added to context switches, fork and exit, and signals, in calm.

    Wall time with and without the recorder is at the mercy of the machine; the kernel's own account of the time spent in the
    recorder's BPF programs (bpf_stats_enabled) is not, though it counts its own clock, too.
    """
    bench.need_root()
    for name, (title, turns, other) in PATHS.items():
        def one_turn(attached):
            with attached():
                return float(output([bench.paths, name, str(turns)]))

        ways = {"nothing": lambda: one_turn(contextlib.nullcontext), "inquest": lambda: one_turn(bench.recorder)}
        missing = None
        if other:
            try:
                listener = lambda: beside(bench, other)
                one_turn(listener)
                ways["other"] = lambda: one_turn(listener)
            except CannotMeasure as reason:
                missing = f"{other}: {reason}"
        values = in_turn(bench.rounds, ways)
        without, with_it = values["nothing"], values["inquest"]
        with bench.recorder() as recorder, stats_enabled():
            before = bpf_time(recorder.pid)
            float(output([bench.paths, name, str(turns)]))
            runs, spent = (after - first for after, first in zip(bpf_time(recorder.pid), before))
        yield Line(
            title, with_it.show("{:,.0f}", " ns"), without.show("{:,.0f}", " ns"),
            f"{100 * (with_it.median / without.median - 1):+.1f} %", "under 1 %")
        if "other" in values:
            ours, theirs = (values[way].median - without.median for way in ("inquest", "other"))
            yield Line(f"{title}: added", f"{ours:,.0f} ns", f"{other}: {theirs:,.0f} ns", ratio(ours, theirs))
        elif missing:
            yield Line(f"{title}: added", f"{with_it.median - without.median:,.0f} ns", missing)
        yield Line(
            f"{title}: in BPF, says the kernel", f"{spent / turns:,.0f} ns in {runs / turns:.1f} runs a turn", "-",
            f"{100 * spent / turns / without.median:.1f} %", "under 1 %")


@contextlib.contextmanager
def beside(bench, other):
    """A tool of libbpf-tools', which finds its tracepoints in tracefs."""
    with tracefs(), bench.background([bench.tool(other)], env=bench.libraries()) as process:
        yield process


@contextlib.contextmanager
def stats_enabled():
    before = STATS.read_text()
    STATS.write_text("1")
    try:
        yield
    finally:
        STATS.write_text(before)


def bpf_time(pid):
    """Runs of a process's BPF programs, and nanoseconds in them, from the beginning of the statistics."""
    runs = spent = 0
    seen = set()
    for descriptor in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(FileNotFoundError):
            facts = dict(re.findall(r"^(\w+):\s*(\S+)", Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text(), re.M))
            if "run_cnt" in facts and facts["prog_id"] not in seen:
                seen.add(facts["prog_id"])
                runs += int(facts["run_cnt"])
                spent += int(facts["run_time_ns"])
    return runs, spent
