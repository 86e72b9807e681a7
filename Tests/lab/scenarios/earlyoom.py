"""earlyoom: the real daemon, as Debian's unit runs it."""

import re

from ..account import backstop
from ..scenario import scenario

TERM_AT, KILL_AT = 25, 15
"Percent of available memory at which it is told to send SIGTERM, and SIGKILL."


def sent(guest):
    """What earlyoom's log says that it sent: {pid: (uid, comm, signals)}."""
    log = guest.log_of("earlyoom")
    found = {}
    pid = None
    for line in log.splitlines():
        if match := re.match(r'sending SIG(TERM|KILL) to process (\d+) uid (\d+) "(.*?)": badness', line):
            pid = int(match[2])
            found[pid] = (int(match[3]), match[4], [{"TERM": 15, "KILL": 9}[match[1]]])
        elif line.startswith("escalating to SIGKILL"):
            found[pid][2].append(9)
    return found


@scenario(systemd=True)
def earlyoom(guest, judge):
    """earlyoom kills a hog with SIGTERM, and one that ignores it with SIGTERM and then SIGKILL."""
    guest.write("/etc/default/earlyoom", f'EARLYOOM_ARGS="-m {TERM_AT},{KILL_AT} -s 100,100 -r 60"')
    guest.sh("systemctl start earlyoom")
    killer = int(guest.property("earlyoom", "MainPID"))
    guest.record()
    tame = guest.start("load -n tame memory 1G 60M", uid=1001)
    judge.equal(tame.wait(60)[0], 128 + 15, "the wait status of the hog")
    guest.until_over()
    stubborn = guest.start("load -n stubborn -i memory 1G 60M", uid=1002)
    judge.equal(stubborn.wait(60)[0], 128 + 9, "the wait status of the one that ignores SIGTERM")
    guest.until("both incidents are over", lambda: sum(bool(i["ended"]) for i in guest.incidents()) == 2)
    truth = sent(guest)
    account = guest.stop()

    judge.equal(sorted(truth), sorted([tame.pid, stubborn.pid]), "the set of processes that earlyoom's log names")
    judge.equal([i["class"] for i in account.incidents], ["userspace_kill"] * 2, "the classes")
    judge.equal([len(i["kills"]) for i in account.incidents], [1, 1], "the number of kills of each")
    for incident, name in zip(account.incidents, ["tame", "stubborn"]):
        kill = incident["kills"][0]
        victim, cause, sender, outcome = (kill[part] for part in ["victim", "cause", "sender", "outcome"])
        uid, comm, signals = truth.get(victim["pid"], (None, None, None))
        judge.equal((victim["uid"], victim["comm"]), (uid, comm), f"whom earlyoom's log names as {name}")
        judge.equal(comm, name, "the victim")
        judge.equal((cause["killer"], cause["confidence"]), ("earlyoom", "high"), f"the killer of {name}")
        judge.equal((sender["pid"], sender["comm"], sender["unit"]), (killer, "earlyoom", "earlyoom.service"), "the sender")
        found = [s["signal"] for s in outcome["signals"]]
        judge.equal(found, {"tame": [15], "stubborn": [15, 9]}[name], f"the signals to {name}")
        judge.equal(found, signals, f"the signals in earlyoom's log, to {name}")
        judge.equal(sender["signal"], found[-1], f"the signal that ended {name}")
        judge.equal(outcome["exit_code"], found[-1], f"the exit of {name}")
        judge.equal(incident["suspects"][-1]["pid"], victim["pid"], "the process among the suspects")
        judge.equal(incident["ended"]["by"], "recovered", "what ended it")
        text, evidence = backstop(incident, "earlyoom")
        judge.must(f"at most {TERM_AT} %, SIGKILL at {KILL_AT} %" in text, "earlyoom's limits are told", text)
        judge.equal([e["threshold"] for e in evidence], [TERM_AT], "the limit beside the available memory")
        judge.equal(backstop(incident, "systemd-oomd")[0], "not running", "what is said of systemd-oomd")
    return account
