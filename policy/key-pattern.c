/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key pattern - patterns of namespaces, pods, containers and images. See key-check.h.
 *
 * A pattern that no name can match is a rule that never applies, and if that rule forbids something, it is granted. So
 * whatever no such name can have is a fault: "!kube-system", "^ci-", "a,b", "ci-" where "ci-*" was meant.
 *
 * What names may have. A namespace is Kubernetes' (RFC 1123 label). A pod and a container have what podman and Docker
 * also allow in names, because CRI clients other than the kubelet, such as crictl, check nothing; finding.h tells who
 * writes one that Kubernetes would not take. An image is [registry[:port]/]path[:tag][@digest].
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "policy/key-check.h"

/* No pointers: the hook would have to relocate them at each start. */
struct grammar {
	char noun[10]; /* "namespace" */
	char has[40];  /* what it may have, for people */
	char signs[8]; /* beside letters and digits */
	char edges[8]; /* of these, what it cannot begin and end with */
	bool lower;    /* no capitals */
	size_t most;   /* bytes */
};

/* In the order of KEY_NAMESPACES, KEY_PODS, KEY_CONTAINERS, KEY_IMAGES. */
static const struct grammar grammars[] = {
	{ "namespace", "small letters, digits and '-'", "-", "-", true, 63 },
	{ "pod", "letters, digits, '-', '.' and '_'", "-._", "-._", false, 253 },
	{ "container", "letters, digits, '-', '.' and '_'", "-._", "-._", false, 253 },
	{ "image", "[registry[:port]/]path[:tag][@digest]", "-._/:@+", "-./:@+", false, 4096 },
};

/* What to do for somebody who wrote this character. */
static const char *remedy_for(const char *value, char c)
{
	switch (c) {
	case '!':
		return "put a rule with cgroup_writable = false for it before this one";
	case '^':
	case '$':
	case '+':
	case '(':
	case ')':
	case '|':
	case '\\':
		return "patterns are shell wildcards (* ? [abc]), not regular expressions; blanks separate several";
	case '.':
		return "patterns are shell wildcards, not regular expressions: write * for any text";
	case ',':
	case ';':
		return "blanks separate several, not commas";
	case '{':
	case '}':
		return "write each as a pattern of its own, with blanks between them";
	case '"':
	case '\'':
	case '`':
		return "write patterns without quotes, with blanks between them";
	case '%':
		return "write * for any text";
	case '~':
		return "write the name, or a pattern with *";
	case '/':
		return strncmp(value, "/", 1) == 0 ? "patterns are shell wildcards, not regular expressions"
						   : "namespaces, pods and containers have a key each";
	case ':':
	case '@':
		return "only images have one, and their key is 'images'";
	case '#':
		return "a comment after a value begins with ' ;'";
	case '=':
		return "labels are not known here: write a name or a pattern";
	case '[':
		return "a set ends with ']'";
	case '_':
		return "write '-', or ? for any character";
	default:
		if (c >= 'A' && c <= 'Z')
			return "write small letters";
		return "write the name, or a pattern with * ? [abc]";
	}
}

static int impossible(const struct check *c, const struct grammar *g, char bad)
{
	char shown[8] = { bad, '\0' };

	return err_set(c->err, EINVAL, "'%.64s' has a '%s', which no %s's name has: %s (such a name has %s)", c->value,
		       shown, g->noun, remedy_for(c->value, bad), g->has);
}

static bool is_possible(const struct grammar *g, char c)
{
	return (text_is_alnum(c) && !(g->lower && c >= 'A' && c <= 'Z')) || (c && strchr(g->signs, c));
}

/* "[abc]", "[!a-z]", "[[:digit:]]": its length, or 0. *bad is then a character that cannot stand in it, or '['. */
static size_t set_length(const struct grammar *g, const char *text, char *bad)
{
	size_t at = 1;

	*bad = '[';
	if (text[at] == '!' || text[at] == '^')
		at++;
	if (text[at] == ']')
		*bad = ']';
	for (; text[at] && text[at] != ']'; at++) {
		const char *end = strncmp(text + at, "[:", 2) == 0 ? strstr(text + at + 2, ":]") : NULL;

		if (end)
			at = (size_t)(end + 1 - text);
		else if (!is_possible(g, text[at]) && text[at] != '-') {
			*bad = text[at];
			return 0;
		} else if (text[at] == '-' && text[at + 1] && text[at + 1] != ']' && text[at - 1] > text[at + 1] &&
			   text_is_alnum(text[at - 1])) {
			*bad = '-';
			return 0;
		}
	}
	return text[at] == ']' && *bad != ']' ? at + 1 : 0;
}

static int check_edges(const struct check *c, const struct grammar *g, size_t len)
{
	const char first = c->value[0], last = c->value[len - 1];

	if (strchr(g->edges, first))
		return err_set(c->err, EINVAL, "'%.64s' begins with '%c', and no %s's name does: %s", c->value, first,
			       g->noun,
			       first == '-'   ? remedy_for(c->value, '!')
			       : first == '.' ? remedy_for(c->value, '.')
					      : "write *, if something may come before it");
	if (strchr(g->edges, last))
		return err_set(c->err, EINVAL,
			       "'%.64s' ends with '%c', and no %s's name does: write '%.64s*', if more may follow",
			       c->value, last, g->noun, c->value);
	return 0;
}

/*
 * Is it a list of patterns in which nothing needs a closer look? Every line of a policy is read for every container of
 * the node, and nearly all of them are: letters and signs that stand in any name, '*' and '?', at most 63 of them.
 */
bool patterns_are_plain(const char *list)
{
	enum { EDGE = 1, MIDDLE = 2 };
	static const unsigned char kinds[256] = {
		['a' ... 'z'] = EDGE | MIDDLE,
		['0' ... '9'] = EDGE | MIDDLE,
		['*'] = EDGE | MIDDLE,
		['?'] = EDGE | MIDDLE,
		['-'] = MIDDLE,
	};
	const char *p = list;

	for (;;) {
		const char *word = p;

		while (kinds[(unsigned char)*p])
			p++;
		if (p == word || p - word > 63 || !(kinds[(unsigned char)*word] & EDGE) ||
		    !(kinds[(unsigned char)p[-1]] & EDGE))
			return false;
		while (text_is_blank(*p))
			p++;
		if (!*p)
			return true;
		if (!text_is_blank(p[-1]))
			return false;
	}
}

int check_pattern(const struct check *c)
{
	const struct grammar *g = &grammars[c->key->id - KEY_NAMESPACES];
	size_t at = 0, least = 0; /* bytes that a name must have at least */
	bool may_have_plus = false;

	while (c->value[at]) {
		char bad = c->value[at];
		size_t len = bad == '[' ? set_length(g, c->value + at, &bad) : 1;

		/* A '+' is in no image's name but in the algorithm of a digest. */
		may_have_plus |= bad == '@' || bad == '*';
		if (len == 0 && bad == '-')
			return err_set(c->err, EINVAL, "'%.64s' has a range that runs backwards and matches nothing",
				       c->value);
		if (len == 0 && (bad == '[' || bad == ']'))
			return err_set(c->err, EINVAL, "'%.64s' has a '[' without a ']', or with nothing in it", c->value);
		if (len == 0 ||
		    (len == 1 && bad != '*' && bad != '?' && (!is_possible(g, bad) || (bad == '+' && !may_have_plus))))
			return impossible(c, g, bad);
		least += bad != '*';
		at += len;
	}
	if (c->key->id == KEY_IMAGES && strstr(c->value, "://"))
		return err_set(c->err, EINVAL,
			       "'%.64s' has a scheme, which no image's name has: leave out what is before '//'",
			       c->value);
	if (least > g->most)
		return err_set(c->err, EINVAL, "'%.64s' is longer than any %s's name, which has at most %zu characters",
			       c->value, g->noun, g->most);
	return check_edges(c, g, at);
}
