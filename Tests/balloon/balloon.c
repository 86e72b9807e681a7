/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process for the OOM killer: waits for a byte on its standard input (by then it has been put into its cgroup), then grows.
 *
 *   balloon [name=BYTES] [uid=N] [adj=N] [threads=N] [mb=N] [quit=MB] [then=hold] [term=stay]
 *
 * mb: how much to touch, shared among the threads. quit: another thread ends the process once that much is touched.
 * then=hold: stay when all is touched. term=stay: SIGTERM and SIGABRT are handled,
 * and change nothing.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static long megabytes = 64, threads = 1, quit;
static atomic_long touched;

static void *grow(void *unused)
{
	(void)unused;
	size_t size = (size_t)megabytes << 20;
	size_t share = size / (size_t)threads;
	volatile char *memory = mmap(NULL, share, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		_exit(3);
	for (size_t offset = 0; offset < share; offset += 4096) {
		memory[offset] = 1;
		atomic_fetch_add(&touched, 4096);
	}
	return NULL;
}

static void *leave(void *unused)
{
	(void)unused;
	while (atomic_load(&touched) < quit << 20)
		usleep(50);
	_exit(0);
}

static void stay(int signal)
{
	(void)signal;
}

static long number(const char *argument, const char *name)
{
	size_t length = strlen(name);

	return strncmp(argument, name, length) ? -1 : strtol(argument + length, NULL, 10);
}

int main(int count, char **arguments)
{
	long uid = -1, hold = 0;
	pthread_t thread[64];
	char go;

	for (int i = 1; i < count; i++) {
		const char *argument = arguments[i];

		if (!strncmp(argument, "name=", 5))
			prctl(PR_SET_NAME, argument + 5);
		else if (!strcmp(argument, "then=hold"))
			hold = 1;
		else if (!strcmp(argument, "term=stay")) {
			signal(SIGTERM, stay);
			signal(SIGABRT, stay);
		} else if (!strncmp(argument, "adj=", 4)) {
			FILE *file = fopen("/proc/self/oom_score_adj", "w");

			if (!file || fprintf(file, "%ld", number(argument, "adj=")) < 0 || fclose(file))
				return 4;
		} else if (number(argument, "uid=") >= 0)
			uid = number(argument, "uid=");
		else if (number(argument, "threads=") > 0)
			threads = number(argument, "threads=");
		else if (number(argument, "mb=") > 0)
			megabytes = number(argument, "mb=");
		else if (number(argument, "quit=") > 0)
			quit = number(argument, "quit=");
		else
			return 2;
	}
	if (threads > 63)
		return 2;
	if (uid >= 0 && setuid((uid_t)uid))
		return 5;
	if (read(0, &go, 1) != 1)
		return 6;
	if (quit && pthread_create(&thread[63], NULL, leave, NULL))
		return 7;
	for (long i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, grow, NULL))
			return 7;
	for (long i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	if (write(1, "full\n", 5) != 5)
		return 8;
	while (hold)
		pause();
	return 0;
}
