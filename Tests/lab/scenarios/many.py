"""A large machine: very many cgroups and tasks, and very many kills."""

from ..scenario import scenario

CGROUPS, TASKS, KILLS, AGAIN = 2000, 5000, 200, 50
MEMORY_BOUND_KB = 64 << 10
SIZE_BYTES = 64 << 20


@scenario(memory="1536M", cmdline="log_buf_len=8M", seconds=480, busy=True)
def many(guest, judge):
    """2,000 cgroups, 5,000 tasks and 200 kills in a minute: none missing, and bounded memory."""
    guest.cgroup("crowd/c1")
    guest.sh(f"cd /sys/fs/cgroup/crowd; seq 2 {CGROUPS} | sed s/^/c/ | xargs mkdir")
    guest.record()
    crowds = [guest.start(f"load -n crowd crowd {TASKS // 20} 0", cgroup=f"/crowd/c{n * 97 + 1}") for n in range(20)]
    for crowd in crowds:
        crowd.until_full(120)
    judge.must(int(guest.read("/proc/loadavg").split("/")[1].split()[0]) > TASKS, "the crowd is there")
    idle = measured(guest)
    judge.note(f"idle among {TASKS} tasks and {CGROUPS} cgroups: {idle:.1%} of a CPU")

    # Every fourth kill in a cgroup that stays, the others each in one of their own that is gone at once.
    guest.cgroup("kills/again", memory_max="8M", memory_swap_max=0)
    begun = guest.truth.uptime()
    ends = guest.sh(f"""
        cd /sys/fs/cgroup/kills
        for n in $(seq {KILLS}); do
            name=again
            [ $((n % {KILLS // AGAIN})) = 0 ] || {{ name=k$n; mkdir $name; echo 8M >$name/memory.max; echo 0 >$name/memory.swap.max; }}
            sh -c 'echo $$ >$0/cgroup.procs; exec load -n victim memory 32M' $name &
            wait $!
            echo "end $! $?"
            [ $name = again ] || rmdir $name
        done""", timeout=300)
    ends = [line.split()[1:] for line in ends.splitlines() if line.startswith("end ")]
    took = guest.truth.uptime() - begun
    judge.equal([status for _, status in ends], ["137"] * KILLS, "the wait statuses of the victims")
    again = guest.truth.cgroup("/kills/again", "memory.events")["oom_kill"]
    judge.equal(again, AGAIN, "the kills that memory.events counts in the cgroup that stayed")
    guest.until("all incidents are over", lambda: all(i["ended"] for i in guest.incidents()), 120, every=2)
    memory = dict(line.split(":") for line in guest.read(f"/proc/{guest.recorder.pid}/status").splitlines())
    peak, now = (int(memory[name].split()[0]) for name in ["VmHWM", "VmRSS"])
    size = int(guest.sh(f"du -k {guest.dir} | tail -n 1").split()[0]) * 1024
    judge.note(f"{KILLS} kills in {took:.0f} s; recorder's memory {now >> 10} MiB, at most {peak >> 10} MiB; recording {size >> 20} MiB")
    judge.must(peak < MEMORY_BOUND_KB, f"the recorder never used more than {MEMORY_BOUND_KB} KiB", peak)
    judge.must(size <= SIZE_BYTES + (1 << 20), f"the recording is no larger than it may be ({SIZE_BYTES} bytes)", size)
    account = guest.stop()

    judge.equal(sorted(k["victim"]["pid"] for k in account.kills), sorted(int(pid) for pid, _ in ends), "the set of victims")
    judge.nothing_lost(account)
    scopes = [i["scope"].get("cgroup") for i in account.incidents]
    judge.equal(sorted(set(scopes)), sorted({k["cause"]["oom_memcg"] for k in account.kills}), "the cgroups that have incidents")
    for incident in account.incidents:
        judge.equal(incident["class"], "contained_kill", "the class of every incident")
        judge.equal({k["cause"]["oom_memcg"] for k in incident["kills"]}, {incident["scope"].get("cgroup")}, "whose kills an incident has")
        for kill in incident["kills"]:
            judge.equal(kill["outcome"]["exit_code"], 9, "the exit code of every victim")
    # What was removed is over, and the kills of the one that stays are never 10 s apart.
    judge.equal(len(scopes), KILLS - AGAIN + 1, "the number of incidents: one a cgroup")
    return account


def measured(guest, seconds=15):
    """The share of a CPU that the recorder takes while nothing happens."""
    def spent():
        fields = guest.read(f"/proc/{guest.recorder.pid}/stat").rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12]), guest.truth.uptime()

    ticks, at = spent()
    guest.sleep(seconds)
    more, later = spent()
    return (more - ticks) / 100 / (later - at)
