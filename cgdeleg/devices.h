/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices - config.json's linux.resources.devices as rules of the device guard.
 *
 * Source: OCI runtime-spec, "Allowed Device list" and "Default Devices". Pure.
 */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "bpf/device_guard_abi.h"

/*
 * The rules for the list `devices` (NULL: config.json has none) in its order, behind them the devices that every
 * container gets: what both runc and crun do. Begins from "nothing is allowed". *ret is ready to be written. The
 * sentence of an error begins with "config.json: ".
 */
int devices_translate(yyjson_val *devices, struct device_rules *ret, struct err *err);
