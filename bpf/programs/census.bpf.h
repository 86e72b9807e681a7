/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Census: the task and cgroup iterators. */
