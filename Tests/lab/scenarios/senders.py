"""Kills by somebody in user space, each attributed to who sent it; and the signals of ordinary life, which are no incident."""

from ..errors import Unsupported
from ..scenario import scenario


def troubled(guest):
    """A cgroup in a live-lock: while it lasts, some phase is above calm. Gives what ends it."""
    squeezed = guest.cgroup("squeezed", memory_high="30M", memory_max="200M", memory_swap_max=0)
    task = guest.start("load -n squeezed memory 100M", cgroup=squeezed)
    guest.until_open("throttle_livelock")

    def relieve():
        guest.write(f"/sys/fs/cgroup{squeezed}/memory.high", "max")
        task.until_full()
        guest.until_over("throttle_livelock")
        task.kill()

    return relieve


def session(guest, command, cgroup=None):
    """Starts a program in a kernel session of its own, as a login would."""
    return guest.start(f"setsid {command}", cgroup=cgroup)


def kill_from_outside(guest, pid):
    """kill -9 by a shell of another session; gives that shell's pid."""
    killer = session(guest, f"sh -c 'echo $$; kill -9 {pid}'")
    status, output = killer.wait(20)
    assert status == 0, output
    return int(output)


@scenario()
def admins_kill(guest, judge):
    """kill -9 from another session: an incident while something is in trouble, not in calm; a shell's own children never."""
    guest.record()
    victims = guest.cgroup("victims")
    calm = session(guest, "load -n calm sleep", victims)
    kill_from_outside(guest, calm.pid)
    judge.equal(calm.wait(20)[0], 137, "the wait status of the one killed in calm")

    relieve = troubled(guest)
    # What shells do with their own: end a child, end a child's sibling, end a job; and programs that end by themselves.
    own = session(guest, "sh -c 'load -n child sleep & echo $!; kill -9 $!; wait $! 2>/dev/null; echo $?' 2>/dev/null", victims)
    own_child, own_status = own.wait(20)[1].split()
    sibling = session(
        guest, "sh -c 'load -n sibling sleep & echo $!; sh -c \"kill -9 $!; true\"; wait $!; echo $?' 2>/dev/null", victims)
    sibling_child, sibling_status = sibling.wait(20)[1].split()
    judge.equal([own_status, sibling_status], ["137", "137"], "the statuses of the shells' own")
    guest.sh("true; sh -c 'exit 3' || true; (load -n brief kmsg >/dev/null)")
    polite = session(guest, "load -n polite sleep", victims)
    guest.sh(f"kill -TERM {polite.pid}")
    judge.equal(polite.wait(20)[0], 143, "the wait status of the one asked to end")

    victim = session(guest, "load -u 1001 -n runaway sleep", victims)
    sender = kill_from_outside(guest, victim.pid)
    judge.equal(victim.wait(20)[0], 137, "the wait status of the victim")
    relieve()
    guest.until_over("userspace_kill")
    account = guest.stop()

    incident = judge.one(account.of_class("userspace_kill"), "of class userspace_kill")
    judge.equal(incident["scope"].get("cgroup"), victims, "its scope")
    judge.equal([k["victim"]["pid"] for k in account.kills], [victim.pid], "the only victim")
    kill = incident["kills"][0]
    judge.sent(kill, "user", [9], pid=sender, comm="sh", uid=0)
    judge.equal(kill["victim"]["uid"], 1001, "the victim's uid")
    judge.equal(kill["outcome"]["exit_code"], 9, "its exit code")
    judge.signals(account, [(calm.pid, 9), (int(own_child), 9), (int(sibling_child), 9), (polite.pid, 15), (victim.pid, 9)])
    return account


@scenario()
def cgroup_kill(guest, judge):
    """cgroup.kill: all of the cgroup in one incident, by whoever wrote to the file; in calm none."""
    guest.record()
    batch = guest.cgroup("batch/inner")
    if guest.try_sh("test -e /sys/fs/cgroup/batch/cgroup.kill")[0] != 0:
        raise Unsupported("no cgroup.kill before 5.14")

    def killed():
        jobs = [session(guest, f"load -n job{n} sleep", batch) for n in range(3)]
        writer = session(guest, "sh -c 'echo $$; echo 1 >/sys/fs/cgroup/batch/cgroup.kill'")
        judge.equal([j.wait(20)[0] for j in jobs], [137] * 3, "the wait statuses of the jobs")
        return [j.pid for j in jobs], int(writer.wait(20)[1])

    calm, _ = killed()
    relieve = troubled(guest)
    pids, writer = killed()
    relieve()
    guest.until_over("userspace_kill")
    account = guest.stop()

    incident = judge.one(account.of_class("userspace_kill"), "of class userspace_kill")
    judge.equal(sorted(k["victim"]["pid"] for k in account.kills), sorted(pids), "the set of victims")
    for kill in incident["kills"]:
        judge.sent(kill, "cgroup_kill", [9], pid=writer, comm="sh", uid=0)
        judge.equal(kill["victim"]["cgroup"], batch, "the victim's cgroup")
    judge.signals(account, [(pid, 9) for pid in calm + pids])
    return account


@scenario(systemd=True, seconds=300)
def service_manager(guest, judge):
    """A watchdog's SIGABRT and a stop timeout's SIGKILL are incidents; stopping a service that obeys is none."""
    guest.record()

    def service(name, properties, command):
        guest.sh(f"systemd-run --quiet --unit={name} --property=RemainAfterExit=no {properties} /lab/bin/{command}")
        return int(show(name, "MainPID"))

    def show(name, field):
        return guest.sh(f"systemctl show --property={field} --value {name}").strip()

    obedient = service("obedient", "", "load -n obedient sleep")
    guest.sh("systemctl stop obedient")
    dog = service("dog", "--property=WatchdogSec=2", "load -n dog sleep")
    guest.until("the watchdog bites", lambda: show("dog", "ActiveState") == "failed")
    stubborn = service("stubborn", "--property=TimeoutStopSec=2", "load -n stubborn -i sleep")
    guest.sh("systemctl stop stubborn")
    judge.equal([show("dog", "Result"), show("dog", "ExecMainStatus")], ["watchdog", "6"], "systemd's account of the watchdog")
    judge.equal([show("stubborn", "Result"), show("stubborn", "ExecMainStatus")], ["timeout", "9"], "systemd's account of the stop")
    guest.until("both incidents are over", lambda: [bool(i["ended"]) for i in guest.incidents()] == [True, True], 60)
    account = guest.stop()

    judge.equal(sorted((i["class"], i["scope"].get("cgroup")) for i in account.incidents), [
        ("userspace_kill", "/system.slice/dog.service"), ("userspace_kill", "/system.slice/stubborn.service"),
    ], "the incidents")
    kills = {k["victim"]["pid"]: k for k in account.kills}
    judge.equal(sorted(kills), sorted([dog, stubborn]), "the set of victims")
    for pid, unit, signals in [(dog, "dog.service", [6]), (stubborn, "stubborn.service", [15, 9])]:
        if pid in kills:
            judge.sent(kills[pid], "service_manager", signals, pid=1, comm="systemd", uid=0, unit="init.scope")
            judge.equal(kills[pid]["victim"]["unit"], unit, "the victim's unit")
            judge.equal(kills[pid]["outcome"]["exit_code"] & 0x7f, signals[-1], f"the exit code of {unit}")
    judge.signals(account, [(obedient, 15), (dog, 6), (stubborn, 15), (stubborn, 9)])
    return account


@scenario(systemd=True, seconds=300)
def logins(guest, judge):
    """Login sessions: a kill in another's is an incident under pressure; of one's own it is none, nor is a logout."""
    # PAM lets nobody in whom /etc/shadow does not know.
    guest.sh("for user in ana ben; do echo \"$user:*:19000:0:99999:7:::\"; done >>/etc/shadow")
    guest.record()

    def login(user, command):
        """A session as login(1) makes one: PAM, a kernel session, and a session scope in the user's slice."""
        return guest.send(
            f"systemd-run --quiet --pipe --wait --unit={user}-login --property=PAMName=login --uid={user} "
            f"/bin/sh -c '{command.replace('$', '$$')}'")

    ana = login("ana", "echo $$ >/tmp/shell; /lab/bin/load -n work sleep & echo $! >/tmp/work; wait")
    shell, work = (int(guest.until(f"ana's {name} is there", lambda: guest.try_sh(f"cat /tmp/{name} 2>/dev/null")[1]))
                   for name in ["shell", "work"])
    guest.sh("systemd-run --quiet --unit=squeezed --property=MemoryHigh=30M --property=MemorySwapMax=0 "
             "/lab/bin/load -n squeezed memory 100M")
    guest.until_open("throttle_livelock", 90)
    own = login("ben", "/lab/bin/load -n own sleep & echo $!; kill -9 $!; wait $!; echo $?").wait(60)[1].split()
    judge.equal(own[-1], "137", "the status of ben's own child")
    sender = int(login("root", f"echo $$; kill -9 {work}").wait(60)[1])
    ana.wait(60)
    # A manager's last SIGKILL to what a login left behind is ordinary life, under pressure too.
    guest.until("the users' service managers have ended", lambda: not guest.sh("systemctl list-units --no-legend 'user@*'"), 60)
    guest.sh("systemctl set-property --runtime squeezed.service MemoryHigh=infinity")
    guest.until_over("throttle_livelock")
    guest.until_over("userspace_kill")
    account = guest.stop()

    incident = judge.one(account.of_class("userspace_kill"), "of class userspace_kill")
    judge.equal([k["victim"]["pid"] for k in account.kills], [work], "the only victim")
    kill = incident["kills"][0]
    victim, by = kill["victim"], kill["sender"]
    judge.must(victim["cgroup"].startswith("/user.slice/user-1001.slice/session-"), "the victim is in ana's session", victim)
    judge.equal([victim[f] for f in ["slice", "uid", "user", "ppid"]], ["user-1001.slice", 1001, "ana", shell],
                "the victim's slice, user and parent")
    judge.sent(kill, "user", [9], pid=sender, comm="sh", uid=0)
    judge.must((by["cgroup"] or "").startswith("/user.slice/user-0.slice/session-"), "the sender is in root's session", by)
    judge.must((by["unit"] or "").startswith("session-"), "the sender's unit is its session", by)
    judge.signals(account, [(int(own[0]), 9), (work, 9)])
    return account
