// Fanout
// SPDX-License-Identifier: Apache-2.0
//
// Closed load: `in_flight` batches of `batch` items on each connection, a new one for each that ends.

#include "client.h"

#include <sys/epoll.h>

#define CONNECTIONS_MAX 256

// A batch that is under way.
struct batch {
    uint64_t submitted_ns;
    // Frames of it that are still to be sent; a batch over the daemon's frame limits goes as Submit and Appends.
    uint32_t frames_left;
    uint32_t results_left;
};

static struct connection connections[CONNECTIONS_MAX];
static unsigned under_way[CONNECTIONS_MAX];
static struct template first, middle, last;
static size_t frames_per_batch;
static uint64_t batches_left, results, failed, measured_from, measured_to, measured_results;
static uint64_t started_ns, first_result_ns;
static struct samples latencies, first_of_batch;

// Splits a batch into frames that Welcome's limits allow.
static void make_templates(struct connection *c) {
    template_make(&first, SUBMIT, options.batch, options.class, options.width);
    bool fits = first.frame.count - 4 <= c->frame_bytes_max && options.batch <= c->items_per_frame_max;
    frames_per_batch = 1;
    if (fits) return;
    size_t slice = c->frame_bytes_max / (first.frame.count / options.batch + 1);
    if (slice > c->items_per_frame_max) slice = c->items_per_frame_max;
    // The window of an open batch is smaller than that of the connection: keep frames well under it.
    if (slice > 256) slice = 256;
    frames_per_batch = (options.batch + slice - 1) / slice;
    template_make(&first, SUBMIT_OPEN, slice, options.class, options.width);
    template_make(&middle, APPEND, slice, 0, 0);
    template_make(&last, APPEND_LAST, options.batch - slice * (frames_per_batch - 1), 0, 0);
}

// Sends what the window allows: first the rest of a begun batch, then new ones.
static void fill(struct connection *c, unsigned *count) {
    struct batch *batches = c->batches;
    for (;;) {
        struct batch *newest = c->next_id > FIRST_ID ? &batches[c->next_id - 1 - FIRST_ID] : NULL;
        bool goes_on = newest && newest->frames_left;
        if (!goes_on && (*count == options.in_flight || !batches_left)) break;
        struct template *t = !goes_on ? &first : newest->frames_left == 1 ? &last : &middle;
        uint64_t bound = frames_per_batch > 1 ? c->batch_window : c->window;
        if (c->held + t->frame.count > bound) break;
        if (!goes_on) {
            newest = &batches[c->next_id++ - FIRST_ID];
            *newest = (struct batch){now_ns(), (uint32_t)frames_per_batch, (uint32_t)options.batch};
            batches_left--;
            ++*count;
        }
        connection_send(c, t, c->next_id - 1);
        newest->frames_left--;
    }
    connection_flush(c);
}

static void take(struct connection *c, unsigned *count, uint64_t now) {
    struct answer a;
    while (connection_next(c, &a)) {
        if (a.kind != RESULT && a.kind != SUMMARY) continue;
        if (a.id < FIRST_ID || a.id >= c->next_id) die("an answer for a batch that was never sent: %" PRIu64, a.id);
        struct batch *batch = &((struct batch *)c->batches)[a.id - FIRST_ID];
        if (a.kind == SUMMARY) {
            if (batch->results_left) die("a Summary before %u of the results", batch->results_left);
            --*count;
            continue;
        }
        if (!batch->results_left) die("more results than items");
        if (!first_result_ns) first_result_ns = now;
        results++;
        failed += a.failed;
        if (measured_from) {
            samples_add(&latencies, now - batch->submitted_ns);
            if (batch->results_left == options.batch) samples_add(&first_of_batch, now - batch->submitted_ns);
        }
        batch->results_left--;
        if (results == options.warmup) {
            measured_from = now;
            watches_before();
        }
        if (results == options.warmup + options.items) {
            measured_to = now;
            measured_results = options.items;
            watches_after();
        }
    }
}

static void poll_for_room(int poller, unsigned index) {
    struct connection *c = &connections[index];
    bool waits = bytes_left(&c->out) > 0;
    if (waits == c->waits) return;
    c->waits = waits;
    struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.u32 = index};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

static void poll_forever(int poller) {
    while (!measured_to) {
        struct epoll_event events[CONNECTIONS_MAX];
        int n = epoll_wait(poller, events, CONNECTIONS_MAX, 30000);
        if (!n) die("no answer for 30 s after %" PRIu64 " results", results);
        for (int i = 0; i < n; i++) {
            unsigned index = events[i].data.u32;
            struct connection *c = &connections[index];
            if (events[i].events & ~EPOLLOUT && !connection_read(c, 256 << 10, false)) die("the daemon closed");
            take(c, &under_way[index], now_ns());
            fill(c, &under_way[index]);
            poll_for_room(poller, index);
        }
    }
}

// One batch on one connection needs no polling, which would be measured too.
static void wait_forever(struct connection *c) {
    while (!measured_to) {
        while (bytes_left(&c->out)) connection_flush(c);
        if (!connection_read(c, 256 << 10, true)) die("the daemon closed");
        take(c, &under_way[0], now_ns());
        fill(c, &under_way[0]);
    }
}

void run_batches(void) {
    if (!options.connections || options.connections > CONNECTIONS_MAX) die("1 to %d connections", CONNECTIONS_MAX);
    // Whole batches only.
    options.items = (options.items + options.batch - 1) / options.batch * options.batch;
    options.warmup = (options.warmup + options.batch - 1) / options.batch * options.batch;
    if (!options.warmup) options.warmup = options.batch;
    batches_left = (options.items + options.warmup) / options.batch;
    int poller = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < options.connections; i++) {
        connection_open(&connections[i], 5000);
        connections[i].batches = calloc(batches_left, sizeof(struct batch));
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(poller, EPOLL_CTL_ADD, connections[i].fd, &event);
    }
    make_templates(&connections[0]);
    started_ns = now_ns();
    for (unsigned i = 0; i < options.connections; i++) {
        fill(&connections[i], &under_way[i]);
        poll_for_room(poller, i);
    }
    if (options.connections == 1 && options.in_flight == 1 && options.batch == 1) wait_forever(&connections[0]);
    else poll_forever(poller);
    double seconds = (double)(measured_to - measured_from) / 1e9;
    printf(
        "{\"items\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"seconds\":%.6f,\"items_per_second\":%.1f,\"frames_per_batch\":%zu",
        measured_results, failed, seconds, (double)measured_results / seconds, frames_per_batch
    );
    printf(",\"first_result_us\":%.1f", (double)(first_result_ns - started_ns) / 1000);
    samples_print("latency", &latencies);
    samples_print("first_of_batch", &first_of_batch);
    watches_print();
    printf("}\n");
}
