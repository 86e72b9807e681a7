"""How much of the disk it takes."""

import subprocess
import time

from ..machine import ROOT
from ..measure import output, ratio
from ..row import CannotMeasure, Line, row


@row(50)
def size(bench):
    """Bytes an event on disk, beside the same events as NDJSON through zstd; bytes a day of calm.

    The recordings are those that `tools/lab run --keep` left in .build/lab, and a rehearsal's.
    """
    recordings = sorted({path.parent for path in (ROOT / ".build/lab").glob("*/recording/segment-*.inq")})
    if not recordings:
        bench.need_root()
        kept = bench.place / "size-drill"
        subprocess.run([bench.binary, "drill", "--dir", kept], check=True, capture_output=True)
        recordings = [kept]
    total = ours = theirs = 0
    for directory in recordings:
        try:
            events, each = bench.verified(directory)
        except subprocess.CalledProcessError:
            continue  # one that the lab damaged on purpose
        total += events
        ours += events * each
        theirs += zstd_bytes(bench, directory)
    if not total:
        raise CannotMeasure("no recording that is intact")
    yield Line(
        f"{total:,} events of {len(recordings)} recordings", f"{ours / total:.1f} bytes an event",
        f"{theirs / total:.1f} bytes an event, NDJSON through zstd -3", ratio(ours, theirs), "12 bytes an event")
    yield from calm(bench)


def zstd_bytes(bench, directory):
    export = subprocess.Popen(
        [bench.binary, "export", "all", "--format", "ndjson", "--dir", directory], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    packed = subprocess.run([bench.tool("zstd"), "-3", "-c", "-q"], stdin=export.stdout, capture_output=True, check=True).stdout
    export.wait()
    return len(packed)


def calm(bench):
    """What time alone adds, after the start's own events."""
    seconds = max(bench.seconds, 60)
    with bench.recorder() as recorder:
        time.sleep(20)
        before, sent = sized(bench, recorder), written(recorder.pid)
        time.sleep(seconds)
        grown, sent = sized(bench, recorder) - before, written(recorder.pid) - sent
    a_day = 86400 / seconds / (1 << 20)
    yield Line(f"{seconds} s of this machine, calm or not", f"{grown * a_day:.1f} MiB of recording a day", to_reach="4 MiB a day")
    yield Line("the same, bytes sent to the disk (tails are written again)", f"{sent * a_day:.0f} MiB a day")


def sized(bench, recorder):
    events, each = bench.verified(recorder.directory)
    return events * each


def written(pid):
    """Bytes that a process caused to be written to the disk."""
    for line in open(f"/proc/{pid}/io", encoding="ascii"):
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise CannotMeasure("no write_bytes in /proc/PID/io")
