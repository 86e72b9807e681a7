"""The recorder as a part of the system: what it tells the journal."""

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
