/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, kernel - what the kernel is and does. See doctor.h, doctor-part.h. */
#include <stdio.h>

#include "cgdeleg/node/doctor-part.h"

#define RELEASE(major, minor) ((major)*1000U + (minor))

unsigned doctor_release(const char *text)
{
	unsigned major, minor;

	return sscanf(text, "%u.%u", &major, &minor) == 2 && minor < 1000 ? RELEASE(major, minor) : 0;
}

static void check_version(struct doctor *d)
{
	char text[128];
	unsigned release = doctor_read(d, "proc/sys/kernel/osrelease", text, sizeof(text)) > 0 ? doctor_release(text) : 0;

	if (!release) {
		doctor_say(d, DOCTOR_UNKNOWN, "the kernel's release cannot be read");
		return;
	}
	if (release < RELEASE(5, 12)) {
		doctor_say(d, DOCTOR_FAIL,
			   "Linux %s is older than 5.12, so no container's cgroup mount can be made writable", text);
		doctor_advise(d, "boot Linux 5.12 or newer");
	} else if (release < RELEASE(6, 0)) {
		doctor_say(d, DOCTOR_NOTE, "Linux %s has no grant guard, which needs 6.0", text);
		doctor_advise(d, "boot Linux 6.0 or newer for guard = require, and for require_userns = false");
	} else {
		doctor_say(d, DOCTOR_OK, "Linux %s", text);
	}
}

const struct doctor_check doctor_kernel_checks[] = {
	{ "kernel.version", "older kernels lack system calls that a grant or a guard is made with", check_version },
	{ 0 },
};
