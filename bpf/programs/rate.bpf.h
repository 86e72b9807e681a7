/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A limit on records per second. */
#ifndef INQUEST_RATE_BPF_H
#define INQUEST_RATE_BPF_H

#include "core.bpf.h"

struct iq_rate {
	__u64 second;
	__u32 used;
};

/*
 * Whether one more record may be sent within this second. Not atomic (5.10 has no atomic that returns a value): two CPUs
 * at once may both take the last place, so the limit is exceeded by at most one record for each CPU.
 */
static __always_inline bool iq_within_rate(struct iq_rate *rate, __u64 now_ns, __u32 per_second)
{
	__u64 second = now_ns / 1000000000;

	if (rate->second != second) {
		rate->second = second;
		rate->used = 0;
	}
	if (rate->used >= per_second)
		return 0;
	rate->used++;
	return 1;
}

#endif
