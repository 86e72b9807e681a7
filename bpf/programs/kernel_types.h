/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The kernel's types, as far as the programs read them.
 *
 * Only the fields in use are listed; their offsets are those of the running kernel, put in by CO-RE when the
 * object is loaded. A field that moved or changed its type between 5.10 and today has a flavour of its own
 * (`struct name___flavour`): the loader ignores what follows the three underscores.
 *
 * No header of the machine that compiles is used: the object is the same wherever it is built.
 */
#ifndef INQUEST_KERNEL_TYPES_H
#define INQUEST_KERNEL_TYPES_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

#ifndef NULL
#define NULL ((void *)0)
#endif

/* include/uapi/linux/bpf.h */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_F_NO_PREALLOC = 1 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0, BPF_RB_RING_SIZE = 1 };

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long counter;
} atomic64_t;

typedef atomic64_t atomic_long_t;

typedef struct {
	__u32 val;
} kuid_t;

/* --- Tasks --- */

struct uid_gid_extent {
	__u32 first;
	__u32 lower_first;
	__u32 count;
};

#define UID_GID_MAP_MAX_BASE_EXTENTS 5

struct uid_gid_map {
	__u32 nr_extents;
	struct uid_gid_extent extent[UID_GID_MAP_MAX_BASE_EXTENTS];
};

struct user_namespace {
	struct uid_gid_map uid_map;
};

struct cred {
	kuid_t uid;
	struct user_namespace *user_ns;
};

struct upid {
	int nr;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

enum pid_type { PIDTYPE_SID = 3 };

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
	struct pid *pids[4];
	short oom_score_adj;
};

#define SIGNAL_GROUP_EXIT 0x00000004 /* include/linux/sched/signal.h, the same from 5.10 on */

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
};

struct percpu_counter {
	__s64 count;
};

struct mm_struct {
	atomic_long_t pgtables_bytes;
	unsigned long total_vm;
	unsigned long arg_start;
	unsigned long arg_end;
	struct file *exe_file;
	struct percpu_counter rss_stat[4];
};

/* Up to 6.1 the counters are one atomic each. */
struct mm_rss_stat {
	atomic_long_t count[4];
};

struct mm_struct___atomic {
	struct mm_rss_stat rss_stat;
};

/* include/linux/mm_types_task.h: the order has not changed since 5.10. */
enum iq_rss { IQ_RSS_FILE = 0, IQ_RSS_ANON = 1, IQ_RSS_SWAP = 2, IQ_RSS_SHMEM = 3 };

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	struct mm_struct *mm;
	int exit_code;
	unsigned int in_iowait : 1;
	unsigned int in_memstall : 1;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	struct cred *real_cred;
	char comm[16];
	struct signal_struct *signal;
	struct css_set *cgroups;
	unsigned int memcg_nr_pages_over_high;
};

/* Up to 5.13 the state is a long of another name. */
struct task_struct___510 {
	long state;
};

#define PF_EXITING 0x00000004 /* include/linux/sched.h, the same from 5.10 on */

/* The siginfo's kernel form: its fields are in an anonymous struct. */
struct kernel_siginfo {
	struct {
		int si_signo;
		int si_errno;
		int si_code;
	};
};

/* --- Cgroups --- */

struct kernfs_node {
	struct kernfs_node *__parent;
	const char *name;
	__u64 id;
};

/* Up to 6.14. */
struct kernfs_node___614 {
	struct kernfs_node *parent;
};

enum cgroup_subsys_id { memory_cgrp_id = 4 };

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct css_set {
	struct cgroup_subsys_state *subsys[12];
	struct cgroup *dfl_cgrp;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
	struct cgroup_subsys_state *subsys[12];
};

struct page_counter {
	atomic_long_t usage;
	unsigned long watermark;
	unsigned long min;
	unsigned long low;
	unsigned long high;
	unsigned long max;
};

/* Local numbers only: the running kernel's are put in by bpf_core_enum_value. */
enum memcg_memory_event { MEMCG_HIGH = 1, MEMCG_MAX = 2, MEMCG_OOM = 3, MEMCG_OOM_KILL = 4 };

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
	union {
		struct page_counter swap;  /* v2 */
		struct page_counter memsw; /* v1 */
	};
	bool oom_group;
	bool oom_lock;
	atomic_long_t memory_events_local[8];
};

/* --- OOM --- */

enum oom_constraint { CONSTRAINT_NONE = 0 };

struct oom_control {
	struct mem_cgroup *memcg;
	unsigned int gfp_mask;
	int order;
	unsigned long totalpages;
	long chosen_points;
	enum oom_constraint constraint;
};

/* Its later fields tell whether the tracepoint's argument is the task (true) or a pid. */
struct trace_event_raw_mark_victim {
	unsigned long total_vm;
};

#pragma clang attribute pop

#endif
