/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices - config.json's linux.resources.devices as rules of the device guard, and such rules as text.
 *
 * Source: OCI runtime-spec, "Allowed Device list" and "Default Devices". Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "bpf/device_guard_abi.h"

/*
 * The rules for the list `devices` (NULL: config.json has none), in its order, and after them the devices that every
 * container gets: runc and crun do the same. Starts with "nothing is allowed". *ret is ready to be written. An error
 * begins with "config.json: ".
 */
int devices_translate(yyjson_val *devices, struct device_rules *ret, struct err *err);

/*
 * Rules as the attribute keeps them, in their order: "c 1:3 rw,!b *:* m" is allow, deny. Type, numbers and access are
 * those of the kernel's devices.allow (cgroup v1).
 */
#define DEVICES_TEXT_SIZE (DEVICE_GUARD_RULES_MAX * sizeof("!c 4294967294:4294967294 rwm,"))

/* False if it does not fit; DEVICES_TEXT_SIZE is always enough. */
bool devices_format(const struct device_rule *rules, size_t n, char *buf, size_t size);

/* What was asked for, in the same form: "c 10:237 rw". Returns buf. */
const char *devices_format_refusal(const struct device_refusal *refusal, char *buf, size_t size);

/* The number of rules, or -EBADMSG if devices_format() did not write the text. */
int devices_parse(const char *text, struct device_rule ret[DEVICE_GUARD_RULES_MAX]);
