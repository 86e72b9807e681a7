"""What it takes to be scraped."""

import time
import urllib.request

from ..measure import ratio
from ..row import CannotMeasure, Line, row

ADDRESSES = {"inquest": "127.0.0.1:19137", "node": "127.0.0.1:19101"}
# As many as Prometheus would ask for in 50 minutes at its 15 s.
SCRAPES = 200


@row(72)
def scrape(bench):
    """Memory and CPU of `inquest metrics` for each scrape, beside node-exporter's on the same machine, in turn."""
    with bench.recorder() as recorder:
        command = [bench.binary, "metrics", "--listen", ADDRESSES["inquest"], "--live", recorder.live, "--dir", recorder.directory]
        exporter = [bench.tool("prometheus-node-exporter"), f"--web.listen-address={ADDRESSES['node']}"]
        with bench.background(command) as ours, bench.background(exporter, env=bench.libraries()) as theirs:
            watched = {"inquest": ours, "node": theirs}
            idle = cpu_of(watched, lambda: time.sleep(bench.seconds))
            sizes = {}

            def ask():
                for _ in range(SCRAPES):
                    for name, address in ADDRESSES.items():
                        sizes[name] = len(get(f"http://{address}/metrics"))

            asked = cpu_of(watched, ask)
            rss = {name: process.memory_kib("VmHWM") / 1024 for name, process in watched.items()}
    each = {name: ns / SCRAPES / 1e6 for name, ns in asked.items()}
    at_rest = {name: 100 * ns / 1e9 / bench.seconds for name, ns in idle.items()}
    yield Line("CPU for a scrape", f"{each['inquest']:.2f} ms, {sizes['inquest']:,} bytes",
               f"{each['node']:.2f} ms, {sizes['node']:,} bytes, prometheus-node-exporter", ratio(each["inquest"], each["node"]))
    yield Line(f"CPU while nobody asks, {bench.seconds} s", f"{at_rest['inquest']:.3f} % of a core", f"{at_rest['node']:.3f} % of a core",
               ratio(at_rest["inquest"], at_rest["node"]))
    yield Line(f"memory (RSS) at the most, {SCRAPES} scrapes", f"{rss['inquest']:.1f} MiB", f"{rss['node']:.1f} MiB",
               ratio(rss["inquest"], rss["node"]))


def cpu_of(processes, body):
    """CPU nanoseconds that each process takes while `body` runs."""
    before = {name: process.cpu_ns() for name, process in processes.items()}
    body()
    return {name: process.cpu_ns() - before[name] for name, process in processes.items()}


def get(address):
    try:
        with urllib.request.urlopen(address, timeout=20) as page:
            return page.read()
    except OSError as reason:
        raise CannotMeasure(f"{address} does not answer: {reason}") from None
