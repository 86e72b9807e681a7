/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Stalls: time that tasks lose to memory.high and to direct reclaim, by cgroup.
 *
 * memory.high has two mechanisms, of which user space attaches the first that loads:
 *  - fentry + fexit on the throttle function: the whole stall, reclaim and sleep.
 *  - sched_switch: a task that goes to sleep killable, in a memory stall and not in IO wait, is in the throttle's sleep
 *    and nowhere else. It costs something at every switch of the machine, so it is attached only under pressure.
 *
 * A task is in one stall of a mechanism at a time, so its thread id and the mechanism name the stall that runs.
 */
#ifndef INQUEST_STALL_BPF_H
#define INQUEST_STALL_BPF_H

#include "core.bpf.h"
#include "rate.bpf.h"

/* TASK_UNINTERRUPTIBLE | TASK_WAKEKILL: the same bits from 5.10 on. */
#define IQ_TASK_KILLABLE 0x102

/* Stalls that run: boot clock of their beginning. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct iq_stall_begun);
	__type(value, __u64);
} iq_stalls_begun SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct iq_stall_key);
	__type(value, struct iq_stall_series);
} iq_stalls SEC(".maps");

struct iq_rate iq_long_stall_rate; /* not static: the compiler would split it, and BTF with it */

static __always_inline void iq_stall_begin(struct task_struct *task, __u32 mechanism)
{
	struct iq_stall_begun key = { .pid = BPF_CORE_READ(task, pid), .mechanism = mechanism };
	__u64 now = bpf_ktime_get_boot_ns();

	if (bpf_map_update_elem(&iq_stalls_begun, &key, &now, BPF_ANY))
		iq_count_drop(IQ_DROP_STALL_START_FULL);
}

static __noinline void iq_report_long_stall(struct task_struct *task, __u32 mechanism, __u64 duration_ns)
{
	struct iq_stall *record;

	if (!iq_within_rate(&iq_long_stall_rate, bpf_ktime_get_ns(), iq_config.long_stalls_per_second)) {
		iq_count_drop(IQ_DROP_STALL_SUPPRESSED);
		return;
	}
	record = iq_reserve(struct iq_stall, sizeof(struct iq_stall), IQ_KIND_STALL, IQ_DROP_RING_FULL_OTHER);
	if (!record)
		return;
	iq_fill_task(&record->task, task);
	record->duration_ns = duration_ns;
	record->mechanism = mechanism;
	record->reserved = 0;
	iq_submit(record);
}

static __noinline void iq_stall_end(struct task_struct *task, __u32 mechanism)
{
	struct iq_stall_begun key = { .pid = BPF_CORE_READ(task, pid), .mechanism = mechanism };
	struct iq_stall_key whose = { .mechanism = mechanism };
	struct iq_stall_series *series;
	__u64 *begun = bpf_map_lookup_elem(&iq_stalls_begun, &key);
	__u64 now, duration_ns;

	if (!begun)
		return; /* began before the hook was attached, or could not be noted (counted) */
	now = bpf_ktime_get_boot_ns();
	duration_ns = now > *begun ? now - *begun : 0;
	bpf_map_delete_elem(&iq_stalls_begun, &key);

	whose.cgroup_id = iq_cgroup_id(iq_memory_cgroup(task));
	series = bpf_map_lookup_elem(&iq_stalls, &whose);
	if (series) {
		series->count++;
		series->total_ns += duration_ns;
		if (duration_ns > series->max_ns)
			series->max_ns = duration_ns;
	} else {
		struct iq_stall_series first = { .count = 1, .total_ns = duration_ns, .max_ns = duration_ns };

		/* On this CPU only: the others' values start at zero. */
		if (bpf_map_update_elem(&iq_stalls, &whose, &first, BPF_ANY))
			iq_count_drop(IQ_DROP_STALL_SERIES_FULL);
	}
	if (duration_ns >= iq_config.long_stall_ns)
		iq_report_long_stall(task, mechanism, duration_ns);
}

/* --- memory.high, by its function (up to 6.13 without the underscores) --- */

static __always_inline void iq_over_high_enter(void)
{
	struct task_struct *task = iq_current();

	/* Up to 6.12 the function also runs for a task that owes nothing. */
	if (BPF_CORE_READ(task, memcg_nr_pages_over_high))
		iq_stall_begin(task, IQ_STALL_MEMORY_HIGH);
}

SEC("fentry/mem_cgroup_handle_over_high")
int BPF_PROG(iq_over_high_enter_plain)
{
	iq_over_high_enter();
	return 0;
}

SEC("fexit/mem_cgroup_handle_over_high")
int BPF_PROG(iq_over_high_exit_plain)
{
	iq_stall_end(iq_current(), IQ_STALL_MEMORY_HIGH);
	return 0;
}

SEC("fentry/__mem_cgroup_handle_over_high")
int BPF_PROG(iq_over_high_enter_inner)
{
	iq_over_high_enter();
	return 0;
}

SEC("fexit/__mem_cgroup_handle_over_high")
int BPF_PROG(iq_over_high_exit_inner)
{
	iq_stall_end(iq_current(), IQ_STALL_MEMORY_HIGH);
	return 0;
}

/* --- memory.high, by the sleep --- */

SEC("tp_btf/sched_switch")
int BPF_PROG(iq_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	if (!preempt && BPF_CORE_READ_BITFIELD(prev, in_memstall) && !BPF_CORE_READ_BITFIELD(prev, in_iowait) &&
	    iq_task_state(prev) == IQ_TASK_KILLABLE)
		iq_stall_begin(prev, IQ_STALL_MEMORY_HIGH_SLEEP);
	/* Still set when it wakes: the throttle clears it itself. */
	if (BPF_CORE_READ_BITFIELD(next, in_memstall))
		iq_stall_end(next, IQ_STALL_MEMORY_HIGH_SLEEP);
	return 0;
}

/* --- Reclaim by the allocating task itself --- */

SEC("raw_tp/mm_vmscan_direct_reclaim_begin")
int iq_direct_reclaim_begin(struct bpf_raw_tracepoint_args *ctx)
{
	iq_stall_begin(iq_current(), IQ_STALL_DIRECT_RECLAIM);
	return 0;
}

SEC("raw_tp/mm_vmscan_direct_reclaim_end")
int iq_direct_reclaim_end(struct bpf_raw_tracepoint_args *ctx)
{
	iq_stall_end(iq_current(), IQ_STALL_DIRECT_RECLAIM);
	return 0;
}

SEC("raw_tp/mm_vmscan_memcg_reclaim_begin")
int iq_memcg_reclaim_begin(struct bpf_raw_tracepoint_args *ctx)
{
	iq_stall_begin(iq_current(), IQ_STALL_MEMCG_RECLAIM);
	return 0;
}

SEC("raw_tp/mm_vmscan_memcg_reclaim_end")
int iq_memcg_reclaim_end(struct bpf_raw_tracepoint_args *ctx)
{
	iq_stall_end(iq_current(), IQ_STALL_MEMCG_RECLAIM);
	return 0;
}

#endif
