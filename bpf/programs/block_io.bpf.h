/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Block IO: latency, bytes and slow requests. */
