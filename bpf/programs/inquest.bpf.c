/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The kernel side of inquest: one object, its programs by concern.
 *
 * Which of them run is decided by user space, by trial (Sources/Probes): a program whose hook this kernel lacks or refuses
 * is not loaded.
 */
#include "core.bpf.h"
#include "kill.bpf.h"
#include "signal.bpf.h"
#include "exit.bpf.h"
#include "cgroup.bpf.h"
#include "block_io.bpf.h"
#include "stall.bpf.h"
#include "census.bpf.h"

char iq_license[] SEC("license") = "Dual BSD/GPL";
