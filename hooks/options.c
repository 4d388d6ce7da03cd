/* SPDX-License-Identifier: Apache-2.0 */
/* Options - the "--name VALUE" words of a hook or wrapper. See options.h. */
#include "hooks/options.h"

#include <errno.h>
#include <string.h>

#include "policy/nearest.h"

/* "there is no option '--handlr', did you mean '--handler'?" */
static int refuse_word(const char *word, const struct option_row *rows, size_t n_rows, struct err *err)
{
	const size_t name_len = strcspn(word, "=");
	struct nearest nearest = nearest_to(word);
	char hint[100];

	for (const struct option_row *row = rows; row < rows + n_rows; row++) {
		if (word[name_len] && strlen(row->name) == name_len && strncmp(word, row->name, name_len) == 0)
			return err_set(err, EINVAL, "'%.200s' is one argument: write the option '%s' and its value as two",
				       word, row->name);
		nearest_try(&nearest, row->name);
	}
	if (word[0] != '-')
		return err_set(err, EINVAL, "'%.200s' is neither an option nor the value of one", word);
	return err_set(err, EINVAL, "there is no option '%.200s'%s", word, nearest_hint(&nearest, hint, sizeof(hint)));
}

int options_read(char *const *argv, const struct option_row *rows, size_t n_rows, struct err *err)
{
	int n = 0;

	for (; argv[n] && strcmp(argv[n], "--") != 0; n += 2) {
		const struct option_row *row = rows;

		while (row < rows + n_rows && strcmp(argv[n], row->name) != 0)
			row++;
		if (row == rows + n_rows)
			return refuse_word(argv[n], rows, n_rows, err);
		if (!argv[n + 1] || !argv[n + 1][0])
			return err_set(err, EINVAL, "the option '%s' has no value", row->name);
		*row->value = argv[n + 1];
	}
	for (const struct option_row *row = rows; row < rows + n_rows; row++) {
		if (row->required && !*row->value)
			return err_set(err, EINVAL, "the option '%s' is missing", row->name);
		if (row->path && *row->value && **row->value != '/')
			return err_set(err, EINVAL, "'%s' needs an absolute path, not '%.200s'", row->name, *row->value);
	}
	return n;
}
