"""The command: `tools/bench [ROW...]`. The table goes to standard output as Markdown, everything else to standard error."""

import argparse
import datetime
import os
import re
import subprocess
import sys
from pathlib import Path

from .machine import Bench
from .measure import output
from .row import CannotMeasure, all_rows


def main():
    rows = all_rows()
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__.split("\n")[0])
    parser.add_argument("row", nargs="*", metavar="ROW", help="all of them when none is named")
    parser.add_argument("--list", action="store_true", help="the rows")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each thing is measured (default 5)")
    parser.add_argument("--seconds", type=int, default=60, metavar="S", help="how long to look at what is idle (default 60)")
    parser.add_argument("--binary", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--generator", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--unpacked", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    unknown = set(arguments.row) - {row.name for row in rows}
    if unknown:
        parser.error(f"no row is called {', '.join(sorted(unknown))}; see tools/bench --list")
    if arguments.list:
        for row in rows:
            print(f"{row.name:10} {row.title}")
        return 0
    bench = Bench(
        arguments.binary, arguments.generator, arguments.unpacked, arguments.rounds, arguments.seconds,
        lambda text: print(f"bench: {text}", file=sys.stderr, flush=True))
    try:
        print_head(arguments)
        for row in rows:
            if not arguments.row or row.name in arguments.row:
                print_row(bench, row)
    finally:
        bench.close()
    return 0


def print_head(arguments):
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    words = " ".join([*arguments.row, f"--rounds {arguments.rounds}", f"--seconds {arguments.seconds}"])
    print(f"""\
| | |
|---|---|
| command | `tools/bench {words}` |
| date | {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f} when it began |
| version | {output([arguments.binary, "--version"]).strip()}, {arguments.binary.stat().st_size / 1e6:.1f} MB |
| kernel | {os.uname().release} {os.uname().machine} |
| processors | {os.cpu_count()} x {cpu[1] if cpu else "unknown"} |

| row | what | inquest | beside | ratio | to reach |
|---|---|---|---|---|---|""", flush=True)


def print_row(bench, row):
    bench.say(row.title)
    name = row.name
    try:
        for line in row.measure(bench):
            print(f"| {name} | {line.what} | {line.ours} | {line.beside} | {line.ratio} | {line.to_reach} |", flush=True)
            name = ""
    except CannotMeasure as reason:
        print(f"| {name} | not measured: {reason} | - | - | - | - |", flush=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or ""
        print(f"| {name} | failed: {error} {said if isinstance(said, str) else ''} | - | - | - | - |".replace("\n", " "), flush=True)


if __name__ == "__main__":
    sys.exit(main())
