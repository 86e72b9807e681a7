"""Ordinary work: a false alarm is as bad as a missed one."""

from ..machine import Disk
from ..scenario import scenario

COMPILE = r"""
mkdir -p /data/src && cd /data/src
for n in 1 2 3; do
    { echo '#include <stdio.h>'; for f in $(seq 60); do
        echo "int f${n}_$f(int a) { int s = 0; for (int i = 0; i < a; i++) s += i * $f ^ a; return s; }"
    done; } >part$n.c
done
echo 'int main(void) { return 0; }' >main.c
printf 'program: main.o part1.o part2.o part3.o\n\tgcc -o $@ $^\nclean:\n\trm -f *.o program\n' >Makefile
make -s -j2 CFLAGS=-O2 && ./program && make -s clean && make -s -j2
"""

PACKAGE = """
mkdir -p /data/pkg/DEBIAN /data/pkg/usr/share/quiet && cp -r /usr/share/perl5 /usr/share/bash-completion /data/pkg/usr/share/quiet
printf 'Package: quiet\\nVersion: 1\\nArchitecture: all\\nMaintainer: lab <lab@localhost>\\nDescription: a package\\n' >/data/pkg/DEBIAN/control
dpkg-deb -b /data/pkg /data/quiet.deb && dpkg -i /data/quiet.deb && dpkg -P quiet
"""

BACKUP = """
cp -a /usr/bin /data/copy && sync
tar -C / -cf /data/backup.tar usr/bin usr/sbin && sync && gzip -1 </usr/bin/perl >/data/perl.gz && rm -rf /data/copy
"""

UNITS = """
for n in $(seq 6); do
    systemd-run -q --wait -p MemoryMax=60M /bin/sh -c 'head -c 20M /dev/zero | tail -c 1 >/dev/null'
    systemd-run -q --scope --unit=short-$n.scope /bin/true
done
systemd-run -q --unit=daemon /lab/load -n daemon sleep && systemctl restart daemon && systemctl stop daemon
"""

# What a runtime does to a container that does not listen: SIGTERM, a while later SIGKILL, from outside of its tree.
CONTAINERS = """
cp /bin/kill /data/runc
for n in 1 2 3; do
    scope=docker-$(printf '%064d' $n).scope
    systemd-run -q --scope --slice=system.slice --unit=$scope /lab/load -n app -i crowd 2 1M &
    until [ "$(wc -l </sys/fs/cgroup/system.slice/$scope/cgroup.procs)" = 3 ]; do sleep 0.1; done
    systemd-run -q --wait --unit=docker-$n /data/runc -TERM $(cat /sys/fs/cgroup/system.slice/$scope/cgroup.procs)
    systemd-run -q --wait --unit=docker-$n /data/runc -KILL $(cat /sys/fs/cgroup/system.slice/$scope/cgroup.procs)
    wait
done
"""

CHORES = """
journalctl -q --rotate; journalctl -q --vacuum-size=8M; systemctl kill -s HUP systemd-logind || true
timeout 1 sleep 30; timeout -s KILL 1 sleep 30
sleep 300 & kill -9 $!; wait $!
sh -c 'sleep 300 & kill $!; wait'; find /usr -name '*.h' | xargs cat | sort | uniq -c | tail -n 1
"""


@scenario(systemd=True, memory="1G", disks=(Disk("data", "3G"),), seconds=400)
def quiet_hour(guest, judge):
    """Compilations, packages, copies, a backup, short units, stopped containers: no incident; then a kill is heard"""
    guest.sh("mkdir -p /data; mount /dev/vdb /data")
    guest.throttle("root", bytes_per_second=100_000_000)
    guest.throttle("data", bytes_per_second=60_000_000)
    guest.record()
    for name, work in [("compile", COMPILE), ("package", PACKAGE), ("backup", BACKUP), ("units", UNITS), ("containers", CONTAINERS),
                       ("chores", CHORES)]:
        begun = guest.truth.uptime()
        status, output = guest.try_sh(work, 180)
        # The chores end with what they were told to kill.
        judge.must(status == 0 or name == "chores", f"the work is done: {name}", output[-300:])
        judge.note(f"{name} {guest.truth.uptime() - begun:.0f} s")
    judge.equal([i["class"] for i in guest.incidents()], [], "the list of incidents after ordinary work")
    guest.try_sh("systemd-run -q --wait --unit=hog -p MemoryMax=40M -p MemorySwapMax=0 /lab/load -n hog memory 90M")
    account = guest.stop()

    signals = [e for e in account.of_kind("signal") if e["signal"] == 9]
    judge.must(len(signals) >= 8, "the SIGKILLs of ordinary work were heard", len(signals))
    judge.nothing_lost(account)
    incident = judge.one(account.incidents, "in all")
    judge.equal(incident["class"], "contained_kill", "its class")
    judge.equal(incident["kills"][0]["victim"]["unit"], "hog.service", "the victim's unit")
    return account
