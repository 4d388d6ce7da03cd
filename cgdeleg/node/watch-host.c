/* SPDX-License-Identifier: Apache-2.0 */
/* Watch, host - the options of the host's own cgroup2 mount, looked at in each sweep. See watch.h. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/kernel/mount.h"
#include "cgdeleg/node/watch-parts.h"

#define MOUNTINFO_MAX (4 * 1024 * 1024)

void watch_host(struct watch *watch)
{
	_cleanup_free_ struct cgroup_mount *mount = malloc(sizeof(*mount));
	_cleanup_close_ int fd = openat(watch->args.host->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	char link[32], root[PATH_MAX];

	(void)snprintf(link, sizeof(link), "self/fd/%d", watch->args.host->cgroup_fd);
	if (!mount || fd < 0 || file_slurp(fd, MOUNTINFO_MAX, &text, NULL) < 0 ||
	    file_readlink_at(watch->args.host->proc_fd, link, root, sizeof(root)) < 0 ||
	    mount_parse(text, root, mount, NULL) < 0)
		return;
	const bool nsdelegate = text_has_word(mount->options, "nsdelegate");

	if (nsdelegate && !watch->counts.nsdelegate)
		watch_say(watch, LOG_NOTICE, "the host's cgroup2 has nsdelegate again");
	if (!nsdelegate && watch->counts.nsdelegate)
		watch_say(watch, LOG_ALERT,
			  "the host's cgroup2 has lost the option nsdelegate: remount it with `mount -o remount,nsdelegate %s`, and find out who mounted cgroup2",
			  root);
	watch->counts.nsdelegate = nsdelegate;
}
