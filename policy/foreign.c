/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign - keys of other systems, and ours in their place. See foreign.h. */
#include "policy/foreign.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

enum meaning {
	MEANS_LIMIT, /* it is the limit `ours` */
	MEANS_IO,    /* it is the parameter `ours` of io.max */
	MEANS_SWAP,  /* memory and swap together, which only cgroup v1 knows */
	MEANS_SHARE, /* a share or a guarantee: bounds nobody */
	MEANS_KEY,   /* it is the policy's key `ours` */
	MEANS_TEXT,  /* `ours` is the answer */
};

/*
 * By squeeze(): small letters and digits of the key, without its prefix. So one row stands for the key of systemd's
 * unit files, of Docker's command line, API and compose files: CPUQuota, --cpu-quota, CpuQuota, cpu_quota. No pointers:
 * the hook would have to relocate them at each start.
 */
static const struct foreign {
	char key[28];
	unsigned char meaning;
	char ours[72];
} foreign[] = {
	{ "tasksmax", MEANS_LIMIT, "pids.max" },
	{ "pids", MEANS_LIMIT, "pids.max" },
	{ "pid", MEANS_LIMIT, "pids.max" },
	{ "tasks", MEANS_LIMIT, "pids.max" },
	{ "processes", MEANS_LIMIT, "pids.max" },
	{ "maxpids", MEANS_LIMIT, "pids.max" },
	{ "pidslimit", MEANS_LIMIT, "pids.max" },
	{ "pidlimit", MEANS_LIMIT, "pids.max" },
	{ "podpidslimit", MEANS_LIMIT, "pids.max" },
	{ "nproc", MEANS_LIMIT, "pids.max" },
	{ "limitnproc", MEANS_LIMIT, "pids.max" },
	{ "cpuquota", MEANS_LIMIT, "cpu.max" },
	{ "cpuquotapersecusec", MEANS_LIMIT, "cpu.max" },
	{ "cpucfsquotaus", MEANS_LIMIT, "cpu.max" },
	{ "cpuallowance", MEANS_LIMIT, "cpu.max" },
	{ "cpulimit", MEANS_LIMIT, "cpu.max" },
	{ "cpucount", MEANS_LIMIT, "cpu.max" },
	{ "cpus", MEANS_LIMIT, "cpu.max" },
	{ "cpu", MEANS_LIMIT, "cpu.max" },
	{ "cores", MEANS_LIMIT, "cpu.max" },
	{ "memory", MEANS_LIMIT, "memory.max" },
	{ "mem", MEANS_LIMIT, "memory.max" },
	{ "m", MEANS_LIMIT, "memory.max" },
	{ "memlimit", MEANS_LIMIT, "memory.max" },
	{ "memorylimit", MEANS_LIMIT, "memory.max" },
	{ "memorylimitinbytes", MEANS_LIMIT, "memory.max" },
	{ "maxmemory", MEANS_LIMIT, "memory.max" },
	{ "swap", MEANS_LIMIT, "memory.swap.max" },
	{ "memswaplimit", MEANS_SWAP, "" },
	{ "memoryswap", MEANS_SWAP, "" },
	{ "memoryswaplimit", MEANS_SWAP, "" },
	{ "memorymemswlimitinbytes", MEANS_SWAP, "" },
	{ "allowedcpus", MEANS_LIMIT, "cpuset.cpus" },
	{ "startupallowedcpus", MEANS_LIMIT, "cpuset.cpus" },
	{ "cpuaffinity", MEANS_LIMIT, "cpuset.cpus" },
	{ "cpuset", MEANS_LIMIT, "cpuset.cpus" },
	{ "allowedmemorynodes", MEANS_LIMIT, "cpuset.mems" },
	{ "startupallowedmemorynodes", MEANS_LIMIT, "cpuset.mems" },
	{ "numamask", MEANS_LIMIT, "cpuset.mems" },
	{ "hugepages2mi", MEANS_LIMIT, "hugetlb.2MB.max" },
	{ "hugepages1gi", MEANS_LIMIT, "hugetlb.1GB.max" },
	{ "hugepages2mb", MEANS_LIMIT, "hugetlb.2MB.max" },
	{ "hugepages1gb", MEANS_LIMIT, "hugetlb.1GB.max" },
	{ "ioreadbandwidthmax", MEANS_IO, "rbps" },
	{ "blockioreadbandwidth", MEANS_IO, "rbps" },
	{ "devicereadbps", MEANS_IO, "rbps" },
	{ "throttlereadbpsdevice", MEANS_IO, "rbps" },
	{ "blkiothrottlereadbpsdevice", MEANS_IO, "rbps" },
	{ "diskread", MEANS_IO, "rbps" },
	{ "iowritebandwidthmax", MEANS_IO, "wbps" },
	{ "blockiowritebandwidth", MEANS_IO, "wbps" },
	{ "devicewritebps", MEANS_IO, "wbps" },
	{ "throttlewritebpsdevice", MEANS_IO, "wbps" },
	{ "blkiothrottlewritebpsdevice", MEANS_IO, "wbps" },
	{ "diskwrite", MEANS_IO, "wbps" },
	{ "ioreadiopsmax", MEANS_IO, "riops" },
	{ "devicereadiops", MEANS_IO, "riops" },
	{ "throttlereadiopsdevice", MEANS_IO, "riops" },
	{ "blkiothrottlereadiopsdevice", MEANS_IO, "riops" },
	{ "iowriteiopsmax", MEANS_IO, "wiops" },
	{ "devicewriteiops", MEANS_IO, "wiops" },
	{ "throttlewriteiopsdevice", MEANS_IO, "wiops" },
	{ "blkiothrottlewriteiopsdevice", MEANS_IO, "wiops" },
	{ "cpushares", MEANS_SHARE, "" },
	{ "cpuweight", MEANS_SHARE, "" },
	{ "cpuweightnice", MEANS_SHARE, "" },
	{ "cpuidle", MEANS_SHARE, "" },
	{ "startupcpuweight", MEANS_SHARE, "" },
	{ "startupcpushares", MEANS_SHARE, "" },
	{ "cpumaxburst", MEANS_SHARE, "" },
	{ "cpuburst", MEANS_SHARE, "" },
	{ "cpuuclampmin", MEANS_SHARE, "" },
	{ "cpuuclampmax", MEANS_SHARE, "" },
	{ "cpupriority", MEANS_SHARE, "" },
	{ "requestscpu", MEANS_SHARE, "" },
	{ "ioweight", MEANS_SHARE, "" },
	{ "startupioweight", MEANS_SHARE, "" },
	{ "iodeviceweight", MEANS_SHARE, "" },
	{ "iolatency", MEANS_SHARE, "" },
	{ "iodevicelatencytargetsec", MEANS_SHARE, "" },
	{ "blkioweight", MEANS_SHARE, "" },
	{ "blockioweight", MEANS_SHARE, "" },
	{ "memorylow", MEANS_SHARE, "" },
	{ "memorymin", MEANS_SHARE, "" },
	{ "defaultmemorylow", MEANS_SHARE, "" },
	{ "defaultmemorymin", MEANS_SHARE, "" },
	{ "memoryreservation", MEANS_SHARE, "" },
	{ "memreservation", MEANS_SHARE, "" },
	{ "memorysoftlimitinbytes", MEANS_SHARE, "" },
	{ "requestsmemory", MEANS_SHARE, "" },
	{ "delegate", MEANS_KEY, "cgroup_writable" },
	{ "writable", MEANS_KEY, "cgroup_writable" },
	{ "writeable", MEANS_KEY, "cgroup_writable" },
	{ "cgrouprw", MEANS_KEY, "cgroup_writable" },
	{ "delegatesubgroup", MEANS_KEY, "nest" },
	{ "leaf", MEANS_KEY, "nest" },
	{ "userns", MEANS_KEY, "require_userns" },
	{ "usernsmode", MEANS_KEY, "require_userns" },
	{ "hostusers", MEANS_KEY, "require_userns" },
	{ "privateusers", MEANS_KEY, "require_userns" },
	{ "namespace", MEANS_KEY, "namespaces" },
	{ "pod", MEANS_KEY, "pods" },
	{ "container", MEANS_KEY, "containers" },
	{ "image", MEANS_KEY, "images" },
	{ "handlers", MEANS_KEY, "handler" },
	{ "runtime", MEANS_KEY, "handler" },
	{ "runtimeclass", MEANS_KEY, "handler" },
	{ "runtimehandler", MEANS_KEY, "handler" },
	{ "annotations", MEANS_KEY, "approved_annotations" },
	{ "allowedannotations", MEANS_KEY, "approved_annotations" },
	{ "podannotations", MEANS_KEY, "approved_annotations" },
	{ "containerannotations", MEANS_KEY, "approved_annotations" },
	{ "controllers", MEANS_KEY, "enable_controllers" },
	{ "subtreecontrol", MEANS_KEY, "enable_controllers" },
	{ "cgroupsubtreecontrol", MEANS_KEY, "enable_controllers" },
	{ "maxgrants", MEANS_KEY, "max_delegated" },
	{ "maxcontainers", MEANS_KEY, "max_delegated" },
	{ "nanocpus", MEANS_TEXT, "write 'cpu.max = ' and the number of cores" },
	{ "cpuquotaperiodsec", MEANS_TEXT, "the period is the second number of cpu.max: 'cpu.max = 200000 100000'" },
	{ "cpuperiod", MEANS_TEXT, "the period is the second number of cpu.max: 'cpu.max = 200000 100000'" },
	{ "cpucfsperiodus", MEANS_TEXT, "the period is the second number of cpu.max: 'cpu.max = 200000 100000'" },
	{ "shmsize", MEANS_TEXT, "what /dev/shm holds counts in 'memory.max'" },
	{ "kernelmemory", MEANS_TEXT, "the kernel's memory counts in 'memory.max'" },
	{ "memorykmemlimitinbytes", MEANS_TEXT, "the kernel's memory counts in 'memory.max'" },
	{ "ephemeralstorage", MEANS_TEXT, "a cgroup cannot limit disk space" },
	{ "storage", MEANS_TEXT, "a cgroup cannot limit disk space" },
	{ "storageopt", MEANS_TEXT, "a cgroup cannot limit disk space" },
	{ "memswappiness", MEANS_TEXT, "swappiness bounds nothing, and cgroup v2 lacks it" },
	{ "memoryswappiness", MEANS_TEXT, "swappiness bounds nothing, and cgroup v2 lacks it" },
	{ "oomkilldisable", MEANS_TEXT, "cgroup v2 lacks it; 'memory.high' slows down before 'memory.max' kills" },
};

/* In front of the key that is meant, in squeezed form. */
static const char prefixes[][16] = { "lxccgroup2", "lxccgroup", "linuxresources", "hostconfig",
				     "deploy",	   "resources", "unified",	  "limits" };

/* Small letters and digits: 'mem_limit', 'mem-limit', and '--mem.Limit' are the same. */
static void squeeze(const char *name, char *buf, size_t size)
{
	size_t len = 0;

	for (; *name && len + 1 < size; name++)
		if (*name >= 'A' && *name <= 'Z')
			buf[len++] = (char)(*name - 'A' + 'a');
		else if ((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9'))
			buf[len++] = *name;
	buf[len] = '\0';
}

/* Is it a key of the policy, but for signs and capitals? */
static const char *ours_of(const char *squeezed)
{
	char ours[LIMIT_FILE_SIZE];

	for (size_t i = 0; i < n_limit_types; i++) {
		squeeze(limit_types[i].key, ours, sizeof(ours));
		if (!strchr(limit_types[i].key, '*') && strcmp(ours, squeezed) == 0)
			return limit_types[i].key;
	}
	for (size_t i = 0; i < KEY_LIMIT; i++) {
		squeeze(keys[i].name, ours, sizeof(ours));
		if (strcmp(ours, squeezed) == 0)
			return keys[i].name;
	}
	return NULL;
}

static bool find(const char *squeezed, struct foreign *ret)
{
	const char *ours = ours_of(squeezed);

	if (ours) {
		*ret = (struct foreign) { .meaning = limit_type_find(ours) ? MEANS_LIMIT : MEANS_KEY };
		(void)snprintf(ret->ours, sizeof(ret->ours), "%s", ours);
		return true;
	}
	for (size_t i = 0; i < ELEMENTS(foreign); i++)
		if (strcmp(foreign[i].key, squeezed) == 0) {
			*ret = foreign[i];
			return true;
		}
	return false;
}

/* As the key stands, or without one prefix after the other: deploy.resources.limits.memory. */
static bool find_any(const char *squeezed, struct foreign *ret)
{
	if (find(squeezed, ret))
		return true;
	for (size_t i = 0; i < ELEMENTS(prefixes); i++) {
		size_t len = strlen(prefixes[i]);

		if (strncmp(squeezed, prefixes[i], len) == 0)
			return find_any(squeezed + len, ret);
	}
	return false;
}

/* io.max: "/dev/sda 10M" of systemd, "/dev/sda:10mb" of Docker. */
static const char *last_part(const char *value)
{
	const char *at = value + strlen(value);

	while (at > value && !strchr(" \t:", at[-1]))
		at--;
	return at;
}

static void limit_line(const struct foreign *f, const char *value, char *buf, size_t size)
{
	const bool io = f->meaning == MEANS_IO;
	const struct limit_type number = { .kind = strstr(f->ours, "bps") ? LIMIT_BYTES : LIMIT_COUNT };
	const struct limit_type *type = io ? &number : limit_type_find(f->ours);
	char ours[64];

	/* Docker's and the kernel's quota is in microseconds; a number alone is not cores. */
	if (strstr(f->key, "quota") && *value && !value[strspn(value, "0123456789")])
		(void)snprintf(ours, sizeof(ours), "%.20s %d", value, LIMIT_CPU_PERIOD);
	else if (!type || !limit_translate(type, io ? last_part(value) : value, ours, sizeof(ours)))
		(void)snprintf(ours, sizeof(ours), "...");
	if (io)
		(void)snprintf(buf, size, "io.max = 8:0 %s=%s", f->ours, ours);
	else
		(void)snprintf(buf, size, "%s = %s", f->ours, ours);
}

const char *foreign_advice(enum section_kind section, const char *name, const char *value, char *buf, size_t size)
{
	const char *where = section == SECTION_PROFILE ? "" : " in a [profile]";
	char squeezed[64], line[160];
	struct foreign f;

	buf[0] = '\0';
	squeeze(name, squeezed, sizeof(squeezed));
	if (!find_any(squeezed, &f))
		return buf;
	switch (f.meaning) {
	case MEANS_LIMIT:
		limit_line(&f, value, line, sizeof(line));
		(void)snprintf(buf, size, "; write '%s'%s", line, where);
		break;
	case MEANS_IO:
		limit_line(&f, value, line, sizeof(line));
		(void)snprintf(buf, size, "; write '%s'%s, with the device's numbers, which lsblk shows, for 8:0", line,
			       where);
		break;
	case MEANS_SWAP:
		(void)snprintf(buf, size,
			       "; write 'memory.swap.max'%s: it is swap alone, that is, this value minus the memory's",
			       where);
		break;
	case MEANS_SHARE:
		(void)snprintf(
			buf, size,
			"; it is a share or a guarantee, not a ceiling, and cannot be set here: give it to the container through its engine");
		break;
	case MEANS_KEY:
		(void)snprintf(buf, size, "; write '%s'", f.ours);
		break;
	default:
		(void)snprintf(buf, size, "; %s", f.ours);
		break;
	}
	return buf;
}
