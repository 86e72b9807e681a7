"""Which hook hears what on which kernel: KERNELS.md, checked."""

import json
from pathlib import Path

from ..account import link
from ..scenario import scenario
from .memory_high import capped, throttled

KERNELS_MD = Path(__file__).resolve().parents[3] / "KERNELS.md"


def cell(hook):
    """A hook's cell in KERNELS.md: the mechanism in use, and whether there is a better one."""
    if hook["mode"] == "absent":
        return "-"
    return f"`{hook['mechanism']}`" + (" (plain)" if hook["mode"] == "plain" else "")


def column(kernel):
    """{feature: cell} of a kernel's column in the first table of KERNELS.md."""
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in KERNELS_MD.read_text().splitlines() if line.startswith("|")]
    if kernel not in rows[0]:
        return {}
    at = rows[0].index(kernel)
    return {row[0].strip("`"): row[at] for row in rows[2:] if len(row) > at and row[0].startswith("`")}


@scenario()
def hooks(guest, judge):
    """Each hook of this kernel is the one that KERNELS.md names, and a drill is heard."""
    told = json.loads(guest.try_sh("inquest doctor --json")[1])
    judge.equal(column(guest.machine.kernel.name), {h["name"]: cell(h) for h in told["hooks"]},
                f"the column {guest.machine.kernel.name} of KERNELS.md")
    judge.must(told["can_record"], "doctor says that it can record", told["verdicts"])
    guest.record()
    guest.cgroup("drilled", memory_max="30M", memory_swap_max=0)
    status, _ = guest.start("load memory 60M", cgroup="/drilled").wait(60)
    judge.equal(status, 137, "the wait status")
    account = guest.stop()
    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "contained_kill", "its class")
    return account


@scenario()
def without_trampolines(guest, judge):
    """With kernel.ftrace_enabled=0 no trampoline runs: kills and stalls are heard from tracepoints alone."""
    guest.sh("sysctl -w kernel.ftrace_enabled=0")
    told = {h["name"]: h for h in json.loads(guest.try_sh("inquest doctor --json")[1])["hooks"]}
    for name in ["oom_kill", "memory_high"]:
        judge.equal(told[name]["mode"], "plain", f"the hook for {name}")
        judge.must(told[name]["errno"] != 0, f"doctor says why the better hook for {name} is not in use", told[name])
    guest.record()

    hog, before = capped(guest)
    stuck = guest.start("load memory 150M", cgroup=hog)
    guest.until_open("throttle_livelock")
    guest.sleep(10)
    guest.write("/sys/fs/cgroup/hog/memory.high", "max")
    stuck.until_full()
    stalled_us = guest.truth.pressure(hog)["full"] - before
    guest.until_over()
    stuck.kill()

    parent = guest.cgroup("parent", memory_max="40M", memory_swap_max=0)
    guest.cgroup("parent/child")
    status, _ = guest.start("load -u 1001 -n hungry memory 90M", cgroup=f"{parent}/child").wait(60)
    judge.equal(status, 137, "the wait status")
    account = guest.stop()

    locked = judge.one(account.of_class("throttle_livelock"), "of class throttle_livelock")
    judge.must(link(locked, "throttle") is not None, "the chain has the throttle", locked["chain"])
    # The switch is heard from the first sample above calm on: what was before is missing.
    judge.near(throttled(locked, hog), stalled_us * 1000, "the stall time beside memory.pressure", ratio=0.15)
    kill = judge.one(account.of_class("contained_kill"), "of class contained_kill")["kills"][0]
    judge.equal(kill["victim"]["cgroup"], "/parent/child", "the victim's cgroup")
    judge.equal(kill["cause"]["oom_memcg"], "/parent", "the cgroup that ran out")
    judge.equal(kill["cause"]["gfp_mask"], None, "what only the trampoline knows")
    return account
