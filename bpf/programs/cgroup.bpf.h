/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Cgroups made, removed, renamed: so that one that is gone by the time of the report still has its name.
 *
 * Only the hierarchy that carries the memory controller: on a v1 machine every mkdir of systemd's comes a dozen times.
 */
#ifndef INQUEST_CGROUP_BPF_H
#define INQUEST_CGROUP_BPF_H

#include "core.bpf.h"

static __always_inline int iq_report_cgroup(struct bpf_raw_tracepoint_args *ctx, __u16 action)
{
	struct cgroup *cgroup = (struct cgroup *)ctx->args[0];
	__u32 hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
	struct iq_cgroup *record;
	long length;

	if (hierarchy != iq_config.memory_hierarchy)
		return 0;
	record = iq_reserve(struct iq_cgroup, sizeof *record, IQ_KIND_CGROUP, IQ_DROP_RING_FULL_OTHER);
	if (!record)
		return 0;
	record->id = iq_cgroup_id(cgroup);
	record->hierarchy = hierarchy;
	record->action = action;
	/* The kernel has built the path for the tracepoint: root first. */
	length = bpf_probe_read_kernel_str(record->path, sizeof record->path, (const char *)ctx->args[1]);
	record->path_len = length > 0 ? length - 1 : 0;
	iq_submit(record);
	return 0;
}

/* cgroup:cgroup_{mkdir,rmdir,rename}(cgroup, path) */
SEC("raw_tp/cgroup_mkdir")
int iq_cgroup_mkdir(struct bpf_raw_tracepoint_args *ctx)
{
	return iq_report_cgroup(ctx, IQ_CGROUP_CREATED);
}

SEC("raw_tp/cgroup_rmdir")
int iq_cgroup_rmdir(struct bpf_raw_tracepoint_args *ctx)
{
	return iq_report_cgroup(ctx, IQ_CGROUP_REMOVED);
}

SEC("raw_tp/cgroup_rename")
int iq_cgroup_rename(struct bpf_raw_tracepoint_args *ctx)
{
	return iq_report_cgroup(ctx, IQ_CGROUP_RENAMED);
}

#endif
