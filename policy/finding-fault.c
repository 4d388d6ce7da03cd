/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding, fault - complaints of the loader as findings. See finding-part.h.
 *
 * The loader runs in the hook, for every container, and there nobody asks for an id. So a complaint has none, and its
 * sentence tells what it is: each row below has the fixed words of one sentence or more. tests/lint/run's check "faults"
 * compares the rows with the sentences in the loader: each must match exactly one kind.
 */
#include <fnmatch.h>

#include "base/cleanup.h"
#include "policy/finding-page.h"
#include "policy/finding-part.h"

/* Shell wildcards over the whole sentence; the first that matches counts. What a policy's text can put into a sentence
 * stands in quotes, and comes after the words that begin it where that is possible. */
static const struct {
	const char *pattern;
	enum finding_id kind;
} sentences[] = {
	/* load.c, owner.c */
	{ "is not there, and policy.d has no file *", FINDING_FILE_MISSING },
	{ "cannot be opened: No such file or directory", FINDING_FILE_MISSING },
	{ "cannot be *: *", FINDING_FILE_UNREADABLE },
	{ "is not a regular file", FINDING_FILE_UNREADABLE },
	{ "is not a directory", FINDING_FILE_UNREADABLE },
	{ "belongs to uid * (mode *); it must belong to root *", FINDING_FILE_NOT_OWNED },
	{ "is not a symbolic link that belongs to root *", FINDING_FILE_LINK },
	{ "is a symbolic link; *", FINDING_FILE_LINK },
	{ "has more than * bytes", FINDING_FILE_TOO_LARGE },
	{ "is one file too many: *", FINDING_FILE_TOO_LARGE },
	/* read.c: lines */
	{ "the line ends with a carriage return; *", FINDING_LINE_BYTES },
	{ "the line has a control byte, *", FINDING_LINE_BYTES },
	{ "the file begins with a byte order mark; *", FINDING_LINE_BYTES },
	{ "the file's last line has no newline: *", FINDING_LINE_BYTES },
	{ "the line has no '='; *", FINDING_LINE_FORM },
	{ "a key is set with '=', *", FINDING_LINE_FORM },
	{ "the key comes before the first section", FINDING_LINE_FORM },
	{ "the line is indented; *", FINDING_LINE_FORM },
	{ "the section's name has no ']' after it", FINDING_LINE_FORM },
	{ "a section's header must be alone on its line", FINDING_LINE_FORM },
	{ "a line cannot be read", FINDING_LINE_FORM },
	{ "the line has * bytes; at most *", FINDING_LINE_TOO_LONG },
	{ "the text between the brackets has * bytes; *", FINDING_LINE_TOO_LONG },
	/* read.c: sections and keys */
	{ "unknown section *", FINDING_SECTION_UNKNOWN },
	{ "\\[defaults] takes no name; *", FINDING_SECTION_NAME },
	{ "a * needs one name, *", FINDING_SECTION_NAME },
	{ "\\[*] is in this file already, on line *", FINDING_SECTION_TWICE },
	{ "\\[*] is empty", FINDING_SECTION_EMPTY },
	{ "\\[*] has no '*': *", FINDING_KEY_MISSING },
	{ "unknown key *", FINDING_KEY_UNKNOWN },
	{ "'*' is not allowed in \\[*]; it belongs in \\[*]", FINDING_KEY_MISPLACED },
	{ "'*' is in this section already, on line *", FINDING_KEY_TWICE },
	{ "'*' names a device or resource that it has already named; *", FINDING_KEY_TWICE },
	{ "'*' appears twice in *", FINDING_KEY_TWICE },
	{ "'*' sets a parameter of '*' in * a second time", FINDING_KEY_TWICE },
	{ "a profile can have at most * limits", FINDING_LIMITS_TOO_MANY },
	/* cross-check.c */
	{ "there is no \\[* *]*", FINDING_REFERENCE_UNKNOWN },
	{ "podman and docker state no namespace *", FINDING_FACT_UNSTATED },
	{ "the rule can never match: *", FINDING_FACT_UNSTATED },
	/* Values: key-check.c, key-word.c, key-pattern.c, limit.c, limit-list.c */
	{ "'*' has no value: *", FINDING_VALUE_MISSING },
	{ "'*' of * has no value: *", FINDING_VALUE_MISSING },
	{ "'*' is not a value of '*', which is a number or max*", FINDING_VALUE_LIMIT },
	{ "'*' is not a value of '*'; *", FINDING_VALUE_WORD },
	{ "'*' of '*' must stand alone, *", FINDING_VALUE_WORD },
	{ "'*' has more than * bytes; name each option once", FINDING_VALUE_WORD },
	{ "a word of '*' has more than * bytes", FINDING_VALUE_NAME },
	{ "'*' is not a name: *", FINDING_VALUE_NAME },
	{ "'*' is not a leaf's name; *", FINDING_VALUE_NAME },
	{ "'*' could be the name of a kernel file; *", FINDING_VALUE_NAME },
	{ "'*' is not an annotation that can be approved*", FINDING_VALUE_ANNOTATION },
	{ "'*' has a '*', which no *'s name has: *", FINDING_VALUE_PATTERN },
	{ "'*' begins with '*', and no *'s name does: *", FINDING_VALUE_PATTERN },
	{ "'*' ends with '*', and no *'s name does: *", FINDING_VALUE_PATTERN },
	{ "'*' has a range that runs backwards *", FINDING_VALUE_PATTERN },
	{ "'*' has a '\\[' without a ']', *", FINDING_VALUE_PATTERN },
	{ "'*' has a scheme, which no image's name has: *", FINDING_VALUE_PATTERN },
	{ "'*' is longer than any *'s name, *", FINDING_VALUE_PATTERN },
	{ "'*' is not a limit", FINDING_VALUE_LIMIT },
	{ "'*' is above the kernel's maximum, *", FINDING_VALUE_LIMIT },
	{ "'*' is not a number of bytes *", FINDING_VALUE_LIMIT },
	{ "'*' is not a whole number or 'max'*", FINDING_VALUE_LIMIT },
	{ "'*': the period is outside *", FINDING_VALUE_LIMIT },
	{ "'*' is below the kernel's minimum, *", FINDING_VALUE_LIMIT },
	{ "'*' is more than * cores; *", FINDING_VALUE_LIMIT },
	{ "'*' is not a number of cores *", FINDING_VALUE_LIMIT },
	{ "'*' is not a list of CPUs or nodes like *", FINDING_VALUE_LIMIT },
	{ "an empty set would mean everything *", FINDING_VALUE_LIMIT },
	{ "'*' names a CPU or node above *", FINDING_VALUE_LIMIT },
	{ "'*' is not a parameter of *: *", FINDING_VALUE_LIMIT },
	{ "'*' is not the name of a device or resource *", FINDING_VALUE_LIMIT },
	{ "a word of * is too long", FINDING_VALUE_LIMIT },
	{ "a line of * has more than * bytes", FINDING_VALUE_LIMIT },
	{ "* has more than * lines", FINDING_VALUE_LIMIT },
};

void findings_faults(const struct ruleset *rules, finding_fn tell, void *userdata)
{
	for (const struct complaint *c = rules->complaints; c; c = c->next) {
		const struct finding_page *page;
		struct finding finding = { .place = c->origin, .column = c->column, .text = c->text };
		size_t i = 0;

		while (i < ELEMENTS(sentences) && fnmatch(sentences[i].pattern, c->text, 0) != 0)
			i++;
		page = finding_page(i < ELEMENTS(sentences) ? sentences[i].kind : FINDING_FAULT_OTHER);
		finding.id = page->id;
		finding.severity = page->severity;
		tell(&finding, userdata);
	}
}
