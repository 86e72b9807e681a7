/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Stalls: memory.high and direct reclaim. */
