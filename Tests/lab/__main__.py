"""The command: `tools/lab list`, `tools/lab run` and `tools/lab power`."""

import argparse
import fcntl
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from .errors import LabError
from .kernels import KERNELS, unpacked
from .power import DISKS, PowerCuts
from .run import Lab, Result
from .scenario import all_scenarios
from .schemas import Schemas

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / ".build"


def main():
    parser = argparse.ArgumentParser(prog="tools/lab", description="Real kernels, real disasters, and inquest's account of them.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="the scenarios and the kernels")
    run = verbs.add_parser("run", help="play scenarios, and judge what inquest says about them")
    run.add_argument("scenario", nargs="*", help="when none is named all but those that only measure")
    run.add_argument("--kernel", nargs="+", action="extend", metavar="V", choices=[k.name for k in KERNELS], help="only on these kernels")
    run.add_argument("--keep", action="store_true", help="keep console, recording and disks of every run, not only of a failed one")
    run.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                     help="busy guests at once, and one more of those that mostly wait (default: one a CPU)")
    power = verbs.add_parser("power", help="cut the power under recordings, many times")
    power.add_argument("--cuts", type=int, default=200, metavar="N", help="recordings to cut, at least, seven at a time (default 200)")
    power.add_argument("--seed", type=int, metavar="N", help="make the choices of that run again")
    power.add_argument("--kernel", nargs="+", action="extend", metavar="V", choices=[k.name for k in KERNELS], help="only on these kernels")
    power.add_argument("--disk", choices=DISKS, default="honest", help="a lying one ignores flushes: the run must fail")
    power.add_argument("--writer", choices=["synced", "unsynced"], default="synced", help="an unsynced one does not flush: it must fail")
    for verb in [run, power]:
        verb.add_argument("--binary", type=Path, default=BUILD / "release" / "inquest", metavar="FILE",
                          help="the inquest to judge (default .build/release/inquest)")
    arguments = parser.parse_args()
    if arguments.verb == "power":
        return cut_power([k for k in KERNELS if not arguments.kernel or k.name in arguments.kernel], arguments)
    scenarios = all_scenarios()
    if arguments.verb == "list":
        show(scenarios)
        return 0
    unknown = [s for s in arguments.scenario if s not in scenarios]
    if unknown:
        parser.error(f"no scenario is called {', '.join(unknown)}; see tools/lab list")
    chosen = [scenarios[s] for s in arguments.scenario] or [s for s in scenarios.values() if not s.by_name]
    kernels = [k for k in KERNELS if not arguments.kernel or k.name in arguments.kernel]
    return play_all(chosen, kernels, arguments)


def show(scenarios):
    width = max(map(len, scenarios))
    for scenario in scenarios.values():
        by_name = " (only when it is named)" if scenario.by_name else ""
        print(f"{scenario.name:{width}}  {'systemd  ' if scenario.systemd else 'initramfs'}  {scenario.title}{by_name}")
    print(f"\nkernels: {', '.join(k.name for k in KERNELS)}")


def the_lab(arguments, say):
    cache = Path(os.environ.get("INQUEST_LAB_CACHE", BUILD / "lab-cache"))
    lab = Lab(arguments.binary.resolve(), cache, BUILD / "lab", Schemas(ROOT / "docs"), say)
    if not lab.binary.exists():
        raise LabError(f"{lab.binary} is not there; tools/inquest --version builds it")
    return lab


def cut_power(kernels, arguments):
    """The long run of the scenario power-cut."""
    lab = the_lab(arguments, lambda text: print(f"lab: {text}", file=sys.stderr, flush=True))
    seed = int.from_bytes(os.urandom(4)) if arguments.seed is None else arguments.seed
    print(f"seed {seed}; the disks are {arguments.disk}, the test's writer is {arguments.writer}", flush=True)
    failed = 0
    for kernel in kernels:
        directory = lab.results / f"power-{kernel.name}"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        with Slot(os.cpu_count(), busy=True):
            power = PowerCuts(lab, unpacked(kernel, lab.cache, lab.say), directory, seed, arguments.disk, arguments.writer)
            power.run(-(-arguments.cuts // (7 * len(kernels))), lambda text: print(f"{kernel.name}: {text}", flush=True))
        print(f"\nkernel {kernel.name}, seed {seed}\n{power.table()}")
        for failure in power.failures:
            print(f"FAIL  {failure}", flush=True)
        if power.failures:
            failed += 1
        else:
            shutil.rmtree(directory)
    return 1 if failed else 0


def play_all(chosen, kernels, arguments):
    pairs = [(s, k) for s in sorted(chosen, key=lambda s: -s.seconds) for k in kernels if not s.kernels or k.name in s.kernels]
    progress = Progress(len(pairs))
    lab = the_lab(arguments, progress.say)
    work = queue.Queue()
    # The long ones first, so that the end is not waiting for one of them alone.
    for pair in pairs:
        work.put(pair)
    ready = {}
    for kernel in kernels:
        try:
            ready[kernel.name] = unpacked(kernel, lab.cache, progress.say)
        except LabError as error:
            ready[kernel.name] = error
    workers = [threading.Thread(target=worker, args=(lab, work, ready, progress, arguments), daemon=True)
               for _ in range(arguments.jobs + 1)]
    for thread in workers:
        thread.start()
    try:
        for thread in workers:
            thread.join()
        play_again(lab, chosen, ready, progress, arguments)
    except KeyboardInterrupt:
        # The threads are daemons, and a guest dies with the thread that started it.
        print("\ninterrupted", file=sys.stderr)
        return 130
    return progress.verdict(lab.results)


def play_again(lab, chosen, ready, progress, arguments):
    """Plays what failed once more, alone: a guest that another one starved of its CPU proves nothing. Both runs are told."""
    by_name = {s.name: s for s in chosen}
    for first in [r for r in progress.results if r.status == "FAIL" and r.seconds and not r.final]:
        with Slot(arguments.jobs, busy=True):
            progress.begun(first.scenario, first.kernel)
            second = lab.play(by_name[first.scenario], ready[first.kernel], arguments.keep, attempt=2)
        progress.done(second, instead_of=first)


def worker(lab, work, ready, progress, arguments):
    while True:
        try:
            scenario, kernel = work.get_nowait()
        except queue.Empty:
            return
        usable = ready[kernel.name]
        if isinstance(usable, LabError):
            progress.done(Result(scenario.name, kernel.name, "FAIL", 0, f"no kernel: {usable}", [str(usable)]))
            continue
        with Slot(arguments.jobs, scenario.busy):
            progress.begun(scenario.name, kernel.name)
            progress.done(lab.play(scenario, usable, arguments.keep))


class Slot:
    """The right to run one guest, also between several runs of the lab on one machine: `jobs` busy ones at once, or for one of them two
    that mostly wait."""

    def __init__(self, jobs, busy):
        self.paths = [f"{tempfile.gettempdir()}/inquest-lab-{os.getuid()}.{n}.lock" for n in range(2 * jobs)]
        self.halves = 2 if busy else 1

    def __enter__(self):
        while True:
            self.files = []
            for path in self.paths:
                file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.files.append(file)
                except BlockingIOError:
                    os.close(file)
                if len(self.files) == self.halves:
                    return self
            # All or nothing: who held one and waited for another could wait for ever.
            self.__exit__()
            time.sleep(0.2)

    def __exit__(self, *_):
        for file in self.files:
            os.close(file)


class Progress:
    """One line a result; on a terminal also what is running."""

    def __init__(self, total):
        self.total = total
        self.results = []
        self.again = []
        self.running = []
        self.lock = threading.Lock()
        self.live = sys.stdout.isatty()

    def say(self, text):
        with self.lock:
            self.clear()
            print(f"lab: {text}", file=sys.stderr, flush=True)
            self.draw()

    def begun(self, scenario, kernel):
        with self.lock:
            self.running.append((scenario, kernel))
            self.clear()
            self.draw()

    def done(self, result, instead_of=None):
        with self.lock:
            if instead_of:
                self.results.remove(instead_of)
                self.again.append(result)
            self.results.append(result)
            if (result.scenario, result.kernel) in self.running:
                self.running.remove((result.scenario, result.kernel))
            self.clear()
            again = "again, alone: " if instead_of else ""
            print(f"{result.status:4}  {result.scenario:22} {result.kernel:5} {result.seconds:4.0f} s  {again}{result.detail}")
            for failure in result.failures[:12]:
                # Of a traceback its end; failures.txt has all of it.
                print("      | " + "\n      | ".join(failure.strip().split("\n")[-4:]))
            if len(result.failures) > 12:
                print(f"      | and {len(result.failures) - 12} more")
            self.draw()
            sys.stdout.flush()

    def clear(self):
        if self.live:
            print("\r\x1b[K", end="")

    def draw(self):
        if self.live and self.running:
            names = ", ".join(f"{s} {k}" for s, k in self.running)
            print(f"{len(self.results)} of {self.total}; running {names}"[:100], end="", flush=True)

    def verdict(self, results):
        count = {status: sum(r.status == status for r in self.results) for status in ["ok", "FAIL", "skip"]}
        if self.again:
            names = ", ".join(f"{r.scenario} {r.kernel} ({r.status})" for r in self.again)
            print(f"failed at first and played again: {names}; consoles and recordings of what failed: {results}")
        print(f"{count['ok']} passed, {count['FAIL']} failed, {count['skip']} skipped")
        return 1 if count["FAIL"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        sys.exit(1)
