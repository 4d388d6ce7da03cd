/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime arguments - what an engine asks of an OCI runtime. See runtime-args.h. */
#include "hooks/runtime-args.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

struct option {
	const char *name; /* without dashes */
	bool takes_value;
};

/* Before the verb. Source: the manuals of runc 1.4, crun 1.28 and youki 0.5. */
static const struct option before_verb[] = {
	{ "cgroup-manager", true },
	{ "criu", true },
	{ "debug", false },
	{ "help", false },
	{ "h", false },
	{ "l", true },
	{ "log", true },
	{ "log-format", true },
	{ "log-level", true },
	{ "r", true },
	{ "root", true },
	{ "rootless", true },
	{ "s", false },
	{ "systemd-cgroup", false },
	{ "usage", false },
	{ "v", false },
	{ "V", false },
	{ "version", false },
};

/* After create, run and restore: options with a value, since the value could look like another option. */
static const char *const valued_after[] = {
	"b",
	"bundle",
	"console-socket",
	"empty-ns",
	"image-path",
	"lsm-mount-context",
	"lsm-profile",
	"manage-cgroups-mode",
	"pid-file",
	"pidfd-socket",
	"preserve-fds",
	"work-path",
};

static const char *const starting_verbs[] = { "create", "run", "restore" };

/* One argument taken apart: -name, --name, --name=value. */
struct word {
	const char *name;
	size_t len;	   /* of the name */
	const char *value; /* after '='; or NULL */
	bool one_dash;
};

static bool is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] && strcmp(arg, "--") != 0;
}

static struct word take_apart(const char *arg)
{
	struct word word = { .name = arg + 1, .one_dash = arg[1] != '-' };
	const char *equals;

	if (!word.one_dash)
		word.name++;
	equals = strchr(word.name, '=');
	word.len = equals ? (size_t)(equals - word.name) : strlen(word.name);
	word.value = equals ? equals + 1 : NULL;
	return word;
}

static bool named(const struct word *word, const char *name)
{
	return strlen(name) == word->len && memcmp(word->name, name, word->len) == 0;
}

/* Moves *argv to the verb, or to the end. */
static int parse_before(char *const **argv, struct runtime_args *ret, struct err *err)
{
	for (; **argv && is_option(**argv); (*argv)++) {
		struct word word = take_apart(**argv);
		const struct option *option = NULL;

		for (size_t i = 0; i < ELEMENTS(before_verb) && !option; i++)
			if (named(&word, before_verb[i].name))
				option = &before_verb[i];
		if (!option && !word.value)
			return err_set(
				err, EINVAL,
				"cgdeleg-runtime does not know the option '%s' before the runtime's verb, and cannot tell whether the next argument is its value; write '%s=VALUE'",
				**argv, **argv);
		if (option && option->takes_value && !word.value) {
			(*argv)++;
			if (!**argv)
				return 0; /* the runtime reports it */
			word.value = **argv;
		}
		if (word.value && (named(&word, "log") || named(&word, "l")))
			ret->log = word.value;
		else if (word.value && named(&word, "log-format"))
			ret->log_json = strcmp(word.value, "json") == 0;
	}
	/* Runtimes skip it, and this parser would miss the verb. */
	if (**argv && strcmp(**argv, "--") == 0)
		return err_set(err, EINVAL, "leave out the '--' before the runtime's verb");
	return 0;
}

/*
 * Spellings that one runtime accepts and another does not, or reads differently: -bundle is --bundle to runc and
 * `-b undle` to crun, and -db is a cluster that ends with the option for the bundle.
 */
static bool is_doubtful(const struct word *word)
{
	if (word->one_dash)
		return word->len != 1 || word->value || word->name[0] == 'f';
	return word->len > 0 && !named(word, "bundle") &&
	       (strncmp(word->name, "bundle", word->len) == 0 || strncmp(word->name, "config", word->len) == 0);
}

static bool has_value_after(const struct word *word)
{
	for (size_t i = 0; i < ELEMENTS(valued_after); i++)
		if (named(word, valued_after[i]))
			return true;
	return false;
}

static int parse_after(char *const *argv, struct runtime_args *ret, struct err *err)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++) {
		struct word word;

		if (!is_option(*argv))
			continue;
		word = take_apart(*argv);
		if (is_doubtful(&word))
			return err_set(
				err, EINVAL,
				"runc and crun read the option '%s' of '%s' differently; write '--bundle DIR', and long options with two dashes",
				*argv, ret->verb);
		if (!word.value && has_value_after(&word)) {
			if (!argv[1])
				return 0; /* the runtime reports it */
			word.value = *++argv;
		}
		if (word.value && (named(&word, "bundle") || named(&word, "b")))
			ret->bundle = word.value;
	}
	return 0;
}

void runtime_args_find_log(char *const *argv, struct runtime_args *ret)
{
	struct err ignored;

	*ret = (struct runtime_args) { .bundle = "." };
	while (*argv && strcmp(*argv, "--") != 0)
		argv++;
	if (*argv) {
		argv++;
		(void)parse_before(&argv, ret, &ignored);
	}
}

int runtime_args_parse(char *const *argv, struct runtime_args *ret, struct err *err)
{
	int r;

	*ret = (struct runtime_args) { .bundle = "." };
	r = parse_before(&argv, ret, err);
	if (r < 0 || !*argv)
		return r;
	ret->verb = *argv;
	for (size_t i = 0; i < ELEMENTS(starting_verbs); i++)
		ret->starts |= strcmp(ret->verb, starting_verbs[i]) == 0;
	return ret->starts ? parse_after(argv + 1, ret, err) : 0;
}
