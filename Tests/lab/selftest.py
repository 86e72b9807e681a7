"""Tests of the lab itself, without a guest: that it reads the kernel's words right, and that its judge can say no.

    PYTHONPATH=Tests python3 -m unittest lab.selftest
"""

import unittest
from types import SimpleNamespace

from .acknowledged import KEPT, Recorded
from .blocktrace import Traced
from .judge import Judge
from .truth import logged_kills

CHOSEN = ("6,812,5123456,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/parent,"
          "task_memcg=/parent/child,task={comm},pid={pid},uid=1001")
KILLED = ("3,813,5123499,-;Memory cgroup out of memory: Killed process {pid} ({comm}) total-vm:92432kB, anon-rss:40136kB, "
          "file-rss:640kB, shmem-rss:0kB, UID:1001 pgtables:128kB oom_score_adj:300")
GLOBAL = ("3,900,6000000,-;Out of memory: Killed process 7 (a) total-vm:1kB, anon-rss:2kB, file-rss:3kB, shmem-rss:4kB, UID:0 "
          "pgtables:5kB oom_score_adj:-5")


def log(pid=41, comm="hungry"):
    return CHOSEN.format(pid=pid, comm=comm) + "\n" + KILLED.format(pid=pid, comm=comm) + "\n"


def account(**changes):
    victim = {"pid": 41, "comm": "hungry", "uid": 1001, "oom_score_adj": 300, "total_vm_bytes": 92432 << 10,
              "anon_rss_bytes": 40136 << 10, "file_rss_bytes": 640 << 10, "shmem_rss_bytes": 0, "cgroup": "/parent/child"}
    cause = {"killer": "kernel_memcg", "constraint": "CONSTRAINT_MEMCG", "oom_memcg": "/parent"}
    for name, value in changes.items():
        (victim if name in victim else cause)[name] = value
    return SimpleNamespace(kills=[{"victim": victim, "cause": cause}])


def verdict(account, logged):
    judge = Judge(None)
    judge.kills(account, logged)
    return judge.failures


TRACE = """\
# tracer: nop
         inquest-1234    [001] d..2.   123.100000: sys_pwritev(fd: 5, vec: 7f00, vlen: 1, pos_l: 4000, pos_h: 0)
         inquest-1234    [001] d..2.   123.110000: block_bio_queue: 254,2 WS 1000 + 32 [inquest]
         inquest-1234    [001] d..2.   123.120000: block_getrq: 254,2 WS 1000 + 32 [inquest]
 kworker/u4:1-77      [000] d..2.   123.125000: block_rq_issue: 254,0 W 4096 () 5000 + 8 [kworker/u4:1]
 kworker/u4:1-77      [000] d..2.   123.125000: block_rq_issue: 254,16 W 4096 () 1000 + 8 [kworker/u4:1]
         inquest-1234    [001] d..2.   123.130000: block_rq_issue: 254,0 WS 16384 () 1000 + 32 [inquest]
          <idle>-0       [001] d..2.   123.160000: block_rq_complete: 254,0 WS () 1000 + 32 [0]
          <idle>-0       [001] d..2.   123.165000: block_rq_issue: 254,0 FF 0 () 18446744073709551615 + 0 [swapper/1]
          <idle>-0       [001] d..2.   123.170000: block_rq_complete: 254,0 FF () 18446744073709551615 + 0 [0]
         inquest-1234    [001] d..2.   123.171000: sys_pwritev -> 0x4000
"""


class BlockTrace(unittest.TestCase):
    def test_a_write_is_followed_from_the_call_through_partition_and_device_to_the_flush(self):
        traced = Traced(TRACE)
        [write] = traced.writes["inquest"]
        self.assertEqual([round(1000 * part) for part in write.parts()], [10, 10, 10, 30, 5, 6])
        self.assertEqual(write.bytes_ahead, 4096)
        self.assertEqual([round(1000 * took) for took in traced.served], [30])

    def test_a_write_that_the_trace_does_not_tell_all_of_has_no_parts(self):
        lines = [line for line in TRACE.splitlines() if "FF" not in line]
        self.assertIsNone(Traced("\n".join(lines)).writes["inquest"][0].parts())


class KernelLog(unittest.TestCase):
    def test_a_kill_is_joined_with_who_asked_for_what_memory(self):
        invoked = ("4,809,5123400,-;we;ird invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0\n"
                   "4,810,5123401,-;CPU: 1 UID: 0 PID: 77 Comm: we;ird Not tainted 6.12.95\n")
        [kill] = logged_kills(invoked + log())
        self.assertEqual((kill.trigger_comm, kill.trigger_pid, kill.gfp_mask, kill.order), ("we;ird", 77, 0x100cca, 0))
        [kill] = logged_kills(log())
        self.assertEqual((kill.trigger_comm, kill.order), (None, None))

    def test_a_kill_is_joined_with_the_line_that_says_why(self):
        [kill] = logged_kills(log())
        self.assertEqual((kill.pid, kill.comm, kill.uid, kill.anon_kb), (41, "hungry", 1001, 40136))
        self.assertEqual((kill.constraint, kill.oom_memcg, kill.task_memcg), ("CONSTRAINT_MEMCG", "/parent", "/parent/child"))

    def test_a_kill_whose_reason_was_rate_limited_away_is_a_kill(self):
        [kill] = logged_kills(log().splitlines()[1])
        self.assertEqual((kill.pid, kill.constraint), (41, None))

    def test_a_group_kill_tells_of_its_first_victim_twice(self):
        self.assertEqual([k.pid for k in logged_kills(log(41) + KILLED.format(pid=41, comm="x") + "\n" + log(42))], [41, 42])

    def test_hostile_names_are_read_as_the_kernel_escaped_them(self):
        for comm, meant in [("a) total-vm", "a) total-vm"), ("\\x1b[2J", "\x1b[2J"), ("x,pid=1", "x,pid=1")]:
            with self.subTest(comm):
                [kill] = logged_kills(log(comm=comm))
                self.assertEqual((kill.pid, kill.comm, kill.constraint), (41, meant, "CONSTRAINT_MEMCG"))

    def test_a_global_kill_is_told_apart(self):
        [kill] = logged_kills(GLOBAL)
        self.assertTrue(kill.is_global)


class TheJudge(unittest.TestCase):
    def test_the_same_account_passes(self):
        self.assertEqual(verdict(account(), logged_kills(log())), [])

    def test_each_wrong_field_of_a_kill_is_a_failure(self):
        for name, value in [("pid", 42), ("comm", "hangry"), ("uid", 0), ("oom_score_adj", 0), ("total_vm_bytes", 1 << 20),
                            ("anon_rss_bytes", None), ("file_rss_bytes", 2 << 20), ("shmem_rss_bytes", 1 << 20),
                            ("cgroup", "/"), ("constraint", "CONSTRAINT_NONE"), ("oom_memcg", None)]:
            with self.subTest(name):
                self.assertTrue(verdict(account(**{name: value}), logged_kills(log())))

    def test_a_kill_that_is_missing_and_one_that_never_was_are_failures(self):
        self.assertTrue(verdict(SimpleNamespace(kills=[]), logged_kills(log())))
        self.assertTrue(verdict(account(), []))

    def test_a_kill_by_somebody_else_needs_no_line_in_the_kernels_log(self):
        self.assertEqual(verdict(account(killer="earlyoom"), []), [])

    def test_near_is_no_nearer_than_it_says_and_unknown_is_never_near(self):
        judge = Judge(None)
        for found, near in [(105, True), (106, False), (94, False), (None, False)]:
            self.assertEqual(judge.near(found, 100, "a figure"), near)

    def test_the_order_of_a_chain_can_be_wrong(self):
        def chain(*onsets, out_of_order=False):
            return {"chain": [{"kind": kind, "text": kind, "onset": {"boottime_ns": int(at * 1e9)}, "out_of_order": out_of_order}
                              for kind, at in onsets]}

        for incident, failures in [
            (chain(("growth", 1), ("kill", 2)), 0), (chain(("growth", 1.05), ("kill", 1)), 0),
            (chain(("growth", 2), ("kill", 1)), 1), (chain(("kill", 2)), 1),
            (chain(("growth", 1), ("kill", 2), out_of_order=True), 1),
        ]:
            judge = Judge(None)
            judge.chain_order(incident, "growth", "kill")
            self.assertEqual(len(judge.failures), failures, judge.failures)


class PowerCut(unittest.TestCase):
    def found(self, present, *more, how="direct", size=KEPT):
        """What a boot finds of a recording that acknowledged 1 to 90, and after another start 200 to 300."""
        recording = Recorded("xfs", how, 1)
        for words in ["start 1", "40", "90", "start 200", "250", "300"]:
            recording.hear(words.split())
        wrong = recording.examine("\n".join([*more, f"xfs-{how} bytes {size}", f"present {present}"]))
        return recording, wrong

    def test_what_is_all_there_passes_and_more_than_was_acknowledged_too(self):
        for present in ["1-90 200-300", "1-95 200-301"]:
            recording, wrong = self.found(present)
            self.assertEqual((wrong, recording.acknowledged, recording.lost), ([], 101, 0))

    def test_each_acknowledged_event_that_is_missing_is_a_loss(self):
        for present, lost in [("1-90 200-299", 1), ("1-89 200-300", 1), ("1-90 200-249 251-300", 1), ("1-90", 101), ("", 191)]:
            with self.subTest(present):
                recording, wrong = self.found(present)
                self.assertEqual(recording.lost, lost)
                self.assertTrue(wrong)

    def test_what_made_room_is_no_loss_and_an_early_beginning_without_need_is(self):
        self.assertEqual(self.found("60-90 200-300")[1], [])
        self.assertTrue(self.found("60-90 200-300", size=KEPT - 1)[1])
        self.assertTrue(self.found("60-90 200-300", how="recorder")[1])

    def test_disorder_and_whatever_else_the_guest_says_is_wrong(self):
        self.assertTrue(self.found("1-90 90-95 200-300")[1])
        self.assertTrue(self.found("1-90 200-300", "xfs-direct trouble 3 events are not what was written")[1])
        self.assertTrue(self.found("1-90 200-300", "gap        events 12 to 40 are missing: a damaged place")[1])


if __name__ == "__main__":
    unittest.main()
