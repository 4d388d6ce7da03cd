/* SPDX-License-Identifier: Apache-2.0 */
/* List, columns - what can be known of a delegated cgroup, and how each cell is read. See list.h. */
#include "cgdeleg/cli/list.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

void cell_set_text(struct cell *cell, const char *text)
{
	size_t size = 4 * strlen(text) + 1;

	cell->text = malloc(size);
	cell->known = cell->text && text[0];
	if (cell->text)
		(void)text_escape(text, cell->text, size);
}

static void read_grant_text(struct sample *sample, struct cell *ret)
{
	const void *member = (const char *)sample->grant + sample->column->offset;

	cell_set_text(ret, *(const char *const *)member);
}

/* Runtimes give ids of 64 hexadecimal digits, of which 12 tell containers apart; a shorter one is somebody's own name. */
static void read_id(struct sample *sample, struct cell *ret)
{
	const char *id = sample->grant->attribute.id;

	cell_set_text(ret, id);
	if (strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64)
		ret->brief = 12;
}

/* Where there is no name, the id stands in its place in the table, and nothing elsewhere. */
static void read_container(struct sample *sample, struct cell *ret)
{
	cell_set_text(ret, sample->grant->attribute.name);
	if (ret->known)
		return;
	cell_done(ret);
	read_id(sample, ret);
	ret->known = false;
}

static void read_fault(struct sample *sample, struct cell *ret)
{
	cell_set_text(ret, sample->grant->fault.text);
}

/* Not known where it was granted. */
static void read_writable_by(struct sample *sample, struct cell *ret)
{
	const enum writable_by by = sample->grant->attribute.writable_by;

	cell_set_text(ret, by > WRITABLE_BY_NONE ? writable_by_name(by) : "");
}

static void read_cgroup_id(struct sample *sample, struct cell *ret)
{
	ret->number = sample->grant->id;
	ret->known = true;
}

static void read_owner(struct sample *sample, struct cell *ret)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%u:%u", sample->grant->uid, sample->grant->gid);
	cell_set_text(ret, text);
}

/* Nothing of one cgroup alone says it: table_fill() compares all. */
static void read_shared(struct sample *sample, struct cell *ret)
{
	(void)sample;
	(void)ret;
}

/* As a time, and as how long ago. */
static void read_since(struct sample *sample, struct cell *ret)
{
	const struct attribute *attribute = &sample->grant->attribute;

	ret->known = attribute->present && attribute->since >= 0;
	ret->number = (uint64_t)attribute->since;
	ret->real = (double)(sample->reader->now - attribute->since);
}

static void read_guarded(struct sample *sample, struct cell *ret)
{
	ret->known = sample->grant->attribute.present;
	ret->number = sample->grant->attribute.guarded;
}

/*
 * What the file holds, or NULL. Longer ones than SAMPLE_TEXT_SIZE are none of these. A file cannot be there where its
 * controller is not in the hierarchy at all, and opening it would cost a third of reading it.
 */
static const char *sample_text(struct sample *sample, const char *name)
{
	static const char *const always[] = { "cpu.stat", "cpu.pressure", "io.pressure", "memory.pressure" };
	struct sample_file *file = sample->files;
	char controller[LIMIT_FILE_SIZE];
	bool may_be_there;

	for (size_t i = 0; i < sample->n_files; i++, file++)
		if (strcmp(file->name, name) == 0)
			return file->there ? file->text : NULL;
	/* More files than there is room for: the last place serves again and again. */
	if (sample->n_files == SAMPLE_FILES_MAX)
		file--;
	else
		sample->n_files++;
	(void)snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(name, "."), name);
	may_be_there = !sample->reader->controllers || strcmp(controller, "cgroup") == 0 ||
		       text_has_word(sample->reader->controllers, controller);
	for (size_t i = 0; i < ELEMENTS(always); i++)
		may_be_there = may_be_there || strcmp(name, always[i]) == 0;
	(void)snprintf(file->name, sizeof(file->name), "%s", name);
	file->there = may_be_there && file_read_record_at(sample->fd, name, file->text, sizeof(file->text)) >= 0;
	return file->there ? file->text : NULL;
}

/* A file of one number or "max". */
static bool read_number(struct sample *sample, const char *file, uint64_t *ret)
{
	const char *text = sample_text(sample, file);
	char number[32];

	if (!text)
		return false;
	(void)snprintf(number, sizeof(number), "%.*s", (int)strcspn(text, "\n"), text);
	*ret = LIMIT_MAX;
	return strcmp(number, "max") == 0 || text_to_u64(number, ret) == 0;
}

/* The number behind a name at a line's beginning: "nr_descendants 5". */
static bool read_keyed(struct sample *sample, const char *file, const char *key, uint64_t *ret)
{
	const char *line = sample_text(sample, file);
	const size_t len = strlen(key);

	while (line && (strncmp(line, key, len) != 0 || line[len] != ' ')) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return false;
	*ret = strtoull(line + len + 1, NULL, 10);
	return true;
}

static void read_use(struct sample *sample, struct cell *ret)
{
	const struct column *column = sample->column;

	ret->known = column->key ? read_keyed(sample, column->file, column->key, &ret->number)
				 : read_number(sample, column->file, &ret->number);
	ret->limited = column->limit_file && read_number(sample, column->limit_file, &ret->limit);
}

static void read_cpu(struct sample *sample, struct cell *ret)
{
	const struct limit_type *type = limit_type_find("cpu.max");
	const char *text = sample_text(sample, sample->column->limit_file);
	struct limit_value value;

	ret->known = read_keyed(sample, sample->column->file, sample->column->key, &ret->number);
	ret->real = (double)ret->number / 1e6;
	ret->limited = text && limit_parse_kernel(type, text, NULL, &value, NULL) == 0;
	if (ret->limited)
		ret->cores = value.number == LIMIT_MAX ? INFINITY : (double)value.number / (double)value.period;
}

/* "some avg10=1.25 ...": the share of the last ten seconds in which some task waited. */
static void read_pressure(struct sample *sample, struct cell *ret)
{
	static const char head[] = "some avg10=";
	const char *text = sample_text(sample, sample->column->file);

	if (!text || strncmp(text, head, strlen(head)) != 0)
		return;
	ret->real = strtod(text + strlen(head), NULL);
	ret->known = true;
}

/* Fills limit->now. The scope's files are read once only. */
static bool read_limit(struct sample *sample, struct inspect *inspect, struct limit_state *limit)
{
	const char *text;

	if (limit->place == PLACE_SCOPE || limit->ceiling.type->kind == LIMIT_LINES)
		return inspect_read(inspect, limit, NULL) >= 0;
	text = sample_text(sample, limit->ceiling.file);
	return text && inspect_compare(inspect, limit, text, NULL) >= 0;
}

static bool inspect_sample(const struct sample *sample, struct inspect *ret)
{
	const struct attribute *attribute = &sample->grant->attribute;

	return attribute->present &&
	       inspect_open(sample->reader->sys_fd, sample->fd, sample->grant->id, attribute, ret, NULL) >= 0;
}

/* The limits above their ceilings, as words "file" and "scope:file"; the number is how many. */
static void read_drift(struct sample *sample, struct cell *ret)
{
	_cleanup_(inspect_done) struct inspect inspect = INSPECT_CLOSED;
	struct limit_state limit = { 0 };
	char text[2048] = "";
	size_t used = 0;

	if (!inspect_sample(sample, &inspect))
		return;
	while (used + 1 < sizeof(text) && inspect_next(&inspect, &limit))
		if (read_limit(sample, &inspect, &limit) && limit.above)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s", ret->number++ > 0 ? " " : "",
						 limit.place == PLACE_SCOPE ? "scope:" : "", limit.ceiling.file);
	cell_set_text(ret, text);
	ret->known = true;
}

/* What is used of a limit: the file beside it. */
static double read_used(struct sample *sample, const char *file)
{
	char name[LIMIT_FILE_SIZE + 8];
	uint64_t number;
	size_t len;

	if (strcmp(file, "cgroup.max.descendants") == 0)
		return read_keyed(sample, "cgroup.stat", "nr_descendants", &number) ? (double)number : NAN;
	if (strcmp(file, "memory.high") == 0)
		file = "memory.max";
	len = strlen(file);
	if (len < 4 || strcmp(file + len - 4, ".max") != 0)
		return NAN;
	(void)snprintf(name, sizeof(name), "%.*s.current", (int)(len - 4), file);
	return read_number(sample, name, &number) ? (double)number : NAN;
}

static double as_number(const struct limit_type *type, const struct limit_value *value)
{
	if (type->kind > LIMIT_CPU)
		return NAN;
	if (value->number == LIMIT_MAX)
		return INFINITY;
	return type->kind == LIMIT_CPU ? (double)value->number / (double)value->period : (double)value->number;
}

static char *format_value(const struct limit_type *type, const struct limit_value *value)
{
	char text[LIMIT_TEXT_SIZE];

	return strdup(limit_format(type, value, text, sizeof(text)));
}

static void read_ceilings(struct sample *sample, struct cell *ret)
{
	_cleanup_(inspect_done) struct inspect inspect = INSPECT_CLOSED;
	const struct ceiling *granted;
	struct limit_state limit = { 0 };
	struct cell_ceiling *c;

	if (!inspect_sample(sample, &inspect))
		return;
	while (inspect_next(&inspect, &limit)) {
		const bool there = read_limit(sample, &inspect, &limit);

		c = reallocarray(ret->ceilings, ret->n_ceilings + 1, sizeof(*c));
		if (!c)
			return;
		ret->ceilings = c;
		c += ret->n_ceilings++;
		granted = &limit.ceiling;
		*c = (struct cell_ceiling) {
			.ceiling = format_value(granted->type, &granted->value),
			.now = there ? format_value(granted->type, &limit.now) : strdup(""),
			.ceiling_number = as_number(granted->type, &granted->value),
			.now_number = there ? as_number(granted->type, &limit.now) : NAN,
			.used = there && limit.place == PLACE_ROOT ? read_used(sample, granted->file) : NAN,
			.above = limit.above,
		};
		(void)snprintf(c->file, sizeof(c->file), "%s%s", limit.place == PLACE_SCOPE ? "scope:" : "",
			       granted->file);
		ret->known = c->ceiling && c->now;
	}
}

#define INITIAL COLUMN_INITIAL
#define SHRINKS COLUMN_SHRINKS
#define GUARDS	COLUMN_GUARDS
#define ENDS	COLUMN_ENDS
#define ANY	COLUMN_ANY

/* A member of struct grant; files of the cgroup. */
#define TEXT(member)	   .read = read_grant_text, .offset = offsetof(struct grant, member)
#define FILES(used, limit) .file = (used), .limit_file = (limit)

/* The order of -o + and of JSON. A title is the name in capitals, so that whoever reads the one can write the other. */
const struct column columns[] = {
	{ "namespace", "NAMESPACE", COLUMN_TEXT, INITIAL | SHRINKS | ENDS,
	  "Kubernetes namespace, where the engine states it", TEXT(attribute.namespace) },
	{ "pod", "POD", COLUMN_TEXT, INITIAL | SHRINKS | ENDS, "pod, where the engine states it", TEXT(attribute.pod) },
	{ "container", "CONTAINER", COLUMN_TEXT, INITIAL | SHRINKS | ENDS,
	  "container's name in the pod; in the table its id where the engine states no name", .read = read_container },
	{ "id", "ID", COLUMN_TEXT, SHRINKS, "container's id; on a terminal 12 characters of 64", .read = read_id },
	{ "handler", "HANDLER", COLUMN_TEXT, SHRINKS | ENDS, "handler of the policy", TEXT(attribute.handler) },
	{ "profile", "PROFILE", COLUMN_TEXT, INITIAL | SHRINKS | ENDS, "profile of the policy", TEXT(attribute.profile) },
	{ "policy", "POLICY", COLUMN_TEXT, SHRINKS | ENDS, "line of the policy that granted it", TEXT(attribute.line) },
	{ "age", "AGE", COLUMN_SECONDS, 0, "time since the grant", .read = read_since },
	{ "since", "SINCE", COLUMN_TIME, 0, "when it was granted", .read = read_since },
	{ "owner", "OWNER", COLUMN_TEXT, ANY, "who owns the cgroup: uid:gid of the host", .read = read_owner },
	{ "uids", "UIDS", COLUMN_TEXT, SHRINKS, "host uids of its user namespace", TEXT(attribute.uids) },
	{ "gids", "GIDS", COLUMN_TEXT, SHRINKS, "host gids of its user namespace", TEXT(attribute.gids) },
	{ "shared", "SHARED", COLUMN_TEXT, SHRINKS | COLUMN_SHARED,
	  "another container with a grant and some of the same ids: the root of each owns the other's cgroup",
	  .read = read_shared },
	{ "memory", "MEMORY", COLUMN_BYTES, INITIAL | ANY, "memory in use, of memory.max", .read = read_use,
	  FILES("memory.current", "memory.max") },
	{ "swap", "SWAP", COLUMN_BYTES, ANY, "swap in use, of memory.swap.max", .read = read_use,
	  FILES("memory.swap.current", "memory.swap.max") },
	{ "pids", "PIDS", COLUMN_COUNT, ANY, "processes and threads, of pids.max", .read = read_use,
	  FILES("pids.current", "pids.max") },
	{ "cpu", "CPU", COLUMN_SECONDS, ANY, "CPU time used, and the cores of cpu.max", .read = read_cpu,
	  .key = "usage_usec", FILES("cpu.stat", "cpu.max") },
	{ "cgroups", "CGROUPS", COLUMN_COUNT, INITIAL | ANY, "cgroups below it, of cgroup.max.descendants",
	  .read = read_use, .key = "nr_descendants", FILES("cgroup.stat", "cgroup.max.descendants") },
	{ "dying", "DYING", COLUMN_COUNT, ANY, "removed cgroups that still hold memory", .read = read_use,
	  .key = "nr_dying_descendants", .file = "cgroup.stat" },
	{ "oom-kills", "OOM KILLS", COLUMN_COUNT, ANY,
	  "processes killed because memory ran out, those of cgroups below included", .read = read_use,
	  .key = "oom_kill", .file = "memory.events" },
	{ "limit-hits", "LIMIT HITS", COLUMN_COUNT, ANY,
	  "how often its own memory limit had nothing left to give, so that the kernel looked for somebody to kill",
	  .read = read_use, .key = "oom", .file = "memory.events.local" },
	{ "memory-pressure", "MEMORY PRESSURE", COLUMN_PERCENT, ANY,
	  "share of the last 10 s in which a task waited for memory, in percent", .read = read_pressure,
	  .file = "memory.pressure" },
	{ "cpu-pressure", "CPU PRESSURE", COLUMN_PERCENT, ANY,
	  "share of the last 10 s in which a task waited for a CPU, in percent", .read = read_pressure,
	  .file = "cpu.pressure" },
	{ "io-pressure", "IO PRESSURE", COLUMN_PERCENT, ANY,
	  "share of the last 10 s in which a task waited for a disk, in percent", .read = read_pressure,
	  .file = "io.pressure" },
	{ "guards", "GUARDS", COLUMN_TEXT, SHRINKS | GUARDS,
	  "guards that are attached now; missing: attached at the grant but not now; incomplete: only some of its programs are",
	  .read = read_guard },
	{ "guarded", "GUARDED", COLUMN_BOOL, 0, "the grant guard was in force at the grant", .read = read_guarded },
	{ "refused", "REFUSED", COLUMN_COUNT, GUARDS,
	  "uses of devices that the device guard has refused since it was attached", .read = read_device_refusals },
	{ "last-refused", "LAST REFUSED", COLUMN_TEXT, SHRINKS | GUARDS,
	  "the last of these refusals: type, device, access, name of the task", .read = read_last_refusal },
	{ "guard-refused", "GUARD REFUSED", COLUMN_COUNT, GUARDS,
	  "bpf() calls, opens and changes of attributes that the grant guard has refused since it was attached",
	  .read = read_guard_refusals },
	{ "guard-rules", "GUARD RULES", COLUMN_TEXT, SHRINKS | GUARDS, "the refusals of the grant guard, by its rules",
	  .read = read_guard_rules },
	{ "drift", "DRIFT", COLUMN_TEXT, INITIAL | SHRINKS, "limits that are above their ceilings", .read = read_drift },
	{ "ceilings", "CEILINGS", COLUMN_CEILINGS, SHRINKS, "every granted ceiling", .read = read_ceilings },
	{ "cgroup", "CGROUP", COLUMN_TEXT, SHRINKS | ENDS | ANY, "the cgroup's path below the cgroup2 mount", TEXT(path) },
	{ "cgroup-id", "CGROUP ID", COLUMN_COUNT, ANY, "the kernel's id of the cgroup", .read = read_cgroup_id },
	{ "leaf", "LEAF", COLUMN_TEXT, 0, "the leaf that the container was moved into", TEXT(attribute.leaf) },
	{ "method", "METHOD", COLUMN_TEXT, 0, "how the mount was made writable", TEXT(attribute.method) },
	{ "writable-by", "WRITABLE BY", COLUMN_TEXT, 0,
	  "why it is bounded without asking: its cgroup is mounted read-write (mount) or its runtime has given it away (owner)",
	  .read = read_writable_by },
	{ "fault", "FAULT", COLUMN_TEXT, SHRINKS, "why the attribute of the cgroup cannot be read", .read = read_fault },
};

const size_t n_columns = ELEMENTS(columns);

const char *column_name(const char *word, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", word);
	for (char *c = buf; *c; c++)
		*c = (char)(*c == ' ' || *c == '_' ? '-' : tolower((unsigned char)*c));
	return buf;
}

const struct column *column_find(const char *word)
{
	char name[64];

	(void)column_name(word, name, sizeof(name));
	for (size_t i = 0; i < ELEMENTS(columns); i++)
		if (strcmp(columns[i].name, name) == 0)
			return &columns[i];
	return NULL;
}

void sample_begin(struct sample *sample, const struct grant *grant, int fd, struct reader *reader)
{
	sample->grant = grant;
	sample->reader = reader;
	sample->fd = fd;
	sample->guards.attached = sample->guards.device = sample->guards.grant = SAMPLE_UNASKED;
	sample->n_files = 0;
}

void column_read(const struct column *column, struct sample *sample, struct cell *ret)
{
	memset(ret, 0, sizeof(*ret));
	sample->column = column;
	column->read(sample, ret);
}

void cell_done(struct cell *cell)
{
	for (size_t i = 0; i < cell->n_ceilings; i++) {
		free(cell->ceilings[i].ceiling);
		free(cell->ceilings[i].now);
	}
	free(cell->ceilings);
	free(cell->text);
	memset(cell, 0, sizeof(*cell));
}
