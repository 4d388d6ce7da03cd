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
 * The rules for the list `devices` (NULL: config.json has none) in its order, behind them the devices that every
 * container gets: what both runc and crun do. Begins from "nothing is allowed". *ret is ready to be written. The
 * sentence of an error begins with "config.json: ".
 */
int devices_translate(yyjson_val *devices, struct device_rules *ret, struct err *err);

/*
 * Rules as the attribute keeps them, in their order: "c 1:3 rw,!b *:* m" is allow, deny. Type, numbers and access are those
 * of the kernel's devices.allow (cgroup v1).
 */
#define DEVICES_TEXT_SIZE (DEVICE_GUARD_RULES_MAX * sizeof("!c 4294967294:4294967294 rwm,"))

/* False when it does not fit: with DEVICES_TEXT_SIZE it does. */
bool devices_format(const struct device_rule *rules, size_t n, char *buf, size_t size);

/* What was asked for, in the same form: "c 10:237 rw". Returns buf. */
const char *devices_format_refusal(const struct device_refusal *refusal, char *buf, size_t size);

/* How many, or -EBADMSG where the text is not what devices_format() writes. */
int devices_parse(const char *text, struct device_rule ret[DEVICE_GUARD_RULES_MAX]);
