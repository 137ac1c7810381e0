// Fanout
// SPDX-License-Identifier: Apache-2.0
//
// One open batch that streams through bounded memory by Appends, the reader at full speed or held to `read_rate` results
// a second; beside it on the same connection a single-item batch every `interactive_us`, timed from the instant at which
// it was due, and `alone` of them before the bulk begins. The daemon's resident memory is noted at every tenth.

#include "client.h"

#include <poll.h>

#define SLICE 64
#define SINGLES_MAX (1 << 20)

static struct connection connection;
static struct template open_frame, append_frame, last_frame, single_frame;
static uint64_t bulk_id, appended, results, failed, started_ns, first_result_ns, last_result_ns;
static bool bulk_ended;
static uint64_t next_due_ns, singles_sent, singles_done, singles_failed;
static uint64_t due_ns[SINGLES_MAX];
static uint64_t first_single_id;
static struct samples singles_alone, singles_beside;
static uint64_t resident_at_tenth[11], resident_max, next_sample_ns;

static uint64_t resident_kib(void) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/status", options.rss_pid);
    if (!options.rss_pid || !read_text(path, text, sizeof text)) return 0;
    return status_number(text, "\nVmRSS:");
}

static void append_more(void) {
    while (appended < options.items) {
        uint64_t left = options.items - appended;
        struct template *t = !appended ? &open_frame : left <= SLICE ? &last_frame : &append_frame;
        // All that the connection holds counts as the batch's: its singles' few bytes make that a little strict.
        if (connection.held + t->frame.count > connection.batch_window) return;
        if (bytes_left(&connection.out) > 256 << 10) return;
        connection_send(&connection, t, bulk_id);
        appended += t->items;
    }
}

static void send_due_singles(uint64_t now) {
    while (options.interactive_us && next_due_ns <= now && singles_sent < SINGLES_MAX) {
        if (connection.held + single_frame.frame.count > connection.window) return;
        due_ns[singles_sent++] = next_due_ns;
        connection_send(&connection, &single_frame, connection.next_id++);
        next_due_ns += options.interactive_us * 1000;
    }
}

static void take_bulk_result(struct answer *a, uint64_t now) {
    if (!first_result_ns) first_result_ns = now;
    results++;
    failed += a->failed;
    if (results == options.items) last_result_ns = now;
    uint64_t tenth = results * 10 / options.items;
    if (results * 10 % options.items < 10 && !resident_at_tenth[tenth]) resident_at_tenth[tenth] = resident_kib();
}

static void take(uint64_t now, struct samples *singles) {
    struct answer a;
    while (connection_next(&connection, &a)) {
        if (a.kind == SUMMARY && a.id == bulk_id) bulk_ended = true;
        if (a.kind != RESULT) continue;
        if (a.id == bulk_id && bulk_id) {
            take_bulk_result(&a, now);
            continue;
        }
        if (a.id < first_single_id || a.id >= connection.next_id) die("a result for id %" PRIu64, a.id);
        samples_add(singles, now - due_ns[a.id - first_single_id]);
        singles_failed += a.failed;
        singles_done++;
    }
}

// Until when the reader rests; 0 = it may read.
static uint64_t rest_until(uint64_t now) {
    if (!options.read_rate || !first_result_ns) return 0;
    uint64_t until = started_ns + (uint64_t)((double)results / (double)options.read_rate * 1e9);
    return until > now ? until : 0;
}

// One turn: writes, sleeps until there is something to do, reads.
static void turn(struct samples *singles) {
    connection_flush(&connection);
    uint64_t now = now_ns(), resting = rest_until(now), wake = resting ? resting : now + 1000000000u;
    if (options.interactive_us && next_due_ns < wake) wake = next_due_ns > now ? next_due_ns : now;
    if (next_sample_ns < wake) wake = next_sample_ns > now ? next_sample_ns : now;
    struct pollfd polled = {
        .fd = connection.fd,
        .events = (short)((resting ? 0 : POLLIN) | (bytes_left(&connection.out) ? POLLOUT : 0)),
    };
    struct timespec timeout = {(time_t)((wake - now) / 1000000000u), (long)((wake - now) % 1000000000u)};
    if (ppoll(&polled, 1, &timeout, NULL) > 0 && polled.revents & ~POLLOUT) {
        if (!connection_read(&connection, options.read_rate ? 16 << 10 : 256 << 10, false)) die("the daemon closed");
        take(now_ns(), singles);
    }
    now = now_ns();
    if (now < next_sample_ns) return;
    next_sample_ns = now + 20000000u;
    uint64_t resident = resident_kib();
    if (resident > resident_max) resident_max = resident;
}

static void run_alone(void) {
    next_due_ns = now_ns();
    while (singles_sent < options.alone) {
        send_due_singles(now_ns());
        turn(&singles_alone);
    }
    next_due_ns = UINT64_MAX;
    while (singles_done < singles_sent) turn(&singles_alone);
}

void run_bulk(void) {
    connection_open(&connection, 5000);
    size_t open_items = options.items > SLICE ? SLICE : options.items;
    if (options.items < 2 * SLICE) die("bulk wants at least %d items", 2 * SLICE);
    template_make(&open_frame, SUBMIT_OPEN, open_items, options.class, options.width);
    template_make(&append_frame, APPEND, SLICE, 0, 0);
    size_t rest = options.items % SLICE;
    template_make(&last_frame, APPEND_LAST, rest ? rest : SLICE, 0, 0);
    template_make(&single_frame, SUBMIT, 1, options.interactive_class, 0);
    first_single_id = connection.next_id;
    if (options.interactive_us && options.alone) run_alone();
    // Ids rise: the bulk's lies among the singles', whose slot stays empty.
    bulk_id = connection.next_id++;
    singles_sent++, singles_done++;
    watches_before();
    started_ns = now_ns();
    next_due_ns = options.interactive_us ? started_ns + options.interactive_us * 1000 : 0;
    while (!bulk_ended) {
        send_due_singles(now_ns());
        append_more();
        turn(&singles_beside);
    }
    watches_after();
    next_due_ns = UINT64_MAX;
    uint64_t give_up = now_ns() + 5000000000u;
    while (singles_done < singles_sent && now_ns() < give_up) turn(&singles_beside);
    double seconds = (double)(last_result_ns - started_ns) / 1e9;
    printf(
        "{\"items\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"seconds\":%.6f,\"items_per_second\":%.1f", results,
        failed + singles_failed, seconds, (double)results / seconds
    );
    printf(",\"first_result_us\":%.1f", (double)(first_result_ns - started_ns) / 1000);
    printf(",\"singles_lost\":%" PRIu64, singles_sent - singles_done);
    samples_print("alone", &singles_alone);
    samples_print("beside", &singles_beside);
    printf(",\"resident_kib\":{\"max\":%" PRIu64 ",\"tenths\":[", resident_max);
    for (int i = 1; i <= 10; i++) printf("%s%" PRIu64, i > 1 ? "," : "", resident_at_tenth[i]);
    printf("]}");
    watches_print();
    printf("}\n");
}
