// Fanout
// SPDX-License-Identifier: Apache-2.0

#include "fanout_system.h"

#include <malloc.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

void fanout_keep_heap(void) {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
    mallopt(M_TOP_PAD, 1 << 20);
#endif
}

int fanout_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

int fanout_event_descriptor(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
