/* SPDX-License-Identifier: Apache-2.0 */
/* Cannot - what a check answers beside 0 and a negative errno. */
#pragma once

/*
 * "This kernel cannot, and will not be able to until the next boot": it is proven, and the err says by what. Not an
 * errno, because any errno can also come from a fault, and a fault is no reason to do without a guard.
 */
#define KERNEL_CANNOT 1
