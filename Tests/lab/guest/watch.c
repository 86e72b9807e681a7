/* What others do while the machine dies, seen by one that holds on: locked in memory and ahead of everybody.
 *
 *     watch costs SECONDS PID...
 *         looks ten times a second; at the end prints for each process "costs PID CPU-NS AT-MOST-RSS-KB LAST-RSS-KB AT-MOST-SWAP-KB
 *         LONGEST-NS", the last being the longest time in which none of its threads ran
 *     watch stacks SECONDS PID
 *         looks fifty times a second at each thread that does not wait in poll(2) or a futex; at the end prints "stack TID AT STATE"
 *         and its kernel stack, one frame a line, times in seconds of CLOCK_BOOTTIME
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16 };

struct process {
	const char *pid;
	uint64_t first_ns, ran_ns, ran_at, longest_ns;
	unsigned long most_rss_kb, rss_kb, most_swap_kb;
};

static char kept[16 << 20];

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "watch: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* A file's text; empty when it cannot be read. */
static const char *text_of(const char *path)
{
	static char text[1 << 14];
	int fd = open(path, O_RDONLY);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		close(fd);
	text[length < 0 ? 0 : length] = '\0';
	return text;
}

/* Calls for each thread of a process, with the path of its directory in /proc. */
static void threads_of(const char *pid, void (*take)(const char *tid, const char *path, void *context), void *context)
{
	char path[512];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof path, "/proc/%s/task", pid);
	directory = opendir(path);
	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof path, "/proc/%s/task/%s", pid, entry->d_name);
			take(entry->d_name, path, context);
		}
	closedir(directory);
}

static void add_time(const char *tid, const char *path, void *total_ns)
{
	char file[600];

	(void)tid;
	snprintf(file, sizeof file, "%s/schedstat", path);
	*(uint64_t *)total_ns += strtoull(text_of(file), NULL, 10);
}

static unsigned long figure(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoul(line + strlen(name), NULL, 10) : 0;
}

static void look(struct process *process)
{
	uint64_t ran_ns = 0, now;
	char path[64];
	const char *status;

	threads_of(process->pid, add_time, &ran_ns);
	now = now_ns();
	if (!process->first_ns) {
		process->first_ns = process->ran_ns = ran_ns;
		process->ran_at = now;
	}
	if (now - process->ran_at > process->longest_ns)
		process->longest_ns = now - process->ran_at;
	if (ran_ns > process->ran_ns) {
		process->ran_ns = ran_ns;
		process->ran_at = now;
	}
	snprintf(path, sizeof path, "/proc/%s/status", process->pid);
	status = text_of(path);
	process->rss_kb = figure(status, "\nVmRSS:");
	if (process->rss_kb > process->most_rss_kb)
		process->most_rss_kb = process->rss_kb;
	if (figure(status, "\nVmSwap:") > process->most_swap_kb)
		process->most_swap_kb = figure(status, "\nVmSwap:");
}

static void look_at_stack(const char *tid, const char *path, void *unused)
{
	char file[600], state;
	const char *end, *stack;
	uint64_t now = now_ns();

	(void)unused;
	snprintf(file, sizeof file, "%s/stat", path);
	end = strrchr(text_of(file), ')');
	state = end ? end[2] : '?';
	snprintf(file, sizeof file, "%s/stack", path);
	stack = text_of(file);
	if (state == 'S' && (strstr(stack, "poll") || strstr(stack, "futex")))
		return;
	printf("stack %s %llu.%09llu %c\n%s", tid, (unsigned long long)(now / 1000000000),
	       (unsigned long long)(now % 1000000000), state, stack);
}

int main(int argc, char **argv)
{
	static struct process processes[MOST];
	uint64_t pause_ns, due, end;
	bool costs;

	if (argc < 4 || argc - 3 > MOST || !((costs = strcmp(argv[1], "costs") == 0) || strcmp(argv[1], "stacks") == 0))
		return 2;
	pause_ns = costs ? 100000000 : 20000000;
	for (int n = 3; n < argc; n++)
		processes[n - 3].pid = argv[n];
	/* What it prints is kept until it ends. */
	setvbuf(stdout, kept, _IOFBF, sizeof kept);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 50 }) != 0)
		fail("mlockall");
	due = now_ns();
	end = due + strtoull(argv[2], NULL, 10) * 1000000000ull;
	while (due < end) {
		uint64_t now;

		for (int n = 0; n < argc - 3; n++)
			if (costs)
				look(&processes[n]);
			else
				threads_of(argv[n + 3], look_at_stack, NULL);
		now = now_ns();
		/* Late, it does not run after what it has missed. */
		due = due + pause_ns > now ? due + pause_ns : now;
		if (due > now)
			nanosleep(&(struct timespec){ (due - now) / 1000000000, (due - now) % 1000000000 }, NULL);
	}
	for (struct process *p = processes; costs && p->pid && p < processes + MOST; p++)
		printf("costs %s %llu %lu %lu %lu %llu\n", p->pid, (unsigned long long)(p->ran_ns - p->first_ns),
		       p->most_rss_kb, p->rss_kb, p->most_swap_kb, (unsigned long long)p->longest_ns);
	return 0;
}
