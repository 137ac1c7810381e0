// Fanout
// SPDX-License-Identifier: Apache-2.0

// System calls that Swift's Glibc module leaves out, because they are variadic or in headers that it skips.

#ifndef FANOUT_SYSTEM_H
#define FANOUT_SYSTEM_H

/// One heap for all threads, which is given back late and grows by a megabyte. See mallopt(3).
void fanout_keep_heap(void);

/// No core dump and no ptrace by others of the same user. See PR_SET_DUMPABLE in prctl(2). 0 = done.
int fanout_forbid_dumps(void);

/// A counter that can be waited for, non-blocking and closed on exec. See eventfd(2). -1 = there is none, see errno.
int fanout_event_descriptor(void);

#endif
