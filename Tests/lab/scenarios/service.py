"""The recorder as a part of the system: the service, and what it tells the journal."""

import base64
import json
import re
from pathlib import Path

from ..scenario import scenario
from ..truth import documented

PACKAGING = Path(__file__).resolve().parents[3] / "packaging"
KILL, PHASE, OPENED, ENDED = re.findall("^-- ([0-9a-f]{32})$", (PACKAGING / "inquest.catalog").read_text(), re.MULTILINE)


def text(value):
    """A value of `journalctl -o json`, where what is no UTF-8 comes as numbers."""
    return documented(bytes(value) if isinstance(value, list) else value.encode())


def entries(guest, message=None):
    """What inquest has told the journal in this boot, oldest first, of one kind."""
    lines = guest.sh("journalctl -b -t inquest -o json --no-pager").splitlines()
    told = [{name: text(value) for name, value in json.loads(line).items() if value is not None} for line in lines]
    return [entry for entry in told if "MESSAGE_ID" in entry and message in (None, entry["MESSAGE_ID"])]


def judge_kill(judge, entry, kill, incident):
    """The fields of an entry are those of the incident's kill."""
    victim, cause, sender, trigger = kill["victim"], kill["cause"], kill["sender"] or {}, kill["trigger"] or {}
    expected = {
        "SEQ": kill["seq"], "BOOTTIME_NS": kill["boottime_ns"], "INCIDENT": incident["id"],
        "KILLER": cause["killer"], "CONFIDENCE": cause["confidence"], "OOM_CGROUP": cause["oom_memcg"], "CGROUP": victim["cgroup"],
        "VICTIM_PID": victim["tgid"], "VICTIM_COMM": victim["comm"], "VICTIM_UID": victim["uid"], "VICTIM_USER": victim["user"],
        "VICTIM_UNIT": victim["unit"], "VICTIM_ANON_RSS_BYTES": victim["anon_rss_bytes"], "VICTIM_SWAP_BYTES": victim["swap_bytes"],
        "SENDER_PID": sender.get("tgid"), "SENDER_COMM": sender.get("comm"), "SENDER_UID": sender.get("uid"),
        "SENDER_UNIT": sender.get("unit"), "SIGNAL": sender.get("signal"),
        "TRIGGER_PID": trigger.get("tgid"), "TRIGGER_COMM": trigger.get("comm"),
    }
    for name, value in expected.items():
        judge.equal(entry.get("INQUEST_" + name), None if value is None else str(value), f"INQUEST_{name} of {victim['comm']!a}")
    judge.must(f"[{victim['tgid']}]" in entry["MESSAGE"] and "killed by" in entry["MESSAGE"], "its sentence", entry["MESSAGE"])
    judge.equal(entry["PRIORITY"], "3" if cause["killer"] == "kernel_global" else "4", "its priority")
    judge.must(entry["INQUEST_CLASS"] in [c["class"] for c in incident["classes"]], "a class that the incident had", entry)


def judge_journal(judge, told, account):
    """Every kill, every phase of an incident, and every incident is in the journal, with the same values."""
    kills = {e["INQUEST_SEQ"]: e for e in told if e["MESSAGE_ID"] == KILL}
    judge.equal(sorted(kills), sorted(str(k["seq"]) for k in account.kills), "the kills in the journal, by their numbers")
    for incident in account.incidents:
        for kill in incident["kills"]:
            judge_kill(judge, kills[str(kill["seq"])], kill, incident)
        own = [e for e in told if e.get("INQUEST_INCIDENT") == incident["id"]]
        phases = [(e["INQUEST_BOOTTIME_NS"], e["INQUEST_PHASE"]) for e in own if e["MESSAGE_ID"] == PHASE]
        begun = next(n for n, e in enumerate(own) if e["MESSAGE_ID"] == OPENED)
        recorded = [(str(p["boottime_ns"]), p["phase"]) for p in incident["phases"]]
        judge.equal(phases, recorded[len(recorded) - len(phases):], f"the phases of {incident['id']} in the journal since it began")
        judge.equal([e["INQUEST_CLASS"] for e in own[begun:begun + 1]], [incident["classes"][0]["class"]], "the class that it began with")
        endings = [tuple(e[f"INQUEST_{name}"] for name in ("CLASS", "SEVERITY", "ENDED_BY", "KILLS")) for e in own if e["MESSAGE_ID"] == ENDED]
        judge.equal(endings, [(incident["class"], incident["severity"], incident["ended"]["by"], str(len(incident["kills"])))],
                    f"how {incident['id']} ended")


@scenario(systemd=True)
def journal(guest, judge):
    """Kills, phases and incidents are in the journal, field by field as in the recording, also while journald hangs."""
    guest.write("/usr/lib/systemd/catalog/inquest.catalog", (PACKAGING / "inquest.catalog").read_text())
    guest.sh("journalctl --update-catalog")
    guest.record("--journal yes")
    capped = guest.cgroup("capped", memory_max="30M", memory_swap_max=0)
    job = guest.start(r"""load -n "$(printf 'a\nb=\377')" memory 60M""", cgroup=capped)
    judge.equal(job.wait(60)[0], 137, "the wait status")
    guest.until_over("contained_kill")

    # A journal that does not read any more is not waited for: what happens meanwhile is recorded all the same.
    guest.sh("systemctl kill -s STOP systemd-journald")
    stuck = guest.cgroup("stuck", memory_high="30M", memory_swap_max=0)
    job = guest.start("load -n crawler memory 60M", cgroup=stuck)
    guest.until_open("throttle_livelock")
    guest.sh("systemctl kill -s CONT systemd-journald")
    job.kill()
    guest.until_over("throttle_livelock")
    guest.until("the journal has it, too", lambda: len(entries(guest, ENDED)) == 2)
    told = entries(guest)
    explained = guest.sh("journalctl -b -x -t inquest --no-pager")
    account = guest.stop()

    judge_journal(judge, told, account)
    judge.must(any(k["victim"]["comm"] == "a\nb=\\xff" for k in account.kills), "the hostile name came through", account.kills)
    judge.must(any(e["MESSAGE_ID"] == PHASE and e.get("INQUEST_CGROUP") == stuck for e in told), "phases of the cgroup are told", told)
    for incident in account.incidents:
        judge.must(f"inquest show {incident['id']}" in explained, "journalctl -x explains it", explained[-2000:])
    return account


# What a hook can do in the service, and what the program that it hands the work to: `outside` of packaging/examples.
HOOK = """#!/bin/sh
[ "$INQUEST_EVENT" = kill ] || exit 0
{
    readlink /proc/self/ns/net
    bash -c ': </dev/tcp/127.0.0.1/9' 2>&1 | head -n 1
    touch /etc/by-hook 2>&1 || ls /home 2>&1
    grep CapEff /proc/self/status
} >/run/inquest/hook.txt
/usr/local/libexec/outside
"""
OUTSIDE = """#!/bin/sh
{ readlink /proc/self/ns/net; echo "$INQUEST_VICTIM_COMM"; head -n 1; } >/etc/outside.txt
mv /etc/outside.txt /etc/outside
"""


def configure_hook(guest):
    """For the next start of the recorder."""
    guest.sh("mkdir -p /usr/local/libexec /etc/inquest")
    outside = (PACKAGING / "examples/outside").read_text()
    for name, content in [("inquest-hook", HOOK), ("outside", outside), ("inquest-outside", OUTSIDE)]:
        guest.write(f"/usr/local/libexec/{name}", content)
    guest.sh("chmod 755 /usr/local/libexec/*")
    guest.write("/etc/inquest/inquest.conf", "hook = /usr/local/libexec/inquest-hook")


def judge_hook(guest, judge, name, has_network):
    """A kill runs the hook: confined as the service is, and able to have its work done outside, as docs/hook.md says."""
    guest.sh("rm -f /etc/outside")
    capped = guest.cgroup(name, memory_max="30M", memory_swap_max=0)
    guest.start(f"load -n {name} memory 60M", cgroup=capped).wait(60)
    guest.until("the hook's program has run outside", lambda: guest.try_sh("test -e /etc/outside")[0] == 0)
    of_host = guest.sh("readlink /proc/1/ns/net").strip()
    network, socket, etc, home, capabilities = guest.read("/run/inquest/hook.txt").splitlines()
    judge.equal(network == of_host, has_network, "the hook has the host's network")
    judge.must(("refused" if has_network else "Address family not supported") in socket, "the hook's attempt to connect", socket)
    judge.must("Read-only file system" in etc and "Permission denied" in home, "the hook's attempts to write /etc, read /home", (etc, home))
    judge.equal(int(capabilities.split()[1], 16), 0, "the hook's capabilities")
    network, comm, document = guest.read("/etc/outside").splitlines()
    judge.equal((network, comm), (of_host, name), "the network outside, and INQUEST_VICTIM_COMM there")
    judge.equal([k["victim"]["comm"] for k in json.loads(document)["kills"]], [name], "the kills on the standard input outside")


def install(guest):
    """Puts the packaged files where a package would put them, and enables the service for the next boot."""
    for source, place in [
        ("systemd/inquest.service", "/etc/systemd/system/inquest.service"), ("systemd/inquest.slice", "/etc/systemd/system/inquest.slice"),
        ("sysusers.d/inquest.conf", "/etc/sysusers.d/inquest.conf"), ("inquest.catalog", "/usr/lib/systemd/catalog/inquest.catalog"),
    ]:
        guest.sh(f"mkdir -p $(dirname {place})")
        guest.write(place, (PACKAGING / source).read_text())
    guest.sh("ln -sf /lab/inquest /usr/bin/inquest; systemd-sysusers; journalctl --update-catalog; systemctl enable inquest; sync")


def main_pid(guest):
    return int(guest.property("inquest", "MainPID"))


def until_back(guest, before):
    """Waits until another recorder is ready than the one with this pid; gives its pid."""
    return guest.until("the service is back", lambda: guest.property("inquest", "ActiveState") == "active" and
                       (pid := main_pid(guest)) not in (0, before) and pid)


class View:
    """`inquest tail` on a terminal of 24 rows and 80 columns, and everything that it draws there, with when."""

    def __init__(self, guest):
        self.guest = guest
        self.job = guest.start("env TERM=xterm-256color LANG=C.UTF-8 script -q -f -T /run/view.times -O /run/view.drawn "
                               "-c 'stty rows 24 cols 80; echo $$ >/run/view.pid; exec inquest tail' </dev/null >/dev/null")
        guest.until("the view is drawn", lambda: guest.try_sh("grep -q 'memory full' /run/view.drawn")[0] == 0)

    def close(self):
        """Ends it; what was drawn, and the seconds between one piece and the next."""
        self.guest.sh("kill -TERM $(cat /run/view.pid)", timeout=120)
        self.job.wait(120)
        gaps = [float(line.split()[0]) for line in self.guest.read("/run/view.times").splitlines()]
        return self.guest.sh("base64 -w 0 /run/view.drawn"), gaps


def judge_view(judge, seen):
    """It went on drawing, said what went on, and left the terminal as it had been."""
    drawn, gaps = seen
    drawn = base64.b64decode(drawn).decode(errors="replace")
    judge.note(f"a frame of the view every {max(gaps):.1f} s at the worst")
    judge.must("thrash" in drawn, "the view says that the host thrashes", re.sub("\x1b[^A-Za-z]*[A-Za-z]", "", drawn)[-3000:])
    judge.must("\x1b[?1049l" in drawn, "the view leaves the other screen", drawn[-200:])


@scenario(systemd=True, seconds=600)
def service(guest, judge):
    """inquest.service: from the boot, through a storm, a SIGKILL and a hang, to a clean stop"""
    install(guest)
    said = guest.try_sh("systemd-analyze verify /etc/systemd/system/inquest.service")[1]
    judge.equal([line for line in said.splitlines() if "inquest" in line], [], "what systemd-analyze verify says of the unit")
    guest.reset()
    pid = until_back(guest, 0)
    status = guest.property("inquest", "StatusText")
    judge.must("hooks attached" in status and "not protected" not in status, "it starts at boot, ready when attached, and protected", status)
    judge.must("in /inquest.slice/inquest.service (systemd manages cgroups): 64 MiB kept, not swapped" in status, "its cgroup", status)
    judge.equal(guest.read(f"/proc/{pid}/oom_score_adj").strip(), "-1000", "its oom_score_adj")
    judge.equal(guest.sh("stat -c '%a %G' /var/lib/inquest /run/inquest/live.sock").split("\n")[:2], ["750 inquest", "660 inquest"],
                "mode and group of the directory and of the socket")

    # A storm: swapping to a slow disk, until somebody ends it. Somebody looks at it on a terminal.
    view = View(guest)
    guest.swap(300)
    guest.throttle("root", bytes_per_second=10_000_000)
    hog = guest.start("load -n hog memory 560M")
    guest.until("the storm is told", lambda: hog.is_over or any(i["scope"]["kind"] == "host" for i in guest.incidents()), 120, every=1)
    guest.sleep(15)
    judge_view(judge, view.close())
    guest.throttle("root")
    guest.try_sh(f"kill -KILL {hog.pid}")
    judge.equal(hog.wait(60)[0], 137, "the wait status of the hog")
    guest.until_over(timeout=90)
    judge.equal((main_pid(guest), guest.property("inquest", "NRestarts")), (pid, "0"), "the recorder's pid and restarts after the storm")

    # The recorder is killed while an incident lasts: it comes back, and the incident goes on.
    crawl = guest.cgroup("crawl", memory_high="30M", memory_swap_max=0)
    crawler = guest.start("load -n crawler memory 60M", cgroup=crawl)
    opened = guest.until_open("throttle_livelock")
    configure_hook(guest)
    guest.sh(f"kill -KILL {pid}")
    pid = until_back(guest, pid)
    guest.until_open("throttle_livelock")
    crawler.kill()
    guest.until_over("throttle_livelock")
    judge_hook(guest, judge, "confined", has_network=False)

    # It hangs: the watchdog ends it and starts another. A shorter time than the unit's, for the lab's sake.
    guest.sh("mkdir -p /etc/systemd/system/inquest.service.d")
    guest.write("/etc/systemd/system/inquest.service.d/watchdog.conf", "[Service]\nWatchdogSec=5s")
    network = re.search(r"^( +\[Service\]\n(?: +\S.*\n)+)", (PACKAGING.parent / "docs/hook.md").read_text(), re.MULTILINE)[1]
    guest.write("/etc/systemd/system/inquest.service.d/network.conf", network)
    guest.sh("systemctl daemon-reload; systemctl restart inquest")
    pid = until_back(guest, pid)
    judge_hook(guest, judge, "connected", has_network=True)
    guest.sleep(12)
    judge.equal(main_pid(guest), pid, "the pid of a recorder that is well, after two watchdog times")
    guest.sh(f"kill -STOP {pid}")
    until_back(guest, pid)
    log = guest.log_of("inquest")
    judge.must("Watchdog timeout" in log, "the watchdog ended it", log[-1000:])

    told = entries(guest)
    guest.sh("systemctl stop inquest")
    judge.equal([guest.property("inquest", name) for name in ("ActiveState", "Result", "ExecMainStatus")], ["inactive", "success", "0"],
                "how it stopped")
    exposure = guest.sh("systemd-analyze security --no-pager inquest.service | tail -n 1")
    judge.note("systemd-analyze security: " + re.search("[0-9.]+ [A-Z]+", exposure)[0])
    account = guest.account()

    judge.equal(account.of_kind("recorder_stop")[-1]["reason"], "requested", "the last stop mark")
    judge.equal(len(account.of_kind("recorder_start")), 4, "the number of starts")
    incident = judge.one(account.of_class("throttle_livelock"), "of class throttle_livelock")
    judge.equal((incident["id"], incident["ended"]["by"]), (opened["id"], "recovered"), "the incident that went on, and its end")
    judge.must(any("the recorder was killed while it lasted" in note for note in incident["quality"]["notes"]), "it says that nobody listened",
               incident["quality"])
    judge.must(any(i["scope"]["kind"] == "host" and i["ended"]["by"] == "recovered" for i in account.incidents), "the storm is recorded",
               account.describe())
    judge_journal(judge, told, account)
    return account
