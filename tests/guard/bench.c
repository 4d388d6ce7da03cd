/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guards cost a system call, outside and inside of delegated cgroups, with none, one and a hundred of
 * them: a table of ratios to the same call by the same task before any guard was loaded. Judges nothing.
 *
 * For a machine whose clock counts instructions (tests/vm/run --count): what time an emulator takes says nothing, and
 * so the figures are the same on every host. Each is the smallest of some rounds: no interrupt came in between.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/device_guard.h"
#include "tests/guard/rig.h"

#define ROUNDS	20
#define CALLS	200
#define GRANTS	100
#define A_FILE	"/var/tmp/cgdguard-file"
#define GRANT_N TOP "/grant%d"

static void call_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd >= 0)
		(void)close(fd);
}

#define CALL(name, call)       \
	static void name(void) \
	{                      \
		call;          \
	}

CALL(read_file, call_open(A_FILE, O_RDONLY))
CALL(write_a_file, call_open(A_FILE, O_WRONLY))
CALL(open_device, call_open("/dev/null", O_RDWR))
/* One that is refused for its descriptor, not by a guard. */
CALL(call_bpf, (void)bpf_prog_detach(-1, BPF_CGROUP_INET_EGRESS))
CALL(change_mode, (void)chmod(A_FILE, 0600))
CALL(remove_attribute, (void)removexattr(A_FILE, "user.none")) /* One that is not there: ENODATA. */

static const struct call {
	const char *name;
	void (*make)(void);
} calls[] = {
	{ "open, close a file to read", read_file },
	{ "open, close a file to write", write_a_file },
	{ "open, close an allowed device", open_device },
	{ "bpf()", call_bpf },
	{ "chmod()", change_mode },
	{ "removexattr()", remove_attribute },
};

#define N_CALLS ELEMENTS(calls)

/* Shared with the children. */
static double *best;

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int measure(const void *argument)
{
	const struct call *call = argument;

	for (int round = 0; round < ROUNDS; round++) {
		double began = now(), each;

		for (int i = 0; i < CALLS; i++)
			call->make();
		each = (now() - began) / CALLS;
		if (round == 0 || each < *best)
			*best = each;
	}
	return 0;
}

static void measure_all(const char *cgroup, double ret[N_CALLS])
{
	for (size_t i = 0; i < N_CALLS; i++) {
		(void)in_cgroup(cgroup, PLAIN, measure, &calls[i]);
		ret[i] = *best;
	}
}

/* The rules that an OCI runtime's default devices come to; the one that is opened is the last. */
static void fill_rules(struct device_rules *rules)
{
	memset(rules, 0, sizeof(*rules));
	for (__u32 i = 0; i < 11; i++)
		rules->rules[i] = (struct device_rule) {
			.major = 1,
			.minor = i < 10 ? 20 + i : 3,
			.types = BPF_DEVCG_DEV_CHAR,
			.access = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE,
			.allow = 1,
		};
	rules->n_rules = 11;
	rules->ready = DEVICE_GUARD_READY;
}

static void attach_device(const struct device_guard *guard, int fd, struct err *err)
{
	struct device_rules rules;
	struct stat st;

	fill_rules(&rules);
	if (fstat(fd, &st) < 0 || device_guard_attach(guard, fd, err) < 0 ||
	    device_guard_write(guard, st.st_ino, &rules, err) < 0)
		die(err->text);
}

static void grant(const struct grant_guard *guard, const struct device_guard *device, int number)
{
	_cleanup_close_ int fd = -EBADF;
	struct err err = { 0 };
	unsigned attached;
	char path[64];

	(void)snprintf(path, sizeof(path), GRANT_N, number);
	cgroup_make(path);
	fd = cgroup_open_path(path);
	if (grant_guard_attach(guard, fd, &attached, &err) < 0 || grant_guard_write(guard, fd, 0, &err) < 0)
		die(err.text);
	attach_device(device, fd, &err);
}

static void print_row(size_t i, double none[N_CALLS], double figures[4][N_CALLS])
{
	printf("%-30s %8.0f", calls[i].name, none[i]);
	for (int j = 0; j < 4; j++)
		printf(" %8.2f", figures[j][i] / none[i]);
	printf("\n");
}

static void print_table(double none[N_CALLS], double figures[4][N_CALLS])
{
	printf("%-30s %8s %17s %17s\n", "", "none", "1 grant", "100 grants");
	printf("%-30s %8s %8s %8s %8s %8s\n", "", "instr.", "outside", "inside", "outside", "inside");
	for (size_t i = 0; i < N_CALLS; i++)
		print_row(i, none, figures);
}

static void clean(void)
{
	char path[64];

	for (int i = 0; i < GRANTS; i++) {
		(void)snprintf(path, sizeof(path), GRANT_N, i);
		cgroup_remove(path);
	}
	tree_remove();
	(void)unlink(A_FILE);
}

int main(void)
{
	double none[N_CALLS], figures[4][N_CALLS];
	struct bpf_object *object, *device_object;
	struct grant_guard guard;
	struct device_guard device;
	struct err err = { 0 };

	best = mmap(NULL, sizeof(*best), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)close(open(A_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	tree_make();
	measure_all(OTHER, none);
	object = guard_load_object("grant_guard", &err);
	device_object = object ? guard_load_object("device_guard", &err) : NULL;
	if (best == MAP_FAILED || !device_object)
		die(err.text);
	guard = guard_of(object);
	device = device_guard_of(device_object);
	grant(&guard, &device, 0);
	measure_all(OTHER, figures[0]);
	measure_all(TOP "/grant0", figures[1]);
	for (int i = 1; i < GRANTS; i++)
		grant(&guard, &device, i);
	measure_all(OTHER, figures[2]);
	measure_all(TOP "/grant0", figures[3]);
	print_table(none, figures);
	clean();
	ok("the table could be made");
	return summary();
}
