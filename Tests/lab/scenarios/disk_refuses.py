"""A disk that takes nothing of what is to be recorded, for a while."""

from ..machine import Disk
from ..scenario import scenario


@scenario(disks=(Disk("data", size="64M"),), kernels=("6.12",), seconds=240)
def disk_refuses(guest, judge):
    """The recording's disk is full, later read-only: the recorder goes on, and in the end everything is on it"""
    small = guest.cgroup("small", memory_max="20M", memory_swap_max=0)
    guest.record(size="2M")
    # Many events with a long command line each that is like no other, so that the recorder soon wants another segment.
    storm = guest.start("sh -c 'while :; do noise=$(head -c 300 /dev/urandom | base64 -w 0); "
                        "sh -c \"while :; do :; done\" $noise & usleep 10000; kill -9 $!; done'")
    victims = []

    def refused(what, begin, end):
        told = len(guest.recorder_says())
        begin()
        guest.until(f"the recorder says that the disk is {what}", lambda: "goes on in memory" in guest.recorder_says()[told:], 90)
        before = segments(guest)
        victim = guest.start("load -n victim memory 100M", cgroup=small)
        judge.equal(victim.wait(30)[0], 137, f"the wait status of a victim while the disk is {what}")
        victims.append(victim.pid)
        judge.equal(segments(guest), before, f"the segments while the disk is {what}")
        end()
        guest.until("there is another segment", lambda: segments(guest) != before, 30)

    refused("full", lambda: guest.sh("dd if=/dev/zero of=/data/fill bs=64k 2>/dev/null; dd if=/dev/zero of=/data/rest bs=4k 2>/dev/null; :"),
            lambda: guest.sh("rm /data/fill /data/rest"))
    # As an error of the file system does it, below open files.
    refused("read-only", lambda: guest.write("/proc/sysrq-trigger", "u"), lambda: guest.sh("mount -o remount,rw /data"))
    storm.kill("TERM")
    account = guest.stop()
    numbers = [e["seq"] for e in account.events]
    judge.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "the sequence of events")
    judge.nothing_lost(account)
    heard = [e["victim"]["task"]["tgid"] for e in account.of_kind("oom_kill")]
    judge.equal(heard, victims, "the victims of the kernel")
    return account


def segments(guest):
    """The names of the segments that are there."""
    return guest.sh(f"cd {guest.dir}; ls segment-*").split()
