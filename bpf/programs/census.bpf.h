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
	mm = task->mm;
	if (mm) {
		record.anon_rss_pages = iq_rss(mm, IQ_RSS_ANON);
		record.file_rss_pages = iq_rss(mm, IQ_RSS_FILE);
		record.shmem_rss_pages = iq_rss(mm, IQ_RSS_SHMEM);
		record.swap_pages = iq_rss(mm, IQ_RSS_SWAP);
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

#endif
