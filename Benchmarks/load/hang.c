// Fanout
// SPDX-License-Identifier: Apache-2.0
//
// How fast a cancel, or the loss of the client, reaches the upstream: one item after another against an upstream that
// never answers. Timed from just before the Cancel is written, or the socket closed, to the instant at which the upstream
// sees its connection closed, by the diary that both map.

#include "client.h"

#include <fcntl.h>
#include <sys/mman.h>

static struct diary *diary;

static void map_diary(void) {
    int fd = options.diary ? open(options.diary, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) die("--diary: %s", strerror(errno));
    diary = mmap(NULL, sizeof *diary, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (diary == MAP_FAILED) die("mmap: %s", strerror(errno));
    close(fd);
}

// 0 = not within 5 s.
static uint64_t wait_for(_Atomic uint64_t *entry) {
    for (uint64_t give_up = now_ns() + 5000000000u; now_ns() < give_up; sleep_ns(50000))
        if (*entry) return *entry;
    return 0;
}

static void read_until_summary(struct connection *c, uint64_t id) {
    struct answer a;
    for (;;) {
        while (connection_next(c, &a))
            if (a.kind == SUMMARY && a.id == id) return;
        if (!connection_read(c, 64 << 10, true)) die("the daemon closed");
    }
}

void run_hang(void) {
    bool closes = !strcmp(options.how, "close");
    if (!closes && strcmp(options.how, "cancel")) die("--how is cancel or close");
    if (options.items > DIARY_ENTRIES) die("at most %d items", DIARY_ENTRIES);
    map_diary();
    // Failures are what is asked for here: don't tell of the first.
    struct template single;
    template_make(&single, SUBMIT, 1, options.class, 0);
    struct connection c;
    struct samples latencies = {0};
    uint64_t never_seen = 0, never_closed = 0;
    memset(diary, 0, sizeof *diary);
    for (uint64_t i = 0; i < options.items; i++) {
        if (!i || closes) connection_open(&c, 5000);
        uint64_t number = next_number, id = c.next_id++;
        connection_send(&c, &single, id);
        connection_flush(&c);
        if (!wait_for(&diary->request[number].seen_ns)) {
            never_seen++;
            break;
        }
        uint64_t from = now_ns();
        if (closes) {
            connection_close(&c);
        } else {
            uint8_t cancel[4 + 1 + ID_BYTES + 2] = {0, 0, 0, 1 + ID_BYTES + 2, 1 << 3};
            patch_id(cancel + 5, id);
            cancel[5 + ID_BYTES] = 6 << 3 | 2;
            bytes_put(&c.out, cancel, sizeof cancel);
            connection_flush(&c);
        }
        uint64_t closed = wait_for(&diary->request[number].closed_ns);
        if (closed) samples_add(&latencies, closed - from);
        else never_closed++;
        if (!closes) read_until_summary(&c, id);
    }
    printf(
        "{\"items\":%" PRIu64 ",\"never_seen\":%" PRIu64 ",\"never_closed\":%" PRIu64, options.items, never_seen,
        never_closed
    );
    samples_print("latency", &latencies);
    printf("}\n");
}
