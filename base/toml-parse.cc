/* SPDX-License-Identifier: Apache-2.0 */
/* TOML, parse - toml++'s document as a tree of C. See toml.h. */
#include <cerrno>
#include <cstring>

#define KEY_DOTS_MAX 31

#define TOML_EXCEPTIONS			0
#define TOML_ENABLE_FORMATTERS		0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#include <toml++/toml.h>

extern "C" {
#include "base/text.h"
#include "base/toml.h"
}

namespace
{

struct reader {
	struct arena *arena;
	const char *file;
	int failed; /* errno: no memory, or a NUL in a string */
	unsigned line;
};

const char *copy(reader &r, std::string_view text)
{
	const char *copied = arena_strndup(r.arena, text.data(), text.size());

	if (!copied)
		r.failed = ENOMEM;
	return copied;
}

struct toml_node *make(reader &r, const toml::node &node, const char *key);

void adopt(reader &r, struct toml_node *parent, const toml::node &node, const char *key)
{
	struct toml_node *child = r.failed ? nullptr : make(r, node, key);

	if (!child)
		return;
	*parent->last = child;
	parent->last = &child->next;
}

void fill_scalar(reader &r, struct toml_node *t, const toml::node &node)
{
	if (auto *string = node.as_string()) {
		t->type = TOML_STRING;
		t->text = copy(r, string->get());
		if (string->get().find('\0') != std::string::npos) {
			r.failed = EINVAL;
			r.line = t->line;
		}
	} else if (auto *boolean = node.as_boolean()) {
		t->type = TOML_BOOL;
		t->truth = boolean->get();
	} else if (auto *integer = node.as_integer()) {
		t->type = TOML_INTEGER;
		t->number = integer->get();
	} else {
		t->type = TOML_OTHER;
	}
}

struct toml_node *make(reader &r, const toml::node &node, const char *key)
{
	struct toml_node *t = static_cast<struct toml_node *>(arena_alloc(r.arena, sizeof(*t)));

	if (!t) {
		r.failed = ENOMEM;
		return nullptr;
	}
	t->key = key;
	t->file = r.file;
	t->line = node.source().begin.line;
	t->last = &t->first;
	if (auto *table = node.as_table()) {
		t->type = TOML_TABLE;
		for (auto &&[name, value] : *table) {
			/* A header like [a.b] has no place for `a`: the key's is the nearest. */
			const char *copied = copy(r, name.str());

			if (copied)
				adopt(r, t, value, copied);
		}
	} else if (auto *array = node.as_array()) {
		t->type = TOML_ARRAY;
		for (auto &&value : *array)
			adopt(r, t, value, nullptr);
	} else {
		fill_scalar(r, t, node);
	}
	return t;
}

/* At the first character of a string: that of its last quotation mark. One of three marks may hold one or two, also right
 * before its end, and newlines, which are counted. */
size_t skip_string(std::string_view text, size_t i, unsigned &line)
{
	const char quote = text[i];
	const bool three = text.substr(i, 3) == std::string(3, quote);

	for (i += three ? 3 : 1; i < text.size(); i++) {
		line += text[i] == '\n';
		if (text[i] == '\\' && quote == '"') {
			i++;
			line += i < text.size() && text[i] == '\n';
		} else if (three ? text.substr(i, 3) == std::string(3, quote) : text[i] == quote || text[i] == '\n') {
			i += three ? 2 : 0;
			while (three && i + 1 < text.size() && text[i + 1] == quote)
				i++;
			return i;
		}
	}
	return i;
}

/*
 * toml++ bounds how deep values nest, and not how many parts a dotted key has: it, and what walks its tree, would run out of
 * stack. The line of a key with too many, or 0. Dots in strings and comments are none of a key's.
 */
unsigned find_long_key(std::string_view text)
{
	unsigned line = 1, dots = 0;

	for (size_t i = 0; i < text.size(); i++) {
		const char c = text[i];

		line += c == '\n';
		if (c == '"' || c == '\'') {
			i = skip_string(text, i, line);
		} else if (c == '#') {
			while (i + 1 < text.size() && text[i + 1] != '\n')
				i++;
		} else if (strchr("=,{}[]\n", c)) {
			dots = 0;
		} else if (c == '.' && ++dots > KEY_DOTS_MAX) {
			return line;
		}
	}
	return 0;
}

} // namespace

extern "C" int toml_parse(struct arena *arena, const char *file, const char *text, size_t len, struct toml_node **ret,
			  struct err *err)
{
	if (const unsigned line = find_long_key(std::string_view(text, len)))
		return err_set(err, EINVAL, "%s:%u: a key has more than %d parts", file, line, KEY_DOTS_MAX + 1);

	toml::parse_result result = toml::parse(std::string_view(text, len), std::string_view(file));
	reader r = { arena, file, 0, 0 };
	char shown[300];

	if (!result) {
		const toml::parse_error &error = result.error();
		const std::string why(error.description());

		return err_set(err, EINVAL, "%s:%u:%u: this is not TOML: %s", file, error.source().begin.line,
			       error.source().begin.column, text_escape(why.c_str(), shown, sizeof(shown)));
	}
	*ret = make(r, result.table(), nullptr);
	if (r.failed == EINVAL)
		return err_set(err, EINVAL, "%s:%u: a string has a NUL in it", file, r.line);
	return r.failed ? err_set(err, r.failed, "out of memory") : 0;
}
