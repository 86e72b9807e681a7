"""How long one waits for the first answer."""

from ..journal import full_journal
from ..measure import forget, in_turn, ratio, wall_ms
from ..row import CannotMeasure, Line, row


@row(80)
def opening(bench):
    """Opening a full 256 MiB recording, beside journalctl on as many bytes."""
    recording = bench.full_recording
    commands = {
        "list": [bench.binary, "list", "--dir", recording],
        "show last": [bench.binary, "show", "last", "--dir", recording],
    }
    journal, reason = None, ""
    try:
        journal = full_journal(bench)
        commands["--list-boots"] = [bench.tool("journalctl"), "--quiet", "--directory", journal, "--list-boots"]
        commands["-n"] = [bench.tool("journalctl"), "--quiet", "--directory", journal, "--no-pager", "-n", "10"]
    except CannotMeasure as why:
        reason = str(why)

    def cold(command, directory):
        forget(directory)
        return wall_ms(command)

    for cache in ["warm", "cold"]:
        ways = {}
        for name, command in commands.items():
            directory = journal if name.startswith("-") else recording
            ways[name] = (lambda c=command: wall_ms(c)) if cache == "warm" else (lambda c=command, d=directory: cold(c, d))
        for way in ways.values() if cache == "warm" else []:
            way()
        values = in_turn(max(bench.rounds, 5), ways)
        for ours, theirs in [("list", "--list-boots"), ("show last", "-n")]:
            beside, their_ratio = reason, "-"
            if journal:
                beside = f"journalctl {theirs}: {values[theirs].show('{:.0f}', ' ms')}"
                their_ratio = ratio(values[ours].median, values[theirs].median)
            yield Line(
                f"{ours}, {cache} page cache", values[ours].show("{:.0f}", " ms"), beside, their_ratio,
                "50 ms" if cache == "warm" else "-")
