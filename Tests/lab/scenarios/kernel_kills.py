"""What the kernel's own OOM killer does."""

from ..scenario import scenario
from ..truth import Witness


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
    events = guest.truth.cgroup(group, "memory.events")
    guest.until_over()
    account = guest.stop()

    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "contained_kill", "its class")
    judge.equal(incident["scope"].get("cgroup"), group, "its scope")
    # One record a victim: memory.events says 4 or, where it counts the chosen one twice, 5.
    judge.equal(sorted(k["victim"]["pid"] for k in incident["kills"]), sorted(j.pid for j in [*quiet, hog]), "the set of victims")
    judge.must(events["oom"] >= 1 and events["oom_kill"] in [4, 5], "memory.events counts the same kills", events)
    for kill in incident["kills"]:
        judge.equal(kill["cause"]["oom_group"], True, "oom_group")
        judge.equal(kill["cause"]["oom_memcg"], group, "the cgroup that ran out")
        judge.equal(kill["outcome"]["exit_code"], 9, "the exit code of a victim")
    judge.must(group in incident["summary"] and "group" in incident["summary"], "the summary names the group", incident["summary"])
    return account


@scenario()
def global_oom(guest, judge):
    """The machine runs out of memory, without swap."""
    guest.record()
    bystander, hog = exhaust(guest, judge)
    incident, account = judge_exhaustion(guest, judge, bystander, hog)
    judge.equal(incident["kills"][0]["victim"]["swap_bytes"], 0, "the victim's swap")
    return account


@scenario()
def global_oom_with_swap(guest, judge):
    """The machine runs out of memory and of swap."""
    guest.swap(150)
    before = guest.truth.vmstat()
    guest.record()
    witness = Witness(guest)
    bystander, hog = exhaust(guest, judge)
    swapped = (guest.truth.vmstat()["pswpout"] - before["pswpout"]) * 4096
    judge.must(swapped > 100 << 20, "the swap filled up first", swapped)
    incident, account = judge_exhaustion(guest, judge, bystander, hog)
    victim, host = incident["kills"][0]["victim"], incident["kills"][0]["host"]["memory"]
    judge.must((victim["swap_bytes"] or 0) > 50 << 20, "most of the swap was the victim's", victim["swap_bytes"])
    judge.equal(host["swap_total_bytes"], (150 << 20) - 4096, "the size of the swap")
    judge.held_on(account, witness)
    return account


@scenario()
def sysrq_f(guest, judge):
    """Somebody asks the kernel to kill, with memory to spare."""
    guest.record()
    largest = guest.start("load -n largest memory 80M 0 1000", uid=1001)
    largest.until_full()
    guest.sh("echo f >/proc/sysrq-trigger")
    judge.equal(largest.wait(30)[0], 137, "the wait status of the largest process")
    guest.until_over()
    account = guest.stop()

    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "global_oom", "its class")
    judge.equal(incident["scope"]["kind"], "host", "its scope")
    judge.equal([(k["victim"]["pid"], k["cause"]["killer"], k["cause"]["order"]) for k in incident["kills"]],
                [(largest.pid, "sysrq", -1)], "its kills")
    judge.must("sysrq" in incident["summary"] and "ran out" not in incident["summary"],
               "the summary says that it was asked for", incident["summary"])
    judge.equal(incident["kills"][0]["host"]["phase"], "calm", "the host's phase at the kill")
    return account


def exhaust(guest, judge):
    """Uses up the memory of the guest; gives who looks on and who is to die."""
    bystander = guest.start("load -n bystander memory 20M 0 1000", cgroup=guest.cgroup("quiet"))
    bystander.until_full()
    hog = guest.start("load -n hog memory 2G", cgroup=guest.cgroup("greedy"), uid=1002)
    judge.equal(hog.wait(120)[0], 137, "the wait status of the hog")
    return bystander, hog


def judge_exhaustion(guest, judge, bystander, hog):
    """What holds with swap and without; gives the incident and the account."""
    guest.until_over(timeout=90)
    judge.must(not bystander.is_over and not guest.recorder.is_over, "the bystander and the recorder live")
    bystander.kill()
    account = guest.stop()
    incident = judge.one(account.of_class("global_oom"), "of class global_oom")
    judge.equal(len(account.incidents), 1, "the number of incidents")
    judge.equal(incident["scope"]["kind"], "host", "its scope")
    judge.equal(incident["ended"]["by"], "recovered", "what ended it")
    judge.equal([(k["victim"]["pid"], k["cause"]["killer"]) for k in incident["kills"]], [(hog.pid, "kernel_global")], "its kills")
    judge.equal(incident["kills"][0]["outcome"]["exit_code"], 9, "the exit code of the victim")
    judge.equal(incident["suspects"][0]["cgroup"], "/greedy", "the first suspect")
    judge.must(f"hog[{hog.pid}]" in incident["summary"], "the summary names the victim", incident["summary"])
    judge.chain_order(incident, "growth", "kill")
    return incident, account
