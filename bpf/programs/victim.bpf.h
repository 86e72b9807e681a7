/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who a victim is: everything that is asked about a process after it is gone.
 *
 * Command lines are cached at exec and handed on at fork; at a kill nothing of the victim's own memory is touched.
 */
#ifndef INQUEST_VICTIM_BPF_H
#define INQUEST_VICTIM_BPF_H

#include "core.bpf.h"

/* The oldest unused are forgotten first; exits remove theirs. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* tgid */
	__type(value, struct iq_cmdline);
} iq_cmdlines SEC(".maps");

/* sched:sched_process_exec(task, old_pid, bprm): the new image's arguments have just been copied. */
SEC("raw_tp/sched_process_exec")
int iq_process_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct iq_cmdline line = {};
	unsigned long start, length;

	if (!mm)
		return 0;
	start = BPF_CORE_READ(mm, arg_start);
	length = BPF_CORE_READ(mm, arg_end) - start;
	if (length > IQ_CMDLINE_MAX) {
		length = IQ_CMDLINE_MAX;
		line.truncated = 1;
	}
	if (bpf_probe_read_user(line.bytes, length, (void *)start)) {
		/* Unknown is unknown: what the image before it was called is no longer true. */
		bpf_map_delete_elem(&iq_cmdlines, &tgid);
		return 0;
	}
	line.length = length;
	bpf_map_update_elem(&iq_cmdlines, &tgid, &line, BPF_ANY);
	return 0;
}

/* sched:sched_process_fork(parent, child): a child that never execs goes by its parent's command line. */
SEC("raw_tp/sched_process_fork")
int iq_process_fork(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 parent = BPF_CORE_READ((struct task_struct *)ctx->args[0], tgid);
	__u32 child = BPF_CORE_READ((struct task_struct *)ctx->args[1], tgid);
	struct iq_cmdline *line;

	if (child == parent) /* a thread */
		return 0;
	line = bpf_map_lookup_elem(&iq_cmdlines, &parent);
	if (line)
		bpf_map_update_elem(&iq_cmdlines, &child, line, BPF_ANY);
	return 0;
}

/* --- Namespaces --- */

/* The process id as the process itself sees it; IQ_UNKNOWN32 once it has been reaped. */
static __noinline __u32 iq_ns_pid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	__u32 level;
	int number = 0;

	if (!pid)
		return IQ_UNKNOWN32;
	level = BPF_CORE_READ(pid, level);
	if (bpf_probe_read_kernel(&number, sizeof number,
				  (void *)pid + bpf_core_field_offset(struct pid, numbers) +
					  level * bpf_core_type_size(struct upid) +
					  bpf_core_field_offset(struct upid, nr)))
		return IQ_UNKNOWN32;
	return number;
}

/* The user id as the process itself sees it; IQ_UNKNOWN32 when it has no name there, or the map is a long one. */
static __noinline __u32 iq_ns_uid(struct task_struct *task)
{
	struct cred *cred = BPF_CORE_READ(task, real_cred);
	struct user_namespace *space = BPF_CORE_READ(cred, user_ns);
	__u32 uid = BPF_CORE_READ(cred, uid.val);
	__u32 extents = BPF_CORE_READ(space, uid_map.nr_extents);
	void *extent = (void *)space + bpf_core_field_offset(struct user_namespace, uid_map.extent);
	__u32 i;

	if (extents > UID_GID_MAP_MAX_BASE_EXTENTS)
		return IQ_UNKNOWN32;
	for (i = 0; i < UID_GID_MAP_MAX_BASE_EXTENTS; i++) {
		struct uid_gid_extent one = {};

		if (i >= extents)
			break;
		bpf_probe_read_kernel(&one, sizeof one, extent + i * sizeof one);
		if (uid - one.lower_first < one.count)
			return one.first + (uid - one.lower_first);
	}
	return IQ_UNKNOWN32;
}

/* --- Paths --- */

#define IQ_EXE_DEPTH 24

/*
 * Writes the path of a task's executable from its mount's root, components leaf first, each NUL-terminated; returns the bytes
 * used. `path` has room for IQ_EXE_MAX + IQ_NAME_SPILL bytes.
 */
static __noinline __u32 iq_exe_path(struct task_struct *task, char *path, bool *truncated)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct file *file = mm ? BPF_CORE_READ(mm, exe_file) : NULL;
	struct dentry *dentry, *parent;
	__u32 used = 0;
	int depth;

	*truncated = 0;
	if (!file)
		return 0;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	for (depth = 0; depth < IQ_EXE_DEPTH; depth++) {
		long length;

		parent = BPF_CORE_READ(dentry, d_parent);
		if (!parent || parent == dentry)
			return used;
		if (used >= IQ_EXE_MAX)
			break;
		length = bpf_probe_read_kernel_str(path + used, IQ_NAME_SPILL, BPF_CORE_READ(dentry, d_name.name));
		if (length <= 0 || used + length > IQ_EXE_MAX)
			break;
		used += length;
		dentry = parent;
	}
	*truncated = 1;
	return used;
}

/* --- Memory cgroups --- */

/* "max" is LONG_MAX / PAGE_SIZE: with the largest pages (64 KiB) this many. No limit comes near it. */
#define IQ_PAGE_COUNTER_MAX ((1UL << 47) - 1)

/*
 * These two choose without a branch: in a loop over the ancestors, the verifier would follow each combination of branches, and
 * loading would take longer than all else.
 */
static __always_inline __u64 iq_limit(unsigned long pages)
{
	__u64 unlimited = (pages + ((1UL << 63) - IQ_PAGE_COUNTER_MAX)) >> 63; /* pages >= IQ_PAGE_COUNTER_MAX */

	barrier_var(unlimited);
	return (pages & (unlimited - 1)) | (-unlimited & IQ_UNLIMITED);
}

/* The value, or IQ_UNKNOWN without a parent: the root is charged nothing, so what it uses is unknown, not 0. */
static __always_inline __u64 iq_charged(__u64 value, struct cgroup_subsys_state *parent)
{
	__u64 bits = (__u64)parent;
	__u64 some = (bits | -bits) >> 63;

	barrier_var(some);
	return value | (some - 1);
}

static __always_inline struct mem_cgroup *iq_memcg_of(struct cgroup_subsys_state *css)
{
	return (void *)css - bpf_core_field_offset(struct mem_cgroup, css);
}

#define iq_memory_event(memcg, event)                                                                               \
	({                                                                                                          \
		__u64 count_ = IQ_UNKNOWN;                                                                          \
		bpf_probe_read_kernel(&count_, sizeof count_,                                                       \
				      (void *)(memcg) +                                                             \
					      bpf_core_field_offset(struct mem_cgroup, memory_events_local) +       \
					      bpf_core_enum_value(enum memcg_memory_event, event) * sizeof count_); \
		count_;                                                                                             \
	})

static __always_inline void iq_fill_memcg(struct iq_memcg *to, struct mem_cgroup *memcg,
					  struct cgroup_subsys_state *parent)
{
	to->id = iq_cgroup_id(BPF_CORE_READ(memcg, css.cgroup));
	to->usage_pages = iq_charged(BPF_CORE_READ(memcg, memory.usage.counter), parent);
	to->peak_pages = iq_charged(BPF_CORE_READ(memcg, memory.watermark), parent);
	to->min_pages = iq_limit(BPF_CORE_READ(memcg, memory.min));
	to->low_pages = iq_limit(BPF_CORE_READ(memcg, memory.low));
	to->high_pages = iq_limit(BPF_CORE_READ(memcg, memory.high));
	to->max_pages = iq_limit(BPF_CORE_READ(memcg, memory.max));
	to->swap_usage_pages = iq_charged(BPF_CORE_READ(memcg, swap.usage.counter), parent);
	to->swap_max_pages = iq_limit(BPF_CORE_READ(memcg, swap.max));
	to->high_events = iq_memory_event(memcg, MEMCG_HIGH);
	to->max_events = iq_memory_event(memcg, MEMCG_MAX);
	to->oom_events = iq_memory_event(memcg, MEMCG_OOM);
	to->oom_kill_events = iq_memory_event(memcg, MEMCG_OOM_KILL);
}

/* --- The victim --- */

static __always_inline void iq_no_figures(struct iq_victim *to)
{
	to->total_vm_pages = IQ_UNKNOWN;
	to->anon_rss_pages = IQ_UNKNOWN;
	to->file_rss_pages = IQ_UNKNOWN;
	to->shmem_rss_pages = IQ_UNKNOWN;
	to->swap_pages = IQ_UNKNOWN;
	to->pgtables_bytes = IQ_UNKNOWN;
}

static __noinline void iq_fill_victim(struct iq_victim *to, struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct iq_cmdline *line;
	bool truncated = 0;
	__u32 flags = 0;
	__u32 tgid;

	iq_fill_task(&to->task, task);
	to->ns_pid = iq_ns_pid(task);
	to->ns_uid = iq_ns_uid(task);
	to->oom_score_adj = BPF_CORE_READ(task, signal, oom_score_adj);
	to->start_boottime_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	if (to->task.flags & PF_EXITING)
		flags |= IQ_VICTIM_EXITING;
	if (mm) {
		to->total_vm_pages = BPF_CORE_READ(mm, total_vm);
		to->anon_rss_pages = iq_rss(mm, IQ_RSS_ANON);
		to->file_rss_pages = iq_rss(mm, IQ_RSS_FILE);
		to->shmem_rss_pages = iq_rss(mm, IQ_RSS_SHMEM);
		to->swap_pages = iq_rss(mm, IQ_RSS_SWAP);
		to->pgtables_bytes = BPF_CORE_READ(mm, pgtables_bytes.counter);
	} else {
		iq_no_figures(to);
		flags |= IQ_VICTIM_NO_MM;
	}
	/* The path first: a component that is cut spills into the command line, which is written afterwards. */
	to->path_len = iq_cgroup_path(iq_memory_cgroup(task), to->path, &truncated);
	if (truncated)
		flags |= IQ_VICTIM_PATH_TRUNCATED;
	tgid = to->task.tgid;
	line = bpf_map_lookup_elem(&iq_cmdlines, &tgid);
	if (line) {
		__builtin_memcpy(to->cmdline, line->bytes, sizeof to->cmdline);
		to->cmdline_len = line->length;
		if (line->truncated)
			flags |= IQ_VICTIM_CMDLINE_TRUNCATED;
	} else {
		to->cmdline_len = 0;
	}
	to->reserved = 0;
	to->flags = flags;
}

/* A victim of whom the kernel gave only the pid. */
static __always_inline void iq_fill_unknown_victim(struct iq_victim *to, __u32 pid)
{
	__builtin_memset(&to->task, 0, sizeof to->task);
	to->task.pid = pid;
	to->task.tgid = pid;
	to->ns_pid = IQ_UNKNOWN32;
	to->ns_uid = IQ_UNKNOWN32;
	to->task.uid = IQ_UNKNOWN32;
	to->oom_score_adj = 0;
	to->start_boottime_ns = 0;
	iq_no_figures(to);
	to->path_len = 0;
	to->cmdline_len = 0;
	to->reserved = 0;
	to->flags = IQ_VICTIM_NO_MM;
}

#endif
