/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The compiled BPF object, carried inside the binary: one file to copy to a box that is already in trouble. */
#include "inquest_object.h"
#include "inquest_wire.h"

static const unsigned char object[] __attribute__((aligned(8))) = {
#embed "prebuilt/inquest.bpf.o"
};

const void *iq_object_bytes(void)
{
	return object;
}
size_t iq_object_size(void)
{
	return sizeof object;
}

size_t iq_wire_size(int index)
{
	static const size_t sizes[] = {
		sizeof(struct iq_header),  sizeof(struct iq_task),     sizeof(struct iq_memcg),
		sizeof(struct iq_victim),  sizeof(struct iq_oom_kill), sizeof(struct iq_signal),
		sizeof(struct iq_exit),	   sizeof(struct iq_reap),     sizeof(struct iq_stall),
		sizeof(struct iq_slow_io), sizeof(struct iq_cgroup),   sizeof(struct iq_cmdline),
	};

	return index >= 0 && (size_t)index < sizeof sizes / sizeof sizes[0] ? sizes[index] : 0;
}
