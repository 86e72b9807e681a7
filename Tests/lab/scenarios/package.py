"""The Debian package on a Debian: installed, upgraded, removed, purged."""

from ..scenario import scenario

# What a package manager and a system in use write by themselves.
NOT_OURS = r"/(proc|sys|run|tmp|mnt|var/(log|lib/dpkg|lib/systemd|cache)|etc/(group|gshadow)-?|root)(/|$)"


def files(guest):
    """Every path of the root's file system that could be left over from a package."""
    return set(guest.sh(f"find / -xdev | grep -vE '^{NOT_OURS}'").splitlines())


def running(guest, judge, what):
    """The service is there and recording; gives its pid."""
    guest.until(what, lambda: guest.property("inquest", "ActiveState") == "active")
    judge.must("hooks attached" in guest.property("inquest", "StatusText"), f"{what}: attached", guest.property("inquest", "StatusText"))
    return int(guest.property("inquest", "MainPID"))


def contained_kill(guest, judge, name):
    cgroup = guest.cgroup(name, memory_max="30M", memory_swap_max=0)
    judge.equal(guest.start("load -n hog memory 60M", cgroup=cgroup).wait(60)[0], 137, "the wait status of the hog")
    guest.until_incident(f"the kill in {name} is told", lambda i: i["scope"]["cgroup"] == cgroup and i["ended"])


@scenario(systemd=True, own_package=True, disks=(), seconds=480, kernels=("6.12",))
def package(guest, judge):
    """The package: installed it records, upgraded it goes on, removed it leaves the recording, purged it leaves nothing"""
    # The lab's own copy would be found first.
    guest.sh("rm /usr/local/bin/inquest; mkdir -p /mnt; mount -o ro /dev/vdb /mnt")
    before = files(guest)
    guest.sh("dpkg -i /mnt/inquest.deb", timeout=120)
    first = running(guest, judge, "installed, it records")
    judge.equal(guest.property("inquest", "UnitFileState"), "enabled", "at the next boot, too")
    judge.must("inquest:" in guest.read("/etc/group"), "the group is there")
    judge.equal(guest.sh("stat -c '%a %U %G' /var/lib/inquest").strip(), "750 root inquest", "who may read the recording")
    judge.equal(guest.sh("dpkg --verify inquest").strip(), "", "each file is as it was packaged")
    contained_kill(guest, judge, "before")

    # What somebody has configured is in force after a restart, and kept by an upgrade; the recorder goes on with what it had.
    guest.sh("sed -i 's/^#size = .*/size = 48M/' /etc/inquest/inquest.conf; systemctl restart inquest")
    second = running(guest, judge, "configured, it records")
    judge.must("at most 48 MiB" in guest.property("inquest", "StatusText"), "the size is the configuration's", guest.property("inquest", "StatusText"))
    guest.sh("""set -e
        dpkg-deb -R /mnt/inquest.deb /tmp/next
        sed -i 's/^Version: .*/&+next/' /tmp/next/DEBIAN/control
        dpkg-deb -Znone -b /tmp/next /tmp/next.deb
        dpkg -i /tmp/next.deb </dev/null
        rm -r /tmp/next /tmp/next.deb""", timeout=240)
    third = running(guest, judge, "upgraded, it records")
    judge.must(len({first, second, third}) == 3, "an upgrade restarts it", (first, second, third))
    judge.must("size = 48M" in guest.read("/etc/inquest/inquest.conf").splitlines(), "the configuration is kept")
    contained_kill(guest, judge, "after")

    guest.sh("dpkg -r inquest")
    judge.equal(guest.property("inquest", "ActiveState"), "inactive", "removed, it is stopped")
    judge.must(guest.try_sh("pidof inquest")[0] != 0, "no process of it is left")
    account = guest.account()
    judge.equal([i["scope"]["cgroup"] for i in account.incidents], ["/before", "/after"], "its recording stays, with both kills")
    judge.equal(guest.try_sh("test -e /etc/inquest/inquest.conf")[0], 0, "and so does its configuration")

    guest.sh("dpkg -P inquest")
    after = files(guest)
    judge.equal(sorted(after - before), [], "purged, it leaves nothing behind")
    # systemd's helper removes directories of its own that are empty.
    judge.equal([path for path in sorted(before - after) if not path.endswith(".wants")], [], "and takes nothing with it")
    return account
