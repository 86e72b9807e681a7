"""What the kernel's own OOM killer does."""

from ..scenario import scenario


@scenario()
def group_kill(guest, judge):
    """memory.oom.group: every process of the cgroup dies, and it is one incident."""
    guest.record()
    group = guest.cgroup("group", memory_max="60M", memory_swap_max=0, memory_oom_group=1)
    quiet = [guest.start("load -n quiet memory 4M 0 1000", cgroup=group) for _ in range(3)]
    for job in quiet:
        job.until_full()
    hog = guest.start("load -n hog memory 200M", cgroup=group)
    statuses = [job.wait(30)[0] for job in [*quiet, hog]]
    judge.equal(statuses, [137] * 4, "the wait statuses of the processes")
    guest.until_incident("the incident is over", lambda i: i["ended"], 60)
    account = guest.stop()

    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "contained_kill", "its class")
    judge.equal(sorted(k["victim"]["pid"] for k in incident["kills"]), sorted(j.pid for j in [*quiet, hog]), "the set of victims")
    for kill in incident["kills"]:
        judge.equal(kill["cause"]["oom_group"], True, "oom_group")
        judge.equal(kill["cause"]["oom_memcg"], group, "the cgroup that ran out")
    judge.must(group in incident["summary"] and "group" in incident["summary"], "the summary names the group", incident["summary"])
    return account
