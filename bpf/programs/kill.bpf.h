/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Kills by the OOM killer.
 *
 * The order in the kernel (mm/oom_kill.c, __oom_kill_process): signal_generate(SIGKILL), then mark_victim, both in the
 * context of the task that ran out of memory. The victim is another task, or the same one.
 */
#ifndef INQUEST_KILL_BPF_H
#define INQUEST_KILL_BPF_H

#include "core.bpf.h"
#include "mark.bpf.h"
#include "victim.bpf.h"

/* --- What a task that runs the OOM killer knows, from one hook to the next --- */

struct iq_oom_context {
	__u64 killed; /* task_struct of the last SIGKILL that the kernel sent from this task */
	__u32 killed_pid;
	__u32 facts; /* 1: inside oom_kill_process, what follows is known */
	__s32 constraint;
	__s32 order;
	__u32 gfp_mask;
	__u32 exiting; /* 1: `killed` was exiting before that signal */
	__u64 limit_pages;
	__s64 chosen_points;
	__u64 oom_cgroup_id;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* thread id of the task that allocates */
	__type(value, struct iq_oom_context);
} iq_oom_contexts SEC(".maps");

/* Whether signal_generate is heard at all: without it, a mark without a signal says nothing. */
__u32 iq_signals_heard;

/* static in mm/oom_kill.c: there only where trampolines load. Runs once per OOM, before its victims are marked. */
SEC("fentry/oom_kill_process")
int BPF_PROG(iq_oom_kill_process, struct oom_control *oc)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct iq_oom_context context = {};
	struct mem_cgroup *memcg = BPF_CORE_READ(oc, memcg);

	context.facts = 1;
	context.constraint = BPF_CORE_READ(oc, constraint);
	context.order = BPF_CORE_READ(oc, order);
	context.gfp_mask = BPF_CORE_READ(oc, gfp_mask);
	context.limit_pages = BPF_CORE_READ(oc, totalpages);
	context.chosen_points = BPF_CORE_READ(oc, chosen_points);
	context.oom_cgroup_id = memcg ? BPF_CORE_READ(memcg, css.cgroup, kn, id) : 0;
	bpf_map_update_elem(&iq_oom_contexts, &tid, &context, BPF_ANY);
	return 0;
}

/* What was true for one OOM must not be told of the next. */
SEC("fexit/oom_kill_process")
int BPF_PROG(iq_oom_kill_process_end)
{
	__u32 tid = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&iq_oom_contexts, &tid);
	return 0;
}

static __always_inline void iq_note_kernel_kill(struct task_struct *task)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct iq_oom_context *context = bpf_map_lookup_elem(&iq_oom_contexts, &tid);
	struct iq_oom_context fresh = {};
	__u32 exiting = (BPF_CORE_READ(task, flags) & PF_EXITING) != 0;

	if (context) {
		context->killed = (__u64)task;
		context->killed_pid = BPF_CORE_READ(task, pid);
		context->exiting = exiting;
		return;
	}
	fresh.killed = (__u64)task;
	fresh.killed_pid = BPF_CORE_READ(task, pid);
	fresh.exiting = exiting;
	bpf_map_update_elem(&iq_oom_contexts, &tid, &fresh, BPF_ANY);
}

/*
 * Bits of iq_oom_kill.flags that never leave the kernel. They live in the record because the verifier does not follow its
 * contents: as variables they would multiply the paths through everything that comes after.
 */
enum {
	IQ_OOM_SIGNALLED = 1 << 29,   /* this very kill sent the victim SIGKILL */
	IQ_OOM_WAS_EXITING = 1 << 30, /* and found it exiting */
	IQ_OOM_BELOW = 1 << 31,	      /* ancestors: still within what ran out of memory */
	IQ_OOM_INTERNAL = 7 << 29,
};

/* The victim's ancestors' state; notes oom_group and the topmost holder of the OOM lock on the way. */
static __noinline void iq_fill_ancestors(struct iq_oom_kill *kill, struct task_struct *victim)
{
	struct cgroup_subsys_state *css = iq_memory_css(victim);
	__u32 i;

	kill->ancestor_count = 0;
	kill->flags |= IQ_OOM_BELOW;
	for (i = 0; i < IQ_ANCESTORS_MAX; i++) {
		struct cgroup_subsys_state *parent;
		struct mem_cgroup *memcg;
		__u64 id;

		if (!css)
			break;
		memcg = iq_memcg_of(css);
		parent = BPF_CORE_READ(css, parent);
		iq_fill_memcg(&kill->ancestors[i], memcg, parent);
		kill->ancestor_count = i + 1;
		id = kill->ancestors[i].id;
		if (kill->flags & IQ_OOM_FACTS) {
			if (kill->flags & IQ_OOM_BELOW && BPF_CORE_READ(memcg, oom_group))
				kill->flags |= IQ_OOM_GROUP;
			if (id == kill->oom_cgroup_id)
				kill->flags &= ~IQ_OOM_BELOW;
		} else if (bpf_core_field_exists(struct mem_cgroup, oom_lock) && BPF_CORE_READ(memcg, oom_lock)) {
			kill->oom_cgroup_id = id;
			kill->flags |= IQ_OOM_BY_LOCK;
		}
		css = parent;
	}
}

static __always_inline void iq_fill_oom(struct iq_oom_kill *kill, struct iq_oom_context *context)
{
	kill->flags = 0;
	kill->constraint = -1;
	kill->order = 0;
	kill->gfp_mask = 0;
	kill->limit_pages = IQ_UNKNOWN;
	kill->chosen_points = 0;
	kill->oom_cgroup_id = IQ_UNKNOWN;
	if (!context || !context->facts)
		return;
	kill->flags = IQ_OOM_FACTS;
	kill->constraint = context->constraint;
	kill->order = context->order;
	kill->gfp_mask = context->gfp_mask;
	kill->limit_pages = context->limit_pages;
	kill->chosen_points = context->chosen_points;
	kill->oom_cgroup_id = context->oom_cgroup_id;
}

/*
 * Whether this process is marked for the first time. A kill of a whole group (memory.oom.group) marks a victim again, by
 * another of its threads, when its first one is gone by then.
 */
static __always_inline bool iq_first_mark(struct task_struct *victim)
{
	__u32 tgid = BPF_CORE_READ(victim, tgid);
	struct iq_mark *mark = iq_mark_of(victim, tgid);
	bool first = !mark || !mark->by_oom;

	if (mark)
		mark->by_oom = 1;
	return first;
}

/*
 * oom:mark_victim, on every kernel: the argument is the task, or (up to 6.1, by distribution) only its pid; then the task is
 * the one that the kernel has just sent SIGKILL to from here.
 */
SEC("raw_tp/mark_victim")
int iq_mark_victim(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct iq_oom_context *context = bpf_map_lookup_elem(&iq_oom_contexts, &tid);
	struct task_struct *victim = NULL;
	struct iq_oom_kill *kill;
	long stack_bytes;
	bool signalled;
	__u32 pid;

	if (bpf_core_field_exists(struct trace_event_raw_mark_victim, total_vm)) {
		victim = (struct task_struct *)ctx->args[0];
		pid = BPF_CORE_READ(victim, pid);
		signalled = context && context->killed == (__u64)victim;
	} else {
		pid = ctx->args[0];
		signalled = context && context->killed_pid == pid;
		if (signalled)
			victim = (struct task_struct *)context->killed;
		else if (pid == tid)
			victim = iq_current();
	}

	if (victim && !iq_first_mark(victim))
		return 0;
	kill = iq_reserve(struct iq_oom_kill, sizeof *kill, IQ_KIND_OOM_KILL, IQ_DROP_RING_FULL_KILL);
	if (!kill)
		return 0;
	iq_fill_oom(kill, context);
	if (signalled)
		kill->flags |= IQ_OOM_SIGNALLED;
	if (context) {
		if (context->exiting)
			kill->flags |= IQ_OOM_WAS_EXITING;
		context->killed = 0;
		context->killed_pid = 0;
	}
	iq_fill_task(&kill->trigger, iq_current());
	kill->ancestor_count = 0;
	if (victim) {
		iq_fill_victim(&kill->victim, victim);
		iq_fill_ancestors(kill, victim);
		iq_mark_process(victim, kill->victim.task.tgid, kill->flags & IQ_OOM_SIGNALLED ? IQ_SIGKILL : 0, 1);
	} else {
		iq_fill_unknown_victim(&kill->victim, pid);
	}
	/*
	 * By now the victim may be exiting because of this very kill: what counts is how the signal found it. Marked without
	 * a signal, it was dying of something else (task_will_free_mem).
	 */
	if (iq_signals_heard) {
		if ((kill->flags & (IQ_OOM_SIGNALLED | IQ_OOM_WAS_EXITING)) == IQ_OOM_SIGNALLED)
			kill->victim.flags &= ~IQ_VICTIM_EXITING;
		else
			kill->victim.flags |= IQ_VICTIM_EXITING;
	}
	kill->flags &= ~IQ_OOM_INTERNAL;
	kill->stack_count = 0;
	if (!(kill->flags & IQ_OOM_FACTS)) {
		stack_bytes = bpf_get_stack(ctx, kill->stack, sizeof kill->stack, 0);
		if (stack_bytes > 0)
			kill->stack_count = stack_bytes / sizeof kill->stack[0];
	}
	bpf_ringbuf_submit(kill, BPF_RB_FORCE_WAKEUP);
	return 0;
}

#endif
