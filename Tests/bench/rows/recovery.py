"""How long a start takes that finds what a crash left."""

import shutil

from ..measure import in_turn
from ..row import Line, row


@row(90)
def recovery(bench):
    """Crash recovery at start, full 256 MiB recording."""
    bench.need_root()
    full = bench.full_recording

    def after_crash():
        # A start changes what it finds.
        copy = bench.place / "crashed"
        shutil.copytree(full, copy)
        try:
            with bench.recorder(directory=copy) as recorder:
                return recorder.attach_ms
        finally:
            shutil.rmtree(copy)

    def empty():
        with bench.recorder() as recorder:
            return recorder.attach_ms

    values = in_turn(max(bench.rounds, 5), {"after a crash": after_crash, "empty": empty})
    crashed, fresh = values["after a crash"], values["empty"]
    yield Line(
        "start to attached", crashed.show("{:.0f}", " ms"), fresh.show("{:.0f}", " ms") + " in an empty directory",
        f"+{crashed.median - fresh.median:.0f} ms", "100 ms")
