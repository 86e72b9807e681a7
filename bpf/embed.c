/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The compiled BPF object, carried inside the binary: one file to copy to a box that is already in trouble. */
#include "inquest_object.h"

static const unsigned char object[] __attribute__((aligned(8))) = {
#embed "prebuilt/inquest.bpf.o"
};

const void *iq_object_bytes(void) { return object; }
size_t iq_object_size(void) { return sizeof object; }
