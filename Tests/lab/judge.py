"""The comparison of inquest's account with the truth: in one place, for every scenario."""

import json


class Judge:
    """Collects what does not hold, all of it, in words."""

    def __init__(self, schemas):
        self.schemas = schemas
        self.failures = []
        self.passed = 0
        self.notes = []
        # Whether what failed is told by one run, whatever another says: something rare, and no matter of time.
        self.final = False

    def must(self, holds, what, but=None):
        """One thing that must hold; `but` is what was found instead."""
        if holds:
            self.passed += 1
        else:
            self.failures.append(what if but is None else f"{what}; but: {brief(but)}")
        return bool(holds)

    def note(self, text):
        """A figure worth knowing that no check is about: told beside the result."""
        self.notes.append(text)

    def equal(self, found, expected, what):
        return self.must(found == expected, f"{what} is {expected!r}", found)

    def near(self, found, expected, what, ratio=0.05, slack=0):
        """`found` is within a ratio of `expected`, or within `slack` of it."""
        known = found is not None and expected is not None
        close = known and abs(found - expected) <= max(abs(expected) * ratio, slack)
        return self.must(close, f"{what} is {expected} within {ratio:.0%}" + (f" or {slack}" if slack else ""), found)

    def one(self, incidents, what):
        """Exactly one incident; gives it, or an exception that ends the scenario."""
        self.must(len(incidents) == 1, f"there is exactly one incident {what}", [brief_incident(i) for i in incidents])
        if not incidents:
            raise Hopeless(f"without an incident {what} there is nothing more to compare")
        return incidents[0]

    # --- What holds for every recording ---

    def recording(self, account):
        """No damage, valid documents, and a replay that says what the live run said."""
        verified = account.try_run("verify")
        self.must(verified.returncode == 0, "verify finds no damage", verified.stdout + verified.stderr)
        # A replay tells of them as they end, the list as they began.
        live = {i["id"]: json.dumps(i, sort_keys=True) for i in account.incidents}
        replay = {i["id"]: json.dumps(i, sort_keys=True) for i in account.replayed()}
        self.equal(sorted(replay), sorted(live), "the incidents of a replay")
        for number in live.keys() & replay.keys():
            self.must(live[number] == replay[number], f"a replay gives the same document of {number}",
                      differing(live[number], replay[number]))
        for document in [*account.incidents, *account.listed()]:
            for error in self.schemas.errors(document):
                self.must(False, f"{document['schema']} is valid", error)

    def kills(self, account, logged):
        """Each kill of the kernel's log is in the account, with the same figures; and no kill by the kernel is there that the log has
        not."""
        ours = {k["victim"]["pid"]: k for k in account.kills if k["cause"]["killer"] in KERNEL_KILLERS}
        self.equal(sorted(ours), sorted(k.pid for k in logged), "the set of processes that the kernel killed")
        for kill in logged:
            if kill.pid in ours:
                self.kill(ours[kill.pid], kill)

    def kill(self, ours, logged):
        victim, cause, name = ours["victim"], ours["cause"], f"of victim {logged.comm}[{logged.pid}]"
        self.equal(victim["comm"], logged.comm, f"the comm {name}")
        self.equal(victim["uid"], logged.uid, f"the uid {name}")
        self.equal(victim["oom_score_adj"], logged.oom_score_adj, f"the oom_score_adj {name}")
        # The log's figures are read after the kill was decided, ours a little before: a page or two may come and go.
        for field, kb in [("total_vm", logged.total_vm_kb), ("anon_rss", logged.anon_kb), ("file_rss", logged.file_kb),
                          ("shmem_rss", logged.shmem_kb)]:
            self.near(victim[f"{field}_bytes"], kb * 1024, f"{field} {name}", ratio=0.01, slack=512 * 1024)
        killers = ["kernel_global", "sysrq"] if logged.is_global else ["kernel_memcg"]
        self.must(cause["killer"] in killers, f"the killer {name} is {' or '.join(killers)}", cause["killer"])
        # A kill that only the log told of has less than the log: no hook saw who asked for how much.
        if logged.order is not None and ours["quality"]["source"] != "/dev/kmsg":
            self.equal(cause["killer"] == "sysrq", logged.order == -1, f"whether sysrq asked for the kill {name}")
            # Without a trampoline nobody heard it: unknown, not 0.
            asked = (logged.gfp_mask, logged.order) if ours["quality"]["source"].startswith("fentry/") else (None, None)
            self.equal((cause["gfp_mask"], cause["order"]), asked, f"the memory asked for {name}")
            self.equal((ours["trigger"]["comm"], ours["trigger"]["pid"]), (logged.trigger_comm, logged.trigger_pid), f"the trigger {name}")
        if logged.constraint:
            self.equal(cause["constraint"], logged.constraint, f"the constraint {name}")
            self.equal(victim["cgroup"], logged.task_memcg, f"the cgroup {name}")
            if logged.oom_memcg is not None:
                self.equal(cause["oom_memcg"], logged.oom_memcg, f"the cgroup that ran out, {name}")

    # --- Pieces that several scenarios need ---

    def chain_order(self, incident, *kinds, at_once_ns=250_000_000):
        """The links of these kinds are there, begin in this order, and none is marked as out of order. What one sample saw at once
        (under pressure, in a guest that is short of CPU: 250 ms) has no order."""
        found = {l["kind"]: l for l in reversed(incident["chain"])}
        missing = [k for k in kinds if k not in found]
        self.must(not missing, f"the chain has {', '.join(kinds)}", f"missing {missing}; has {[l['kind'] for l in incident['chain']]}")
        onsets = [found[k]["onset"]["boottime_ns"] for k in kinds if k in found]
        self.must(all(later > earlier - at_once_ns for earlier, later in zip(onsets, onsets[1:])),
                  f"the chain's links begin in the order {', '.join(kinds)}",
                  [(k, found[k]["onset"]["boottime_ns"] / 1e9) for k in kinds if k in found])
        self.must(not any(l["out_of_order"] for l in incident["chain"]), "no effect is before its cause",
                  [l["text"] for l in incident["chain"] if l["out_of_order"]])

    def held_on(self, account, witness):
        """The recorder was never swapped, its memory stayed within its bound, and no two of its samples are further apart than promised:
        a second, and what the machine itself could not do any better."""
        swapped, resident = witness.recorder("VmSwap"), witness.recorder("VmHWM")
        if not self.must(swapped and resident, "the witness saw the recorder"):
            return
        self.equal(max(swapped), 0, "the most of the recorder that was swapped")
        self.must(max(resident) << 10 < MEMORY_BOUND, f"the recorder stayed below {MEMORY_BOUND >> 20} MiB", max(resident))
        worst, beside = 0, 0
        for gap in account.of_kind("sampler_gap"):
            nobody = witness.longest_gap_ns(gap["boottime_ns"] - gap["actual_ns"], gap["boottime_ns"])
            late = gap["actual_ns"] - gap["expected_ns"]
            self.must(late <= 900_000_000 + nobody, "no gap between samples is over a second",
                      f"{gap}, while an mlocked real-time loop waited {nobody}")
            if late > worst:
                worst, beside = late, nobody
        faults = witness.recorder("majflt")
        self.note(f"recorder: {max(resident) >> 10} MiB at the most, {faults[-1] - faults[0]} major faults, samples at most "
                  f"{worst // 1_000_000} ms late (a real-time loop {beside // 1_000_000} ms)")

    def moved(self, account, before, after, device, cgroup):
        """What the hooks heard of a device and of a cgroup's part in it is what the kernel counted meanwhile (`Truth.moved`); both
        taken while little is on its way."""
        def heard(kind, **wanted):
            # An interval that straddles the first or the last count belongs to them by its share.
            def share(e):
                first, last = max(e["boottime_ns"] - e["interval_ns"], before["boottime_ns"]), min(e["boottime_ns"], after["boottime_ns"])
                return max(0, last - first) / max(e["interval_ns"], 1)

            return sum(e["bytes"] * share(e) for e in account.of_kind(kind) if all(e[k] == v for k, v in wanted.items()))

        counted = {name: after[name] - before[name] for name in before}
        for what, found, name in [
            ("read from the device", heard("io_interval", device=device, operation="read"), "read_bytes"),
            ("written to the device", heard("io_interval", device=device, operation="write"), "write_bytes"),
            ("swapped out", heard("io_interval", device=device, operation="write", swap=True), "swapped_out"),
            ("swapped in", heard("io_interval", device=device, operation="read", swap=True), "swapped_in"),
            ("read by the cgroup", heard("cgroup_io", cgroup_id=cgroup, operation="read"), "rbytes"),
            ("written by the cgroup", heard("cgroup_io", cgroup_id=cgroup, operation="write"), "wbytes"),
        ]:
            self.near(found, counted[name], f"the bytes {what}", ratio=0.05, slack=4 << 20)

    def sent(self, kill, killer, signals, **sender):
        """A kill by somebody in user space: who, with which signals, and what is known of the sender (pid, comm, uid, unit, ...)."""
        name = f"of the kill of {kill['victim']['comm']}[{kill['victim']['pid']}]"
        self.equal(kill["cause"]["killer"], killer, f"the killer {name}")
        self.equal([s["signal"] for s in kill["outcome"]["signals"]], signals, f"the list of signals {name}")
        for field, expected in {**sender, "signal": signals[-1]}.items():
            self.equal((kill["sender"] or {}).get(field), expected, f"the sender's {field} {name}")

    def signals(self, account, expected):
        """Each of these (pid, signal) is among the recorded events, whether or not it is part of an incident."""
        found = {(e["target"]["task"]["tgid"], e["signal"]) for e in account.of_kind("signal")}
        missing = [pair for pair in expected if pair not in found]
        self.must(not missing, "every signal is among the recorded events", f"missing {missing}")

    def quiet(self, account):
        self.must(not account.incidents, "there is no incident", [brief_incident(i) for i in account.incidents])

    def nothing_lost(self, account):
        """Nothing that was to be observed was missed; what a stated limit left out is no loss."""
        limits = ["cgroups_not_sampled", "devices_not_sampled", "census_truncated", "stall_suppressed", "slow_io_suppressed"]
        lost = [e for e in account.of_kind("lost") if e["source"] not in limits]
        self.must(not lost, "no event was lost", lost)


# Stated in ARCHITECTURE.md, "Holding on".
MEMORY_BOUND = 64 << 20
KERNEL_KILLERS = {"kernel_memcg", "kernel_global", "sysrq"}


class Hopeless(Exception):
    """What is missing makes everything after it pointless."""


def brief(value):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 600 else text[:600] + "..."


def brief_incident(incident):
    ended = incident.get("ended") or {}
    return f"{incident['class']} {incident['scope']} ended by {ended.get('by')}: {incident.get('summary', '')}"


def differing(before, after):
    at = next((n for n, (a, b) in enumerate(zip(before, after)) if a != b), min(len(before), len(after)))
    return f"at byte {at}: ...{before[max(0, at - 80):at + 80]}... and ...{after[max(0, at - 80):at + 80]}..."
