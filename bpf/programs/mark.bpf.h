/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Marks: processes whose exit will be reported, from their first fatal signal on. */
#ifndef INQUEST_MARK_BPF_H
#define INQUEST_MARK_BPF_H

#include "core.bpf.h"

enum { IQ_SIGABRT = 6, IQ_SIGKILL = 9, IQ_SIGTERM = 15 };

struct iq_mark {
	__u64 boottime_ns; /* of the first fatal signal or mark */
	__u32 signal;	   /* the last one; 0: marked by the OOM killer without a signal */
	__u32 by_oom;	   /* 1: the OOM killer has marked it */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* tgid */
	__type(value, struct iq_mark);
} iq_marks SEC(".maps");

/* A process's mark. One from before it began was left by another of the same id: it is forgotten. */
static __always_inline struct iq_mark *iq_mark_of(struct task_struct *task, __u32 tgid)
{
	struct iq_mark *mark = bpf_map_lookup_elem(&iq_marks, &tgid);

	if (mark && mark->boottime_ns < BPF_CORE_READ(task, group_leader, start_boottime)) {
		bpf_map_delete_elem(&iq_marks, &tgid);
		return NULL;
	}
	return mark;
}

static __always_inline void iq_mark_process(struct task_struct *task, __u32 tgid, __u32 signal, __u32 by_oom)
{
	struct iq_mark fresh = { .boottime_ns = bpf_ktime_get_boot_ns(), .signal = signal, .by_oom = by_oom };
	struct iq_mark *mark = iq_mark_of(task, tgid);

	if (mark) {
		if (signal)
			mark->signal = signal;
		return;
	}
	if (bpf_map_update_elem(&iq_marks, &tgid, &fresh, BPF_ANY))
		iq_count_drop(IQ_DROP_MARK_FULL);
}

#endif
