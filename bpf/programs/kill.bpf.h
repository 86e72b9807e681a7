/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Kills: the OOM killer, fatal signals, and the exits that follow. */
