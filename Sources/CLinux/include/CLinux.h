/* Names that the Glibc module lacks: C names only, no meaning. */
#ifndef CLINUX_H
#define CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/magic.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* A GNU function that the Glibc module leaves out. */
int vasprintf(char **text, const char *format, __builtin_va_list arguments);

/* Macros that Swift does not import. */
static const int iq_O_DIRECT = O_DIRECT;
static const int iq_O_TMPFILE = O_TMPFILE;
static const int iq_O_PATH = O_PATH;

static inline unsigned int iq_major(unsigned long dev) { return ((dev >> 8) & 0xfff) | ((dev >> 32) & ~0xfffu); }
static inline unsigned int iq_minor(unsigned long dev) { return (dev & 0xff) | ((dev >> 12) & ~0xffu); }

#endif
