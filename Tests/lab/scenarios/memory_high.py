"""memory.high: a task that is contained, alive, and makes no progress."""

from ..account import figure, link
from ..scenario import scenario


@scenario()
def livelock(guest, judge):
    """A task above memory.high with nothing to reclaim, until the cap is lifted."""
    guest.record()
    hog = guest.cgroup("hog", memory_high="40M", memory_max="200M", memory_swap_max=0)
    before = guest.truth.pressure(hog)["full"]
    task = guest.start("load memory 150M", cgroup=hog)
    guest.until_incident("the live-lock is reported", lambda i: i["class"] == "throttle_livelock" and not i["ended"], 60)
    guest.sleep(10)
    guest.write("/sys/fs/cgroup/hog/memory.high", "max")
    task.until_full()
    stalled_us = guest.truth.pressure(hog)["full"] - before
    guest.until_incident("the live-lock is over", lambda i: i["ended"], 60)
    task.kill()
    account = guest.stop()

    incident = judge.one(account.of_class("throttle_livelock"), "of class throttle_livelock")
    judge.equal(incident["scope"].get("cgroup"), hog, "its scope")
    judge.equal(incident["ended"]["by"], "recovered", "what ended it")
    throttle = link(incident, "throttle")
    judge.must(throttle is not None, "the chain has the throttle", incident["chain"])
    suspect = incident["suspects"][0]
    judge.equal(suspect["cgroup"], hog, "the first suspect")
    judge.near(suspect["throttled_task_ns"], stalled_us * 1000, "the stall time of a single task, beside memory.pressure", ratio=0.05)
    return account
