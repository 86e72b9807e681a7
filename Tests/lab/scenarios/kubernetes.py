"""The recorder as packaging/kubernetes/daemonset.yaml has it run: with those capabilities, mounts and limits, and no others."""

import re
from pathlib import Path

from ..scenario import scenario
from .containers import LOGS, IN_POD, POD, SLICES, names, until_named
from .privileges import mask

DAEMONSET = (Path(__file__).resolve().parents[3] / "packaging/kubernetes/daemonset.yaml").read_text()
OWN = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0d1e2f30_1111_4222_8333_444455556666.slice/cri-containerd-" + "5566778899aabbcc" * 4 + ".scope"


def capabilities():
    return [f"CAP_{name}" for name in re.search(r"^ +add: \[(.*)\]$", DAEMONSET, re.MULTILINE)[1].split(", ")]


def mounts():
    """[(path on the node, path in the container, whether read only)]."""
    paths = dict(re.findall(r"- name: (\S+)\n +hostPath:\n +path: (\S+)", DAEMONSET))
    found = re.findall(r"- name: (\S+)\n +mountPath: (\S+)((?:\n +readOnly: true)?)", DAEMONSET)
    return [(paths[name], at, bool(read_only)) for name, at, read_only in found]


def runtime():
    """What a container runtime does, as a script that becomes what it is given: namespaces of its own but for processes, a root that
    cannot be written, /proc and /sys, the mounts, and no more capabilities than those."""
    steps = ["set -e", f"echo $$ >/sys/fs/cgroup{OWN}/cgroup.procs", "exec unshare -C -m sh -e -c '"]
    steps += ["mount -t tmpfs none /mnt", "mkdir -p /mnt/usr/bin /mnt/proc /mnt/sys /mnt/dev /mnt/etc",
              "cp /lab/inquest /lab/load /mnt/usr/bin",
              "mount -t proc proc /mnt/proc", "mount -t sysfs -o ro sysfs /mnt/sys", "mknod -m 666 /mnt/dev/null c 1 3"]
    for source, at, read_only in mounts():
        steps += [f"if [ -f {source} ]; then touch /mnt{at}; else mkdir -p {source} /mnt{at}; fi", f"mount --bind {source} /mnt{at}"]
        steps += [f"mount -o remount,bind,ro /mnt{at}"] if read_only else []
    steps += ["mount -o remount,ro /mnt", f'exec chroot /mnt /usr/bin/load caps {mask(capabilities())} 0 /usr/bin/"$@"', "' sh \"$@\""]
    return "\n".join(steps)


@scenario(systemd=True)
def kubernetes(guest, judge):
    """With what the DaemonSet gives it every hook attaches, nothing is refused, and a kill on the node has the names of its pod."""
    judge.must("privileged: false" in DAEMONSET and len(mounts()) == 6, "the DaemonSet is read", mounts())
    guest.sh(LOGS)
    guest.write("/run/runtime", runtime())
    guest.cgroup(OWN, memory_max=re.search(r"limits:\n +memory: (\d+)Mi", DAEMONSET)[1] + "M")
    outside = guest.sh("inquest doctor --json").count('"mode":"absent"')
    errors = "/run/agent/recorder-1.log"
    guest.recorder = guest.start(f"sh /run/runtime inquest record --size 64M 2>{errors}")
    guest.until("the recorder is attached or gone", lambda: "attached" in guest.recorder_says() or guest.recorder.is_over)
    line = guest.recorder_says()
    judge.must("attached" in line and "not protected: " not in line, "nothing of its own protection is refused", line)
    judge.must("its cgroup is unknown" in line, "it leaves its pod's cgroup alone", line)
    judge.equal(guest.read(f"/proc/{guest.recorder.pid}/cgroup").strip(), f"0::{OWN}", "its cgroup")
    judge.equal(guest.read(f"/proc/{guest.recorder.pid}/oom_score_adj").strip(), "-1000", "its oom_score_adj")
    hooks = re.search(r"(\d+) of (\d+) hooks attached", line)
    judge.equal(int(hooks[2]) - int(hooks[1]), outside, "the hooks that are not there, beside root's")

    app = guest.cgroup(f"{SLICES}/cri-containerd-{IN_POD}.scope", memory_max="20M", memory_swap_max=0)
    until_named(guest, IN_POD, POD)
    hog = guest.start("load -n hog memory 100M", cgroup=app)
    judge.equal(hog.wait(30)[0], 137, "the wait status")
    guest.until_over("contained_kill")
    judge.must("shop/cart-5c9" in guest.sh(f"inquest show --dir {guest.dir}"), "show names the pod")
    judge.note(f"its cgroup holds {int(guest.read(f'/sys/fs/cgroup{OWN}/memory.current')) >> 20} MiB")
    account = guest.stop()

    judge.equal([k["victim"]["pid"] for k in account.kills], [hog.pid], "the victim by its number on the node")
    kill = account.kills[0]
    judge.equal(names(kill["victim"]), ("shop", "cart-5c9", "app"), "the names of the victim")
    judge.equal(kill["cause"]["oom_memcg"], app, "the cgroup that ran out, by its path on the node")
    return account
