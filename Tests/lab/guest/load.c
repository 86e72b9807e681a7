/* What a scenario does to a guest: one static program, one load a verb.
 *
 *     load [-u UID] [-n NAME] [-i] VERB ARGUMENTS
 *
 * -u runs as that user, -n names the process, -i ignores SIGTERM. Sizes take a suffix K, M or G.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static const size_t page_size = 4096;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static size_t size_of(const char *text)
{
	char *end;
	size_t value = strtoull(text, &end, 10);

	switch (*end) {
	case 'G':
		value <<= 10;
		[[fallthrough]];
	case 'M':
		value <<= 10;
		[[fallthrough]];
	case 'K':
		value <<= 10;
	}
	return value;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec pause = { ns / 1000000000, ns % 1000000000 };

	nanosleep(&pause, NULL);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* memory SIZE [BYTES-PER-SECOND [PAUSE-MS]]: grow to SIZE, as fast as it goes or at that rate, then touch all of it over and over,
 * resting PAUSE-MS between rounds. Prints "full" once it has it all. */
static void memory(size_t size, size_t rate, uint64_t pause_ms)
{
	volatile char *bytes =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t random = 88172645463325252ull, begun = now_ns();

	if (bytes == MAP_FAILED)
		fail("mmap");
	for (size_t at = 0; at < size; at += page_size) {
		/* Not all alike: neither zram nor a merge of equal pages shall make it small. */
		for (size_t word = 0; word < page_size; word += 512)
			*(volatile uint64_t *)(bytes + at + word) = next_random(&random);
		if (rate && at % (1 << 20) == 0) {
			uint64_t due = begun + (uint64_t)((double)at / rate * 1e9), now = now_ns();

			if (due > now)
				sleep_ns(due - now);
		}
	}
	puts("full");
	fflush(stdout);
	for (;;) {
		for (size_t at = 0; at < size; at += page_size)
			bytes[at]++;
		if (pause_ms)
			sleep_ns(pause_ms * 1000000);
	}
}

/* files PATH SIZE [RUN]: read pages of a mapped file of SIZE (made if it is not there) in random order, for ever. It is mapped as
 * program text is, which the kernel counts as in use from its first use on: to read it again is then a memory stall. With RUN it is
 * read so many bytes at random places instead, as a database does. */
static void files(const char *path, size_t size, size_t run)
{
	uint64_t random = 88172645463325252ull ^ getpid();
	int fd = open(path, O_RDWR | O_CREAT, 0644);
	struct stat had;
	volatile char *bytes;
	unsigned sum = 0;

	if (fd < 0 || fstat(fd, &had) != 0)
		fail(path);
	if ((size_t)had.st_size < size) {
		static char chunk[1 << 16];

		memset(chunk, 1, sizeof chunk);
		for (size_t at = 0; at < size; at += sizeof chunk)
			if (write(fd, chunk, sizeof chunk) < 0)
				fail(path);
		fsync(fd);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	puts("full");
	fflush(stdout);
	if (run) {
		char *buffer = malloc(run);

		for (;;)
			if (pread(fd, buffer, run, next_random(&random) % (size / run) * run) < 0)
				fail(path);
	}
	bytes = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		fail("mmap");
	madvise((void *)bytes, size, MADV_RANDOM);
	for (;;)
		sum += bytes[next_random(&random) % (size / page_size) * page_size];
}

/* reader PATH PAUSE-MS: one direct 4 KiB read at a random place of a file or device every PAUSE-MS, for ever. */
static void reader(const char *path, uint64_t pause_ms)
{
	uint64_t random = 88172645463325252ull ^ getpid();
	int fd = open(path, O_RDONLY | O_DIRECT);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	void *buffer = aligned_alloc(page_size, page_size);

	if (size < (off_t)page_size)
		fail(path);
	for (;;) {
		if (pread(fd, buffer, page_size, next_random(&random) % (size / page_size) * page_size) < 0)
			fail(path);
		sleep_ns(pause_ms * 1000000);
	}
}

/* writer PATH SIZE: buffered writes to a file of at most SIZE, over and over. */
static void writer(const char *path, size_t size)
{
	static char chunk[1 << 16];
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	if (fd < 0)
		fail(path);
	memset(chunk, 1, sizeof chunk);
	for (size_t at = 0;; at = (at + sizeof chunk) % size)
		if (pwrite(fd, chunk, sizeof chunk, at) < 0)
			fail(path);
}

/* crowd COUNT SIZE [PAUSE-MS]: COUNT children that each hold SIZE, and sleep for ever or touch it again every PAUSE-MS. Prints "full"
 * once all are there. */
static void crowd(size_t count, size_t size, uint64_t pause_ms)
{
	for (size_t child = 0; child < count; child++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			volatile char *bytes = malloc(size);

			for (;;) {
				for (size_t at = 0; at < size; at += page_size)
					bytes[at]++;
				if (!pause_ms)
					pause();
				sleep_ns(pause_ms * 1000000);
			}
		}
	}
	puts("full");
	fflush(stdout);
	while (wait(NULL) > 0)
		;
}

/* caps MASK UID COMMAND...: runs a command as a user with these capabilities (bits by number, hexadecimal) and no way to others. */
static void with_capabilities(uint64_t mask, uid_t uid, char **command)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {};

	for (int number = 0; number < 64; number++)
		if (!(mask >> number & 1) && prctl(PR_CAPBSET_READ, number) == 1 && prctl(PR_CAPBSET_DROP, number) != 0)
			fail("PR_CAPBSET_DROP");
	if (prctl(PR_SET_KEEPCAPS, 1) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
		fail("setresuid");
	for (int half = 0; half < 2; half++)
		data[half].permitted = data[half].effective = data[half].inheritable = mask >> (32 * half);
	if (syscall(SYS_capset, &header, data) != 0)
		fail("capset");
	for (int number = 0; number < 64; number++)
		if (mask >> number & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0)
			fail("PR_CAP_AMBIENT");
	execvp(command[0], command);
	fail(command[0]);
}

static int wait_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return 0;
}

/* tasks COUNT: so many processes that do nothing, all in one address space: what the kernel keeps of each is all that they take. */
static void tasks(size_t count)
{
	char *stacks = mmap(NULL, count * page_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (stacks == MAP_FAILED)
		fail("mmap");
	for (size_t n = 1; n <= count; n++)
		if (clone(wait_for_ever, stacks + n * page_size,
			  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD, NULL) < 0)
			fail("clone");
	puts("full");
	fflush(stdout);
	wait_for_ever(NULL);
}

/* xattr PATH NAME: an extended attribute. */
static void xattr(const char *path, const char *name)
{
	char value[256];
	ssize_t length = getxattr(path, name, value, sizeof value);

	if (length < 0)
		fail(name);
	printf("%.*s\n", (int)length, value);
}

static void copy_file(const char *name, const char *path, bool first_line_only)
{
	static char text[1 << 15];
	int fd = open(path, O_RDONLY);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (length < 0)
		fail(path);
	close(fd);
	text[length] = '\0';
	for (char *line = strtok(text, "\n"); line; line = first_line_only ? NULL : strtok(NULL, "\n"))
		if (first_line_only || strncmp(line, "pswp", 4) == 0 || strncmp(line, "full", 4) == 0)
			printf(" %s %s", name, line);
}

/* What of a process is swapped, locked, and was resident at the most, in kB, and its page faults that had to wait for a disk. Nothing
 * when it is gone. */
static void print_process(const char *pid)
{
	static const char *const wanted[] = { "VmHWM", "VmLck", "VmSwap" };
	static char text[1 << 13];
	char path[64];
	unsigned long faults;
	ssize_t length;
	int fd;

	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY);
	length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	close(fd);
	if (length <= 0)
		return;
	text[length] = '\0';
	/* After the name: state, five numbers, flags, minor faults, those of children, major faults. */
	if (sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %lu", &faults) == 1)
		printf(" majflt %lu", faults);
	snprintf(path, sizeof path, "/proc/%s/status", pid);
	fd = open(path, O_RDONLY);
	length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	for (size_t n = 0; n < sizeof wanted / sizeof *wanted; n++) {
		const char *line = strstr(text, wanted[n]);

		if (line)
			printf(" %s %lu", wanted[n], strtoul(line + strlen(wanted[n]) + 1, NULL, 10));
	}
}

/* witness DISK [PID]: every 100 ms the time, and in lines of their own what the kernel has counted, and what became of a process; for a
 * serial port, to be read after the guest's death. Locked in memory and ahead of everybody. Reading counters may wait for memory, so
 * another process does it. */
static void witness(const char *disk, const char *pid)
{
	struct sched_param first = { .sched_priority = 50 };
	char stat[256];
	bool counts;

	snprintf(stat, sizeof stat, "/sys/block/%s/stat", disk);
	counts = fork() == 0;
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0 || sched_setscheduler(0, SCHED_FIFO, &first) != 0)
		fail("witness");
	for (;; sleep_ns(100000000)) {
		struct timespec boot, wall;

		clock_gettime(CLOCK_BOOTTIME, &boot);
		clock_gettime(CLOCK_REALTIME, &wall);
		printf("witness %s %ld.%09ld %ld.%09ld", counts ? "count" : "time", boot.tv_sec, boot.tv_nsec,
		       wall.tv_sec, wall.tv_nsec);
		if (counts) {
			copy_file("vmstat", "/proc/vmstat", false);
			copy_file("memory", "/proc/pressure/memory", false);
			if (pid)
				print_process(pid);
			copy_file("disk", stat, true);
		}
		printf(" .\n");
		fflush(stdout);
	}
}

/* kmsg: all of the kernel's log that is still there, one record a line, control characters escaped by the kernel. */
static void kmsg(void)
{
	static char record[1 << 14];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ssize_t length;

	if (fd < 0)
		fail("/dev/kmsg");
	while ((length = read(fd, record, sizeof record)) > 0 || errno == EPIPE)
		if (length > 0)
			fwrite(record, 1, length, stdout);
}

int main(int argc, char **argv)
{
	const char *name = "load";
	int option;

	while ((option = getopt(argc, argv, "+u:n:i")) != -1)
		switch (option) {
		case 'u':
			if (setgid(atoi(optarg)) != 0 || setuid(atoi(optarg)) != 0)
				fail("setuid");
			break;
		case 'n':
			name = optarg;
			break;
		case 'i':
			signal(SIGTERM, SIG_IGN);
			break;
		default:
			return 2;
		}
	prctl(PR_SET_NAME, name);
	argv += optind;
	argc -= optind;
	if (argc >= 2 && strcmp(argv[0], "memory") == 0)
		memory(size_of(argv[1]), argc > 2 ? size_of(argv[2]) : 0, argc > 3 ? strtoull(argv[3], NULL, 10) : 0);
	else if ((argc == 3 || argc == 4) && strcmp(argv[0], "files") == 0)
		files(argv[1], size_of(argv[2]), argc > 3 ? size_of(argv[3]) : 0);
	else if (argc == 3 && strcmp(argv[0], "reader") == 0)
		reader(argv[1], strtoull(argv[2], NULL, 10));
	else if (argc == 3 && strcmp(argv[0], "writer") == 0)
		writer(argv[1], size_of(argv[2]));
	else if (argc >= 3 && strcmp(argv[0], "crowd") == 0)
		crowd(strtoull(argv[1], NULL, 10), size_of(argv[2]), argc > 3 ? strtoull(argv[3], NULL, 10) : 0);
	else if ((argc == 2 || argc == 3) && strcmp(argv[0], "witness") == 0)
		witness(argv[1], argc > 2 ? argv[2] : NULL);
	else if (argc >= 4 && strcmp(argv[0], "caps") == 0)
		with_capabilities(strtoull(argv[1], NULL, 16), atoi(argv[2]), argv + 3);
	else if (argc == 2 && strcmp(argv[0], "tasks") == 0)
		tasks(strtoull(argv[1], NULL, 10));
	else if (argc == 3 && strcmp(argv[0], "xattr") == 0)
		xattr(argv[1], argv[2]);
	else if (argc == 1 && strcmp(argv[0], "kmsg") == 0)
		kmsg();
	else if (argc == 1 && strcmp(argv[0], "sleep") == 0)
		for (;;)
			pause();
	else {
		fputs("usage: load [-u UID] [-n NAME] [-i] "
		      "memory|files|reader|writer|crowd|witness|caps|tasks|sleep|xattr|kmsg "
		      "...\n",
		      stderr);
		return 2;
	}
}
