"""How long until it listens."""

from ..machine import first_line_ms
from ..measure import in_turn, ratio
from ..row import CannotMeasure, Line, row


# In a mount namespace of its own: inquest needs no tracefs, these do.
WITH_TRACEFS = [
    "unshare", "--mount", "sh", "-c", 'mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing; exec "$@"', "sh"]


@row(60)
def start(bench):
    """Milliseconds from start to attached."""
    bench.need_root()
    others = {
        # Says something on its first tick, which comes when everything is attached; in words that are not in the program.
        "bpftrace": ([
            "bpftrace", "-B", "none", "-e",
            'tracepoint:oom:mark_victim { printf("killed %d\\n", pid); } interval:ms:1 { printf("att%s\\n", "ached"); exit(); }',
        ], "attached"),
        "oomkill": (["oomkill"], "Tracing OOM kills"),
    }
    ways = {"inquest": lambda: inquest(bench)}
    missing = {}
    for name, (command, wanted) in others.items():
        try:
            command = [*WITH_TRACEFS, bench.tool(command[0]), *command[1:]]
            first_line_ms(command, wanted)
            ways[name] = lambda command=command, wanted=wanted: first_line_ms(command, wanted)
        except CannotMeasure as reason:
            missing[name] = str(reason)
    values = in_turn(max(bench.rounds, 5), ways)
    ours = values["inquest"]
    for name in others:
        if name in missing:
            yield Line(f"beside {name}", ours.show("{:.0f}", " ms"), missing[name], to_reach="60 ms")
        else:
            theirs = values[name]
            yield Line(
                f"beside {name}", ours.show("{:.0f}", " ms"), theirs.show("{:.0f}", " ms"), ratio(ours.median, theirs.median), "60 ms")


def inquest(bench):
    with bench.recorder() as recorder:
        return recorder.attach_ms
