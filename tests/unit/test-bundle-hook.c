/* SPDX-License-Identifier: Apache-2.0 */
/* hooks/bundle-hook.c: what becomes of a config.json, and of the files beside it. */
#include "hooks/bundle-hook.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define OURS                                                                                       \
	"{\"path\":\"/h\",\"args\":[\"cgdeleg-hook\",\"createRuntime\",\"--handler\",\"docker\"]," \
	"\"env\":[\"PATH=/usr/sbin:/usr/bin:/sbin:/bin\"],\"timeout\":30}"

static const struct descriptor hook = { .path = "/h", .handler = "docker" };

static const struct {
	const char *before;
	const char *after; /* NULL: not touched */
	const char *said;  /* refused, with this in the sentence; NULL: taken */
} cases[] = {
	{ "{}", "{\"hooks\":{\"createRuntime\":[" OURS "]}}", NULL },
	{ "{\"hooks\":null}", "{\"hooks\":{\"createRuntime\":[" OURS "]}}", NULL },
	{ "{\"hooks\":{\"createRuntime\":null}}", "{\"hooks\":{\"createRuntime\":[" OURS "]}}", NULL },
	/* behind the others; the rest as it stands, numbers to the digit */
	{ "{\"a\":1e400,\"b\":18446744073709551616,\"c\":-0.10,\"hooks\":{\"prestart\":[{\"path\":\"/p\"}],"
	  "\"createRuntime\":[{\"path\":\"/q\",\"args\":[\"q\"]}]},\"d\":\"<\\u00e9\\n\"}",
	  "{\"a\":1e400,\"b\":18446744073709551616,\"c\":-0.10,\"hooks\":{\"prestart\":[{\"path\":\"/p\"}],"
	  "\"createRuntime\":[{\"path\":\"/q\",\"args\":[\"q\"]}," OURS "]},\"d\":\"<\xc3\xa9\\n\"}",
	  NULL },
	/* there already, under whatever timeout */
	{ "{\"hooks\":{\"createRuntime\":[" OURS "]}} ", NULL, NULL },
	{ "{\"hooks\":{\"createRuntime\":[{\"path\":\"/h\",\"args\":[\"cgdeleg-hook\",\"createRuntime\","
	  "\"--handler\",\"docker\"]}]}}",
	  NULL, NULL },
	{ "{\"hooks\":{\"createRuntime\":[{\"path\":\"/h\",\"args\":[\"cgdeleg-hook\",\"createRuntime\","
	  "\"--handler\",\"other\"]}]}}",
	  NULL, "not with the arguments for handler 'docker'" },
	{ "{\"hooks\":{\"createRuntime\":[{\"path\":\"/h\"}]}}", NULL, "not with the arguments" },
	{ "{\"hooks\":[]}", NULL, "'hooks' is not an object" },
	{ "{\"hooks\":{\"createRuntime\":{}}}", NULL, "'createRuntime' not an array" },
	{ "{\"hooks\":{},\"hooks\":{}}", NULL, "appears twice" },
	{ "[]", NULL, "a JSON object was expected" },
	{ "{", NULL, "not valid JSON" },
	{ "", NULL, "empty" },
};

static void put(const struct tree *tree, const char *name, const char *text, mode_t mode)
{
	_cleanup_close_ int fd = openat(tree->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void check_text(const struct tree *tree, const char *wanted, const char *name)
{
	char text[4096];
	ssize_t n = file_read_at(tree->fd, "config.json", text, sizeof(text));

	assert_true(n >= 0);
	check_string(name, text, wanted);
	if (faccessat(tree->fd, ".config.json.cgdeleg", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		fail_msg("%s: the temporary file is still there", name);
}

TEST(test_texts)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct tree tree;
		char name[16];
		int r;

		(void)snprintf(name, sizeof(name), "case %zu", i);
		tree_new(&tree, "");
		put(&tree, "config.json", cases[i].before, 0600);
		r = bundle_hook_add(tree.root, geteuid(), &hook, &why);
		check_result(name, r, &why, cases[i].said);
		check_text(&tree, cases[i].after ? cases[i].after : cases[i].before, name);
		tree_free(&tree);
	}
}

/* The engine reads its file again: owner and mode are its own, and a second run finds nothing to do. */
TEST(test_file)
{
	struct stat before, after, again;
	struct tree tree;

	tree_new(&tree, "");
	put(&tree, "config.json", "{}", 0640);
	put(&tree, ".config.json.cgdeleg", "of a run that was killed", 0600);
	if (geteuid() == 0)
		assert_int_equal(fchownat(tree.fd, "config.json", 0, 4711, 0), 0);
	assert_int_equal(fstatat(tree.fd, "config.json", &before, 0), 0);
	CHECK("first", bundle_hook_add(tree.root, geteuid(), &hook, &why), NULL);
	assert_int_equal(fstatat(tree.fd, "config.json", &after, 0), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_uid, before.st_uid);
	assert_int_equal(after.st_gid, before.st_gid);
	assert_int_not_equal(after.st_ino, before.st_ino); /* replaced, not written into */
	CHECK("again", bundle_hook_add(tree.root, geteuid(), &hook, &why), NULL);
	assert_int_equal(fstatat(tree.fd, "config.json", &again, 0), 0);
	assert_int_equal(again.st_ino, after.st_ino);
	check_text(&tree, "{\"hooks\":{\"createRuntime\":[" OURS "]}}", "twice");
	tree_free(&tree);
}

static const struct {
	const char *name, *lines;
	mode_t bundle_mode, config_mode; /* 0: there is no config.json of ours */
	const char *said;
} unsafe[] = {
	{ "group-writable bundle", "", 0770, 0600, "writable by nobody else" },
	{ "group-writable file", "", 0700, 0660, "config.json' belongs to uid 0 (mode 0660)" },
	{ "a link", "other = {}\nconfig.json -> other\n", 0700, 0, "cannot open 'config.json'" },
	{ "a directory", "config.json/\n", 0700, 0, "config.json' is not a regular file" },
	{ "no file", "", 0700, 0, "No such file or directory" },
	{ "a directory in the way", ".config.json.cgdeleg/x/\n", 0700, 0600, "cannot create" },
};

TEST(test_unsafe)
{
	for (size_t i = 0; i < ELEMENTS(unsafe); i++) {
		struct tree tree;

		tree_new(&tree, unsafe[i].lines);
		if (unsafe[i].config_mode)
			put(&tree, "config.json", "{}", unsafe[i].config_mode);
		assert_int_equal(chmod(tree.root, unsafe[i].bundle_mode), 0);
		CHECK(unsafe[i].name, bundle_hook_add(tree.root, geteuid(), &hook, &why), unsafe[i].said);
		if (unsafe[i].config_mode) {
			char text[16];

			assert_int_equal(file_read_at(tree.fd, "config.json", text, sizeof(text)), 2);
		}
		tree_free(&tree);
	}
}
