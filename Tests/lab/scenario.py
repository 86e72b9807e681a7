"""How a scenario is written down: a function with a guest and a judge, and what it needs to run."""

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import Callable

from .machine import Disk

SCENARIOS = {}


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    play: Callable
    systemd: bool
    memory: str
    cpus: int
    cmdline: str
    disks: tuple
    root_spare: str
    seconds: int
    judges_kills: bool
    busy: bool
    kernels: tuple
    by_itself: bool
    by_name: bool
    programs: dict = field(compare=False)
    packages: tuple
    own_package: bool
    file: str = field(compare=False)


def scenario(systemd=False, memory="512M", cpus=2, cmdline="", disks=(Disk("data"),), root_spare=None, seconds=240, judges_kills=True,
             busy=None, kernels=(), by_itself=False, by_name=False, programs=None, packages=(),
             own_package=False):
    """Registers a scenario. Its name is the function's, its title the first line of the docstring.

    systemd: a Debian root instead of the initramfs (its root is the disk "root", before the others).
    disks: for the initramfs the first one must be an ext4, which becomes /data.
    root_spare: with systemd, so much room behind the root, as a partition of its own, not formatted: /dev/vda2 (the root is /dev/vda1).
    seconds: it is given up after that long.
    judges_kills: whether the kernel's log at the end is all of it, so that the kills in it can be compared (not so after a reset).

    busy: whether it works most of the time, and not waits: then fewer run beside it. Those with systemd do unless told otherwise.
    kernels: only on these, where the others would tell nothing more for their time.
    by_itself: it boots its guests itself: it gets a Site instead of a guest.
    by_name: it measures more than it judges, and takes its time: only played when it is named.
    programs: more of them in the guest's /lab, from guest/NAME.c: {name: [library, ...]}.
    packages: with systemd, Debian packages that are not in the root: unpacked into it before anything else.
    own_package: the last disk holds inquest's own package, as tools/package has built it.

    The function plays the disaster, says what must hold, and gives the Account of the recording; what must hold for every recording
    is then looked at by itself.
    """

    def register(play):
        name = play.__name__.replace("_", "-")
        assert name not in SCENARIOS, name
        SCENARIOS[name] = Scenario(
            name, play.__doc__.strip().splitlines()[0].rstrip("."), play, systemd, memory, cpus, cmdline, tuple(disks), root_spare, seconds,
            judges_kills, systemd if busy is None else busy, tuple(kernels), by_itself,
            by_name, programs or {}, tuple(packages), own_package, play.__module__.rsplit(".", 1)[1])
        return play

    return register


def all_scenarios():
    from . import scenarios

    for module in sorted(m.name for m in pkgutil.iter_modules(scenarios.__path__)):
        importlib.import_module(f"{scenarios.__name__}.{module}")
    return SCENARIOS
