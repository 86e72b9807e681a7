"""systemd-oomd: the real daemon, where it kills, and where it is armed and cannot."""

import re

from ..account import backstop
from ..scenario import scenario

LIMIT = 10
"Percent of memory pressure at which it is told to kill."


def arm(guest, slice, oomd=""):
    """Has systemd-oomd watch the pressure of hungry.slice, which has the given other settings, and starts it."""
    guest.write("/etc/systemd/system/hungry.slice", f"""[Slice]
ManagedOOMMemoryPressure=kill
ManagedOOMMemoryPressureLimit={LIMIT}%
{slice}""")
    guest.sh("mkdir -p /etc/systemd/oomd.conf.d")
    guest.write("/etc/systemd/oomd.conf.d/lab.conf", f"[OOM]\n{oomd}")
    guest.sh("systemctl daemon-reload; systemctl start systemd-oomd")


def killed_by_oomd(guest):
    """What its log says that it killed: [(cgroup, reason)]."""
    return re.findall(r"^Killed (\S+) due to (memory pressure|memory used)", guest.log_of("systemd-oomd"), re.MULTILINE)


def judge_kills(guest, judge, account, pids, cgroup):
    """Its kills are one incident: every process of the cgroup that it killed, one by one, by systemd-oomd."""
    killer = int(guest.property("systemd-oomd", "MainPID"))
    incident = judge.one([i for i in account.incidents if i["kills"]], "with kills")
    judge.equal(incident["class"], "userspace_kill", "its class")
    judge.equal(incident["ended"]["by"], "recovered", "what ended it")
    judge.equal(sorted(k["victim"]["pid"] for k in incident["kills"]), sorted(pids), "the set of victims")
    for kill in incident["kills"]:
        name = kill["victim"]["comm"]
        judge.equal(kill["victim"]["cgroup"], cgroup, f"the cgroup of {name}")
        judge.equal((kill["cause"]["killer"], kill["cause"]["confidence"]), ("systemd_oomd", "high"), f"the killer of {name}")
        judge.equal((kill["sender"]["pid"], kill["sender"]["unit"]), (killer, "systemd-oomd.service"), f"the sender to {name}")
        judge.equal([s["signal"] for s in kill["outcome"]["signals"]], [9], f"the signals to {name}")
        judge.equal(kill["outcome"]["exit_code"], 9, f"the exit of {name}")
    text, _ = backstop(incident, "systemd-oomd")
    judge.must(text.startswith("acted: it killed") and cgroup in text, "systemd-oomd's finding says what it killed", text)
    judge.equal(backstop(incident, "earlyoom")[0], "not running", "what is said of earlyoom")
    return incident


@scenario(systemd=True)
def oomd_pressure(guest, judge):
    """systemd-oomd kills a unit of several processes because of its slice's memory pressure."""
    guest.swap(400)
    arm(guest, "MemoryHigh=80M", "DefaultMemoryPressureDurationSec=3s")
    guest.record()
    guest.sh("systemd-run --quiet --unit=hog --slice=hungry.slice /lab/busybox sh -c "
             "'/lab/load -n small crowd 2 1M & exec /lab/load -n hog memory 250M'")
    hog = "/hungry.slice/hog.service"
    pids = guest.until("all four run", lambda: len(found := guest.pids(hog)) == 4 and found)
    guest.until("the unit has failed", lambda: guest.property("hog", "ActiveState") == "failed", 90)
    judge.equal(guest.property("hog", "Result"), "oom-kill", "what systemd says of the unit")
    guest.until_incident("the kill's incident is over", lambda i: i["kills_count"] and i["ended"])
    killed = killed_by_oomd(guest)
    account = guest.stop()

    judge.equal(killed, [(hog, "memory pressure")], "what systemd-oomd's log says that it killed")
    incident = judge_kills(guest, judge, account, pids, hog)
    judge.equal(incident["scope"]["cgroup"], hog, "its scope")
    judge.equal({(k["victim"]["unit"], k["victim"]["slice"]) for k in incident["kills"]}, {("hog.service", "hungry.slice")},
                "the victims' unit and slice")
    text, evidence = backstop(incident, "systemd-oomd")
    judge.must(f"memory full of /hungry.slice is above {LIMIT} % for 3s" in text, "its limit is told", text)
    pressure = evidence[0]
    judge.must(pressure["threshold"] == LIMIT and pressure["value"] > LIMIT, "the pressure was above the limit", pressure)
    return account


@scenario(systemd=True)
def oomd_swap(guest, judge):
    """systemd-oomd kills what has swapped most, once memory and swap are both almost used up."""
    guest.swap(300)
    # Debian has it watch the root's swap by default.
    arm(guest, "", "SwapUsedLimit=50%")
    # A cgroup below a delegated unit outlives its processes, and with it what systemd-oomd writes to it.
    guest.write("/root/greedy", """
        cd /sys/fs/cgroup$(sed s/0::// /proc/self/cgroup)
        mkdir keeper hogs
        echo $$ >keeper/cgroup.procs
        echo +memory >cgroup.subtree_control
        sh -c 'echo $$ >hogs/cgroup.procs; exec /lab/load -n hog memory 600M 60M 600000' &
        exec sleep 1000""")
    guest.record()
    guest.sh("systemd-run --quiet --unit=greedy --slice=user-1001.slice -p Delegate=yes sh /root/greedy")
    hogs = "/user.slice/user-1001.slice/greedy.service/hogs"
    pids = guest.until("the hog runs", lambda: guest.pids(hogs))
    guest.until("systemd-oomd has killed", lambda: killed_by_oomd(guest), 120, every=1)
    guest.until_incident("the kill's incident is over", lambda i: i["kills_count"] and i["ended"])
    killed = killed_by_oomd(guest)
    processes = guest.sh(f"load xattr /sys/fs/cgroup{hogs} user.oomd_kill").strip()
    account = guest.stop()

    judge.equal(set(killed), {(hogs, "memory used")}, "what systemd-oomd's log says that it killed")
    # A victim that takes long to die is killed again.
    judge.equal(processes, f"{len(killed)}", "the number of processes killed that it wrote to the cgroup")
    incident = judge_kills(guest, judge, account, pids, hogs)
    judge.equal(incident["kills"][0]["victim"]["unit"], "greedy.service", "the victim's unit")
    judge.equal(incident["kills"][0]["victim"]["slice"], "user-1001.slice", "its slice")
    text, evidence = backstop(incident, "systemd-oomd")
    judge.must("memory and swap are both used above 50 %" in text, "its limit is told", text)
    judge.equal([e["threshold"] for e in evidence], [50, 50], "the limits")
    judge.must(all(e["value"] >= 50 for e in evidence), "memory and swap were used above the limit, in whole percent", evidence)
    return account


@scenario(systemd=True)
def oomd_inert(guest, judge):
    """systemd-oomd is armed, and nothing reclaims: a live-lock that nobody ends, and why."""
    arm(guest, "MemoryHigh=40M\nMemorySwapMax=0", "DefaultMemoryPressureDurationSec=5s")
    guest.sh("systemctl start earlyoom")
    guest.record()
    # Only its anonymous memory shall be charged to the slice: file pages can be reclaimed.
    guest.sh("/lab/load sleep & sleep 1; kill $!")
    # In its first half minute systemd-oomd takes "never reclaimed" for "just now".
    guest.until("systemd-oomd has run for long enough", lambda: guest.truth.uptime() > 40, 60)
    # Keeps the slice when the hog is gone.
    guest.sh("systemd-run --quiet --unit=idle --slice=hungry.slice /lab/load sleep")
    scanned = guest.truth.cgroup("/hungry.slice", "memory.stat")["pgscan"]
    guest.sh("systemd-run --quiet --unit=hog --slice=hungry.slice /lab/load -n hog memory 150M")
    guest.until_open("throttle_livelock")
    average = guest.until("its pressure is beyond doubt", lambda: (a := full_average(guest)) > 90 and a, 60)
    guest.sleep(10)
    reclaimed = guest.truth.cgroup("/hungry.slice", "memory.stat")["pgscan"] - scanned
    so_far = guest.sh(f"inquest show last --dir {guest.dir}")
    guest.sh("systemctl set-property --runtime hungry.slice MemoryHigh=infinity")
    guest.until_over()
    killed = killed_by_oomd(guest)
    account = guest.stop()

    judge.equal((killed, reclaimed), ([], 0), "what systemd-oomd killed, and what was reclaimed")
    judge.must("WHY NOBODY HAS KILLED YET" in so_far and "inert" in so_far, "it is said while it lasts", so_far)
    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "throttle_livelock", "its class")
    judge.equal(incident["scope"].get("cgroup"), "/hungry.slice", "its scope")
    judge.equal(incident["ended"]["by"], "recovered", "what ended it")
    judge.equal(incident["kills"], [], "the list of kills")
    text, (pressure, pgscan) = backstop(incident, "systemd-oomd")
    judge.must(text.startswith("running, but inert: memory full of /hungry.slice was up to"), "systemd-oomd is said to be inert", text)
    judge.must(f"(it acts above {LIMIT} % for 5s)" in text, "its limit is told", text)
    judge.must("there is no swap, so there is nothing to reclaim" in text, "the reason is told", text)
    judge.near(pressure["value"], average, "the pressure told", ratio=0.15)
    judge.equal((pressure["threshold"], pgscan["value"]), (LIMIT, 0), "its limit, and pgscan")
    text, evidence = backstop(incident, "earlyoom")
    judge.must(text.startswith("running, but its limit was not met") and "acts at 10 %" in text, "why earlyoom did not kill", text)
    judge.must(evidence[0]["threshold"] == 10 and evidence[0]["value"] > 10, "with the figures", evidence)
    return account


def full_average(guest):
    """avg10 of memory full: what systemd-oomd looks at."""
    return float(re.search(r"full avg10=([\d.]+)", guest.read("/sys/fs/cgroup/hungry.slice/memory.pressure"))[1])
