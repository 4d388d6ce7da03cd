/* SPDX-License-Identifier: Apache-2.0 */
/* Options - the "--name VALUE" words of a hook or wrapper. See options.h. */
#include "hooks/options.h"

#include <errno.h>
#include <string.h>

int options_read(char *const *argv, const struct option_row *rows, size_t n_rows, struct err *err)
{
	int n = 0;

	for (; argv[n] && strcmp(argv[n], "--") != 0; n += 2) {
		const struct option_row *row = rows;

		while (row < rows + n_rows && strcmp(argv[n], row->name) != 0)
			row++;
		if (row == rows + n_rows)
			return err_set(err, EINVAL, "there is no option '%.200s'", argv[n]);
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
