/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What every program needs: the ring, the drop counters, the configuration, and who a task is.
 *
 * Rules for all programs:
 *  - A record that cannot be reserved is counted in iq_drops: nothing is lost silently.
 *  - Names are written straight into the reserved record. A per-cpu scratch buffer would be shared with whatever
 *    interrupts us.
 *  - The verifiers of 5.10 to today must accept the code: loops have constant bounds, and an offset is compared with
 *    its bound right before it is used.
 */
#ifndef INQUEST_CORE_BPF_H
#define INQUEST_CORE_BPF_H

#include "kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "inquest_wire.h"

/* Set by user space before the object is loaded. */
const volatile struct iq_config iq_config SEC(".rodata.config") = {};

/* Its size is set by user space before the object is loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} iq_ring SEC(".maps");

/* Index: enum iq_drop. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, IQ_DROP_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} iq_drops SEC(".maps");

/*
 * Adds without losing what an interrupt adds meanwhile. Written out, because for __sync_fetch_and_add the compiler takes an
 * instruction (BPF_FETCH) that 5.10 refuses.
 */
static __always_inline void iq_atomic_add(__u64 *to, __u64 value)
{
	asm volatile("lock *(u64 *)(%[to] + 0) += %[value]" : : [to] "r"(to), [value] "r"(value) : "memory");
}

static __always_inline void iq_count_drop(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&iq_drops, &reason);

	if (count)
		iq_atomic_add(count, 1);
}

/*
 * Whether a record that is no kill may still have room. The last quarter of the ring is kept for kills, signals and exits:
 * a flood of cgroups or slow IOs between two turns of the reader must not cost the one record that matters.
 */
static __always_inline bool iq_room_for(__u32 reason)
{
	return reason == IQ_DROP_RING_FULL_KILL ||
	       bpf_ringbuf_query(&iq_ring, BPF_RB_AVAIL_DATA) < bpf_ringbuf_query(&iq_ring, BPF_RB_RING_SIZE) / 4 * 3;
}

/*
 * A record in the ring with its header filled, or NULL, counted as `reason`. `type` may be longer than the record itself
 * (room for a name that is cut afterwards); `record_size` is what the header says.
 */
#define iq_reserve(type, record_size, record_kind, reason)                                                     \
	({                                                                                                     \
		type *reserved_ = iq_room_for(reason) ? bpf_ringbuf_reserve(&iq_ring, sizeof(type), 0) : NULL; \
		if (reserved_)                                                                                 \
			iq_fill_header((struct iq_header *)reserved_, record_kind, record_size);               \
		else                                                                                           \
			iq_count_drop(reason);                                                                 \
		reserved_;                                                                                     \
	})

/* Hands over a record that can wait for the reader's next turn, unless the ring fills up before it. */
static __always_inline void iq_submit(void *record)
{
	bool filling =
		bpf_ringbuf_query(&iq_ring, BPF_RB_AVAIL_DATA) > bpf_ringbuf_query(&iq_ring, BPF_RB_RING_SIZE) / 4;

	bpf_ringbuf_submit(record, filling ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void iq_fill_header(struct iq_header *header, __u16 kind, __u16 size)
{
	header->boottime_ns = bpf_ktime_get_boot_ns();
	header->kind = kind;
	header->size = size;
	header->cpu = bpf_get_smp_processor_id();
}

/* --- Cgroups --- */

static __always_inline struct cgroup_subsys_state *iq_memory_css(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *css = NULL;

	if (set && bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		bpf_probe_read_kernel(&css, sizeof css,
				      (void *)set + bpf_core_field_offset(struct css_set, subsys) +
					      bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) * sizeof css);
	return css;
}

/*
 * The cgroup that the memory controller charges a task to, which the kernel log prints as task_memcg; NULL unknown.
 * Without a memory controller: its cgroup in the default hierarchy.
 */
static __always_inline struct cgroup *iq_memory_cgroup(struct task_struct *task)
{
	struct cgroup_subsys_state *css = iq_memory_css(task);

	if (css)
		return BPF_CORE_READ(css, cgroup);
	return BPF_CORE_READ(task, cgroups, dfl_cgrp);
}

static __always_inline __u64 iq_cgroup_id(struct cgroup *cgroup)
{
	return cgroup ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

static __always_inline struct kernfs_node *iq_kernfs_parent(struct kernfs_node *node)
{
	if (bpf_core_field_exists(struct kernfs_node, __parent))
		return BPF_CORE_READ(node, __parent);
	return BPF_CORE_READ((struct kernfs_node___614 *)node, parent);
}

#define IQ_PATH_DEPTH 32
#define IQ_NAME_SPILL 256 /* the longest name a file system has (NAME_MAX and its NUL) */

/*
 * Writes a cgroup's path into `path`, components leaf first, each NUL-terminated, without the root's empty name.
 * Returns the bytes used. `path` has room for IQ_PATH_MAX + IQ_NAME_SPILL bytes: a component that crosses IQ_PATH_MAX is
 * written and then not counted, and `*truncated` is set.
 */
static __noinline __u32 iq_cgroup_path(struct cgroup *cgroup, char *path, bool *truncated)
{
	struct kernfs_node *node = cgroup ? BPF_CORE_READ(cgroup, kn) : NULL;
	struct kernfs_node *parent;
	__u32 used = 0;
	int depth;

	*truncated = 0;
	for (depth = 0; depth < IQ_PATH_DEPTH; depth++) {
		long length;

		parent = node ? iq_kernfs_parent(node) : NULL;
		if (!parent)
			return used;
		if (used >= IQ_PATH_MAX)
			break;
		length = bpf_probe_read_kernel_str(path + used, IQ_NAME_SPILL, BPF_CORE_READ(node, name));
		if (length <= 0 || used + length > IQ_PATH_MAX)
			break;
		used += length;
		node = parent;
	}
	*truncated = 1;
	return used;
}

/* --- Tasks --- */

static __always_inline struct task_struct *iq_current(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

static __always_inline __u32 iq_pid_number(struct pid *pid)
{
	return pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;
}

static __always_inline __u32 iq_session(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct pid *pid = NULL;

	if (signal)
		bpf_probe_read_kernel(&pid, sizeof pid,
				      (void *)signal + bpf_core_field_offset(struct signal_struct, pids) +
					      bpf_core_enum_value(enum pid_type, PIDTYPE_SID) * sizeof pid);
	return iq_pid_number(pid);
}

static __noinline void iq_fill_task(struct iq_task *to, struct task_struct *task)
{
	to->pid = BPF_CORE_READ(task, pid);
	to->tgid = BPF_CORE_READ(task, tgid);
	to->ppid = BPF_CORE_READ(task, real_parent, tgid);
	to->uid = BPF_CORE_READ(task, real_cred, uid.val);
	to->session = iq_session(task);
	to->flags = BPF_CORE_READ(task, flags);
	to->cgroup_id = iq_cgroup_id(iq_memory_cgroup(task));
	BPF_CORE_READ_INTO(&to->comm, task, comm);
}

/* Resident and swapped pages of an address space; never negative (the counters are approximate). */
static __always_inline __u64 iq_rss(struct mm_struct *mm, enum iq_rss which)
{
	long pages = 0;

	/* Not whether struct mm_rss_stat exists: for a type that the kernel lacks libbpf 1.1 asks for the modules' types, which takes
	 * CAP_SYS_ADMIN. */
	if (bpf_core_field_exists(struct mm_struct___atomic, rss_stat.count))
		bpf_probe_read_kernel(&pages, sizeof pages,
				      (void *)mm + bpf_core_field_offset(struct mm_struct___atomic, rss_stat) +
					      which * sizeof pages);
	else
		bpf_probe_read_kernel(&pages, sizeof pages,
				      (void *)mm + bpf_core_field_offset(struct mm_struct, rss_stat) +
					      which * bpf_core_type_size(struct percpu_counter) +
					      bpf_core_field_offset(struct percpu_counter, count));
	return pages < 0 ? 0 : pages;
}

static __always_inline __u32 iq_task_state(struct task_struct *task)
{
	if (bpf_core_field_exists(struct task_struct, __state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ((struct task_struct___510 *)task, state);
}

#endif
