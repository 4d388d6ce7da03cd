/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor, engine - the engines, for the checks that are about them alone.
 *
 * Parts: doctor-runtime.c.
 */
#pragma once

#include "cgdeleg/node/doctor-part.h"
#include "cgdeleg/node/engine.h"

/* Those of this node, read once; NULL where memory ran out. */
const struct engines *doctor_engines(struct doctor *doctor);

/* "containerd 2.1.9". Returns buf. */
const char *doctor_engine_name(const struct engine_conf *engine, char *buf, size_t size);

/* doctor-runtime.c */
void doctor_check_userns(struct doctor *doctor);
void doctor_check_query(struct doctor *doctor);
