"""What it takes to do nothing."""

import contextlib
import time

from ..row import CannotMeasure, Line, row
from ..measure import ratio

OTHERS = {
    "earlyoom": ["earlyoom", "-n", "--dryrun", "-r", "0"],
    # As its Debian service runs it, into a file of its own.
    "atop": ["atop", "-w", "{place}/atop.raw", "600"],
    "prometheus-node-exporter": ["prometheus-node-exporter", "--web.listen-address=127.0.0.1:19100"],
    "systemd-oomd": ["systemd-oomd"],
}


@row(70)
def idle(bench):
    """Memory and CPU of recorders and watchers on an idle machine, all at the same time.

    A scrape of node-exporter's, which is what costs it something, is not among them: nobody asks.
    """
    missing, watched = {}, {}
    with contextlib.ExitStack() as stack:
        watched["inquest"] = stack.enter_context(bench.recorder())
        for name, command in OTHERS.items():
            try:
                command = [bench.tool(command[0]), *(word.format(place=bench.place) for word in command[1:])]
                watched[name] = stack.enter_context(bench.background(command, settle=3, env=bench.libraries()))
            except CannotMeasure as reason:
                missing[name] = str(reason)
        time.sleep(3)
        before = {name: process.cpu_ns() for name, process in watched.items()}
        time.sleep(bench.seconds)
        cpu = {name: 100 * (process.cpu_ns() - before[name]) / 1e9 / bench.seconds for name, process in watched.items()}
        rss = {name: process.memory_kib("VmRSS") / 1024 for name, process in watched.items()}
    for name in OTHERS:
        if name in missing:
            yield Line(f"beside {name}", f"{rss['inquest']:.1f} MiB, {cpu['inquest']:.3f} % of a core", missing[name])
            continue
        yield Line(f"memory (RSS) beside {name}", f"{rss['inquest']:.1f} MiB", f"{rss[name]:.1f} MiB",
                   ratio(rss["inquest"], rss[name]), "8 MB")
        yield Line(f"CPU beside {name}, {bench.seconds} s", f"{cpu['inquest']:.3f} % of a core", f"{cpu[name]:.3f} % of a core",
                   ratio(cpu["inquest"], cpu[name]), "0.1 %")
