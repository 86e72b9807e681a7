"""What would stop a runaway: what is foretold, and what then happens; and the drills."""

import json
import re

from ..account import backstop
from ..scenario import scenario
from .earlyoom import sent


def containment(guest):
    """What `inquest doctor --containment` says in the guest."""
    return json.loads(guest.sh("inquest doctor --containment --json"))


def findings(report):
    """{(verdict, rule, subject)}"""
    return {(f["verdict"], f["rule"], f["subject"]) for f in report["findings"]}


def adjust(guest, job, adjustment):
    guest.write(f"/proc/{job.pid}/oom_score_adj", adjustment)


@scenario()
def who_is_next(guest, judge):
    """The kernel kills in the order that was foretold: by size, page tables and oom_score_adj."""
    guest.record()
    sizes = [("small", "20M", 600), ("middle", "40M", 300), ("large", "80M", 0), ("spared", "30M", -1000)]
    jobs = []
    for name, size, adjustment in sizes:
        job = guest.start(f"load -n {name} memory {size} 0 1000")
        job.until_full()
        adjust(guest, job, adjustment)
        jobs.append(job)
    small, middle, large, spared = jobs
    report = containment(guest)
    scores = {job.pid: int(guest.read(f"/proc/{job.pid}/oom_score")) for job in jobs}
    # It takes 40 MiB more than there are: the first victim's 20 are too little, the second's are enough. Itself it is chosen last.
    available_kb = int(re.search(r"MemAvailable: +([0-9]+)", guest.read("/proc/meminfo"))[1])
    hog = guest.start(f"load -n hog memory {available_kb // 1024 + 40}M 0 1000")
    adjust(guest, hog, -900)
    judge.equal([job.wait(60)[0] for job in (small, middle)], [137, 137], "the wait statuses of the first two")
    hog.kill()
    guest.until_over()
    judge.must(not spared.is_over, "the exempt one lives")
    for job in (large, spared):
        if not job.is_over:
            job.kill()
    account = guest.stop()

    ranking = report["facts"]["ranking"]
    judge.equal([c["pid"] for c in ranking][:3], [small.pid, middle.pid, large.pid], "the order that was foretold")
    judge.equal({c["pid"]: c["oom_score"] for c in ranking if c["pid"] in scores},
                {pid: scores[pid] for pid in (c["pid"] for c in ranking) if pid in scores}, "oom_score, as the kernel has it")
    judge.must(spared.pid in [c["pid"] for c in report["facts"]["exempt"]], "the exempt one is told", report["facts"]["exempt"])
    killed = [k["victim"]["pid"] for k in account.kills if k["cause"]["killer"] == "kernel_global"]
    judge.equal(killed[:2], [small.pid, middle.pid], "whom the kernel killed, in order")
    points = account.kills[0]["cause"]["chosen_points"]
    if points is not None:
        judge.near(points, ranking[0]["points"], "the badness of the first", ratio=0.02)
    return account


@scenario()
def drill_high(guest, judge):
    """A live-lock at memory.high is rehearsed beside a recorder, released, and leaves nothing."""
    guest.cgroup("any")
    guest.record()
    document = json.loads(guest.sh("inquest drill high --memory 32M --json", timeout=150))
    left = guest.sh("ls /sys/fs/cgroup /tmp").split()
    guest.until_over("throttle_livelock", timeout=90)
    account = guest.stop()

    judge.equal((document["schema"], document["scenario"], document["verdict"]), ("inquest.drill/1", "high", "proven"), "its verdict")
    judge.must(all(step["seen"] for step in document["steps"]), "every step was seen", document["steps"])
    judge.must(not [name for name in left if name.startswith("inquest-drill")], "nothing is left of it", left)
    incident = judge.one(account.of_class("throttle_livelock"), "of class throttle_livelock")
    judge.must(incident["scope"]["cgroup"].startswith("/inquest-drill-"), "the recorder heard the same", incident["scope"])
    judge.equal(incident["kills"], [], "its kills")
    return account


@scenario(systemd=True)
def drill_backstop(guest, judge):
    """earlyoom's dry run names a victim and kills nobody; short of memory, the real one kills that one."""
    guest.write("/etc/default/earlyoom", """EARLYOOM_ARGS="-m 25,15 -s 100,100 -r 60 --avoid '^(sshd|load)$'\"""")
    guest.sh("systemctl start earlyoom")
    guest.record()
    grown = guest.start("load -n grown memory 120M 0 1000", uid=1001)
    grown.until_full()
    report = containment(guest)
    document = json.loads(guest.sh("inquest drill backstop --json"))
    alive = not grown.is_over
    # Enough to bring earlyoom about, and not so much that it would go on when its victim is gone.
    filler = guest.start("load -n filler memory 200M 30M")
    adjust(guest, filler, -900)
    status = grown.wait(60)[0]
    filler.kill()
    guest.until_over()
    truth = sent(guest)
    account = guest.stop()

    judge.must(alive, "the dry run killed nobody")
    judge.equal((document["scenario"], document["verdict"]), ("backstop", "proven"), "its verdict")
    judge.must(f"grown[{grown.pid}]" in document["text"], "it names whom earlyoom would kill", document)
    told = {f["rule"]: f for f in report["findings"]}
    judge.must(f"grown[{grown.pid}]" in told["earlyoom_lists"]["finding"], "and so does doctor", told["earlyoom_lists"])
    judge.equal(status, 128 + 15, "the wait status of the victim")
    judge.must(grown.pid in truth, "earlyoom's log names it", truth)
    incident = judge.one([i for i in account.incidents if i["kills"]], "with kills")
    judge.equal(incident["kills"][0]["victim"]["pid"], grown.pid, "the first victim of the incident")
    judge.must(backstop(incident, "earlyoom")[0].startswith("acted"), "earlyoom acted", incident["backstops"])
    return account


@scenario()
def one_fact_changed(guest, judge):
    """A cap, swap on a disk, swap on zram, a tree without the io controller: each changes the findings that depend on it, and no other."""
    guest.record()
    tree = guest.cgroup("tree")
    job = guest.start("load -n idle memory 20M 0 1000", cgroup=tree)
    job.until_full()

    def changed(script):
        before = findings(containment(guest))
        guest.sh(script)
        after = findings(containment(guest))
        return before - after, after - before

    judge.equal(changed(f"echo 100M >/sys/fs/cgroup{tree}/memory.max"),
                ({("gap", "uncapped_tree", tree)}, {("holds", "caps", None)}), "what a cap changes")
    judge.equal(changed(f"echo 50M >/sys/fs/cgroup{tree}/memory.high; echo max >/sys/fs/cgroup{tree}/memory.max"),
                ({("holds", "caps", None)}, {("gap", "high_without_max", tree)}), "what memory.high without memory.max changes")
    guest.swap(50)
    judge.must(("gap", "swap_on_disk", "vda") in findings(containment(guest)), "swap on a disk is told")
    judge.equal(changed(f"echo 0 >/sys/fs/cgroup{tree}/memory.swap.max"),
                ({("gap", "swap_on_disk", "vda")}, {("holds", "swap_on_disk", "vda")}), "what forbidding it changes")
    guest.module("zram")
    judge.equal(changed("swapoff /data/swap; echo 50M >/sys/block/zram0/disksize; mkswap /dev/zram0; swapon /dev/zram0"),
                ({("holds", "swap_on_disk", "vda")}, {("holds", "swap_in_memory", "zram0")}), "what zram instead changes")
    guest.cgroup("outer/inner")
    judge.equal(changed("echo -io >/sys/fs/cgroup/outer/cgroup.subtree_control"),
                (set(), {("gap", "io_not_charged", "/outer")}), "what a tree without the io controller changes")
    job.kill()
    account = guest.stop()
    judge.quiet(account)
    return account
