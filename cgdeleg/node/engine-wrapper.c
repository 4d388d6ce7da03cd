/* SPDX-License-Identifier: Apache-2.0 */
/* Engine, wrapper - cgdeleg-runtime in a runtime's place, by itself or in a script that executes it. See engine.h. */
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/node/engine-parts.h"

#define WRAPPER	    "cgdeleg-runtime"
#define WORDS_MAX   64
#define SCRIPT_SIZE 4096 /* bytes; a program that is longer is no script of two lines */

const char *engine_option(const char *const *words, const char *option, bool joined)
{
	const size_t len = strlen(option);

	for (; *words; words++) {
		if (strcmp(*words, option) == 0)
			return words[1];
		if (joined && strncmp(*words, option, len) == 0 && (*words)[len] == '=')
			return *words + len + 1;
	}
	return NULL;
}

static bool is_wrapper(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strncmp(slash ? slash + 1 : path, WRAPPER, strlen(WRAPPER)) == 0;
}

/* The engine's own arguments are behind "--". */
static void add_wrapper(struct engine_look *look, struct engine_runtime *runtime, const char *file, const char *program,
			const char *const *words)
{
	struct engine_hook *hook = engine_alloc(look, sizeof(*hook));
	const char **own = engine_alloc(look, (WORDS_MAX + 2) * sizeof(*own));
	size_t n = 0;

	if (!hook || !own)
		return;
	own[n++] = program;
	for (; *words && strcmp(*words, "--") != 0 && n <= WORDS_MAX; words++)
		own[n++] = *words;
	*hook = (struct engine_hook) { .way = ENGINE_WRAPPER,
				       .place = file ? engine_origin(file, 0) : runtime->place,
				       .program = program,
				       .words = own,
				       .handler = engine_option(own, "--handler", false),
				       .runtime = engine_option(own, "--runtime", false),
				       .always = true,
				       .next = runtime->hooks };
	runtime->hooks = hook;
}

/* The words of the script's line that has the wrapper, as far as a shell leaves them alone; quotes around one are taken
 * off. */
static void read_script(struct engine_look *look, struct engine_runtime *runtime, char *text)
{
	const char *words[WORDS_MAX + 1] = { NULL };
	size_t n = 0;
	char *state, *line = text, *word;

	for (; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (line[0] != '#' && strstr(line, WRAPPER) &&
		    strcspn(line, "\n") > (size_t)(strstr(line, WRAPPER) - line))
			break;
	if (!line)
		return;
	line[strcspn(line, "\n")] = '\0';
	for (word = strtok_r(line, " \t", &state); word && n < WORDS_MAX; word = strtok_r(NULL, " \t", &state)) {
		const size_t len = strlen(word);

		if (len >= 2 && (word[0] == '"' || word[0] == '\'') && word[len - 1] == word[0]) {
			word[len - 1] = '\0';
			word++;
		}
		words[n++] = engine_copy(look, word);
	}
	if (look->no_memory)
		return;
	for (size_t i = 0; i < n; i++)
		if (is_wrapper(words[i]) && words[i][0] == '/') {
			add_wrapper(look, runtime, runtime->path, words[i], words + i + 1);
			return;
		}
}

void engine_read_wrapper(struct engine_look *look, struct engine_runtime *runtime, const char *const *words)
{
	_cleanup_free_ char *text = NULL;
	char start[2];
	size_t len;

	if (!runtime->path || runtime->path[0] != '/')
		return;
	if (is_wrapper(runtime->path)) {
		add_wrapper(look, runtime, NULL, runtime->path, words);
		return;
	}
	if (engine_read_start(look, runtime->path, start, sizeof(start)) != sizeof(start) || memcmp(start, "#!", 2) != 0)
		return;
	if (engine_slurp(look, runtime->path, false, &text, &len, NULL) < 0)
		runtime->unread = true;
	else if (len <= SCRIPT_SIZE)
		read_script(look, runtime, text);
}
