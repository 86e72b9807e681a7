"""What the recorder may do, and what it gives up: SECURITY.md, checked."""

import json
import re
from pathlib import Path

from ..errors import LabError
from ..scenario import scenario

SECURITY_MD = Path(__file__).resolve().parents[3] / "SECURITY.md"
NUMBERS = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_SETGID": 6, "CAP_IPC_LOCK": 14, "CAP_SYS_NICE": 23, "CAP_SYS_RESOURCE": 24, "CAP_SYSLOG": 34,
           "CAP_PERFMON": 38, "CAP_BPF": 39}


def table():
    """{capability: (what is said without it, or None where nothing is recorded then, whether it is kept)}."""
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in SECURITY_MD.read_text().splitlines() if line.startswith("| `CAP_")]
    return {row[0].strip("`"): (None if row[2] == "no recording" else re.findall("`([^`]*)`", row[2]), row[3] == "yes") for row in rows}


def confinement():
    """The settings of systemd, as arguments of systemd-run."""
    settings = re.findall(r"^    ([A-Z][A-Za-z]+=.*)$", SECURITY_MD.read_text(), re.MULTILINE)
    return " ".join(f'-p "{setting}"' for setting in settings)


def mask(names):
    return f"{sum(1 << NUMBERS[name] for name in names):x}"


def hooks(guest, inside=""):
    """Each feature's hook, and the problems that doctor sees."""
    told = json.loads(guest.try_sh(f"{inside} inquest doctor --json")[1].splitlines()[0])
    return {h["name"]: (h["mode"], h["mechanism"]) for h in told["hooks"]}, [v["text"] for v in told["verdicts"] if v["severity"] == "problem"]


@scenario()
def capabilities(guest, judge):
    """The capabilities that SECURITY.md names are enough and each is for what it says; the recorder gives up what it does not keep."""
    needed = table()
    judge.equal(sorted(needed), sorted(NUMBERS), "the capabilities of the table")
    guest.sh("echo inquest:x:4711: >>/etc/group")
    judge.equal(hooks(guest, f"load caps {mask(needed)} 0"), hooks(guest), "the hooks with these capabilities alone, beside root's")
    for missing, (said, _) in needed.items():
        rest = [name for name in needed if name != missing]
        # The one before has left it.
        guest.try_sh("rmdir /sys/fs/cgroup/inquest-recorder")
        try:
            guest.record(inside=f"load caps {mask(rest)} 0")
        except LabError as error:
            # 5.10 counts maps as locked memory, and only this one may raise its limit.
            limited = (guest.machine.kernel.name, missing) == ("5.10", "CAP_SYS_RESOURCE") and "limit on locked memory" in str(error)
            judge.must(said is None and missing in str(error) or limited, f"without {missing} it is refused only where it must be, by name", str(error))
            continue
        line = guest.read("/run/agent/recorder-1.log")
        judge.must(said is not None, f"nothing is recorded without {missing}", line)
        complains = "not protected: " in line or "no cgroup of its own" in line
        judge.must(all(word in line for word in said or []) and complains == bool(said),
                   f"without {missing} the first line says {said}", line)
        guest.sh(f"kill -TERM {guest.recorder.pid}")
        judge.equal(guest.recorder.wait(60)[0], 0, f"the status without {missing}")

    guest.record(inside=f"load caps {mask(needed)} 0")
    line = guest.read("/run/agent/recorder-1.log")
    judge.must("not protected" not in line and "in /inquest-recorder: 64 MiB kept, not swapped" in line, "it is protected", line)
    kept = mask(name for name, (_, is_kept) in needed.items() if is_kept)
    own = guest.read(f"/proc/{guest.recorder.pid}/task/*/status")
    judge.equal(set(re.findall(r"Cap(?:Prm|Eff):\t(\w+)", own)), {kept.rjust(16, "0")}, "the capabilities of every thread")
    judge.equal(set(re.findall(r"NoNewPrivs:\t(\d)", own)), {"1"}, "no_new_privs of every thread")
    judge.equal(guest.read(f"/proc/{guest.recorder.pid}/oom_score_adj").strip(), "-1000", "its oom_score_adj")
    # proc(5): field 19, after a name that may hold anything but the last parenthesis.
    niceness = {stat.rsplit(")", 1)[1].split()[16] for stat in guest.read(f"/proc/{guest.recorder.pid}/task/*/stat").splitlines()}
    judge.equal(niceness, {"-20"}, "the niceness of every thread")
    own_cgroup = "/sys/fs/cgroup/inquest-recorder"
    judge.equal(guest.read(f"/proc/{guest.recorder.pid}/cgroup").strip(), "0::/inquest-recorder", "its cgroup")
    judge.equal(guest.read(f"{own_cgroup}/memory.min").strip(), str(64 << 20), "the memory that is kept for it")
    judge.equal(guest.read(f"{own_cgroup}/memory.swap.max").strip(), "0", "the swap that it may use")
    judge.note(f"the recorder's cgroup holds {int(guest.read(f'{own_cgroup}/memory.current')) >> 10} KiB")

    guest.cgroup("drilled", memory_max="30M", memory_swap_max=0)
    status, _ = guest.start("load memory 60M", cgroup="/drilled").wait(60)
    judge.equal(status, 137, "the wait status")
    guest.until_over()
    newest = guest.sh(f"ls {guest.dir}/segment-* | tail -n 1").strip()
    judge.equal(guest.sh(f"stat -c '%a %g' {newest}").strip(), "640 4711", "mode and group of the newest segment")
    judge.equal(guest.sh(f"stat -c '%a %g' {guest.dir}; stat -c '%a %g' /run/live.sock").split("\n")[:2], ["750 4711", "660 4711"],
                "mode and group of the directory and of the socket")
    account = guest.stop()
    judge.equal(guest.read(f"{own_cgroup}/cgroup.procs {own_cgroup}/memory.min").strip(), "0", "what is left of the cgroup after a stop")
    judge.equal(judge.one(account.incidents, "in all")["class"], "contained_kill", "its class")
    return account
