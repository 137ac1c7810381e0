// Fanout
// SPDX-License-Identifier: Apache-2.0

#ifndef FANOUT_CPROTOBUFC_SHIM_H
#define FANOUT_CPROTOBUFC_SHIM_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

// Pages straight from the kernel, so that giving them back doesn't depend on the state of the heap. NULL = no memory.
static inline void *fanout_pages_map(size_t bytes) {
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static inline void fanout_pages_unmap(void *pages, size_t bytes) {
    munmap(pages, bytes);
}

// realloc moves large blocks by remapping them, which a Swift allocation cannot.
static inline void *fanout_bytes_resize(void *bytes, size_t count) {
    return realloc(bytes, count);
}

static inline void fanout_bytes_free(void *bytes) {
    free(bytes);
}

#endif
