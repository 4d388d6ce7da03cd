/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read - one policy file's text, strictly, through inih.
 *
 * inih is lenient in ways that change what a policy means: it cuts lines at 200 bytes and delivers the
 * cut value, takes an indented line as a further value of the key above, drops what stands behind a NUL
 * or a ']', takes two sections whose names differ after 49 bytes as one, and never mentions a section
 * without keys. So it gets its lines from our reader, which sees each one raw and first: counts it,
 * complains about everything inih would bend, and hands over only plain "[section]" and "key = value"
 * lines; any other becomes an empty one. Which section is open is also the reader's word, not inih's. See load.h.
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/load.h"
#include "policy/nearest.h"

/* The handler below has no line number as last argument; the numbers come from the reader. */
_Static_assert(!INI_HANDLER_LINENO, "inih was built with INI_HANDLER_LINENO: read.c must follow");

#define BOM		 "\xef\xbb\xbf"
#define SECTION_TEXT_MAX 49 /* inih's MAX_SECTION less the NUL */

struct reader {
	struct ruleset *rules;
	const char *next, *end; /* of the text that is left */
	struct origin at;	/* the line last read */
	const char *raw;	/* its bytes, without the newline */
	size_t raw_len;
	struct section *section; /* the open one; NULL: none yet, or its header was faulty */
	bool any_section;	 /* a header was seen, good or not */
	unsigned n_keys;	 /* lines with a key in the open section */
	int error;		 /* -ENOMEM ends the reading */
};

static void keep_error(struct reader *r, int error)
{
	if (error < 0 && r->error == 0)
		r->error = error;
}

/* Complains at a column of the present line. Always false, so that a judge can return it. */
static bool fault(struct reader *r, size_t column, const char *fmt, ...) _printf_(3, 4);
static bool fault(struct reader *r, size_t column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep_error(r, ruleset_complain_va(r->rules, &r->at, (unsigned)column, fmt, ap));
	va_end(ap);
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Bytes that no line may hold, whatever it is. */
static bool judge_bytes(struct reader *r)
{
	char byte[8];

	for (size_t i = 0; i < r->raw_len; i++) {
		unsigned char c = (unsigned char)r->raw[i];

		if (c == '\r' && i + 1 == r->raw_len)
			return fault(r, i + 1, "the line ends with a carriage return; end lines with a newline alone");
		if ((c < 0x20 && c != '\t') || c == 0x7f) {
			(void)snprintf(byte, sizeof(byte), "0x%02x", c);
			return fault(r, i + 1, "the line has a control byte, %s", byte);
		}
	}
	if (r->at.line == 1 && r->raw_len >= 3 && memcmp(r->raw, BOM, 3) == 0)
		return fault(r, 1, "the file begins with a byte order mark; save it as plain UTF-8");
	return true;
}

/* Where a comment behind other text begins, as inih sees it: a ';' behind a blank. Or the line's length. */
static size_t find_comment(const struct reader *r, size_t from)
{
	for (size_t i = from; i < r->raw_len; i++)
		if (r->raw[i] == ';' && i > 0 && is_blank(r->raw[i - 1]))
			return i;
	return r->raw_len;
}

static void close_section(struct reader *r)
{
	if (r->section && r->n_keys == 0 && r->section->kind != SECTION_DEFAULTS) {
		struct origin at = r->section->newest;

		keep_error(r, ruleset_complain(r->rules, &at, 1, "[%s %s] is empty",
					       section_kind_name(r->section->kind), r->section->name));
	}
	r->section = NULL;
	r->n_keys = 0;
}

static bool unknown_section(struct reader *r, const char *word)
{
	struct nearest nearest = nearest_to(word);
	char hint[96], escaped[160];

	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		nearest_try(&nearest, section_kind_name((enum section_kind)kind));
	return fault(
		r, 2,
		"unknown section '%s'; there are [defaults], [profile <name>], [handler <name>] and [rule <name>]%s",
		text_escape(word, escaped, sizeof(escaped)), nearest_hint(&nearest, hint, sizeof(hint)));
}

/* `text` is what stands between the brackets. */
static bool open_section(struct reader *r, const char *text)
{
	char word[SECTION_TEXT_MAX + 1], name[SECTION_TEXT_MAX + 1], more[SECTION_TEXT_MAX + 1];
	enum section_kind kind;
	struct section *section;

	/* None can be too long: together they are not. */
	(void)text_next_word(&text, word, sizeof(word));
	(void)text_next_word(&text, name, sizeof(name));
	(void)text_next_word(&text, more, sizeof(more));
	kind = section_kind_find(word);
	if (kind == SECTION_KIND_INVALID)
		return unknown_section(r, word);
	if (kind == SECTION_DEFAULTS && name[0])
		return fault(r, 2, "[defaults] has no name");
	if (kind != SECTION_DEFAULTS && (more[0] || !text_is_name(name)))
		return fault(
			r, 2,
			"a %s needs one name, [%s <name>], of letters, digits, '_', '.' and '-', not starting with '.' or '-'",
			word, word);
	keep_error(r, ruleset_open(r->rules, kind, name, &r->at, &section));
	if (r->error < 0)
		return false;
	if (section->newest.file == r->at.file)
		return fault(r, 1, "[%s%s%s] stands in this file already, in line %u; write its keys there", word,
			     name[0] ? " " : "", name, section->newest.line);
	section->newest = r->at;
	r->section = section;
	return true;
}

static bool judge_section(struct reader *r)
{
	char text[SECTION_TEXT_MAX + 1];
	const char *close = memchr(r->raw, ']', r->raw_len);
	size_t len = close ? (size_t)(close - r->raw) - 1 : 0;
	size_t comment, rest;

	if (!close || find_comment(r, 0) < len)
		return fault(r, 1, "the section's name has no ']' behind it");
	if (len > SECTION_TEXT_MAX)
		return fault(r, SECTION_TEXT_MAX + 2,
			     "the section's name has %zu bytes with its kind, and at most %d can be told apart", len,
			     SECTION_TEXT_MAX);
	comment = find_comment(r, len + 2);
	for (rest = len + 2; rest < comment && is_blank(r->raw[rest]); rest++)
		continue;
	if (rest < comment)
		return fault(r, rest + 1, "a section stands on a line of its own");
	memcpy(text, r->raw + 1, len);
	text[len] = '\0';
	return open_section(r, text);
}

static bool judge_key(struct reader *r)
{
	size_t comment = find_comment(r, 0);
	size_t i = 0;

	while (i < comment && r->raw[i] != '=' && r->raw[i] != ':')
		i++;
	if (i == comment)
		return fault(r, 1, "the line has no '='; write 'key = value'");
	if (r->raw[i] == ':')
		return fault(r, i + 1, "a key is set with '=', not with ':'; write 'key = value'");
	if (!r->any_section)
		return fault(r, 1, "the key stands before the first section");
	/* Behind a faulty header it is not known what the key would mean; the header's fault says enough. */
	return r->section != NULL;
}

/* Whatever is wrong with a header, the section above it has ended: a key must not fall into that. */
static void note_kind(struct reader *r, char first)
{
	if (first == '[' || (r->at.line == 1 && first == BOM[0])) {
		close_section(r);
		r->any_section = true;
	} else {
		r->n_keys++;
	}
}

static bool judge(struct reader *r, bool has_newline, int size)
{
	size_t first = 0;

	while (first < r->raw_len && is_blank(r->raw[first]))
		first++;
	if (first < r->raw_len && r->raw[first] != ';' && r->raw[first] != '#')
		note_kind(r, r->raw[first]);
	if (!judge_bytes(r))
		return false;
	if (!has_newline)
		return fault(r, r->raw_len, "the file's last line has no newline: it may be cut off");
	if (first == r->raw_len || (first == 0 && (r->raw[0] == ';' || r->raw[0] == '#')))
		return false;
	if (first > 0)
		return fault(r, first + 1, "the line is indented; begin it in the first column");
	/* inih's buffer takes the line, a newline and a NUL. */
	if (r->raw_len + 2 > (size_t)size)
		return fault(r, (size_t)size - 1, "the line has %zu bytes, and at most %d can be read", r->raw_len,
			     size - 2);
	return r->raw[0] == '[' ? judge_section(r) : judge_key(r);
}

/* inih's reader, in place of fgets(). */
static char *next_line(char *buf, int size, void *stream)
{
	struct reader *r = stream;
	size_t left = (size_t)(r->end - r->next);
	const char *newline;

	if (left == 0 || r->error < 0 || size < 3)
		return NULL;
	newline = memchr(r->next, '\n', left);
	r->raw = r->next;
	r->raw_len = newline ? (size_t)(newline - r->next) : left;
	r->next += r->raw_len + (newline ? 1 : 0);
	r->at.line++;
	if (!judge(r, newline != NULL, size))
		r->raw_len = 0;
	memcpy(buf, r->raw, r->raw_len);
	memcpy(buf + r->raw_len, "\n", 2);
	return buf;
}

/* Files of the kernel's that look like ceilings and are guarantees or shares: another name is not what was meant. */
static bool is_no_ceiling(const char *name)
{
	static const char *const files[] = { "memory.low", "memory.min", "cpu.weight",	  "cpu.max.burst",
					     "io.weight",  "io.latency", "cpu.uclamp.min" };

	for (size_t i = 0; i < ELEMENTS(files); i++)
		if (strcmp(files[i], name) == 0)
			return true;
	return false;
}

static bool unknown_key(struct reader *r, const char *name)
{
	struct nearest nearest = nearest_to(name);
	unsigned here = 1U << r->section->kind;
	char hint[96], escaped[160];

	if (is_no_ceiling(name))
		return fault(
			r, 1,
			"'%s' cannot be set here: it is a share or a guarantee, not a ceiling; give it to the container through its engine",
			name);
	for (size_t i = 0; i < KEY_LIMIT; i++)
		if (keys[i].sections & here)
			nearest_try(&nearest, keys[i].name);
	for (size_t i = 0; i < n_limit_types && (keys[KEY_LIMIT].sections & here); i++)
		nearest_try(&nearest, limit_types[i].key);
	return fault(r, 1, "unknown key '%s' in [%s]%s", text_escape(name, escaped, sizeof(escaped)),
		     section_kind_name(r->section->kind), nearest_hint(&nearest, hint, sizeof(hint)));
}

static bool misplaced_key(struct reader *r, const struct key *key, const char *name)
{
	const char *home = "";

	for (int kind = SECTION_KIND_MAX - 1; kind >= 0; kind--)
		if (key->sections & 1U << kind)
			home = section_kind_name((enum section_kind)kind);
	return fault(r, 1, "'%s' cannot stand in [%s], it belongs in [%s]", name, section_kind_name(r->section->kind),
		     home);
}

static bool too_many_limits(struct reader *r, const struct key *key)
{
	unsigned n = 0;

	for (const struct setting *s = r->section->settings; s; s = s->next)
		n += s->key->id == KEY_LIMIT;
	if (key->id != KEY_LIMIT || n < POLICY_LIMITS_MAX)
		return false;
	(void)fault(r, 1, "a profile can have %d limits and not more", POLICY_LIMITS_MAX);
	return true;
}

static unsigned value_column(const struct reader *r)
{
	size_t i = 0;

	while (i < r->raw_len && r->raw[i] != '=')
		i++;
	for (i++; i < r->raw_len && is_blank(r->raw[i]); i++)
		continue;
	return (unsigned)i + 1;
}

static void set_key(struct reader *r, const struct key *key, const char *name, const char *value)
{
	struct setting setting = { .key = key, .value = value, .origin = r->at, .name = name };
	struct setting *old = section_find(r->section, name);
	char escaped[sizeof((struct err) { 0 }.text)];
	struct err err = { 0 };

	setting.column = value_column(r);
	if (old && old->origin.file == r->at.file) {
		(void)fault(r, 1, "'%s' stands in this section already, in line %u", name, old->origin.line);
		return;
	}
	if (!old && too_many_limits(r, key))
		return;
	if (key_check(key, name, value, &err) < 0)
		(void)fault(r, setting.column, "%s", text_escape(err.text, escaped, sizeof(escaped)));
	/* A faulty value is kept as well: the key is not missing, and the ruleset is broken anyhow. */
	if (r->error == 0)
		keep_error(r, ruleset_set(r->rules, r->section, old, &setting));
}

/* inih's handler. What it says of the section is not used: its copy is cut at 49 bytes. */
static int handle_key(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	const struct key *key = key_find(name);

	(void)section;
	if (!r->section || r->error < 0)
		return 1;
	if (!key)
		(void)unknown_key(r, name);
	else if (!(key->sections & 1U << r->section->kind))
		(void)misplaced_key(r, key, name);
	else
		set_key(r, key, name, value);
	return 1;
}

int ruleset_read(struct ruleset *rules, const char *file, const char *text, size_t len)
{
	struct reader r = { .rules = rules, .next = text, .end = text + len, .at = { .file = file } };
	int line = ini_parse_stream(next_line, &r, handle_key, &r);

	close_section(&r);
	/* Cannot happen while the reader is as strict as it says; what inih objects to must not pass. */
	if (line != 0 && r.error == 0) {
		r.at.line = line > 0 ? (unsigned)line : 0;
		(void)fault(&r, 0, "the line cannot be read");
	}
	return r.error;
}
