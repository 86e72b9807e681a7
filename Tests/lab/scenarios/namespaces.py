"""Containers' namespaces: around a victim, and around inquest itself."""

from ..scenario import scenario


@scenario()
def victim_in_namespaces(guest, judge):
    """A victim in its own pid and user namespace has the host's pid and uid, and its own."""
    guest.record()
    box = guest.cgroup("box", memory_swap_max=0)
    container = guest.start(
        "su ana -c 'unshare -U -r -p -f sh -c \"load -n inner memory 60M 0 1000; echo \\$?\"'", cgroup=box)
    inner = int(guest.until("the process is there", lambda: guest.try_sh("pidof inner")[1]))
    status = dict(line.split(":\t", 1) for line in guest.read(f"/proc/{inner}/status").splitlines() if ":\t" in line)
    guest.until("it has its memory", lambda: int(guest.read(f"/sys/fs/cgroup{box}/memory.current")) > 60 << 20)
    guest.write(f"/sys/fs/cgroup{box}/memory.max", "20M")
    container.wait(30)
    guest.until_over()
    account = guest.stop()

    # The kernel may have gone on to the shells around it, before its memory was free.
    victim = next((k["victim"] for k in account.kills if k["victim"]["pid"] == inner), None)
    if not judge.must(victim, "the process inside is a victim", account.kills):
        return account
    judge.equal([victim["pid"], victim["ns_pid"]], [int(n) for n in status["NSpid"].split()], "its pid on the host and inside")
    judge.must(victim["ns_pid"] != victim["pid"], "the namespace has numbers of its own", victim)
    judge.equal((victim["uid"], victim["user"], victim["ns_uid"]), (1001, "ana", 0),
                "its uid on the host, its name, its uid inside")
    return account


@scenario()
def recorder_in_namespaces(guest, judge):
    """inquest inside a user namespace says why it cannot; inside a pid namespace what it cannot see."""
    for command in ["record --dir /data/refused", "doctor"]:
        status, output = guest.try_sh(f"unshare -U -r inquest {command} 2>&1")
        judge.must(status == 1 and "this is a user namespace: run inquest on the host" in output.splitlines()[-1],
                   f"{command.split()[0]} in a user namespace names it in its last line", output)
    inside = "unshare -p -f --mount-proc"
    status, output = guest.try_sh(f"{inside} inquest doctor")
    judge.equal(status, 0, "the status of doctor in a pid namespace")
    judge.must("note: inside a pid namespace" in output, "doctor names the pid namespace", output)
    judge.must("no userspace killer runs" not in output, "doctor does not claim to know the host's userspace killers", output)

    backstop = guest.start("load -n earlyoom sleep")
    guest.record(inside=inside)
    squeezed = guest.cgroup("squeezed", memory_high="30M", memory_max="200M", memory_swap_max=0)
    task = guest.start("setsid load -n squeezed memory 100M", cgroup=squeezed)
    guest.until_open("throttle_livelock")
    task.kill()
    judge.equal(task.wait(20)[0], 137, "the wait status")
    guest.until_over()
    account = guest.stop()
    backstop.kill()

    incident = judge.one(account.incidents, "in all")
    judge.equal([k["victim"]["pid"] for k in incident["kills"]], [task.pid], "the victim by its number on the host")
    judge.must("100M" in (incident["kills"][0]["victim"]["cmdline"] or ""), "its command line", incident["kills"][0]["victim"])
    earlyoom = next((b["finding"] for b in incident["backstops"] if b["name"] == "earlyoom"), None)
    judge.must(earlyoom is None or earlyoom.startswith("unknown"), "it does not claim that earlyoom is not running", earlyoom)
    judge.must(any("pid namespace" in note for note in incident["quality"]["notes"]), "the timeline names the pid namespace",
               incident["quality"]["notes"])
    return account
