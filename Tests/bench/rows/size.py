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
    """What a minute of calm adds: two recordings, one a few minutes longer than the other."""
    with bench.recorder() as recorder:
        time.sleep(20)
        before = written(recorder.pid)
        time.sleep(max(bench.seconds, 60))
        a_day = (written(recorder.pid) - before) / max(bench.seconds, 60) * 86400
    events, each = bench.verified(recorder.directory)
    duration = max(bench.seconds, 60) + 20
    yield Line(
        f"calm, from {duration} s on this machine", f"{events * each / duration * 86400 / (1 << 20):.1f} MiB of recording a day",
        to_reach="4 MiB a day")
    yield Line("calm, bytes sent to the disk (tails are written again)", f"{a_day / (1 << 20):.0f} MiB a day")


def written(pid):
    """Bytes that a process caused to be written to the disk."""
    for line in open(f"/proc/{pid}/io", encoding="ascii"):
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise CannotMeasure("no write_bytes in /proc/PID/io")
