/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign - keys of systemd, Docker, Kubernetes, LXC and config.json, and what is written here in their place.
 *
 * For messages alone: an unknown key stays a fault. See limit_translate() for their values.
 */
#pragma once

#include <stddef.h>

#include "policy/keys.h"

/* What to write in place of the unknown line `name` = `value` in a section of that kind, in words that go on after the
 * sentence: "; write 'pids.max = 512'". "" if the key is nobody's. Returns buf. */
const char *foreign_advice(enum section_kind section, const char *name, const char *value, char *buf, size_t size);
