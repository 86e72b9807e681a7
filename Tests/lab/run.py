"""Plays one scenario on one kernel, from boot to verdict."""

import shutil
import time
import traceback
from dataclasses import dataclass, field

from .errors import LabError, Unsupported
from .guest import Guest
from .image import debian_root, initramfs
from .judge import Hopeless, Judge
from .machine import Disk, Machine
from .packages import own_package_image, packages_image
from .programs import guest_program


@dataclass
class Result:
    scenario: str
    kernel: str
    status: str
    "ok, FAIL or skip"
    seconds: float
    detail: str
    failures: list = field(default_factory=list)
    final: bool = False
    "whether another run cannot excuse it"


@dataclass(frozen=True)
class Site:
    """Where a scenario boots its own guests."""

    lab: "Lab"
    kernel: object
    directory: object


class Lab:
    """What all runs share: the binary, the cache, the schemas, and where results go."""

    def __init__(self, binary, cache, results, schemas, say):
        self.binary, self.cache, self.results, self.schemas, self.say = binary, cache, results, schemas, say

    def play(self, scenario, kernel, keep=False, attempt=1):
        """Runs it and gives a Result; never an exception of the scenario's."""
        begun = time.monotonic()
        directory = self.results / (f"{scenario.name}-{kernel.name}" + ("" if attempt == 1 else "-again"))
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        judge = Judge(self.schemas)
        account = None
        try:
            if scenario.by_itself:
                account = scenario.play(Site(self, kernel, directory), judge)
                judge.recording(account)
            else:
                account = self.in_guest(scenario, kernel, directory, judge)
            if not judge.passed:
                judge.must(False, "the scenario has looked at something")
            status = "FAIL" if judge.failures else "ok"
            detail = "; ".join([f"{judge.passed} checks", account.describe(), *judge.notes])
        except Unsupported as reason:
            status, detail = "skip", str(reason)
        except (Hopeless, LabError) as error:
            status, detail = "FAIL", str(error)
            judge.failures.append(str(error))
        except Exception as error:
            status, detail = "FAIL", f"{type(error).__name__}: {error}"
            judge.failures.append(traceback.format_exc())
        if status == "FAIL":
            (directory / "failures.txt").write_text("\n".join(judge.failures) + "\n")
        for image in directory.glob("*.img"):
            # What lost something is to be looked into.
            if not keep and not judge.final:
                image.unlink()
        if status != "FAIL" and not keep:
            shutil.rmtree(directory)
        return Result(scenario.name, kernel.name, status, time.monotonic() - begun, detail, judge.failures, judge.final)

    def in_guest(self, scenario, kernel, directory, judge):
        disks = list(scenario.disks)
        cmdline = scenario.cmdline
        if scenario.systemd:
            disks.insert(0, Disk("root", content=debian_root(self.cache, self.say), spare=scenario.root_spare))
            cmdline += " lab.root=/dev/vda1" if scenario.root_spare else " lab.root=/dev/vda"
        if scenario.packages:
            disks.append(Disk("packages", content=packages_image(scenario.packages, self.cache, self.say)))
        if scenario.own_package:
            built = self.results.parent / "package"
            disks.append(Disk("package", content=own_package_image(built, directory / "own-package.ext4")))
        programs = [guest_program(name, libraries, self.cache) for name, libraries in scenario.programs.items()]
        archive = initramfs(kernel, self.binary, self.cache, programs=programs)
        with Machine(kernel, archive, directory, disks, scenario.memory, scenario.cpus, cmdline) as machine:
            guest = Guest(machine, self.binary, scenario.systemd, time.monotonic() + scenario.seconds)
            try:
                if scenario.packages:
                    guest.unpack(f"/dev/vd{'abcdefgh'[len(disks) - 1]}")
                account = scenario.play(guest, judge)
                if scenario.judges_kills:
                    judge.kills(account, guest.truth.kills())
            except BaseException:
                self.save_evidence(guest, directory)
                raise
            if judge.failures:
                self.save_evidence(guest, directory, recording=False)
        judge.recording(account)
        return account

    @staticmethod
    def save_evidence(guest, directory, recording=True):
        """What helps to understand a failure, as far as the guest still gives it."""
        guest.deadline = time.monotonic() + 60
        for name, take in [
            ("kernel.log", lambda: guest.truth.kernel_log()),
            ("stacks.log", lambda: guest.try_sh("for p in /proc/[0-9]*; do echo $p $(cat $p/comm); cat $p/stack; done", 20)[1]),
            ("recorder.log", lambda: guest.try_sh("cat /run/agent/recorder-*.log", 10)[1]),
            ("journal.log", lambda: guest.try_sh("journalctl -b --no-pager | tail -n 500", 20)[1] if guest.with_systemd else ""),
        ]:
            try:
                (directory / name).write_text(take())
            except Exception as error:
                (directory / name).write_text(f"not to be had: {error}\n")
        if recording:
            try:
                guest.account()
            except Exception as error:
                (directory / "recording.txt").write_text(f"not to be had: {error}\n")
