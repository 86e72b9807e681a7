"""The incident that inquest was made after: memory pressure becomes an IO storm, and the machine is reset. And its fix."""

from ..account import backstop, figure, link
from ..scenario import scenario
from ..truth import Witness
from .privileges import confinement

USERS = {1001: "ana", 1002: "ben", 1003: "cyn"}
RUNAWAY = 1002
# One virtual disk for everything, as slow as its host allows.
DISK = {"bytes_per_second": 30_000_000}


def session(guest, uid, command):
    """A user's terminal: the tree that nobody capped."""
    guest.sh(f"systemd-run -q --unit=tmux-{USERS[uid]} --slice=user-{uid}.slice --uid={uid} -p IOAccounting=yes /bin/sh -c '{command}'")


def service(guest, uid):
    """A user's other tree, in system.slice: the one that was capped."""
    guest.sh(f"systemd-run -q --unit=t3-serve@{USERS[uid]} --uid={uid} -p IOAccounting=yes -p MemoryHigh=48M -p MemoryMax=64M "
             "-p MemorySwapMax=0 /lab/load -n serve crowd 2 3M 300")


def services(guest):
    """The users' capped trees, there before the recorder."""
    for uid in USERS:
        service(guest, uid)


def users_at_work(guest):
    """The users' other trees; gives the pid of the one process that does not stop growing."""
    for uid in USERS:
        if uid != RUNAWAY:
            # Many who read now and then: those whom the storm makes wait, in D state.
            session(guest, uid, f"for n in {' '.join('x' * 16)}; do /lab/load -n reader reader /lab/inquest 500 & done; "
                    "exec /lab/load -n editor crowd 16 3M 1500")
    session(guest, RUNAWAY, "/lab/load -n editor crowd 20 1M 1500 & exec /lab/load -n ugrep memory 700M 40M")
    return int(guest.sh(f"systemctl show --value -p MainPID tmux-{USERS[RUNAWAY]}"))


@scenario(systemd=True, disks=(), seconds=400, judges_kills=False)
def origin(guest, judge):
    """One user's runaway in an uncapped tree, swap on a slow disk, a wedge, and the reset button"""
    guest.swap(600)
    # The swap file's pages in the cache would have to go first.
    guest.write("/proc/sys/vm/drop_caches", 1)
    services(guest)
    guest.record()
    witness = Witness(guest)
    runaway = users_at_work(guest)
    guest.throttle("root", **DISK)
    guest.until("the box is wedged", lambda: witness.counts()["memory_full_avg10"] > 30 and
                witness.written_per_second(5) > 0.7 * DISK["bytes_per_second"], timeout=200)
    guest.sleep(10)
    guest.reset(unthrottle=["root"])
    reset_ns, reset_realtime_ns = witness.time()

    before_ns, boot_realtime_ns = guest.truth.realtime_ns(), guest.truth.boot_realtime_ns()
    guest.record()
    after_ns = guest.truth.realtime_ns()
    account = guest.stop()

    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "swap_thrash", "its class")
    judge.equal(incident["scope"]["kind"], "host", "its scope")
    judge.held_on(account, witness)
    how_it_ended(judge, incident, reset_ns, reset_realtime_ns, boot_realtime_ns, before_ns, after_ns)
    the_chain(judge, incident, runaway, rise_of_load(account, incident))
    the_people(judge, incident, runaway)
    swap_bytes(judge, account, incident, witness)
    why_nobody_killed(judge, incident)
    post_mortem(judge, account)
    return account


@scenario(systemd=True, disks=(), seconds=300)
def the_fix(guest, judge):
    """The same load with a cap on every tree: the cap does its work, nobody else notices, and a confined recorder tells it"""
    guest.swap(600)
    guest.write("/proc/sys/vm/drop_caches", 1)
    guest.sh("mkdir -p /etc/systemd/system/user-.slice.d")
    guest.write("/etc/systemd/system/user-.slice.d/cap.conf", "[Slice]\nMemoryMax=100M\nMemorySwapMax=0")
    guest.sh("systemctl daemon-reload")
    services(guest)
    guest.sh("systemctl set-property --runtime inquest.slice MemoryMin=64M")
    # The lab's socket is in /run itself; a service's own would be in a directory that systemd makes for it.
    guest.record(inside="systemd-run -q --pipe --wait --unit=inquest --slice=inquest.slice -p MemoryMin=64M -p ReadWritePaths=/run "
                 + confinement())
    line = guest.recorder_says()
    judge.must("not protected" not in line and
               "in /inquest.slice/inquest.service (systemd manages cgroups): 64 MiB kept, not swapped" in line,
               "the confined recorder is protected", line)
    swapped_out = guest.truth.vmstat()["pswpout"]
    guest.throttle("root", **DISK)
    runaway = users_at_work(guest)
    guest.until_over(timeout=150)
    swapped_out = guest.truth.vmstat()["pswpout"] - swapped_out
    account = guest.stop()

    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "contained_kill", "its class")
    judge.equal(incident["scope"]["cgroup"], "/user.slice/user-1002.slice", "its scope")
    kill = incident["kills"][0]
    judge.equal([k["victim"]["pid"] for k in incident["kills"]], [runaway], "the victims' list")
    judge.equal((kill["victim"]["comm"], kill["victim"]["user"]), ("ugrep", "ben"), "the victim")
    judge.equal((kill["cause"]["killer"], kill["cause"]["constraint"]), ("kernel_memcg", "CONSTRAINT_MEMCG"), "the cause")
    judge.equal(kill["cause"]["oom_memcg"], "/user.slice/user-1002.slice", "the cgroup that ran out")
    judge.must(swapped_out < 256, "swap was flat", swapped_out)
    judge.must("swap stayed flat" in incident["summary"], "the summary says that swap was flat", incident["summary"])
    judge.equal(incident["bystanders"], [], "the bystanders' list")
    judge.must(kill["host"]["phase"] in ["calm", "watch"] and incident["severity"] in ["calm", "watch"], "the host stayed below pressure",
               (kill["host"]["phase"], incident["severity"]))
    return account


def how_it_ended(judge, incident, reset_ns, reset_realtime_ns, boot_realtime_ns, before_ns, after_ns):
    """The witness's last word is up to a tenth of a second older than the reset; the clock of each boot was set by the same hardware
    clock, which has whole seconds."""
    ended = incident["ended"]
    judge.equal(ended["by"], "unclean_reset", "what ended it")
    judge.near(ended["boottime_ns"], reset_ns, "the last record's time, beside the reset's", ratio=0, slack=2_000_000_000)
    ended_realtime_ns = reset_realtime_ns - reset_ns + ended["boottime_ns"]
    judge.near(ended["gap_ns"], (before_ns + after_ns) // 2 - ended_realtime_ns, "the gap until the next record", ratio=0,
               slack=(after_ns - before_ns) // 2 + 50_000_000)
    judge.near(ended["next_boot_realtime_ns"], boot_realtime_ns, "when the next boot began", ratio=0, slack=1_100_000_000)


def rise_of_load(account, incident):
    """How much the load average rose while it lasted: it may have been high before."""
    loads = [e["load1_milli"] / 1000 for e in account.of_kind("load")
             if incident["started"]["boottime_ns"] <= e["boottime_ns"] <= incident["ended"]["boottime_ns"]]
    return max(loads) - loads[0]


def the_chain(judge, incident, runaway, rise):
    judge.chain_order(incident, "growth", "swap_out", "saturation", "reset")
    judge.chain_order(incident, "growth", "stalls", "reset")
    growth, saturation, stalls = (link(incident, kind) or {"text": ""} for kind in ["growth", "saturation", "stalls"])
    judge.must(f"ugrep[{runaway}]" in growth["text"] and "user-1002.slice" in growth["text"], "growth names slice and process", growth["text"])
    judge.must((figure(saturation, "share of swap") or 0) >= 80, "most of the disk's bytes were swap", saturation)
    throughput = next((e for e in saturation.get("evidence", []) if e["name"].startswith("throughput")), {})
    judge.must(0.7 * DISK["bytes_per_second"] <= (throughput.get("threshold") or 0) <= 1.1 * DISK["bytes_per_second"],
               "the disk's ceiling was learned", throughput)
    judge.must("D state" in stalls["text"], "the stalls tell of D state", stalls["text"])
    # It is told in whole numbers.
    judge.must("load" in stalls["text"] or rise < 1, "the stalls tell of the load where it rose", f"{stalls['text']}; by {rise:.2f}")


def the_people(judge, incident, runaway):
    first = incident["suspects"][0]
    judge.must(within(first["cgroup"], "/user.slice/user-1002.slice"), "the runaway's slice is the first suspect", first)
    judge.equal((first["uid"], first["user"]), (1002, "ben"), "its user")
    process = next((s for s in incident["suspects"] if s["pid"]), {})
    judge.equal((process.get("pid"), process.get("comm"), process.get("user")), (runaway, "ugrep", "ben"), "the first process")
    for user in [1001, 1003]:
        judge.must(any(within(b["cgroup"], f"/user.slice/user-{user}.slice") for b in incident["bystanders"]),
                   f"user-{user}.slice is a bystander", incident["bystanders"])
        judge.must(not any(within(s["cgroup"], f"/user.slice/user-{user}.slice") and s["confidence"] == "high" for s in incident["suspects"]),
                   f"user-{user}.slice is no high suspect", incident["suspects"])
    judge.must(not any(within(b["cgroup"], "/user.slice/user-1002.slice") for b in incident["bystanders"]),
               "the runaway's own slice is no bystander", incident["bystanders"])


def swap_bytes(judge, account, incident, witness):
    """inquest's figures beside the kernel's own of the same moments, to the last before the reset that there are both of."""
    boot = incident["host"]["boot_id"]
    events = account.events[:next(n for n, e in enumerate(account.events) if e["kind"] == "recorder_start" and e["boot_id"] != boot)]
    events = [e for e in events if e["boottime_ns"] <= witness.last_comparable_ns()]
    disk = next(e["device"] for e in events if e["kind"] == "device_name" and e["name"] == "vda")
    sample = [e for e in events if e["kind"] == "device" and e["device"] == disk][-1]
    paging = [e for e in events if e["kind"] == "vmstat"][-1]
    for ours, event, truth in [("write_bytes", sample, lambda c: c["disk"]["write_bytes"]), ("pswpout", paging, lambda c: c["pswpout"])]:
        before, after = witness.counts_around(event["boottime_ns"])
        judge.must(truth(before) <= event[ours] <= truth(after), f"{ours} is between what the kernel said just before and after",
                   (truth(before), event[ours], truth(after)))
    heard = [e for e in events if e["kind"] == "io_interval" and e["device"] == disk and e["operation"] == "write" and e["swap"]]
    written = sum(e["bytes"] for e in heard)
    before, after = witness.counts_around(heard[-1]["boottime_ns"])
    # vmstat counts what was asked for, the hook what was done; a request has 1 MiB at most.
    judge.must(before["pswpout"] * 4096 - (sample["inflight_writes"] + 64 << 20) <= written <= after["pswpout"] * 4096,
               "the swap written is what vmstat says, but for what was in flight", (before["pswpout"] * 4096, written, sample["inflight_writes"]))
    suspect = incident["suspects"][0]
    charged = [e for e in events if e["kind"] == "cgroup_io" and e["swap"] and e["operation"] == "write"]
    own = sum(e["bytes"] for e in charged if e["boottime_ns"] >= incident["started"]["boottime_ns"] and
              within(path_of(events, e["cgroup_id"]), suspect["cgroup"]))
    judge.near(suspect["swap_written_bytes"], own, "the first suspect's swap", ratio=0.1, slack=8 << 20)
    judge.near(sum(e["bytes"] for e in charged), written, "the swap charged to cgroups, beside the disk's", ratio=0.02, slack=2 << 20)
    judge.must(own > sum(e["bytes"] for e in charged) / 3, "the first suspect wrote much of it", own)


def path_of(events, cgroup):
    return next((e["path"] for e in reversed(events) if e["kind"] == "cgroup" and e["id"] == cgroup), "")


def why_nobody_killed(judge, incident):
    """What is true here: no daemon is running, nothing was out of memory, and only three small trees have caps."""
    findings = {b["name"]: b["finding"] for b in incident["backstops"]}
    judge.equal((findings.get("earlyoom"), findings.get("systemd-oomd")), ("not running", "not running"), "the daemons' part")
    judge.must(findings.get("kernel", "").startswith("no OOM: reclaim still progressed"), "the kernel's part", findings)
    # The suspect's caps come first, the other trees after them.
    caps = backstop(incident, "caps")[0] or ""
    judge.must("user-1002.slice" in caps and "memory.max=max" in caps and "memory.swap.max=max" in caps, "the suspect's caps", caps)
    judge.must("caps elsewhere add up to 192 MiB" in caps, "the caps of the other trees", caps)


def post_mortem(judge, account):
    text = account.run("export", "last", "--format", "markdown")
    for section in ["Summary", "Impact", "How it came about", "Root cause and trigger", "Kills", "Why nobody killed", "Timeline", "Action items"]:
        judge.must(f"\n## {section}\n" in text, f"the post-mortem has a section {section}", text[:300])
    judge.must("ben" in text and "ugrep" in text, "the post-mortem names user and process")


def within(path, ancestor):
    return (path or "") == ancestor or (path or "").startswith(ancestor + "/")
