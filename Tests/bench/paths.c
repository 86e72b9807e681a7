/* Load on single paths through the kernel, and how long one turn of it takes: nanoseconds on standard output.
 *
 *     paths switch N        two processes hand a byte to and fro, on one CPU: two context switches a turn
 *     paths fork N          a process is made, ends, and is waited for
 *     paths signal N        a signal that is ignored is sent to another process
 *     paths handle N        a process sends itself a signal and handles it
 *     paths cgroup N DIR    a cgroup is made below DIR and removed: two events of inquest's a turn
 *     paths tasks N         N threads that sleep; says so, and stays until it is ended
 */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void check(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* The last CPU: interrupts prefer the first. */
static void pin(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &cpus);
	check(sched_setaffinity(0, sizeof cpus, &cpus) == 0, "sched_setaffinity");
}

static void hand_over(long turns)
{
	int there[2], back[2];
	char byte = 0;
	pid_t child;

	check(pipe(there) == 0 && pipe(back) == 0, "pipe");
	child = fork();
	check(child >= 0, "fork");
	for (long turn = 0; turn < turns; turn++) {
		if (child == 0)
			check(read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1, "child");
		else
			check(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "parent");
	}
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void fork_and_exit(long turns)
{
	for (long turn = 0; turn < turns; turn++) {
		pid_t child = fork();

		check(child >= 0, "fork");
		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

static void signal_other(long turns)
{
	pid_t child;

	signal(SIGUSR1, SIG_IGN);
	child = fork();
	check(child >= 0, "fork");
	while (child == 0)
		pause();
	for (long turn = 0; turn < turns; turn++)
		check(kill(child, SIGUSR1) == 0, "kill");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void handler(int number)
{
	(void)number;
}

static void signal_self(long turns)
{
	signal(SIGUSR1, handler);
	for (long turn = 0; turn < turns; turn++)
		check(kill(getpid(), SIGUSR1) == 0, "kill");
}

static void make_cgroups(long turns, const char *directory)
{
	char path[PATH_MAX];

	for (long turn = 0; turn < turns; turn++) {
		snprintf(path, sizeof path, "%s/turn-%ld", directory, turn);
		check(mkdir(path, 0755) == 0, path);
		check(rmdir(path) == 0, path);
	}
}

static void *sleep_on(void *unused)
{
	pause();
	return unused;
}

static void sleep_many(long count)
{
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN);
	for (long number = 0; number < count; number++) {
		pthread_t thread;

		check(pthread_create(&thread, &small, sleep_on, NULL) == 0, "pthread_create");
	}
	puts("there");
	fflush(stdout);
	pause();
}

int main(int count, char **arguments)
{
	const char *path = count > 1 ? arguments[1] : "";
	long turns = count > 2 ? atol(arguments[2]) : 0;
	int64_t begun;

	if (turns <= 0) {
		fprintf(stderr, "usage: paths switch|fork|signal|handle|cgroup|tasks N [DIR]\n");
		return 2;
	}
	if (!strcmp(path, "tasks")) {
		sleep_many(turns);
		return 0;
	}
	pin();
	begun = now();
	if (!strcmp(path, "switch"))
		hand_over(turns);
	else if (!strcmp(path, "fork"))
		fork_and_exit(turns);
	else if (!strcmp(path, "signal"))
		signal_other(turns);
	else if (!strcmp(path, "handle"))
		signal_self(turns);
	else if (!strcmp(path, "cgroup") && count > 3)
		make_cgroups(turns, arguments[3]);
	else
		return 2;
	printf("%.1f\n", (double)(now() - begun) / turns);
	return 0;
}
