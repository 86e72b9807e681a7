"""What a scenario can do in its guest."""

import base64
import io
import json
import queue
import tarfile
import time

from .account import Account
from .errors import LabError
from .truth import Truth

CGROUPS = "/sys/fs/cgroup"


class Guest:
    """A booted guest, the same for both kinds: an initramfs, or a Debian root with systemd (`with_systemd`)."""

    def __init__(self, machine, binary, with_systemd, deadline):
        self.machine = machine
        self.binary = binary
        self.with_systemd = with_systemd
        self.deadline = deadline
        self.truth = Truth(self)
        self.recorder = None
        self.slowest_list = 0.0
        "seconds that `inquest list` took, on the disk that is recorded to"
        self.dir = "/var/lib/inquest" if with_systemd else "/data/inquest"
        self.boots = [machine.wait_for_agent(90)]
        if not with_systemd:
            self.sh("mkdir -p /data; mount -t ext4 /dev/vda /data")

    # --- Commands ---

    def sh(self, script, timeout=60):
        """Runs a shell script and gives its output; a status other than 0 is an error."""
        status, output = self.try_sh(script, timeout)
        if status != 0:
            raise LabError(f"in the guest, status {status}: {script.strip()[:200]}: {output.strip()[-400:]}")
        return output

    def try_sh(self, script, timeout=60):
        return self.send(script).wait(timeout)

    def send(self, script):
        return Job(self, script, *self.machine.send(script))

    def start(self, command, cgroup=None, uid=None):
        """Starts a program in the background, in a cgroup; gives its Job, with its pid."""
        move = f"echo $$ >{CGROUPS}{cgroup}/cgroup.procs; " if cgroup else ""
        if uid is not None:
            assert command.startswith("load "), "only load can become another user"
            command = command.replace("load ", f"load -u {uid} ", 1)
        job = self.send(f"{move}echo $$ >/run/agent/$(basename $0 .sh).pid; exec {command}")
        job.pid = int(self.until(f"{command} has started", lambda: self.try_sh(f"cat /run/agent/{job.number}.pid 2>/dev/null")[1]))
        return job

    def until(self, what, condition, timeout=60, every=0.2):
        """Waits for a condition in the guest, with a bound; gives what made it true."""
        bound = min(time.monotonic() + timeout, self.deadline)
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > bound:
                raise LabError(f"waited {timeout} s in vain: {what}")
            time.sleep(every)

    def sleep(self, seconds):
        """Lets the guest go on for so long: for loads that last, never for luck."""
        time.sleep(min(seconds, max(0, self.deadline - time.monotonic())))

    def read(self, path):
        return self.sh(f"cat {path}")

    def write(self, path, text):
        self.sh(f"cat >{path} <<'END'\n{text}\nEND")

    def log_of(self, unit):
        """What a unit has logged since the boot, one message a line; also kept beside the recording."""
        text = self.sh(f"journalctl -b -u {unit} -o cat --no-pager")
        (self.machine.directory / f"{unit}.log").write_text(text)
        return text

    def property(self, unit, name):
        """What systemd says of a unit."""
        return self.sh(f"systemctl show -p {name} --value {unit}").strip()

    def pids(self, cgroup):
        """The processes of a cgroup; none when it is not there."""
        return [int(pid) for pid in self.try_sh(f"cat {CGROUPS}{cgroup}/cgroup.procs 2>/dev/null")[1].split()]

    def module(self, name, parameters=""):
        """Loads one of the modules that are not loaded at boot, after those it needs."""
        self.sh(f"""
            for file in /lab/modules/*.on-demand.ko; do
                case $file in */??-{name}.*) /lab/busybox insmod $file {parameters}; exit ;; esac
                /lab/busybox insmod $file 2>/dev/null
            done; exit 1""")

    # --- Cgroups ---

    def cgroup(self, path, **limits):
        """Makes a cgroup with all controllers on the way to it. Limits: memory_max="100M", memory_swap_max=0, ..."""
        at = ""
        steps = []
        for part in path.strip("/").split("/"):
            steps.append(f"for c in $(cat {CGROUPS}{at}/cgroup.controllers); do grep -q lab.without=$c /proc/cmdline || "
                         f"echo +$c >{CGROUPS}{at}/cgroup.subtree_control; done")
            at += "/" + part
            steps.append(f"mkdir -p {CGROUPS}{at}")
        for name, value in limits.items():
            steps.append(f"echo {value} >{CGROUPS}{at}/{name.replace('_', '.')}")
        self.sh("\n".join(["set -e", *steps]))
        return at

    def unpack(self, device):
        """Puts what is on a disk into the root, as if it had been installed."""
        self.sh(f"mount -o ro {device} /mnt && tar -C /mnt -c . | tar -C / -x --keep-directory-symlink && umount /mnt")

    def swap(self, size_mb, path=None):
        """Makes a swap file, written out (not sparse), and uses it."""
        path = path or ("/swap" if self.with_systemd else "/data/swap")
        self.sh(f"dd if=/dev/zero of={path} bs=1M count={size_mb} 2>/dev/null; chmod 600 {path}; mkswap {path} >/dev/null; "
                f"swapon {path}", timeout=120)

    # --- inquest ---

    def recorder_says(self):
        """What the recorder of this boot has told people so far."""
        return self.try_sh(f"cat /run/agent/recorder-{len(self.boots)}.log")[1]

    def record(self, flags="", inside="", size="64M"):
        """Starts the recorder and waits until its hooks are attached. `inside`: a command that starts it as its child."""
        errors = f"/run/agent/recorder-{len(self.boots)}.log"
        self.recorder = self.start(f"{inside} inquest record --dir {self.dir} --live /run/live.sock --size {size} {flags} 2>{errors}")
        self.until("the recorder is attached or gone", lambda: "attached" in self.recorder_says() or self.recorder.is_over)
        if self.recorder.is_over:
            raise LabError(f"the recorder ended at once: {self.read(errors)} {self.recorder.wait()[1]}")
        if inside:
            self.recorder.pid = int(self.sh("pidof inquest"))
        return self.recorder

    def incidents(self):
        """The incidents so far, as `inquest list` tells them in the guest, newest last."""
        begun = time.monotonic()
        lines = self.sh(f"inquest list --dir {self.dir} --json").splitlines()
        self.slowest_list = max(self.slowest_list, time.monotonic() - begun)
        return [json.loads(line) for line in lines]

    def until_incident(self, what, holds, timeout=60):
        """Waits for an incident for which `holds`; gives its summary."""
        return self.until(what, lambda: next((i for i in self.incidents() if holds(i)), None), timeout, every=0.5)

    def until_open(self, kind, timeout=60):
        """Waits until an incident of this class is reported while it lasts."""
        return self.until_incident(f"{kind} is reported", lambda i: i["class"] == kind and not i["ended"], timeout)

    def until_over(self, kind=None, timeout=60):
        """Waits until an incident, of this class where one is named, has ended."""
        return self.until_incident(f"{kind or 'an incident'} is over", lambda i: kind in (None, i["class"]) and i["ended"], timeout)

    def stop(self, name="recording"):
        """Stops the recorder as a service manager would, and gives its account."""
        self.sh(f"kill -TERM {self.recorder.pid}")
        status, _ = self.recorder.wait(60)
        if status != 0:
            raise LabError(f"the recorder ended with status {status}: {self.read('/run/agent/recorder-*.log')}")
        self.recorder = None
        return self.account(name)

    def account(self, name="recording"):
        """What inquest has recorded, taken out of the guest into a directory of that name, and read with the same binary outside of it."""
        directory = self.machine.directory / name
        # What tar has to say of a file that grew meanwhile is no part of the archive.
        packed = self.sh(f"tar -C {self.dir} -cz . 2>/dev/null | base64 -w 0", timeout=120)
        tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed))).extractall(directory, filter="data")
        return Account(self.binary, directory)

    # --- The machine ---

    def throttle(self, disk, **limits):
        self.machine.throttle(disk, **limits)

    def reset(self, unthrottle=()):
        """The reset button; waits for the next boot, for which these disks are as fast as they can be again."""
        self.machine.reset()
        for disk in unthrottle:
            self.machine.throttle(disk)
        self.boots.append(self.machine.wait_for_agent(240))
        if not self.with_systemd:
            self.sh("mkdir -p /data; mount -t ext4 /dev/vda /data")


class Job:
    """A script that runs in the guest."""

    def __init__(self, guest, script, number, answer):
        self.guest = guest
        self.script = script
        self.number = number
        self.answer = answer
        self.pid = None

    def wait(self, timeout=60):
        """Its status (as `wait` gives it: 128 + signal) and output."""
        bound = min(timeout, self.guest.deadline - time.monotonic())
        try:
            answer = self.answer.get(timeout=max(bound, 0.01))
        except queue.Empty:
            raise LabError(f"no answer from the guest within {max(bound, 0):.0f} s to: {self.script.strip()[:200]}") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def is_over(self):
        return not self.answer.empty()

    def output(self):
        """What it has printed so far."""
        return self.guest.try_sh(f"cat /run/agent/{self.number}.out")[1]

    def until_full(self, timeout=60):
        """Waits until a load says that it has all its memory."""
        self.guest.until("the load has its memory", lambda: "full" in self.output(), timeout)

    def kill(self, signal="KILL"):
        self.guest.sh(f"kill -{signal} {self.pid}")
