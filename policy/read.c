/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read - one policy file's text, strictly, through inih.
 *
 * inih is lenient in ways that change what a policy means: it cuts lines at 200 bytes and delivers the cut value, takes
 * an indented line as a further value of the key above, drops what follows a NUL or a ']', takes two sections whose
 * names differ after 49 bytes as one, and never mentions a section without keys. So it gets its lines from our reader,
 * which sees each one raw and first: counts it, complains about everything that inih would bend, opens the sections
 * itself, and hands over only plain "key = value" lines. See load.h.
 *
 * Every container of the node waits for this, policies have thousands of lines, and every line is checked before
 * anything is granted or passed: so a line is looked at once, and what a ruleset keeps of it stays where it is, in the
 * file's text.
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "policy/foreign.h"
#include "policy/load.h"
#include "policy/nearest.h"

/* The handler below has no line number as last argument; the numbers come from the reader. */
_Static_assert(!INI_HANDLER_LINENO, "inih was built with INI_HANDLER_LINENO: read.c must follow");

#define BOM		 "\xef\xbb\xbf"
#define SECTION_TEXT_MAX 49 /* bytes between the brackets; inih told no more apart, and nobody needs more */

struct reader {
	struct ruleset *rules;
	char *next, *end; /* the text that is left; a NUL follows it */
	struct origin at; /* the line last read */
	char *raw;	  /* its bytes */
	size_t raw_len;	  /* without the newline */
	/* Places in it; at its end: there is none. */
	char *separator;	 /* the first '=' or ':' */
	char *comment;		 /* the ';' of a comment that follows other text */
	char *bad;		 /* the first byte that no line may hold */
	char *buf;		 /* inih's copy of the line */
	struct section *section; /* the open one; NULL: none yet, or its header was faulty */
	bool any_section;	 /* a header was seen, good or not */
	unsigned n_keys;	 /* lines with a key in the open section */
	struct setting *list;	 /* the list of the open section that the last such line went on with; NULL: none did */
	struct setting *list_end; /* its last line */
	const struct key *last_keys[16];
	int error; /* -ENOMEM ends the reading */
};

static void keep_error(struct reader *r, int error)
{
	if (error < 0 && r->error == 0)
		r->error = error;
}

/* Complains at a column of the present line. Always false, so that a check can return it. */
static bool fault(struct reader *r, size_t column, const char *fmt, ...) _printf_(3, 4);
static bool fault(struct reader *r, size_t column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep_error(r, ruleset_complain_va(r->rules, &r->at, (unsigned)column, fmt, ap));
	va_end(ap);
	return false;
}

static bool has_bom(const struct reader *r)
{
	return r->at.line == 1 && r->raw_len >= 3 && memcmp(r->raw, BOM, 3) == 0;
}

/* Takes the next line from the text, and finds in it what inih will find; false at the text's end. */
static bool take_line(struct reader *r)
{
	static const bool special[256] = {
		[0 ... '\t' - 1] = true, ['\n' ... 0x1f] = true, ['='] = true, [':'] = true, [';'] = true,
		[0x7f] = true,
	};
	char *p = r->next;

	if (p == r->end)
		return false;
	r->raw = p;
	r->separator = r->comment = r->bad = NULL;
	for (;; p++) {
		while (!special[(unsigned char)*p])
			p++;
		if (*p == '\n' || p == r->end)
			break;
		if (*p == '=' || *p == ':')
			r->separator = r->separator ?: p;
		else if (*p != ';')
			r->bad = r->bad ?: p;
		else if (p > r->raw && text_is_blank(p[-1]))
			r->comment = r->comment ?: p;
	}
	r->separator = r->separator ?: p;
	r->comment = r->comment ?: p;
	r->bad = r->bad ?: p;
	r->raw_len = (size_t)(p - r->raw);
	r->next = p < r->end ? p + 1 : p;
	r->at.line++;
	return true;
}

static size_t column_of(const struct reader *r, const char *place)
{
	return (size_t)(place - r->raw) + 1;
}

/* What no line may have, whatever it is. */
static bool check_bytes(struct reader *r)
{
	char *const end = r->raw + r->raw_len;

	if (r->bad < end && *r->bad == '\r' && r->bad + 1 == end)
		return fault(r, r->raw_len, "the line ends with a carriage return; end lines with only a newline");
	if (r->bad < end)
		return fault(r, column_of(r, r->bad), "the line has a control byte, 0x%02x", (unsigned char)*r->bad);
	if (has_bom(r))
		return fault(r, 1, "the file begins with a byte order mark; save it as plain UTF-8");
	if (end == r->end && r->next == end)
		return fault(r, r->raw_len, "the file's last line has no newline: it may be cut off");
	return true;
}

/* A list that went on becomes one text, once: a long one that grew with each line would be copied for each. */
static void join_list(struct reader *r, struct setting *list)
{
	const char *separator = list->key->id == KEY_LIMIT ? ", " : " ";
	size_t size = 1;
	char *text, *end;

	for (const struct setting *s = list; s; s = s->more)
		size += strlen(s->value) + strlen(separator);
	text = end = arena_alloc(r->rules->arena, size);
	if (!text) {
		keep_error(r, -ENOMEM);
		return;
	}
	for (struct setting *s = list; s; s = s->more) {
		const char *value = s->value;

		s->value = end;
		end = stpcpy(end, value);
		if (s->more)
			end = stpcpy(end, separator);
	}
}

static void close_section(struct reader *r)
{
	if (r->section && r->n_keys == 0 && r->section->kind != SECTION_DEFAULTS) {
		struct origin at = r->section->newest;

		keep_error(r, ruleset_complain(r->rules, &at, 1, "[%s %s] is empty",
					       section_kind_name(r->section->kind), r->section->name));
	}
	for (struct setting *s = r->section && r->list ? r->section->settings : NULL; s; s = s->next)
		if (s->more && s->origin.file == r->at.file)
			join_list(r, s);
	r->section = NULL;
	r->list = NULL;
	r->n_keys = 0;
}

static bool unknown_section(struct reader *r, const char *word)
{
	struct nearest nearest = nearest_to(word);
	char hint[96], escaped[160];

	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		nearest_try(&nearest, section_kind_name((enum section_kind)kind));
	return fault(r, 2,
		     "unknown section '%s'; there are [defaults], [profile <name>], [handler <name>] and [rule <name>]%s",
		     text_escape(word, escaped, sizeof(escaped)), nearest_hint(&nearest, hint, sizeof(hint)));
}

/* The next word of *text, ended with a NUL where it is; "" at the end. */
static char *take_word(char **text)
{
	char *word = *text;

	while (text_is_blank(*word))
		word++;
	for (*text = word; **text; (*text)++)
		if (text_is_blank(**text)) {
			*(*text)++ = '\0';
			break;
		}
	return word;
}

/* `text` is what stands between the brackets; it becomes the section's name. */
static bool open_section(struct reader *r, char *text)
{
	const char *word = take_word(&text), *name = take_word(&text);
	const enum section_kind kind = section_kind_find(word);
	struct section *section;
	char escaped[64];

	if (kind == SECTION_KIND_INVALID)
		return unknown_section(r, word);
	if (kind == SECTION_DEFAULTS && name[0])
		return fault(r, 2,
			     "[defaults] takes no name; write [defaults], or [profile %s], [handler %s] or [rule %s]",
			     text_escape(name, escaped, sizeof(escaped)), escaped, escaped);
	if (kind != SECTION_DEFAULTS && (*take_word(&text) || !text_is_name(name)))
		return fault(r, 2,
			     "a %s needs one name, [%s <name>], of letters, digits, '_', '.' and '-', not starting with '.' or '-'",
			     word, word);
	keep_error(r, ruleset_open(r->rules, kind, name, &r->at, &section));
	if (r->error < 0)
		return false;
	if (section->newest.file == r->at.file)
		return fault(r, 1, "[%s%s%s] is in this file already, on line %u; write its keys there", word,
			     name[0] ? " " : "", name, section->newest.line);
	section->newest = r->at;
	r->section = section;
	return true;
}

/* Opens the section of a header. False: the header is faulty, and its keys belong to no section. */
static bool read_header(struct reader *r)
{
	char *close = memchr(r->raw, ']', r->raw_len);
	const size_t len = close ? (size_t)(close - r->raw) - 1 : 0;
	char *rest = r->raw + len + 2;

	if (!close || r->comment < close)
		return fault(r, 1, "the section's name has no ']' after it");
	if (len > SECTION_TEXT_MAX)
		return fault(r, SECTION_TEXT_MAX + 2,
			     "the text between the brackets has %zu bytes; at most %d are allowed", len,
			     SECTION_TEXT_MAX);
	while (rest < r->comment && text_is_blank(*rest))
		rest++;
	if (rest < r->comment)
		return fault(r, column_of(r, rest), "a section's header must be alone on its line");
	*close = '\0';
	return open_section(r, r->raw + 1);
}

/* inih's buffer, which takes the line, a newline and a NUL, is as long as Debian built it. A copy of inih with a longer
 * one would be ours to keep, so a list that is longer goes on in the next line. */
static bool too_long(struct reader *r, int size)
{
	const size_t len = strcspn(r->raw, " \t="), most = (size_t)size - 2;
	char name[LIMIT_FILE_SIZE] = "";
	const struct key *key;

	if (len < sizeof(name))
		memcpy(name, r->raw, len);
	key = key_find(name);
	if (key && key_is_list(key, name))
		return fault(r, most + 1,
			     "the line has %zu bytes; at most %zu are allowed: write the rest in a line of its own, again with '%s = ', which continues the list",
			     r->raw_len, most, name);
	return fault(r, most + 1, "the line has %zu bytes; at most %zu are allowed", r->raw_len, most);
}

/* Is this a line that inih may see? */
static bool check_key_line(struct reader *r, int size)
{
	if (r->raw_len + 2 > (size_t)size)
		return too_long(r, size);
	if (r->separator >= r->comment)
		return fault(r, 1, "the line has no '='; write 'key = value'");
	if (*r->separator == ':')
		return fault(r, column_of(r, r->separator), "a key is set with '=', not with ':'; write 'key = value'");
	if (!r->any_section)
		return fault(r, 1, "the key comes before the first section");
	/* After a faulty header nobody knows what the key would mean; the header's fault says enough. */
	return r->section != NULL;
}

/* Is it a line for inih? Headers are read here. */
static bool read_line(struct reader *r, int size)
{
	size_t first = 0;
	char c = ';'; /* a blank line is as good as a comment */

	while (first < r->raw_len && text_is_blank(r->raw[first]))
		first++;
	if (first < r->raw_len)
		c = r->raw[first];
	/* Whatever is wrong with a header, the section above it has ended: a key must not fall into that. */
	if (c == '[' || has_bom(r)) {
		close_section(r);
		r->any_section = true;
	} else if (c != ';' && c != '#') {
		r->n_keys++;
	}
	if (!check_bytes(r) || first == r->raw_len || (first == 0 && (c == ';' || c == '#')))
		return false;
	if (first > 0)
		return fault(r, first + 1, "the line is indented; begin it in the first column");
	if (c != '[')
		return check_key_line(r, size);
	(void)read_header(r);
	return false;
}

/* inih's reader, in place of fgets(): the next line with a key. */
static char *next_line(char *buf, int size, void *stream)
{
	struct reader *r = stream;

	while (r->error == 0 && take_line(r)) {
		if (!read_line(r, size))
			continue;
		memcpy(buf, r->raw, r->raw_len);
		memcpy(buf + r->raw_len, "\n", 2);
		return r->buf = buf;
	}
	return NULL;
}

static bool unknown_key(struct reader *r, const char *name, const char *value)
{
	const enum section_kind kind = r->section->kind;
	struct nearest nearest = nearest_to(name);
	char hint[96], advice[256], escaped[160], whole[sizeof((struct err) { 0 }.text)];

	/* What another system calls it is more certain than what it looks like. */
	if (!foreign_advice(kind, name, value, advice, sizeof(advice))[0]) {
		for (size_t i = 0; i < KEY_LIMIT; i++)
			if (keys[i].sections & 1U << kind)
				nearest_try(&nearest, keys[i].name);
		for (size_t i = 0; i < n_limit_types && (keys[KEY_LIMIT].sections & 1U << kind); i++)
			nearest_try(&nearest, limit_types[i].key);
	}
	return fault(r, 1, "unknown key '%s' in [%s]%s%s", text_escape(name, escaped, sizeof(escaped)),
		     section_kind_name(kind), nearest_hint(&nearest, hint, sizeof(hint)),
		     text_escape(advice, whole, sizeof(whole)));
}

static bool misplaced_key(struct reader *r, const struct key *key, const char *name)
{
	const char *home = "";

	for (int kind = SECTION_KIND_MAX - 1; kind >= 0; kind--)
		if (key->sections & 1U << kind)
			home = section_kind_name((enum section_kind)kind);
	return fault(r, 1, "'%s' is not allowed in [%s]; it belongs in [%s]", name, section_kind_name(r->section->kind),
		     home);
}

/* The file's own bytes for what inih found in its copy of the line, ended with a NUL: they live as long as the
 * ruleset. */
static const char *in_text(const struct reader *r, const char *found)
{
	const size_t at = (size_t)(found - r->buf), len = strlen(found);

	if (at + len > r->raw_len)
		return "";
	r->raw[at + len] = '\0';
	return r->raw + at;
}

/* The setting of the same key in the section, or NULL; and the end of the list. */
static struct setting *find_same(const struct reader *r, const struct key *key, const char *name,
				 struct setting ***ret_end, unsigned *ret_limits)
{
	struct setting **s = &r->section->settings, *same = NULL;

	for (*ret_limits = 0; *s; s = &(*s)->next) {
		if ((*s)->key == key && (key->id != KEY_LIMIT || strcmp((*s)->name, name) == 0))
			same = *s;
		*ret_limits += (*s)->key->id == KEY_LIMIT;
	}
	*ret_end = s;
	return same;
}

/* One more line of a list. Devices are counted once each: a second value for one is a fault. */
static void go_on(struct reader *r, struct setting *list, struct setting *line)
{
	const struct limit_type *type = line->key->id == KEY_LIMIT ? limit_type_find(list->name) : NULL;
	const size_t n = limit_n_lines(&list->limit) + limit_n_lines(&line->limit);
	struct err err = { 0 };
	const int added = type ? limit_add_lines(type, &list->limit, &line->limit, r->rules->arena, &err) : 0;

	if (added == -ENOMEM)
		keep_error(r, added);
	else if (added < 0)
		(void)fault(r, line->column, "%s", err.text);
	else if (type && limit_n_lines(&list->limit) < n)
		(void)fault(r, line->column,
			    "'%s' names a device or resource that it has already named; the key begins on line %u",
			    list->name, list->origin.line);
	if (r->list != list)
		for (r->list = r->list_end = list; r->list_end->more;)
			r->list_end = r->list_end->more;
	r->list_end = r->list_end->more = line;
}

static void set_key(struct reader *r, const struct key *key, const char *name, const char *value)
{
	const unsigned column = (unsigned)(value - r->buf) + 1;
	struct setting *setting, *list = NULL, **end;
	struct limit_value limit = { 0 };
	struct err err; /* clearing it whole for each line would show */
	unsigned n_limits;

	err.text[0] = '\0';
	setting = find_same(r, key, name, &end, &n_limits);
	if (setting && setting->origin.file == r->at.file) {
		if (!key_is_list(key, name)) {
			(void)fault(r, 1, "'%s' is in this section already, on line %u", name, setting->origin.line);
			return;
		}
		list = setting;
		setting = NULL;
	}
	if (!setting && !list && key->id == KEY_LIMIT && n_limits == POLICY_LIMITS_MAX) {
		(void)fault(r, 1, "a profile can have at most %d limits", POLICY_LIMITS_MAX);
		return;
	}
	if (key_check(key, name, value, r->rules->arena, &limit, &err) < 0)
		(void)fault(r, column, "%s", err.text);
	/* A faulty value is kept as well: the key is not missing, and the ruleset is broken anyhow. */
	if (!setting)
		setting = arena_alloc(r->rules->arena, sizeof(*setting));
	if (!setting) {
		keep_error(r, -ENOMEM);
		return;
	}
	if (!list && !setting->key)
		*end = setting;
	setting->key = key;
	setting->name = key->id == KEY_LIMIT ? in_text(r, name) : key->name;
	setting->value = in_text(r, value);
	setting->limit = limit;
	setting->origin = r->at;
	setting->column = column;
	setting->more = NULL; /* an earlier file's list is replaced whole */
	if (list)
		go_on(r, list, setting);
}

/* A policy says the same few keys over and over. */
static const struct key *find_key(struct reader *r, const char *name)
{
	const struct key **last =
		&r->last_keys[((unsigned char)name[0] * 5 + r->separator - r->raw) % ELEMENTS(r->last_keys)];

	if (!*last || strcmp((*last)->name, name) != 0)
		*last = key_find(name);
	return *last;
}

/* inih's handler. It sees no sections; the reader opened them. */
static int handle_key(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	const struct key *key;

	(void)section;
	if (!r->section || r->error < 0)
		return 1;
	key = find_key(r, name);
	if (!key)
		(void)unknown_key(r, name, value);
	else if (!(key->sections & 1U << r->section->kind))
		(void)misplaced_key(r, key, name);
	else
		set_key(r, key, name, value);
	return 1;
}

int ruleset_read(struct ruleset *rules, const char *file, char *text, size_t len)
{
	struct reader r = { .rules = rules, .next = text, .end = text + len, .at = { .file = file } };
	int line = ini_parse_stream(next_line, &r, handle_key, &r);

	close_section(&r);
	/* Cannot happen while the reader is as strict as it says; what inih objects to must not pass. */
	if (line != 0 && r.error == 0) {
		r.at.line = 0;
		(void)fault(&r, 0, "a line cannot be read");
	}
	return r.error;
}
