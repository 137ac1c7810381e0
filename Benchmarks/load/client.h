// Fanout
// SPDX-License-Identifier: Apache-2.0
//
// The client's side of the wire, made so that it costs little: frames are built once and only their numbers patched;
// of what comes back only the tags are read.

#ifndef FANOUT_BENCH_CLIENT_H
#define FANOUT_BENCH_CLIENT_H

#include "bench.h"

// What the command line says.
struct options {
    const char *socket;
    const char *model;
    const char *diary;
    const char *how;
    int port;
    unsigned connections, in_flight, width, class, interactive_class;
    uint64_t items, warmup, batch, read_rate, interactive_us, alone, rss_pid;
    struct watch watches[4];
    size_t watch_count;
};

extern struct options options;

// ---- frames that are sent

// A Submit or Append whose id and prompt numbers can be patched.
struct template {
    // With its length before it.
    struct bytes frame;
    size_t id_at;
    size_t *numbers_at;
    size_t items;
};

enum template_kind { SUBMIT, SUBMIT_OPEN, APPEND, APPEND_LAST };

void template_make(struct template *t, enum template_kind kind, size_t items, unsigned class, unsigned width);
// Appends the frame with this id and the next prompt numbers.
void template_put(struct template *t, struct bytes *out, uint64_t id);
// The number that the next prompt gets.
extern uint64_t next_number;

// ---- a connection

enum frame_kind { WELCOME = 2, ACCEPTED, REJECTED, WINDOW, DELTA, RESULT_PART, RESULT, PROGRESS, SUMMARY, GO_AWAY = 14, ERROR };

struct connection {
    int fd;
    struct bytes in, out;
    // Upload bytes that are under way, and the bounds that Welcome named.
    uint64_t held, window, batch_window;
    uint64_t frame_bytes_max, items_per_frame_max;
    uint64_t next_id;
    // Modes keep their batches here, by id - FIRST_ID.
    void *batches;
    // It is polled for room to write.
    bool waits;
};

// A frame that came.
struct answer {
    uint64_t id;
    enum frame_kind kind;
    // Of a Result.
    uint32_t index;
    bool failed;
};

// Connects, says Hello and waits for Welcome. `wait_ms` is how long it tries to connect.
void connection_open(struct connection *c, unsigned wait_ms);
void connection_close(struct connection *c);
// Writes what it can.
void connection_flush(struct connection *c);
// Reads once, at most `bytes_max`; waits if asked to. False when the peer closed.
bool connection_read(struct connection *c, size_t bytes_max, bool waits);
// The next whole frame of what was read. A Window is taken into account, an Error or Rejected is fatal. The first failed
// Result is told of on standard error.
bool connection_next(struct connection *c, struct answer *a);
// Sends, and counts its bytes against the window.
void connection_send(struct connection *c, struct template *t, uint64_t id);

void watches_before(void);
void watches_after(void);
void watches_print(void);

// ---- the modes

void run_batches(void);
void run_bulk(void);
void run_hang(void);
void run_http(void);
void run_wakeup(void);

int connect_unix(const char *path, unsigned wait_ms);

#endif
