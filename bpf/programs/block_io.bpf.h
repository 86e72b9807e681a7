/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Block IO: how long each request took, by device, operation and purpose, and which cgroup it belonged to.
 *
 * One program, at the completion of a request, and no map of requests in flight: a request carries its own times
 * (start_time_ns when it was made, io_start_time_ns when the driver got it). Both are CLOCK_MONOTONIC, and either is 0
 * where the kernel did not take it: iostats are off, or nothing on this queue (writeback throttling, mostly) asked
 * for issue times.
 *
 * This is the hottest program there is. So tp_btf, where a field is one load instead of a helper call; one clock
 * reading; per-cpu maps and plain additions; the boot clock only for the rare record.
 *
 * What completes and what is counted (block/blk-flush.c):
 *  - The flush itself is a request of its own, REQ_OP_FLUSH, without data: a flush.
 *  - A write with a flush around it completes with its data, a write, and once more, empty, when the sequence is done:
 *    the empty completion is skipped.
 *  - A flush that a process asked for without data (fsync) ends with such an empty completion too. The kernel's own
 *    statistics count it as a write of 0 bytes beside the flush; here it is only the flush.
 *  - A request that completes in parts counts its bytes with each part, and itself with the last.
 */
#ifndef INQUEST_BLOCK_IO_BPF_H
#define INQUEST_BLOCK_IO_BPF_H

#include "core.bpf.h"
#include "rate.bpf.h"

/* REQ_OP_*: the same numbers from 5.10 on. */
#define IQ_REQ_OP_MASK 0xff
#define IQ_REQ_OP_FLUSH 2
#define IQ_REQ_OP_DISCARD 3
#define IQ_REQ_OP_SECURE_ERASE 5
#define IQ_REQ_OP_PASSTHROUGH 32 /* from here on: commands that no disk statistic counts */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct gendisk {
	int major;
	int first_minor;
};

struct request_queue {
	struct gendisk *disk;
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bio {
	void *bi_end_io;
	struct blkcg_gq *bi_blkg; /* CONFIG_BLK_CGROUP */
};

struct request {
	struct request_queue *q;
	__u32 cmd_flags;
	__u32 __data_len;
	__u64 __sector;
	struct bio *bio;
	__u64 start_time_ns;
	__u64 io_start_time_ns;
};

/* Up to 5.16. */
struct request___516 {
	struct gendisk *rq_disk;
};

#pragma clang attribute pop

/* Local number only: 26 in 5.10, 25 in 6.1, 24 from 6.12 on. Set on writes, never on reads. */
enum req_flag_bits { __REQ_SWAP = 24 };

/*
 * The address of end_swap_bio_read(), which marks the bio of a page on its way back from swap; 0 unknown. User space
 * sets it: an extern __ksym would make libbpf parse all of /proc/kallsyms before anything is attached.
 */
__u64 iq_swap_read_end SEC(".data.swap_read");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, struct iq_io_key);
	__type(value, struct iq_io_series);
} iq_io_series SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct iq_cgroup_io_key);
	__type(value, struct iq_cgroup_io);
} iq_cgroup_io SEC(".maps");

/* What a new entry starts from: too large for the stack. */
static const struct iq_io_series iq_io_series_zero = {};
static const struct iq_cgroup_io iq_cgroup_io_zero = {};

struct iq_rate iq_slow_io_rate; /* not static: the compiler would split it, and BTF with it */

static __always_inline struct gendisk *iq_disk(struct request *rq)
{
	if (bpf_core_field_exists(struct request___516, rq_disk))
		return ((struct request___516 *)rq)->rq_disk;
	return rq->q->disk;
}

/* The iq_io_op of a completion, or -1 for what is no IO of the device. */
static __always_inline int iq_operation(__u32 cmd_flags, __u32 bytes)
{
	__u32 op = cmd_flags & IQ_REQ_OP_MASK;

	if (op == IQ_REQ_OP_FLUSH)
		return IQ_IO_FLUSH;
	if (bytes == 0 || op >= IQ_REQ_OP_PASSTHROUGH)
		return -1;
	if (op == IQ_REQ_OP_DISCARD || op == IQ_REQ_OP_SECURE_ERASE)
		return IQ_IO_DISCARD;
	return op & 1 ? IQ_IO_WRITE : IQ_IO_READ; /* as op_is_write() */
}

static __always_inline bool iq_is_swap(__u32 cmd_flags, int op, struct bio *bio)
{
	if (op == IQ_IO_WRITE)
		return bpf_core_enum_value_exists(enum req_flag_bits, __REQ_SWAP) &&
		       cmd_flags & (1u << bpf_core_enum_value(enum req_flag_bits, __REQ_SWAP));
	if (op == IQ_IO_READ)
		return iq_swap_read_end && (__u64)bio->bi_end_io == iq_swap_read_end;
	return 0;
}

/*
 * The cgroup that the IO is charged to; 0 when the kernel does not say, or says it in another hierarchy than that of the
 * memory controller (v1): ids of two hierarchies have nothing to do with each other.
 */
static __always_inline __u64 iq_io_cgroup(struct bio *bio)
{
	struct cgroup *cgroup;

	if (!bio || !bpf_core_field_exists(struct bio, bi_blkg))
		return 0;
	cgroup = bio->bi_blkg->blkcg->css.cgroup;
	if (cgroup->root->hierarchy_id != (int)iq_config.memory_hierarchy)
		return 0;
	return cgroup->kn->id;
}

/* floor(log2(microseconds)), at least 0 and at most the last slot. */
static __always_inline __u32 iq_slot(__u64 ns)
{
	__u64 us = ns / 1000;
	__u32 slot = 0;

	if (us >> 32)
		return IQ_HIST_SLOTS - 1;
	if (us >> 16) {
		us >>= 16;
		slot += 16;
	}
	if (us >> 8) {
		us >>= 8;
		slot += 8;
	}
	if (us >> 4) {
		us >>= 4;
		slot += 4;
	}
	if (us >> 2) {
		us >>= 2;
		slot += 2;
	}
	if (us >> 1)
		slot += 1;
	return slot & (IQ_HIST_SLOTS - 1);
}

/* The entry of a key, made when it is the first of its kind; counted as a drop when the map is full. */
static __always_inline void *iq_io_entry(void *map, const void *key, const void *zero, __u32 drop)
{
	void *entry = bpf_map_lookup_elem(map, key);

	if (entry)
		return entry;
	bpf_map_update_elem(map, key, zero, BPF_NOEXIST);
	entry = bpf_map_lookup_elem(map, key);
	if (!entry)
		iq_count_drop(drop);
	return entry;
}

static __always_inline void iq_report_slow_io(struct request *rq, const struct iq_io_key *key, __u64 bytes, bool failed,
					      __u64 device_ns, __u64 queue_ns, __u64 cgroup_id, __u64 now)
{
	struct iq_slow_io *record;

	if (!iq_within_rate(&iq_slow_io_rate, now, iq_config.slow_io_per_second)) {
		iq_count_drop(IQ_DROP_SLOW_IO_SUPPRESSED);
		return;
	}
	record = iq_reserve(struct iq_slow_io, sizeof(struct iq_slow_io), IQ_KIND_SLOW_IO, IQ_DROP_RING_FULL_OTHER);
	if (!record)
		return;
	record->dev = key->dev;
	record->op = key->op;
	record->swap = key->swap;
	record->error = failed;
	record->reserved8 = 0;
	record->bytes = bytes;
	record->sector = rq->__sector;
	record->device_ns = device_ns;
	record->queue_ns = queue_ns;
	record->cgroup_id = cgroup_id;
	iq_submit(record);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(iq_block_rq_complete, struct request *rq, int error, __u32 bytes)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 cmd_flags = rq->cmd_flags;
	struct bio *bio = rq->bio;
	bool failed = (__u8)error != 0; /* int up to 5.15, then blk_status_t: a byte */
	bool whole = bytes >= rq->__data_len;
	__u64 began = rq->start_time_ns, issued = rq->io_start_time_ns;
	__u64 device_ns = IQ_UNKNOWN, queue_ns = IQ_UNKNOWN, cgroup_id;
	struct iq_io_key key = {};
	struct iq_io_series *series;
	/*
	 * All pointers before the first branch: the verifiers of 6.x search the kernel's types by name for each that is read
	 * from a trusted one, and again on each way that leads to it (15 ms in all, where it came after the branches).
	 */
	struct gendisk *disk = iq_disk(rq);
	int op = iq_operation(cmd_flags, bytes);

	if (op < 0)
		return 0;
	key.dev = (__u32)disk->major << 20 | (__u32)disk->first_minor;
	key.op = op;
	key.swap = iq_is_swap(cmd_flags, op, bio);

	series = iq_io_entry(&iq_io_series, &key, &iq_io_series_zero, IQ_DROP_IO_SERIES_FULL);
	if (series) {
		series->last_monotonic_ns = now;
		series->bytes += bytes;
		if (failed)
			series->errors++;
	}

	cgroup_id = iq_io_cgroup(bio);
	if (cgroup_id) {
		struct iq_cgroup_io_key owner = {
			.cgroup_id = cgroup_id, .dev = key.dev, .op = key.op, .swap = key.swap
		};
		struct iq_cgroup_io *share =
			iq_io_entry(&iq_cgroup_io, &owner, &iq_cgroup_io_zero, IQ_DROP_CGROUP_IO_FULL);

		if (share) {
			share->count += whole;
			share->bytes += bytes;
		}
	}

	if (!whole || !series)
		return 0;
	series->count++;
	if (issued) {
		device_ns = now - issued;
		series->device_total_ns += device_ns;
		series->device_us[iq_slot(device_ns)]++;
	} else {
		series->untimed++;
		iq_count_drop(IQ_DROP_IO_TIME_UNKNOWN);
	}
	if (began) {
		series->total_us[iq_slot(now - began)]++;
		if (issued) {
			queue_ns = issued > began ? issued - began : 0;
			series->queue_total_ns += queue_ns;
		}
	}
	if ((began ? now - began : issued ? device_ns : 0) >= iq_config.slow_io_ns)
		iq_report_slow_io(rq, &key, bytes, failed, device_ns, queue_ns, cgroup_id, now);
	return 0;
}

#endif
