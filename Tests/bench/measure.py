"""Things measured in turn, and what is left of the noise: the median."""

import os
import statistics
import subprocess
import time


class Values(list):
    """The same thing measured several times."""

    @property
    def median(self):
        return statistics.median(self)

    def show(self, pattern="{:.0f}", unit=""):
        """`41 ms (39 to 44)`: median, smallest and largest."""
        middle = f"{pattern.format(self.median)}{unit}"
        if len(self) < 2:
            return middle
        return f"{middle} ({pattern.format(min(self))} to {pattern.format(max(self))})"


def in_turn(rounds, ways):
    """Calls each of `ways` once a round, every other round in the opposite order: a drift of the machine favours none of them."""
    values = {name: Values() for name in ways}
    for number in range(rounds):
        order = list(ways.items())
        for name, way in order if number % 2 == 0 else reversed(order):
            values[name].append(way())
    return values


def ratio(ours, theirs):
    """`0.25`, or a dash where there is nothing to divide by."""
    return f"{ours / theirs:.2g}" if theirs else "-"


def wall_ms(command, **options):
    """How long a command takes from its start to its end, milliseconds."""
    begun = time.monotonic_ns()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True, **options)
    return (time.monotonic_ns() - begun) / 1e6


def cpu_seconds(command, **options):
    """The CPU time that a command takes, user and system, seconds."""
    return cost(command, **options)[0]


def cost(command, **options):
    """The CPU time that a command takes, user and system, seconds; and the most memory it had resident, KiB.

    The latter is looked at every 2 ms: the account that the kernel gives at the end (ru_maxrss) begins with what we had ourselves.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **options)
    resident, ended = 0, 0
    while not ended:
        resident = most_resident(process.pid) or resident
        time.sleep(0.002)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime, resident


def most_resident(pid):
    """KiB; nothing of one that has ended."""
    with open(f"/proc/{pid}/status") as lines:
        return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)


def output(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, **options).stdout


def line_count(command, **options):
    """Of what a command writes, however much it is."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, **options) as process:
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: process.stdout.read(1 << 16), b""))
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return lines


def forget(directory):
    """Takes files out of the page cache: the next reader waits for the disk."""
    for name in os.listdir(directory):
        file = os.open(os.path.join(directory, name), os.O_RDONLY)
        try:
            os.fdatasync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
