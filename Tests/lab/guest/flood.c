/* More events than anybody expects, and kills among them, for the scenario flood.
 *
 *     flood DIRECTORY SECONDS RATE
 *
 * Renames a cgroup in DIRECTORY (of a hierarchy of version 1, the only ones that can) to and fro, RATE times a second: for the kernel
 * the cheapest event that inquest has no limit on. A child is killed ten times a second. Prints "kill PID" for each and, at the end,
 * "renamed COUNT SECONDS". Locked in memory and ahead of everybody: the storm is for the recorder.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void kill_one(void)
{
	pid_t victim = fork();

	if (victim < 0)
		fail("fork");
	if (victim == 0)
		for (;;)
			pause();
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	printf("kill %d\n", victim);
}

int main(int argc, char **argv)
{
	static char kept[1 << 20];
	uint64_t begun, end, kill_at, now, renamed = 0;
	double rate;

	if (argc != 4)
		return 2;
	setvbuf(stdout, kept, _IOFBF, sizeof kept);
	if (chdir(argv[1]) != 0 || mlockall(MCL_CURRENT | MCL_FUTURE) != 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 }) != 0)
		fail(argv[1]);
	rate = strtod(argv[3], NULL);
	begun = kill_at = now_ns();
	end = begun + strtoull(argv[2], NULL, 10) * 1000000000ull;
	while ((now = now_ns()) < end) {
		uint64_t due = (now - begun) / 1e9 * rate;

		for (; renamed < due; renamed++)
			if (rename(renamed % 2 ? "fro" : "to", renamed % 2 ? "to" : "fro") != 0)
				fail("rename");
		if (now >= kill_at) {
			kill_one();
			kill_at += 100000000;
		}
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	printf("renamed %llu %f\n", (unsigned long long)renamed, (now - begun) / 1e9);
	return 0;
}
