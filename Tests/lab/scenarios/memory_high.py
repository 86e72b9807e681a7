"""memory.high: tasks that are contained, alive, and make no progress."""

from ..account import backstop, bytes_after, link
from ..scenario import scenario


@scenario()
def livelock(guest, judge):
    """A task above memory.high with nothing to reclaim, until the cap is lifted."""
    guest.record()
    hog, before = capped(guest)
    task = guest.start("load memory 150M", cgroup=hog)
    guest.until_open("throttle_livelock")
    guest.sleep(10)
    held = guest.truth.usage(hog)
    guest.write("/sys/fs/cgroup/hog/memory.high", "max")
    task.until_full()
    stalled_us = guest.truth.pressure(hog)["full"] - before
    guest.until_over()
    task.kill()
    account = guest.stop()

    incident = judge_livelock(judge, account, hog)
    judge.near(throttled(incident, hog), stalled_us * 1000, "the stall time of a single task, beside memory.pressure", ratio=0.05)
    judge.equal(account.kills, [], "the list of kills")
    judge.near(bytes_after(incident["summary"], "It uses"), held, "the use that the summary tells", slack=1 << 20)
    judge.equal(bytes_after(incident["summary"], "memory.high at"), 40 << 20, "the memory.high that the summary tells")
    caps = next(b for b in incident["backstops"] if b["name"] == "caps")
    judge.equal({e["name"]: e["value"] for e in caps["evidence"]}, {
        "memory.max of /hog": 300 << 20, "memory.high of /hog": 40 << 20, "memory.swap.max of /hog": 0}, "what its caps were")
    return account


@scenario()
def livelock_killed(guest, judge):
    """A task above memory.high, until an admin kills it."""
    guest.record()
    hog, before = capped(guest)
    task = guest.start("load -n stuck memory 150M", cgroup=hog)
    guest.until_open("throttle_livelock")
    guest.sleep(5)
    task.kill()
    judge.equal(task.wait(30)[0], 137, "the wait status of the killed task")
    stalled_us = guest.truth.pressure(hog)["full"] - before
    guest.until_over()
    account = guest.stop()

    incident = judge_livelock(judge, account, hog)
    judge.near(throttled(incident, hog), stalled_us * 1000, "the stall time of a single task, beside memory.pressure", ratio=0.05)
    judge.equal([(k["victim"]["pid"], k["cause"]["killer"]) for k in incident["kills"]], [(task.pid, "user")], "its kills")
    judge.chain_order(incident, "growth", "throttle", "kill")
    judge.must(f"stuck[{task.pid}]" in incident["summary"], "the summary names the victim", incident["summary"])
    return account


@scenario()
def livelock_of_several(guest, judge):
    """Several tasks above one memory.high: their stall time is task-seconds, and the account says so."""
    guest.record()
    hog, before = capped(guest)
    begun_ns = guest.truth.boottime_ns()
    tasks = [guest.start("load memory 60M", cgroup=hog) for _ in range(4)]
    guest.until_open("throttle_livelock")
    guest.sleep(8)
    guest.write("/sys/fs/cgroup/hog/memory.high", "max")
    for task in tasks:
        task.until_full()
    pressure = guest.truth.pressure(hog)
    elapsed_ns = guest.truth.boottime_ns() - begun_ns
    guest.until_over()
    for task in tasks:
        task.kill()
    account = guest.stop()

    incident = judge_livelock(judge, account, hog)
    union_ns = (pressure["some"] - before) * 1000
    found = throttled(incident, hog)
    # Each of the four stalls nearly all the time: their sum is more than the union over them that memory.pressure is, and cannot
    # be more than all of them all the time.
    judge.must(union_ns * 1.5 < found <= len(tasks) * elapsed_ns * 1.02,
               f"the stall time is of tasks: between memory.pressure's {union_ns} and {len(tasks)} x {elapsed_ns}", found)
    judge.must("task time" in link(incident, "throttle")["text"], "the chain says that this is task time", incident["chain"])
    for told in [account.run("show", incident["id"]), account.run("export", incident["id"], "--format", "markdown")]:
        judge.must("task time" in told, "whoever reads its figures is told that this is task time", told)
    return account


def capped(guest):
    """A cgroup with a memory.high; gives it with its pressure so far."""
    hog = guest.cgroup("hog", memory_high="40M", memory_max="300M", memory_swap_max=0)
    return hog, guest.truth.pressure(hog)["full"]


def throttled(incident, cgroup):
    return next((s["throttled_task_ns"] for s in incident["suspects"] if s["cgroup"] == cgroup and not s["pid"]), None)


def judge_livelock(judge, account, hog):
    """What holds for each of them; gives the incident."""
    incident = judge.one(account.of_class("throttle_livelock"), "of class throttle_livelock")
    judge.equal(incident["scope"].get("cgroup"), hog, "its scope")
    judge.equal(incident["ended"]["by"], "recovered", "what ended it")
    judge.must(link(incident, "throttle") is not None, "the chain has the throttle", incident["chain"])
    judge.equal(incident["suspects"][0]["cgroup"], hog, "the first suspect")
    for name in ["earlyoom", "systemd-oomd"]:
        judge.equal(backstop(incident, name)[0], "not running", f"what is said of {name}")
    return incident
