"""What the recorder takes, and holds, while the machine dies."""

from collections import Counter

from ..machine import Disk
from ..scenario import scenario
from ..truth import Witness
from .durable import STORM, storm_rages
from .origin import DISK

STORM_SECONDS, BUILD_UP_SECONDS = 300, 40
SCRAPE_SECONDS, ATOP_SECONDS = 15, 10
OTHERS = ["earlyoom", "systemd-oomd", "atop", "node-exporter"]

FLOOD_SECONDS, FLOOD_RATE, SLOW_DISK = 20, 10_000, 6_000_000


@scenario(systemd=True, disks=(), seconds=900, judges_kills=False, by_name=True, programs={"watch": ()},
          packages=("atop", "prometheus-node-exporter"))
def storm_costs(guest, judge):
    """Five minutes of a storm: memory and CPU of the recorder, beside earlyoom, systemd-oomd, atop and node-exporter"""
    guest.sh(f"""
        set -e
        mkdir -p /var/log/atop
        sed -i 's/^LOGINTERVAL=.*/LOGINTERVAL={ATOP_SECONDS}/' /etc/default/atop
        systemctl daemon-reload
        systemctl start earlyoom systemd-oomd atop
        systemd-run -q --unit=node-exporter --uid=nobody /usr/bin/prometheus-node-exporter --web.listen-address=127.0.0.1:9100""")
    guest.swap(600)
    guest.write("/proc/sys/vm/drop_caches", 1)
    guest.record()
    witness = Witness(guest)
    pids = {"inquest": guest.recorder.pid, **{name: int(guest.property(name, "MainPID")) for name in OTHERS}}
    guest.start(f"sh -c 'while :; do /lab/busybox wget -q -O /dev/null http://127.0.0.1:9100/metrics && echo scraped >>/run/scraped; "
                f"sleep {SCRAPE_SECONDS}; done'")
    guest.until("node-exporter answers", lambda: scraped(guest) > 0)
    guest.throttle("root", **DISK)
    for command in STORM:
        guest.start(command)
    storm_rages(guest, witness)
    before = scraped(guest)
    status, told = guest.start(f"/lab/watch costs {STORM_SECONDS} " + " ".join(map(str, pids.values()))).wait(STORM_SECONDS + 60)
    judge.equal(status, 0, "the watch's status")
    answered = scraped(guest) - before
    for name, pid in pids.items():
        judge.must(guest.try_sh(f"test -d /proc/{pid}")[0] == 0, f"{name} is still there")
    account = guest.stop()
    figures = {int(words[1]): [int(word) for word in words[2:]] for words in map(str.split, told.splitlines())}
    judge.note(f"\n    {STORM_SECONDS} s of storm; node-exporter scraped every {SCRAPE_SECONDS} s, {answered} times; atop every {ATOP_SECONDS} s")
    for name, pid in pids.items():
        cpu_ns, most_kb, last_kb, swap_kb, longest_ns = figures[pid]
        judge.note(f"\n      {name}: {last_kb / 1024:.1f} MiB resident (at most {most_kb / 1024:.1f}), {swap_kb / 1024:.1f} swapped out at the "
                   f"most, {cpu_ns / STORM_SECONDS / 1e7:.2f} % of an emulated processor, did not run for {longest_ns / 1e9:.2f} s")
    judge.held_on(account, witness)
    return account


@scenario(systemd=True, disks=(), seconds=300, judges_kills=False, by_name=True, programs={"watch": ()})
def storm_begins(guest, judge):
    """While a storm builds up: the longest times without a sample, and where the recorder's threads are meanwhile"""
    guest.swap(600)
    guest.write("/proc/sys/vm/drop_caches", 1)
    guest.record()
    witness = Witness(guest)
    guest.throttle("root", **DISK)
    before = faults(guest)
    watch = guest.start(f"/lab/watch stacks {BUILD_UP_SECONDS} {guest.recorder.pid}")
    for command in STORM:
        guest.start(command)
    status, seen = watch.wait(BUILD_UP_SECONDS + 120)
    judge.equal(status, 0, "the watch's status")
    # Each is a page that the recorder touched for the first time: where memory is short, that may take most of a second.
    judge.note(f"{faults(guest) - before} minor page faults of the recorder")
    account = guest.stop()
    gaps(judge, account, witness, seen)
    judge.held_on(account, witness)
    return account


def faults(guest):
    # proc(5): field 10 of stat, the eighth after the name.
    return int(guest.read(f"/proc/{guest.recorder.pid}/stat").rsplit(")", 1)[1].split()[7])


def scraped(guest):
    return int(guest.try_sh("grep -c scraped /run/scraped 2>/dev/null")[1] or 0)


def gaps(judge, account, witness, seen):
    """The longest times between two samples, and where the recorder's threads were meanwhile."""
    looks = []
    for line in seen.splitlines():
        if line.startswith("stack "):
            _, tid, at, state = line.split()
            looks.append((float(at), state, []))
        elif looks:
            # [<0>] function+0x12/0x34
            looks[-1][2].append(line.split()[-1].split("+")[0])
    for gap in sorted(account.of_kind("sampler_gap"), key=lambda g: -g["actual_ns"])[:5]:
        begin, end = gap["boottime_ns"] - gap["actual_ns"], gap["boottime_ns"]
        where = Counter(f"{state} " + " < ".join(frames[:8]) for at, state, frames in looks if begin <= at * 1e9 <= end)
        judge.note(f"\n      at {end / 1e9:.1f} s no sample for {gap['actual_ns'] / 1e9:.2f} s (a real-time loop: "
                   f"{witness.longest_gap_ns(begin, end) / 1e9:.2f} s); looks at its threads meanwhile: " +
                   "; ".join(f"{count} x {frames}" for frames, count in where.most_common(5)))


@scenario(cmdline="lab.without=memory", disks=(Disk("data", size="2G"),), busy=True, kernels=("6.1",), programs={"flood": ()}, by_name=True)
def flood(guest, judge):
    """Ten times the events that the recorder is sized for, in a memory storm with a slow disk: bounded, and no kill is missing"""
    guest.swap(400)
    guest.sh("mkdir /memory && mount -t cgroup -o memory memory /memory && mkdir /memory/flood /memory/flood/to")
    guest.record(size="256M")
    witness = Witness(guest)
    guest.throttle("data", bytes_per_second=SLOW_DISK)
    runaways = [guest.start(f"load -n runaway{n} memory 300M") for n in range(2)]
    guest.until("the machine is swapping", lambda: witness.counts()["pswpout"] * 4096 > 60_000_000, 90)
    before = witness.counts()
    status, output = guest.start(f"/lab/flood /memory/flood {FLOOD_SECONDS} {FLOOD_RATE}").wait(FLOOD_SECONDS + 60)
    after = witness.counts()
    judge.equal(status, 0, "the flood's status")
    for runaway in runaways:
        runaway.kill()
    guest.throttle("data")
    account = guest.stop()
    said = [line.split() for line in output.splitlines()]
    killed = [int(words[1]) for words in said if words[0] == "kill"]
    renamed, seconds = next((int(words[1]), float(words[2])) for words in said if words[0] == "renamed")
    heard = [e for e in account.of_kind("cgroup") if e["action"] == "renamed" and e["path"].startswith("/flood/")]
    lost = Counter()
    for event in account.of_kind("lost"):
        lost[event["source"]] += event["count"]
    judge.note(f"{renamed / seconds:,.0f} events/s for {seconds:.0f} s, {len(heard):,} of {renamed:,} recorded, lost {dict(lost)}; swapped out "
               f"{(after['pswpout'] - before['pswpout']) * 4096 / 1e6 / seconds:.1f} MB/s meanwhile")
    judge.must(renamed / seconds >= 0.95 * FLOOD_RATE, f"there were {FLOOD_RATE:,} events a second", renamed / seconds)
    judge.must(after["pswpout"] > before["pswpout"], "the storm went on meanwhile")
    judge.must(len(heard) <= renamed <= len(heard) + sum(lost.values()), "what is not recorded is counted", (renamed, len(heard), lost))
    recorded = {e["target"]["task"]["tgid"] for e in account.of_kind("signal") if e["signal"] == 9}
    judge.equal([pid for pid in killed if pid not in recorded], [], "the list of kills that are not recorded")
    judge.must(len(killed) > 5 * FLOOD_SECONDS, "there were kills", len(killed))
    judge.held_on(account, witness)
    return account
