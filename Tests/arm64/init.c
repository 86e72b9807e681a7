/*
 * The only process of an arm64 guest (tools/arm64): loads the BPF object as it is committed, attaches every program whose hook
 * this kernel has, has the kernel kill a process in a cgroup, and compares what it hears with what it knows.
 *
 * Each line that begins with "wrong" is a failure; the last line is "end".
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crc32c.h"
#include "inquest_object.h"
#include "inquest_wire.h"

#define CGROUP "/sys/fs/cgroup/small"

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

static void put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY);
	if (file < 0 || write(file, text, strlen(text)) < 0)
		printf("wrong: cannot write %s: %s\n", path, strerror(errno));
	close(file);
}

static void check_checksum(void)
{
	/* The check value of CRC-32C: RFC 3720 has the polynomial, the catalogue of parametrised CRCs this value. */
	uint32_t fast = iq_crc32c(0, "123456789", 9), table = iq_crc32c_table(0, "123456789", 9);
	if (fast != 0xe3069283 || table != 0xe3069283)
		printf("wrong: crc32c %08x, by table %08x\n", fast, table);
}

static void check_database(void)
{
	sqlite3 *database = NULL;
	if (sqlite3_open(":memory:", &database) != SQLITE_OK ||
	    sqlite3_exec(database, "SELECT 1", NULL, NULL, NULL) != SQLITE_OK)
		printf("wrong: sqlite3 %s: %s\n", sqlite3_libversion(), sqlite3_errmsg(database));
}

/* Whether the kernel has the function or the tracepoint of a program's section. */
static int has_hook(const struct btf *kernel, const char *section)
{
	const char *target = strchr(section, '/') + 1;
	char name[128];
	if (!strncmp(section, "iter/", 5))
		snprintf(name, sizeof name, "bpf_iter_%s", target);
	else if (section[0] == 'f')
		return btf__find_by_name_kind(kernel, target, BTF_KIND_FUNC) > 0;
	else
		snprintf(name, sizeof name, "btf_trace_%s", target);
	return btf__find_by_name(kernel, name) > 0;
}

static struct bpf_object *load(void)
{
	struct bpf_object *object = bpf_object__open_mem(iq_object_bytes(), iq_object_size(), NULL);
	struct btf *kernel = btf__load_vmlinux_btf();
	struct bpf_program *program;
	int error;

	if (!object || !kernel) {
		printf("wrong: cannot open the object or the kernel's types\n");
		return NULL;
	}
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, has_hook(kernel, bpf_program__section_name(program)));
	error = bpf_object__load(object);
	if (error)
		printf("wrong: the object does not load: %s\n", strerror(-error));
	return error ? NULL : object;
}

/* A trampoline may be refused: the plain hook hears the same. Iterators are asked, not attached. */
static void attach(struct bpf_object *object)
{
	struct bpf_program *program;
	int attached = 0;

	bpf_object__for_each_program(program, object)
	{
		const char *section = bpf_program__section_name(program);
		if (!bpf_program__autoload(program)) {
			printf("  %s: not in this kernel\n", section);
		} else if (strncmp(section, "iter/", 5)) {
			if (bpf_program__attach(program))
				attached++;
			else
				printf("%s %s: refused, errno %d\n", section[0] == 'f' ? " " : "wrong:", section,
				       errno);
		}
	}
	printf("  %d programs attached\n", attached);
}

static pid_t balloon;
static int kills;

static int take(void *context, void *data, size_t size)
{
	const struct iq_header *header = data;
	const struct iq_oom_kill *kill = data;
	struct stat cgroup = {};

	if (header->kind != IQ_KIND_OOM_KILL)
		return 0;
	stat(CGROUP, &cgroup);
	kills++;
	if (size != sizeof *kill || kill->victim.task.tgid != (uint32_t)balloon ||
	    kill->victim.task.cgroup_id != cgroup.st_ino || strcmp(kill->victim.task.comm, "balloon"))
		printf("wrong: the record names %s[%u] in cgroup %llu\n", kill->victim.task.comm,
		       kill->victim.task.tgid, (unsigned long long)kill->victim.task.cgroup_id);
	printf("heard: %s[%u] anon-rss:%llukB\n", kill->victim.task.comm, kill->victim.task.tgid,
	       (unsigned long long)kill->victim.anon_rss_pages * sysconf(_SC_PAGESIZE) / 1024);
	return 0;
}

static void grow(void)
{
	char pid[16];
	snprintf(pid, sizeof pid, "%d", getpid());
	put(CGROUP "/cgroup.procs", pid);
	put("/proc/self/comm", "balloon");
	for (;;) {
		volatile char *memory = malloc(1 << 20);
		for (int offset = 0; offset < 1 << 20; offset += 4096)
			memory[offset] = 1;
	}
}

static void provoke(struct bpf_object *object)
{
	struct ring_buffer *ring =
		ring_buffer__new(bpf_object__find_map_fd_by_name(object, "iq_ring"), take, NULL, NULL);
	int status = 0;

	if (!ring) {
		printf("wrong: no ring\n");
		return;
	}
	put("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	put(CGROUP "/memory.max", "33554432");
	balloon = fork();
	if (balloon == 0)
		grow();
	waitpid(balloon, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		printf("wrong: the process in the cgroup ended with %#x\n", status);
	ring_buffer__consume(ring);
	if (kills != 1)
		printf("wrong: %d kills heard\n", kills);
}

int main(void)
{
	struct bpf_object *object;
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("cgroup", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	uname(&name);
	printf("Linux %s, %s, pages of %ld bytes\n", name.release, name.machine, sysconf(_SC_PAGESIZE));
	libbpf_set_print(quiet);
	check_checksum();
	check_database();
	object = load();
	if (object) {
		attach(object);
		provoke(object);
	}
	printf("end\n");
	reboot(RB_POWER_OFF);
	return 1;
}
