/* Names that the Glibc module lacks: C names only, no meaning. */
#ifndef CLINUX_H
#define CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* The Glibc module is compiled without _GNU_SOURCE. Types that glibc declares differently under it must look the same in
   both, or a file that imports both does not compile: fd_set here; rusage and utsname are left to the Glibc module. */
#include <features.h>
#undef __USE_XOPEN
#include <sys/select.h>
#define __USE_XOPEN 1

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/magic.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crc32c.h"

/* A GNU function that the Glibc module leaves out. */
int vasprintf(char **text, const char *format, __builtin_va_list arguments);

/* Macros that Swift does not import. */
static const int iq_O_DIRECT = O_DIRECT;
static const int iq_O_TMPFILE = O_TMPFILE;
static const int iq_O_PATH = O_PATH;

static inline unsigned int iq_major(unsigned long dev)
{
	return ((dev >> 8) & 0xfff) | ((dev >> 32) & ~0xfffu);
}
static inline unsigned int iq_minor(unsigned long dev)
{
	return (dev & 0xff) | ((dev >> 12) & ~0xffu);
}

/* prctl(2) takes a variable number of arguments, too. */
static inline int iq_set_name(const char *name)
{
	return prctl(PR_SET_NAME, name, 0, 0, 0);
}
static inline int iq_end_with_parent(void)
{
	return prctl(PR_SET_PDEATHSIG, 9 /* SIGKILL */, 0, 0, 0);
}

/* Since 5.6. */
#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif
static inline int iq_set_io_flusher(void)
{
	return prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
}
static inline int iq_set_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* A GNU function that the Glibc module leaves out. */
static inline int iq_join_until(pthread_t thread, const struct timespec *deadline)
{
	return pthread_timedjoin_np(thread, NULL, deadline);
}

/* A mutable global, which Swift does not let by. */
static inline char *const *iq_environment(void)
{
	return environ;
}

/* syscall(2) takes a variable number of arguments, which Swift cannot call. -1 and errno, like the calls that glibc wraps. */
static inline int iq_ioprio_set(int which, int who, int priority)
{
	return (int)syscall(SYS_ioprio_set, which, who, priority);
}
/* Since 5.3; glibc wraps it from 2.36 on. */
static inline int iq_pidfd_open(int pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}
/* Since 5.9; glibc wraps it from 2.34 on. */
static inline int iq_close_from(unsigned first)
{
	return (int)syscall(SYS_close_range, first, ~0u, 0);
}
/* Of the calling thread: takes away every capability (bits by number) but these of those it has. */
static inline int iq_keep_capabilities(unsigned long long kept)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		return -1;
	for (int half = 0; half < 2; half++) {
		data[half].permitted &= (unsigned)(kept >> (32 * half));
		data[half].effective &= data[half].permitted;
		data[half].inheritable = 0;
	}
	return (int)syscall(SYS_capset, &header, data);
}

/* A read that no compiler leaves out. */
static inline unsigned char iq_touch(const void *byte)
{
	return *(const volatile unsigned char *)byte;
}

/* From here on a signal that means a bug (SIGSEGV, SIGILL, ...) writes the bytes to the terminal and sets its modes (a struct termios)
   before it ends the process. At most 64 bytes. */
void iq_guard_terminal(int terminal, const void *modes, const unsigned char *bytes, unsigned length);
void iq_unguard_terminal(void);

/* Words that the kernel, too, reads or writes. */
static inline unsigned long iq_load_acquire(const void *word)
{
	return __atomic_load_n((const unsigned long *)word, __ATOMIC_ACQUIRE);
}
static inline unsigned int iq_load_acquire32(const void *word)
{
	return __atomic_load_n((const unsigned int *)word, __ATOMIC_ACQUIRE);
}
static inline void iq_store_release(void *word, unsigned long value)
{
	__atomic_store_n((unsigned long *)word, value, __ATOMIC_RELEASE);
}

#endif
