/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef INQUEST_OBJECT_H
#define INQUEST_OBJECT_H

#include <stddef.h>

/* The compiled BPF object (bpf/prebuilt/inquest.bpf.o), 8-byte aligned, valid for the life of the process. */
const void *iq_object_bytes(void);
size_t iq_object_size(void);

/* Sizes of the wire structs as the C compiler has them, in the order of the list in embed.c; 0 beyond it. For the tests. */
size_t iq_wire_size(int index);

#endif
