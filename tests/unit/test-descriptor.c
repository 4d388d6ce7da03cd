/* SPDX-License-Identifier: Apache-2.0 */
/* hooks/descriptor.c: the files of a hooks directory. What it adds to a config.json is in test-bundle-hook.c. */
#include "hooks/descriptor.h"

#include "tests/unit/check.h"

#define HOOK                                                                                            \
	"\"hook\":{\"path\":\"/h\",\"args\":[\"cgdeleg-hook\",\"createRuntime\",\"--handler\",\"%s\"]," \
	"\"env\":[\"PATH=/usr/sbin:/usr/bin:/sbin:/bin\"],\"timeout\":30}"

static const struct {
	const char *handler;
	bool always;
	const char *when;
} cases[] = {
	{ "podman", false, "{\"annotations\":{\"^cgdeleg[.]io/\":\".*\"}}" },
	{ "crio", true, "{\"always\":true}" },
};

TEST(test_file)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct descriptor descriptor = { .path = "/h", .handler = cases[i].handler };
		_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = descriptor_file(&descriptor, cases[i].always);
		_cleanup_free_ char *text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, NULL);
		char want[512];

		(void)snprintf(want, sizeof(want),
			       "{\"version\":\"1.0.0\"," HOOK ",\"when\":%s,\"stages\":[\"createRuntime\"]}",
			       cases[i].handler, cases[i].when);
		check_string(cases[i].handler, text, want);
	}
}
