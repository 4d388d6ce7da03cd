/* SPDX-License-Identifier: Apache-2.0 */
/* Faults - system calls of watch that fail when told to. See fake-faults.h. */
#include "tests/unit/fake-faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-kernel.h"

static const char *const limits[][2] = {
	{ "memory.max", "1073741824" },
	{ "cgroup.max.descendants", "64" },
	{ "cgroup.max.depth", "4" },
	{ "cpu.max", "150000 100000" },
};

struct failing no_instance, no_watch, no_fork, no_attribute, no_memory;
const char *fake_release;
void (*at_attribute)(void);
bool unkillable;

static bool fails(struct failing *f)
{
	const int n = f->n++;

	if (!f->error || n < f->after || (f->once && n > f->after))
		return false;
	errno = f->error;
	return true;
}

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
pid_t __real_fork(void);
pid_t __wrap_fork(void);
ssize_t __real_fgetxattr(int fd, const char *name, void *value, size_t size);
ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);
int __real_uname(struct utsname *ret);
int __wrap_uname(struct utsname *ret);

int __wrap_inotify_init1(int flags)
{
	return fails(&no_instance) ? -1 : __real_inotify_init1(flags);
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	return fails(&no_watch) ? -1 : __real_inotify_add_watch(fd, path, mask);
}

pid_t __wrap_fork(void)
{
	return fails(&no_fork) ? -1 : __real_fork();
}

ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size)
{
	if (at_attribute)
		at_attribute();
	return fails(&no_attribute) ? -1 : __real_fgetxattr(fd, name, value, size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails(&no_memory) ? NULL : __real_calloc(n, size);
}

int __wrap_kill(pid_t pid, int number)
{
	return unkillable ? 0 : __real_kill(pid, number);
}

int __wrap_uname(struct utsname *ret)
{
	(void)snprintf(ret->release, sizeof(ret->release), "%s", fake_release);
	return 0;
}

void faults_reset(void)
{
	no_instance = no_watch = no_fork = no_attribute = no_memory = (struct failing) { 0 };
	fake_release = "6.18.0";
	memset(&kernel, 0, sizeof(kernel));
}

void raise_all(struct scene *s, const char *cgroup)
{
	for (size_t i = 0; i < ELEMENTS(limits); i++)
		scene_write(s, format("%s/%s", cgroup, limits[i][0]), i == 3 ? "max 100000" : "max");
}

void check_all(struct scene *s, const char *cgroup)
{
	for (size_t i = 0; i < ELEMENTS(limits); i++)
		scene_check(s, format("%s/%s", cgroup, limits[i][0]), limits[i][1]);
}

void fill_queue(struct scene *s)
{
	_cleanup_close_ int one = openat(s->tree.fd, BOX "/cgroup.max.depth", O_WRONLY | O_CLOEXEC);
	_cleanup_close_ int two = openat(s->tree.fd, BOX "/cgroup.max.descendants", O_WRONLY | O_CLOEXEC);
	char text[32];
	long most;

	assert_true(file_read_at(AT_FDCWD, "/proc/sys/fs/inotify/max_queued_events", text, sizeof(text)) > 0);
	most = strtol(text, NULL, 10);
	for (long i = 0; i < most + 8; i++) /* in turns: two alike become one */
		assert_int_equal(pwrite(i % 2 ? one : two, "2\n", 2, 0), 2);
}
