/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The ends of marked processes, and what the OOM reaper does meanwhile. */
#ifndef INQUEST_EXIT_BPF_H
#define INQUEST_EXIT_BPF_H

#include "mark.bpf.h"
#include "victim.bpf.h"

/* --- Exits --- */

/* sched:sched_process_exit(task, ...): runs for every thread; the process is gone with its last one. */
SEC("raw_tp/sched_process_exit")
int iq_process_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	__u32 tgid, signal, flags;
	struct iq_mark *mark;
	struct iq_exit *exit;
	struct mm_struct *mm;
	__u64 marked;

	if (BPF_CORE_READ(task, signal, live.counter) != 0)
		return 0;
	tgid = BPF_CORE_READ(task, tgid);
	bpf_map_delete_elem(&iq_cmdlines, &tgid);
	mark = iq_mark_of(task, tgid);
	if (!mark)
		return 0;
	marked = mark->boottime_ns;
	signal = mark->signal;
	/* Two threads may both see the last one gone: the one that removes the mark reports. */
	if (bpf_map_delete_elem(&iq_marks, &tgid))
		return 0;

	exit = iq_reserve(struct iq_exit, sizeof *exit, IQ_KIND_EXIT, IQ_DROP_RING_FULL_KILL);
	if (!exit)
		return 0;
	iq_fill_task(&exit->task, BPF_CORE_READ(task, group_leader));
	flags = BPF_CORE_READ(task, signal, flags);
	exit->exit_code = flags & SIGNAL_GROUP_EXIT ? BPF_CORE_READ(task, signal, group_exit_code) :
						      BPF_CORE_READ(task, group_leader, exit_code);
	exit->last_signal = signal;
	exit->marked_boottime_ns = marked;
	/* Up to 6.12 the address space is gone before this hook runs. */
	mm = BPF_CORE_READ(task, mm);
	exit->rss_pages =
		mm ? iq_rss(mm, IQ_RSS_FILE) + iq_rss(mm, IQ_RSS_ANON) + iq_rss(mm, IQ_RSS_SHMEM) : IQ_UNKNOWN;
	iq_submit(exit);
	return 0;
}

/* --- The OOM reaper: oom:{wake_reaper,start_task_reaping,finish_task_reaping,skip_task_reaping}(pid) --- */

static __always_inline int iq_report_reap(__u32 pid, __u32 step)
{
	struct iq_reap *reap = iq_reserve(struct iq_reap, sizeof *reap, IQ_KIND_REAP, IQ_DROP_RING_FULL_OTHER);

	if (!reap)
		return 0;
	reap->pid = pid;
	reap->step = step;
	iq_submit(reap);
	return 0;
}

SEC("raw_tp/wake_reaper")
int iq_wake_reaper(struct bpf_raw_tracepoint_args *ctx)
{
	return iq_report_reap(ctx->args[0], IQ_REAP_WAKE);
}

SEC("raw_tp/start_task_reaping")
int iq_start_task_reaping(struct bpf_raw_tracepoint_args *ctx)
{
	return iq_report_reap(ctx->args[0], IQ_REAP_START);
}

SEC("raw_tp/finish_task_reaping")
int iq_finish_task_reaping(struct bpf_raw_tracepoint_args *ctx)
{
	return iq_report_reap(ctx->args[0], IQ_REAP_FINISH);
}

SEC("raw_tp/skip_task_reaping")
int iq_skip_task_reaping(struct bpf_raw_tracepoint_args *ctx)
{
	return iq_report_reap(ctx->args[0], IQ_REAP_SKIP);
}

#endif
