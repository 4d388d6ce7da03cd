/* SPDX-License-Identifier: Apache-2.0 */
/* Bundle - the plan of a container that exists only as a bundle, or is being created. See bundle.h. */
#include "cgdeleg/cli/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/expect.h"

static int read_state(const struct bundle *bundle, struct trail *trail)
{
	_cleanup_close_ int opened = -EBADF;
	int fd = STDIN_FILENO, r;

	if (!bundle->state)
		return 0;
	if (strcmp(bundle->state, "-") != 0) {
		opened = fd = open(bundle->state, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_set_errno(&trail->err, errno, "cannot open the state '%s'", bundle->state);
	}
	r = oci_read_state(fd, 0, &trail->oci, &trail->err);
	if (r < 0 && opened >= 0)
		(void)err_wrap(&trail->err, "'%s'", bundle->state);
	return r;
}

int bundle_plan(const struct bundle *bundle, struct trail *trail)
{
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	struct run_args args = { .handler = bundle->handler, .owner = geteuid(), .every_fact = true };
	int r = read_state(bundle, trail);

	if (r >= 0)
		r = oci_read_config(bundle->path, args.owner, &trail->oci, &trail->err);
	if (r >= 0)
		r = oci_adopt_annotations(&trail->oci, &trail->err);
	if (r >= 0)
		r = host_open(bundle->root, &real_machine, &host, &trail->err);
	if (!bundle->state)
		args.look = bundle->look ? bundle->look : expect_container;
	if (bundle->pid > 0)
		trail->oci.pid = bundle->pid;
	if (r >= 0)
		r = run_plan(&host, &args, trail);
	if (r >= 0 && !bundle->state)
		expect_judge(&host, trail);
	return r;
}

int bundle_check_hooks(const struct bundle *bundle, struct trail *trail, char note[BUNDLE_NOTE_SIZE])
{
	note[0] = '\0';
	return bundle->state ? 0 : expect_hooks(&trail->oci, bundle->handler, note, BUNDLE_NOTE_SIZE, &trail->err);
}
