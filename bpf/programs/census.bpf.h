/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Census: who is there, how large, and who is blocked where, from the task iterator. It takes no lock of the tasks it
 * reports (no mmap lock above all), so it answers while ps hangs.
 *
 * Each read of the iterator gives struct iq_census_task records, each followed by its stack_lines lines of text. The
 * kernel names the frames (%pB): user space needs no symbol table.
 */
#ifndef INQUEST_CENSUS_BPF_H
#define INQUEST_CENSUS_BPF_H

#include "core.bpf.h"
#include "victim.bpf.h"

#define IQ_TASK_UNINTERRUPTIBLE 0x2
#define IQ_TASK_NOLOAD 0x400 /* idle kernel threads: uninterruptible in name only */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
};

#pragma clang attribute pop

SEC("iter/task")
int iq_census(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct iq_census_task record = {};
	__u64 stack[IQ_STACK_MAX] = {};
	struct mm_struct *mm;
	bool blocked;
	long bytes;
	__u32 frame;

	if (!task)
		return 0;
	record.state = iq_task_state(task);
	blocked = record.state & IQ_TASK_UNINTERRUPTIBLE && !(record.state & IQ_TASK_NOLOAD);
	if (task->pid != task->tgid && !blocked)
		return 0;

	iq_fill_task(&record.task, task);
	record.oom_score_adj = task->signal->oom_score_adj;
	record.start_boottime_ns = task->start_boottime;
	record.in_iowait = BPF_CORE_READ_BITFIELD(task, in_iowait);
	record.anon_rss_pages = record.file_rss_pages = record.shmem_rss_pages = record.swap_pages = IQ_UNKNOWN;
	record.pgtables_bytes = IQ_UNKNOWN;
	mm = task->mm;
	if (mm) {
		record.anon_rss_pages = iq_rss(mm, IQ_RSS_ANON);
		record.file_rss_pages = iq_rss(mm, IQ_RSS_FILE);
		record.shmem_rss_pages = iq_rss(mm, IQ_RSS_SHMEM);
		record.swap_pages = iq_rss(mm, IQ_RSS_SWAP);
		record.pgtables_bytes = BPF_CORE_READ(mm, pgtables_bytes.counter);
	}
	if (blocked) {
		bytes = bpf_get_task_stack(task, stack, sizeof stack, 0);
		if (bytes > 0)
			record.stack_lines = bytes / sizeof stack[0];
	}
	bpf_seq_write(seq, &record, sizeof record);
	for (frame = 0; frame < IQ_STACK_MAX; frame++) {
		if (frame >= record.stack_lines)
			break;
		BPF_SEQ_PRINTF(seq, "%pB\n", stack[frame]);
	}
	return 0;
}

/*
 * Which cgroups are large, without opening a file of each: from 6.1 on. The kernel's buffer holds some 300 records and a
 * second read does not go on where the first ended, so only cgroups from a size on are written.
 */
SEC("iter/cgroup")
int iq_census_cgroups(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgroup = ctx->cgroup;
	struct cgroup_subsys_state *css = NULL, *parent;
	struct iq_memcg record = {};
	struct mem_cgroup *memcg;

	if (!cgroup)
		return 0;
	bpf_probe_read_kernel(&css, sizeof css,
			      (void *)cgroup + bpf_core_field_offset(struct cgroup, subsys) +
				      bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) * sizeof css);
	parent = css ? BPF_CORE_READ(css, parent) : NULL;
	if (!parent) /* no memory controller here; or the root, which is charged nothing */
		return 0;
	memcg = iq_memcg_of(css);
	if ((__u64)BPF_CORE_READ(memcg, memory.usage.counter) < iq_config.census_cgroup_pages)
		return 0;
	iq_fill_memcg(&record, memcg, parent);
	bpf_seq_write(ctx->meta->seq, &record, sizeof record);
	return 0;
}

#endif
