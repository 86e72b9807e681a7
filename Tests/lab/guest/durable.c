/* How long others take to make an event durable, and when a live reader of inquest hears of it, for the scenario durable-latency.
 *
 *     durable SOCKET DIRECTORY SECONDS
 *
 * A child is killed every 100 ms, however long it takes anybody to store that. Each contender is told the time of the kill and stores
 * a record of 200 bytes in DIRECTORY; what came while it waited for the disk it stores together:
 *
 *     append      write(2) at the end of a growing file, fdatasync(2)
 *     sqlite      journal_mode=WAL, synchronous=FULL: a transaction
 *     journal     datagrams to journald, Synchronize as `journalctl --sync` does, and, since systemd 252 answers that before it is
 *                 so, a wait until the file's header says that it was synced
 *
 * What is measured is their way to the disk, not what the storm does to their code: each is locked in memory and ahead of everybody
 * (the scheduling class goes for the disk's queue, too). journald is as Debian ships it.
 *
 * Prints, in seconds of CLOCK_BOOTTIME: "kill PID AT"; "append|sqlite|journal AT DURABLE" for each kill; "durable SEQ AT" as the
 * recorder tells its live readers; "line SEQ AT" for each line of `inquest tail` about a signal, when it was read.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What is on its way when the kills end has so long to arrive. */
enum { MOST = 100000, RECORD = 200, LATER_S = 20 };
static const uint64_t pause_ns = 100000000;

static char record[RECORD];
static const char *socket_path, *directory;
/* When the kills end, once that is known; shared with all children. */
static volatile uint64_t *end_ns;
static int ready[2];

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "durable: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
	nanosleep(&(struct timespec){ ns / 1000000000, ns % 1000000000 }, NULL);
}

static void say(const char *word, uint64_t number, uint64_t ns)
{
	printf("%s %llu %llu.%09llu\n", word, (unsigned long long)number, (unsigned long long)(ns / 1000000000),
	       (unsigned long long)(ns % 1000000000));
}

/* Locked and ahead of everybody; what it prints is kept until it ends. */
static void go_first(void)
{
	static char kept[8 << 20];

	setvbuf(stdout, kept, _IOFBF, sizeof kept);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 50 }) != 0)
		fail("mlockall");
}

static const char *in_directory(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static int connected(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		fail(path);
	return fd;
}

/* --- The contenders: each stores so many records, and returns when they are durable. --- */

static void append(size_t count)
{
	static char records[512 * RECORD];
	static int fd = -1;

	if (fd < 0)
		fd = open(in_directory("append"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	memset(records, 'r', count * RECORD);
	if (write(fd, records, count * RECORD) != (ssize_t)(count * RECORD) || fdatasync(fd) != 0)
		fail("append");
}

static void sqlite(size_t count)
{
	static sqlite3 *base;
	static sqlite3_stmt *insert;

	if (!base &&
	    (sqlite3_open(in_directory("sqlite"), &base) != SQLITE_OK ||
	     sqlite3_exec(base,
			  "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			  "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, record BLOB);",
			  NULL, NULL, NULL) != SQLITE_OK ||
	     sqlite3_prepare_v2(base, "INSERT INTO events (record) VALUES (?)", -1, &insert, NULL) != SQLITE_OK))
		fail(sqlite3_errmsg(base));
	if (sqlite3_exec(base, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		fail(sqlite3_errmsg(base));
	for (size_t n = 0; n < count; n++) {
		sqlite3_bind_blob(insert, 1, record, sizeof record, SQLITE_STATIC);
		if (sqlite3_step(insert) != SQLITE_DONE)
			fail(sqlite3_errmsg(base));
		sqlite3_reset(insert);
	}
	if (sqlite3_exec(base, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		fail(sqlite3_errmsg(base));
}

/* Asks journald to take in what was sent, and to begin to write it. */
static void synchronize(void)
{
	static const char request[] = "{\"method\":\"io.systemd.Journal.Synchronize\",\"parameters\":{}}";
	int control = connected("/run/systemd/journal/io.systemd.journal", SOCK_STREAM);
	char answer[256];
	ssize_t length;

	/* With its final zero byte. */
	if (send(control, request, sizeof request, 0) != sizeof request ||
	    (length = recv(control, answer, sizeof answer - 1, 0)) <= 0)
		fail("journal");
	answer[length] = '\0';
	if (strstr(answer, "\"error\"")) {
		errno = EPROTO;
		fail(answer);
	}
	close(control);
}

static void journal(size_t count)
{
	static int entries = -1, file = -1;
	char message[RECORD + 100], path[128], id[33] = "";
	int length = snprintf(message, sizeof message, "PRIORITY=6\nMESSAGE=%.*s\n", RECORD, record);
	uint64_t asked;

	if (entries < 0) {
		int machine = open("/etc/machine-id", O_RDONLY);

		if (machine < 0 || read(machine, id, 32) != 32)
			fail("/etc/machine-id");
		snprintf(path, sizeof path, "/var/log/journal/%s/system.journal", id);
		file = open(path, O_RDONLY);
		if (file < 0)
			fail(path);
		entries = connected("/run/systemd/journal/socket", SOCK_DGRAM);
	}
	for (size_t n = 0; n < count; n++)
		if (send(entries, message, length, 0) != length)
			fail("journal");
	synchronize();
	asked = now_ns();
	for (;;) {
		/* Behind the signature (8 bytes) and two words of flags: 0 is offline, after an fsync of all that is in it. */
		unsigned char state;

		if (pread(file, &state, 1, 16) != 1 || state > 1)
			fail("system.journal");
		if (state == 0)
			return;
		/* Another's message has called it off. */
		if (now_ns() - asked > 500000000) {
			synchronize();
			asked = now_ns();
		}
		sleep_ns(1000000);
	}
}

static void contend(const char *name, void (*store)(size_t), int kills)
{
	static uint64_t at[512];
	ssize_t length;

	go_first();
	/* What a trace knows it by. */
	prctl(PR_SET_NAME, name);
	store(1);
	if (write(ready[1], "", 1) != 1)
		fail("pipe");
	while ((length = read(kills, at, sizeof at)) > 0) {
		size_t count = length / sizeof *at;
		uint64_t done;

		store(count);
		done = now_ns();
		for (size_t n = 0; n < count; n++)
			printf("%s %llu.%09llu %llu.%09llu\n", name, (unsigned long long)(at[n] / 1000000000),
			       (unsigned long long)(at[n] % 1000000000), (unsigned long long)(done / 1000000000),
			       (unsigned long long)(done % 1000000000));
	}
}

/* --- Readers of the recorder --- */

/* Waits for more until the end; how much came. */
static ssize_t more(int fd, char *buffer, size_t room)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	while (!*end_ns || now_ns() < *end_ns + LATER_S * 1000000000ull)
		if (poll(&entry, 1, 1000) > 0)
			return read(fd, buffer, room);
	return 0;
}

/* The live protocol, docs/live-protocol.md. */
static void live(void)
{
	unsigned char request[9] = { 5, 0, 0, 0, 1 };
	static char buffer[1 << 20];
	size_t have = 0;
	ssize_t length;
	int fd;

	go_first();
	fd = connected(socket_path, SOCK_STREAM);
	while (have < 32 && (length = read(fd, buffer + have, 32 - have)) > 0)
		have += length;
	/* Whichever version it is: of events only the length is looked at here. */
	memcpy(request + 5, buffer + 12, 4);
	if (have != 32 || write(fd, request, sizeof request) != sizeof request)
		fail("live");
	have = 0;
	while ((length = more(fd, buffer + have, sizeof buffer - have)) > 0) {
		uint64_t now = now_ns();
		size_t at = 0;

		have += length;
		while (have - at >= 17) {
			uint32_t size;
			uint64_t seq;

			memcpy(&size, buffer + at, sizeof size);
			if (have - at < size + 4ul)
				break;
			memcpy(&seq, buffer + at + 5, sizeof seq);
			if (buffer[at + 4] == 3)
				say("durable", seq, now);
			at += size + 4ul;
		}
		memmove(buffer, buffer + at, have -= at);
	}
}

/* `inquest tail`, an ordinary process, at the other end of a pipe. */
static void tail(int lines)
{
	static char buffer[1 << 20];
	size_t have = 0;
	ssize_t length;

	go_first();
	while ((length = more(lines, buffer + have, sizeof buffer - 1 - have)) > 0) {
		uint64_t now = now_ns();
		char *line = buffer, *next;

		have += length;
		buffer[have] = '\0';
		for (; (next = strchr(line, '\n')); line = next + 1) {
			char *seq;

			*next = '\0';
			if (strstr(line, "\"kind\":\"signal\"") && (seq = strstr(line, "\"seq\":")))
				say("line", strtoull(seq + 6, NULL, 10), now);
		}
		memmove(buffer, line, have -= line - buffer);
	}
}

static int tail_of(const char *path)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		fail("inquest tail");
	if (pid == 0) {
		dup2(ends[1], 1);
		execlp("inquest", "inquest", "tail", "--json", "--live", path, NULL);
		fail("inquest tail");
	}
	close(ends[1]);
	return ends[0];
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*store)(size_t);
	} contenders[] = { { "append", append }, { "sqlite", sqlite }, { "journal", journal } };
	enum { CONTENDERS = sizeof contenders / sizeof *contenders };
	int pipes[CONTENDERS][2], lines, status, failed = 0;
	pid_t children[CONTENDERS + 2];
	uint64_t due, end;
	char byte;

	if (argc != 4)
		return 2;
	socket_path = argv[1];
	directory = argv[2];
	memset(record, 'r', sizeof record);
	end_ns = mmap(NULL, sizeof *end_ns, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (end_ns == MAP_FAILED || pipe2(ready, O_CLOEXEC) != 0)
		fail("pipe");
	for (int n = 0; n < CONTENDERS; n++)
		if (pipe2(pipes[n], O_CLOEXEC) != 0)
			fail("pipe");
	lines = tail_of(socket_path);
	for (int n = 0; n < CONTENDERS + 2; n++) {
		children[n] = fork();
		if (children[n] < 0)
			fail("fork");
		if (children[n] > 0)
			continue;
		for (int other = 0; other < CONTENDERS; other++)
			close(pipes[other][1]);
		if (n < CONTENDERS)
			contend(contenders[n].name, contenders[n].store, pipes[n][0]);
		else if (n == CONTENDERS)
			live();
		else
			tail(lines);
		fflush(stdout);
		_exit(0);
	}
	close(lines);
	go_first();
	/* All have stored a first record. */
	for (int n = 0; n < CONTENDERS; n++)
		if (read(ready[0], &byte, 1) != 1)
			fail("pipe");
	due = now_ns();
	end = due + strtoull(argv[3], NULL, 10) * 1000000000ull;
	for (; due < end; due += pause_ns) {
		pid_t victim = fork();
		uint64_t now;

		if (victim < 0)
			fail("fork");
		if (victim == 0)
			for (;;)
				pause();
		now = now_ns();
		if (now < due)
			sleep_ns(due - now);
		else
			due = now;
		now = now_ns();
		kill(victim, SIGKILL);
		for (int n = 0; n < CONTENDERS; n++)
			if (write(pipes[n][1], &now, sizeof now) != sizeof now)
				fail("pipe");
		waitpid(victim, NULL, 0);
		say("kill", victim, now);
	}
	*end_ns = now_ns();
	for (int n = 0; n < CONTENDERS; n++)
		close(pipes[n][1]);
	fflush(stdout);
	for (int n = 0; n < CONTENDERS + 2; n++)
		failed |= waitpid(children[n], &status, 0) < 0 || status != 0;
	return failed;
}
