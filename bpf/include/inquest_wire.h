/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The bytes between the BPF programs and user space.
 *
 * This header is the single source of truth for both sides: the programs in
 * bpf/programs fill these structs, and Swift imports them through the module
 * KernelWire and decodes them in Sources/Events/Wire. Nothing mirrors them by hand.
 *
 * Rules:
 *  - Kinds are numbered for ever and never reused.
 *  - Every record begins with struct iq_header; `size` is the record's whole size.
 *  - Fields are naturally aligned, no implicit padding (checked below), little-endian.
 *  - IQ_UNKNOWN in a 64-bit field, IQ_UNKNOWN32 in a 32-bit field: the kernel did not say.
 *  - Times are nanoseconds of CLOCK_BOOTTIME unless the name says otherwise; durations are
 *    nanoseconds; memory is in pages where the name says pages, otherwise bytes.
 *  - Names (comm, paths, command lines) are bytes as found: no encoding is promised.
 */
#ifndef INQUEST_WIRE_H
#define INQUEST_WIRE_H

#include <stdint.h>

#define IQ_COMM_LEN 16	   /* TASK_COMM_LEN */
#define IQ_CMDLINE_MAX 256 /* bytes of a command line that are kept */
#define IQ_PATH_MAX 512	   /* bytes of a path, its components leaf first, each NUL-terminated */
#define IQ_EXE_MAX 256	   /* the same, for the path of an executable */
#define IQ_ANCESTORS_MAX 8 /* memory cgroups recorded with a kill, the victim's own first */
#define IQ_STACK_MAX 16	   /* kernel stack frames recorded with a kill */
#define IQ_HIST_SLOTS 32   /* log2 buckets: slot n counts [2^n, 2^(n+1)) microseconds; slot 0 also holds less than 1 */

#define IQ_UNKNOWN UINT64_MAX
#define IQ_UNLIMITED (UINT64_MAX - 1)
#define IQ_UNKNOWN32 UINT32_MAX

/* Record kinds of the ring buffer. Numbers below 32 belong to the kernel side. */
#define IQ_KINDS(X)                                                     \
	X(OOM_KILL, 1) /* struct iq_oom_kill: oom:mark_victim */        \
	X(SIGNAL, 2)   /* struct iq_signal: signal:signal_generate */   \
	X(EXIT, 3)     /* struct iq_exit: sched:sched_process_exit */   \
	X(REAP, 4)     /* struct iq_reap: oom:*_reap* tracepoints */    \
	X(STALL, 5)    /* struct iq_stall: one long stall */            \
	X(SLOW_IO, 6)  /* struct iq_slow_io: block:block_rq_complete */ \
	X(CGROUP, 7)   /* struct iq_cgroup: cgroup:cgroup_mkdir and kin */

enum iq_kind {
#define X(name, number) IQ_KIND_##name = number,
	IQ_KINDS(X)
#undef X
};

/* Why a record was lost in the kernel: indices of the map iq_drops. */
#define IQ_DROPS(X)                                                             \
	X(RING_FULL_KILL, 0)	 /* no room in the ring for a kill or signal */ \
	X(RING_FULL_OTHER, 1)	 /* no room in the ring for another record */   \
	X(IO_SERIES_FULL, 2)	 /* no free slot for a device x operation */    \
	X(CGROUP_IO_FULL, 3)	 /* no free slot for a cgroup x device */       \
	X(STALL_SERIES_FULL, 4)	 /* no free slot for a cgroup x mechanism */    \
	X(STALL_START_FULL, 5)	 /* a stall began and could not be noted */     \
	X(SLOW_IO_SUPPRESSED, 6) /* slow IOs beyond the rate limit */           \
	X(IO_TIME_UNKNOWN, 7)	 /* a request without its own timestamps */     \
	X(MARK_FULL, 8)		 /* a victim whose exit could not be awaited */ \
	X(STALL_SUPPRESSED, 9)	 /* long stalls beyond the rate limit */        \
	X(SIGNAL_SUPPRESSED, 10) /* signals between processes beyond the rate limit */

enum iq_drop {
#define X(name, number) IQ_DROP_##name = number,
	IQ_DROPS(X)
#undef X
		IQ_DROP_COUNT
};

/* What a task waited for. Indexes iq_stall_key.mechanism and iq_stall.mechanism. */
enum iq_mechanism {
	IQ_STALL_MEMORY_HIGH = 1,	/* memory.high throttle, whole stall (fentry + fexit) */
	IQ_STALL_MEMORY_HIGH_SLEEP = 2, /* memory.high throttle, its sleep (sched_switch) */
	IQ_STALL_DIRECT_RECLAIM = 3,	/* vmscan:mm_vmscan_direct_reclaim_begin .. end */
	IQ_STALL_MEMCG_RECLAIM = 4,	/* vmscan:mm_vmscan_memcg_reclaim_begin .. end */
};

enum iq_io_op { IQ_IO_READ = 0, IQ_IO_WRITE = 1, IQ_IO_FLUSH = 2, IQ_IO_DISCARD = 3 };

struct iq_header {
	uint64_t boottime_ns;
	uint16_t kind;
	uint16_t size;
	uint32_t cpu;
};

/* Who: enough to name a task without reading /proc. */
struct iq_task {
	uint32_t pid;	    /* thread id, in the initial pid namespace */
	uint32_t tgid;	    /* process id */
	uint32_t ppid;	    /* process id of the real parent */
	uint32_t uid;	    /* in the initial user namespace */
	uint32_t session;   /* session id (setsid), in the initial pid namespace; 0 unknown */
	uint32_t flags;	    /* task_struct.flags: PF_KTHREAD and so on */
	uint64_t cgroup_id; /* kernfs id in the memory controller's hierarchy */
	char comm[IQ_COMM_LEN];
};

/* One memory cgroup's state at the moment of a kill, in pages (IQ_UNLIMITED: "max"). */
struct iq_memcg {
	uint64_t id;
	uint64_t usage_pages;
	uint64_t peak_pages;
	uint64_t min_pages;
	uint64_t low_pages;
	uint64_t high_pages;
	uint64_t max_pages;
	uint64_t swap_usage_pages; /* v1: memory + swap (memsw) */
	uint64_t swap_max_pages;
	/* memory.events.local; the kernel's counters since the cgroup was made */
	uint64_t high_events;
	uint64_t max_events;
	uint64_t oom_events;
	uint64_t oom_kill_events;
};

/* iq_victim.flags */
enum {
	IQ_VICTIM_EXITING = 1 << 0, /* was already exiting (PF_EXITING) */
	IQ_VICTIM_CMDLINE_TRUNCATED = 1 << 1,
	IQ_VICTIM_PATH_TRUNCATED = 1 << 2, /* deeper or longer than iq_victim.path holds */
	IQ_VICTIM_NO_MM = 1 << 3,	   /* address space already gone: figures unknown */
};

struct iq_victim {
	struct iq_task task;
	uint32_t ns_pid; /* tgid in its own pid namespace */
	uint32_t ns_uid; /* uid in its own user namespace */
	int32_t oom_score_adj;
	uint32_t flags;
	uint64_t start_boottime_ns; /* when the process began */
	uint64_t total_vm_pages;
	uint64_t anon_rss_pages;
	uint64_t file_rss_pages;
	uint64_t shmem_rss_pages;
	uint64_t swap_pages;
	uint64_t pgtables_bytes;
	uint16_t path_len;    /* bytes used in path */
	uint16_t cmdline_len; /* bytes used in cmdline, arguments NUL-separated; 0 unknown */
	uint32_t reserved;
	char path[IQ_PATH_MAX];
	char cmdline[IQ_CMDLINE_MAX];
};

/* iq_oom_kill.flags */
enum {
	IQ_OOM_FACTS = 1 << 0,	 /* constraint, gfp, order, limit, points come from oom_kill_process */
	IQ_OOM_GROUP = 1 << 1,	 /* victim of memory.oom.group; meaningful with IQ_OOM_FACTS */
	IQ_OOM_BY_LOCK = 1 << 2, /* oom_cgroup_id is the topmost ancestor that holds its OOM lock: meaningful when the
	                          * stack says memcg OOM */
};

struct iq_oom_kill {
	struct iq_header header;
	uint32_t flags;
	int32_t constraint; /* enum oom_constraint; -1 unknown */
	int32_t order;	    /* -1 with IQ_OOM_FACTS: sysrq-f */
	uint32_t gfp_mask;
	uint64_t limit_pages; /* oom_control.totalpages: the limit, not the victim's size */
	int64_t chosen_points;
	uint64_t oom_cgroup_id; /* the memory cgroup that ran out; 0: none (global); IQ_UNKNOWN */
	struct iq_task trigger; /* the allocating task: not the victim */
	struct iq_victim victim;
	uint32_t ancestor_count;
	uint32_t stack_count;
	struct iq_memcg ancestors[IQ_ANCESTORS_MAX];
	uint64_t stack[IQ_STACK_MAX]; /* kernel addresses, innermost first, without IQ_OOM_FACTS */
};

/* iq_signal.origin */
enum iq_signal_origin {
	IQ_SIGNAL_USER = 0,   /* kill(2) and kin: siginfo from a process */
	IQ_SIGNAL_NOINFO = 1, /* SEND_SIG_NOINFO: cgroup.kill, tty, ... */
	IQ_SIGNAL_KERNEL = 2, /* SEND_SIG_PRIV: OOM, pid namespace end, ... */
};

struct iq_signal {
	struct iq_header header;
	int32_t signal;
	int32_t si_code;
	int32_t result; /* enum of trace/events/signal.h: 0 delivered, 1 ignored, ... */
	uint16_t group; /* 1: the whole thread group */
	uint16_t origin;
	struct iq_task sender;
	struct iq_victim target;
	uint16_t exe_len;
	uint16_t exe_truncated; /* 1: deeper or longer than exe holds */
	uint32_t reserved32;
	char exe[IQ_EXE_MAX]; /* the sender's executable, components leaf first */
};

struct iq_exit {
	struct iq_header header;
	struct iq_task task;
	int32_t exit_code;	     /* as wait(2) gives it: signal in the low 7 bits */
	uint32_t last_signal;	     /* the fatal signal this process was last marked for */
	uint64_t marked_boottime_ns; /* first fatal signal or mark */
	uint64_t rss_pages;	     /* still resident at exit; IQ_UNKNOWN when the mm is gone */
};

enum iq_reap_step { IQ_REAP_WAKE = 1, IQ_REAP_START = 2, IQ_REAP_FINISH = 3, IQ_REAP_SKIP = 4 };

struct iq_reap {
	struct iq_header header;
	uint32_t pid;
	uint32_t step;
};

struct iq_stall {
	struct iq_header header; /* time: the stall's end */
	struct iq_task task;
	uint64_t duration_ns;
	uint32_t mechanism;
	uint32_t reserved;
};

struct iq_slow_io {
	struct iq_header header; /* time: completion */
	uint32_t dev;		 /* MKDEV as user space writes it: major << 20 | minor */
	uint8_t op;
	uint8_t swap;  /* 1: swap traffic */
	uint8_t error; /* 1: the request failed */
	uint8_t reserved8;
	uint64_t bytes;
	uint64_t sector;
	uint64_t device_ns; /* issue to completion; IQ_UNKNOWN */
	uint64_t queue_ns;  /* start of request to issue; IQ_UNKNOWN */
	uint64_t cgroup_id; /* owner by blkcg; 1 may mean "not accounted"; 0 unknown */
};

enum iq_cgroup_action {
	IQ_CGROUP_SEEN = 0, /* user space's start scan */
	IQ_CGROUP_CREATED = 1,
	IQ_CGROUP_REMOVED = 2,
	IQ_CGROUP_RENAMED = 3,
};

struct iq_cgroup {
	struct iq_header header;
	uint64_t id;
	uint32_t hierarchy; /* cgroup_root.hierarchy_id; 0 or the v2 root's number */
	uint16_t action;
	uint16_t path_len;
	char path[IQ_PATH_MAX]; /* root first, as the kernel prints it */
};

/* --- Maps that user space reads each sampling interval. Counters only grow. --- */

struct iq_io_key {
	uint32_t dev;
	uint8_t op;
	uint8_t swap;
	uint16_t reserved;
};

/* Per cpu. */
struct iq_io_series {
	uint64_t count;
	uint64_t bytes;
	uint64_t errors;
	uint64_t untimed; /* requests without an issue time: in count, not in device_us */
	uint64_t device_total_ns;
	uint64_t queue_total_ns;
	uint64_t device_us[IQ_HIST_SLOTS]; /* issue to completion */
	uint64_t total_us[IQ_HIST_SLOTS];  /* start of request to completion: queue + device */
	uint64_t last_monotonic_ns;	   /* CLOCK_MONOTONIC of the last completion on this cpu */
};

struct iq_cgroup_io_key {
	uint64_t cgroup_id;
	uint32_t dev;
	uint8_t op;
	uint8_t swap;
	uint16_t reserved;
};

struct iq_cgroup_io {
	uint64_t count;
	uint64_t bytes;
};

/* Key of the map iq_stalls_begun: a stall that runs; the value is the boot clock of its beginning. */
struct iq_stall_begun {
	uint32_t pid;
	uint32_t mechanism;
};

struct iq_stall_key {
	uint64_t cgroup_id;
	uint32_t mechanism;
	uint32_t reserved;
};

struct iq_stall_series {
	uint64_t count;
	uint64_t total_ns; /* task time: several tasks may stall at once */
	uint64_t max_ns;
};

/* Map iq_cmdlines, key tgid: what exec left in the argument area. User space seeds it for those that run already. */
struct iq_cmdline {
	uint16_t length;
	uint16_t truncated;
	uint32_t reserved;
	char bytes[IQ_CMDLINE_MAX]; /* arguments NUL-separated */
};

/* --- Iterators (read(2) of a BPF link) --- */

/* The task iterator writes this, then stack_lines lines of text, one frame each. */
struct iq_census_task {
	struct iq_task task;
	uint32_t state; /* TASK_* bits: 1 interruptible, 2 uninterruptible ... */
	int32_t oom_score_adj;
	uint64_t start_boottime_ns;
	uint64_t anon_rss_pages;
	uint64_t file_rss_pages;
	uint64_t shmem_rss_pages;
	uint64_t swap_pages;
	uint64_t pgtables_bytes;
	uint32_t in_iowait;
	uint32_t stack_lines; /* lines of text that follow this struct */
};

/* The cgroup iterator writes struct iq_memcg, one a cgroup. */

/* Set by user space before the object is loaded. */
struct iq_config {
	uint64_t slow_io_ns;	      /* an IO at least this long gets a record */
	uint64_t long_stall_ns;	      /* a stall at least this long gets a record */
	uint64_t census_cgroup_pages; /* a cgroup at least this large is in the census */
	uint32_t slow_io_per_second;
	uint32_t long_stalls_per_second;
	uint32_t signals_per_second; /* from process to process; the kernel's own are never left out */
	uint32_t memory_hierarchy;   /* hierarchy id whose cgroups are reported */
};

_Static_assert(sizeof(struct iq_header) == 16, "iq_header");
_Static_assert(sizeof(struct iq_task) == 48, "iq_task");
_Static_assert(sizeof(struct iq_memcg) == 104, "iq_memcg");
_Static_assert(sizeof(struct iq_victim) == 48 + 16 + 56 + 8 + IQ_PATH_MAX + IQ_CMDLINE_MAX, "iq_victim");
_Static_assert(sizeof(struct iq_oom_kill) ==
		       16 + 16 + 24 + 48 + sizeof(struct iq_victim) + 8 + 104 * IQ_ANCESTORS_MAX + 8 * IQ_STACK_MAX,
	       "iq_oom_kill");
_Static_assert(sizeof(struct iq_signal) == 16 + 16 + 48 + sizeof(struct iq_victim) + 8 + IQ_EXE_MAX, "iq_signal");
_Static_assert(sizeof(struct iq_exit) == 16 + 48 + 24, "iq_exit");
_Static_assert(sizeof(struct iq_stall) == 16 + 48 + 16, "iq_stall");
_Static_assert(sizeof(struct iq_slow_io) == 16 + 8 + 40, "iq_slow_io");
_Static_assert(sizeof(struct iq_cgroup) == 16 + 16 + IQ_PATH_MAX, "iq_cgroup");
_Static_assert(sizeof(struct iq_cmdline) == 8 + IQ_CMDLINE_MAX, "iq_cmdline");
_Static_assert(sizeof(struct iq_census_task) == 48 + 8 + 48 + 8, "iq_census_task");

#endif
