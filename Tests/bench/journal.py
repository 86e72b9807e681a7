"""A systemd journal of a given size, made by systemd-journal-remote without systemd."""

import random
import subprocess

from .machine import FULL_MIB
from .row import CannotMeasure

BOOTS = 8


def full_journal(bench):
    """A directory with about as many bytes of journal as a full recording has, over a few boots."""
    directory = bench.directory()
    remote = bench.tool("systemd-journal-remote")
    bench.say(f"filling a journal of {FULL_MIB} MiB")
    numbers = random.Random(1)
    seq = 0
    with subprocess.Popen(
        [remote, f"--output={directory}/remote.journal", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, env=bench.libraries(),
    ) as process:
        try:
            while bytes_in(directory) < FULL_MIB << 20:
                if process.poll() is not None:
                    raise BrokenPipeError
                batch = bytearray()
                for _ in range(5000):
                    seq += 1
                    batch += entry(seq, numbers)
                process.stdin.write(batch)
                process.stdin.flush()
            process.stdin.close()
        except BrokenPipeError:
            said = process.stderr.read().decode(errors="replace").strip()
            raise CannotMeasure(f"systemd-journal-remote: {said[-300:]}") from None
    return directory


def bytes_in(directory):
    return sum(path.stat().st_blocks * 512 for path in directory.glob("*.journal"))


def entry(seq, numbers):
    """One line of a busy service's log in the journal's export format."""
    micros = 1_700_000_000_000_000 + seq * 50_000
    boot = f"{seq // 80_000 % BOOTS + 1:032x}"
    unit = f"service-{numbers.randrange(40)}.service"
    fields = {
        "__REALTIME_TIMESTAMP": micros, "__MONOTONIC_TIMESTAMP": seq * 50_000, "_BOOT_ID": boot, "_MACHINE_ID": f"{7:032x}",
        "_HOSTNAME": "bench", "PRIORITY": 6, "SYSLOG_IDENTIFIER": unit.partition(".")[0], "_SYSTEMD_UNIT": unit,
        "_PID": 1000 + numbers.randrange(500), "_UID": 0, "_TRANSPORT": "stdout",
        "MESSAGE": f"request {numbers.getrandbits(64):016x} took {numbers.randrange(100_000)} us, {numbers.randrange(9_000_000)} bytes",
    }
    return ("\n".join(f"{name}={value}" for name, value in fields.items()) + "\n\n").encode()
