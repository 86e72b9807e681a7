/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Fatal signals: who sent which to whom. */
#ifndef INQUEST_SIGNAL_BPF_H
#define INQUEST_SIGNAL_BPF_H

#include "kill.bpf.h"
#include "mark.bpf.h"
#include "rate.bpf.h"
#include "victim.bpf.h"

/* siginfo "pointers" that are none (include/linux/sched/signal.h). */
enum { IQ_SEND_SIG_NOINFO = 0, IQ_SEND_SIG_PRIV = 1 };

enum { IQ_SI_USER = 0, IQ_SI_KERNEL = 0x80, IQ_SIGNAL_PENDING = 2 };

struct iq_rate iq_signal_rate; /* not static: the compiler would split it, and BTF with it */

/* Room for a component that is cut afterwards. */
struct iq_signal_record {
	struct iq_signal signal;
	char spill[IQ_NAME_SPILL];
};

/* signal:signal_generate(sig, info, task, group, result): the current task is the sender. */
SEC("raw_tp/signal_generate")
int iq_signal_generate(struct bpf_raw_tracepoint_args *ctx)
{
	int number = ctx->args[0];
	__u64 info = ctx->args[1];
	struct task_struct *target = (struct task_struct *)ctx->args[2];
	int result = ctx->args[4];
	struct iq_signal_record *record;
	struct iq_signal *signal;
	bool by_kernel = info == IQ_SEND_SIG_PRIV;
	bool truncated = 0;
	struct iq_mark *mark;
	__u32 sender_tgid;
	__u32 tgid;

	if (!iq_signals_heard)
		iq_signals_heard = 1;
	if (number != IQ_SIGKILL && number != IQ_SIGTERM && number != IQ_SIGABRT)
		return 0;
	/* Only here: most signals are none of these, and a helper is a call. */
	sender_tgid = bpf_get_current_pid_tgid() >> 32;
	tgid = BPF_CORE_READ(target, tgid);
	if (by_kernel && number == IQ_SIGKILL)
		iq_note_kernel_kill(target);
	else if (tgid == sender_tgid)
		return 0;
	/* A zombie: its last thread has exited, so no exit would ever take the mark away. */
	if (BPF_CORE_READ(target, signal, live.counter) <= 0)
		return 0;
	/* The same signal again, still pending: nothing happened that the first record does not say. */
	mark = iq_mark_of(target, tgid);
	if (mark && mark->signal == (__u32)number && result == IQ_SIGNAL_PENDING)
		return 0;
	/* An ignored SIGTERM kills nobody; SIGKILL counts as ignored when the target is dying already. */
	if (number == IQ_SIGKILL || result == 0 || result == IQ_SIGNAL_PENDING)
		iq_mark_process(target, tgid, number, 0);

	/* Anyone may send signals without end; they must not crowd out a kill. */
	if (!by_kernel && !iq_within_rate(&iq_signal_rate, bpf_ktime_get_boot_ns(), iq_config.signals_per_second)) {
		iq_count_drop(IQ_DROP_SIGNAL_SUPPRESSED);
		return 0;
	}
	record = iq_reserve(struct iq_signal_record, sizeof *signal, IQ_KIND_SIGNAL, IQ_DROP_RING_FULL_KILL);
	if (!record)
		return 0;
	signal = &record->signal;
	signal->signal = number;
	signal->result = result;
	signal->group = ctx->args[3] != 0;
	if (by_kernel) {
		signal->origin = IQ_SIGNAL_KERNEL;
		signal->si_code = IQ_SI_KERNEL;
	} else if (info == IQ_SEND_SIG_NOINFO) {
		signal->origin = IQ_SIGNAL_NOINFO;
		signal->si_code = IQ_SI_USER;
	} else {
		signal->origin = IQ_SIGNAL_USER;
		signal->si_code = BPF_CORE_READ((struct kernel_siginfo *)info, si_code);
	}
	iq_fill_task(&signal->sender, iq_current());
	iq_fill_victim(&signal->target, target);
	signal->exe_len = iq_exe_path(iq_current(), signal->exe, &truncated);
	signal->exe_truncated = truncated;
	signal->reserved32 = 0;
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	return 0;
}

#endif
