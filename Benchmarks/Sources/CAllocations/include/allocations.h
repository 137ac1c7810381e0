/* Fanout
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FANOUT_ALLOCATIONS_H
#define FANOUT_ALLOCATIONS_H

#include <stdint.h>

/* Blocks that this thread has asked for since it began. */
uint64_t fanout_allocations(void);

#endif
