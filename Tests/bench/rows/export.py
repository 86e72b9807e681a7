"""What it takes to write an incident down."""

import json

from ..journal import full_journal
from ..measure import Values, cost, line_count, output, ratio
from ..row import CannotMeasure, Line, row

FORMATS = ["json", "markdown", "html", "ndjson", "csv", "trace", "sqlite"]


@row(45)
def export(bench):
    """Each document of one incident of an hour and a million events, by CPU time and memory; NDJSON beside journalctl."""
    events = hour_events(bench)
    for name in FORMATS:
        file = bench.place / f"export.{name}"
        command = [bench.binary, "export", "--format", name, "--dir", bench.hour_recording, "-o", file]
        costs = [cost(command) for _ in range(bench.rounds)]
        seconds, mebibytes = Values(it[0] for it in costs), max(it[1] for it in costs) / 1024
        what = f"{name}, {file.stat().st_size / 1e6:,.1f} MB"
        file.unlink()
        ours = f"{seconds.show('{:.2f}', ' s')}, {mebibytes:.0f} MiB"
        if name != "ndjson":
            yield Line(what, ours, to_reach="1 s, 200 MB")
            continue
        try:
            entries, journal = journalctl(bench)
            theirs = f"{journal / entries * events:.2f} s, journalctl -o json, as many entries"
            yield Line(what, ours, theirs, ratio(seconds.median, journal / entries * events), "1 s, 200 MB")
        except CannotMeasure as why:
            yield Line(what, ours, f"({why})", to_reach="1 s, 200 MB")


def hour_events(bench):
    """How many events the incident has."""
    lines = line_count([bench.binary, "export", "--format", "ndjson", "--dir", bench.hour_recording])
    listed = [json.loads(line) for line in output([bench.binary, "list", "--json", "--dir", bench.hour_recording]).splitlines()]
    if len(listed) != 1:
        raise CannotMeasure(f"{len(listed)} incidents where one was recorded")
    bench.say(f"an incident of {listed[0]['class']}, {lines:,} events")
    return lines


def journalctl(bench):
    """Entries of a full journal, and the CPU seconds to write them as JSON."""
    command = [bench.tool("journalctl"), f"--directory={full_journal(bench)}", "-o", "json"]
    entries = line_count(command, env=bench.libraries())
    seconds = Values(cost(command, env=bench.libraries())[0] for _ in range(bench.rounds))
    return entries, seconds.median
