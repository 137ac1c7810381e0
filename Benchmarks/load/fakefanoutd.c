// Fanout
// SPDX-License-Identifier: Apache-2.0
//
// Stands for the daemon where the client itself is measured: speaks the wire and answers every item at once with a
// completion of 900 bytes, without an upstream. Its rate is the ceiling of what the load client can show.
//
//     fakefanoutd [--config FILE] --socket PATH
//
// takes the daemon's arguments, so that scripts/bench can be tried with it; the configuration is not read.

#include "bench.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define BATCHES_MAX 65536

struct batch {
    uint64_t id;
    uint32_t items;
};

struct connection {
    int fd;
    bool waits;
    struct bytes in, out;
    // By id; two batches under way never collide because ids rise and few are under way.
    struct batch batches[BATCHES_MAX];
};

// Of a Result: what follows its index.
static struct bytes outcome;

static void make_outcome(void) {
    struct bytes message = {0}, choice = {0}, answer = {0}, usage = {0}, response = {0}, trail = {0};
    char text[TEXT_BYTES];
    make_text(text, 0);
    put_number(&message, 1, 4);
    put_bytes(&message, 3, text, TEXT_BYTES);
    put_message(&choice, 2, &message);
    put_number(&choice, 3, 1);
    put_bytes(&choice, 4, "stop", 4);
    put_message(&answer, 1, &choice);
    put_bytes(&response, 1, "chatcmpl-bench0001", 18);
    put_bytes(&response, 2, "bench", 5);
    put_number(&response, 3, 1790000000);
    put_message(&response, 4, &answer);
    put_number(&usage, 1, 210);
    put_number(&usage, 2, 205);
    put_number(&usage, 3, 415);
    put_message(&response, 7, &usage);
    put_message(&outcome, 3, &response);
    put_number(&trail, 1, 1);
    put_bytes(&trail, 3, "plain-1", 7);
    put_message(&outcome, 6, &trail);
}

static size_t varint_size(uint64_t value) {
    size_t size = 1;
    while (value >= 128) size++, value >>= 7;
    return size;
}

static void put_head(struct bytes *out, uint64_t id, unsigned kind, size_t body) {
    uint8_t length[4];
    patch_length(length, (id ? 1 + varint_size(id) : 0) + 1 + varint_size(body) + body);
    bytes_put(out, length, 4);
    if (id) put_number(out, 1, id);
    put_varint(out, kind << 3 | 2);
    put_varint(out, body);
}

static void put_result(struct bytes *out, uint64_t id, uint32_t index) {
    bytes_reserve(out, outcome.count + 64);
    put_head(out, id, 8, 1 + varint_size(index) + outcome.count);
    put_number(out, 1, index);
    bytes_put(out, outcome.at, outcome.count);
}

static void put_welcome(struct bytes *out) {
    struct bytes welcome = {0}, limits = {0};
    put_number(&welcome, 1, 1);
    put_number(&limits, 1, 1 << 20);
    put_number(&limits, 2, 4096);
    put_message(&welcome, 7, &limits);
    put_number(&welcome, 8, 8 << 20);
    put_number(&welcome, 9, 4 << 20);
    put_head(out, 0, 2, welcome.count);
    bytes_put(out, welcome.at, welcome.count);
    free(welcome.at);
}

static void take_items(struct connection *c, uint64_t id, const struct field *body, bool appends, size_t frame_bytes) {
    struct batch *batch = &c->batches[id % BATCHES_MAX];
    if (!appends) {
        *batch = (struct batch){id, 0};
        put_head(&c->out, id, 3, 0);
    }
    if (batch->id != id) die("an Append for an unknown batch");
    const uint8_t *at = body->bytes, *end = at + body->count;
    bool open = appends;
    struct field f;
    while (read_field(&at, end, &f)) {
        if (f.number_of == (appends ? 1 : 3)) put_result(&c->out, id, batch->items++);
        if (!appends && f.number_of == 4) open = f.number != 0;
        if (appends && f.number_of == 2) open = !f.number;
    }
    put_head(&c->out, 0, 5, 1 + varint_size(frame_bytes));
    put_number(&c->out, 1, frame_bytes);
    if (open) return;
    put_head(&c->out, id, 10, 2 * (1 + varint_size(batch->items)));
    put_number(&c->out, 1, batch->items);
    put_number(&c->out, 2, batch->items);
}

static bool take_frame(struct connection *c) {
    if (bytes_left(&c->in) < 4) return false;
    const uint8_t *at = c->in.at + c->in.start;
    size_t length = read_length(at);
    if (length > 1 << 20) die("a frame of %zu bytes", length);
    if (bytes_left(&c->in) - 4 < length) return false;
    const uint8_t *end = at + 4 + length;
    at += 4;
    struct field f;
    uint64_t id = 0;
    while (read_field(&at, end, &f)) {
        if (f.number_of == 1) id = f.number;
        if (f.number_of == 2) put_welcome(&c->out);
        if (f.number_of == 3 || f.number_of == 4) take_items(c, id, &f, f.number_of == 4, 4 + length);
    }
    bytes_consume(&c->in, 4 + length);
    return true;
}

// False when the peer is gone.
static bool serve(int poller, struct connection *c, uint32_t events) {
    if (events & ~EPOLLOUT && bytes_left(&c->out) < 4 << 20) {
        bytes_reserve(&c->in, 256 << 10);
        ssize_t n = recv(c->fd, c->in.at + c->in.count, 256 << 10, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
        if (n > 0) c->in.count += (size_t)n;
        while (take_frame(c)) continue;
    }
    while (bytes_left(&c->out)) {
        ssize_t n = send(c->fd, c->out.at + c->out.start, bytes_left(&c->out), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) return false;
        bytes_consume(&c->out, (size_t)n);
    }
    bool waits = bytes_left(&c->out) > 0;
    if (waits == c->waits) return true;
    c->waits = waits;
    struct epoll_event event = {.events = (waits ? EPOLLOUT : 0) | EPOLLIN, .data.ptr = c};
    if (bytes_left(&c->out) >= 4 << 20) event.events = EPOLLOUT;
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
    return true;
}

int main(int count, char **arguments) {
    const char *path = NULL;
    for (int i = 1; i + 1 < count; i += 2)
        if (!strcmp(arguments[i], "--socket")) path = arguments[i + 1];
    if (!path) die("usage: fakefanoutd [--config FILE] --socket PATH");
    signal(SIGPIPE, SIG_IGN);
    make_outcome();
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) die("the path is too long");
    strcpy(address.sun_path, path);
    unlink(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), poller = epoll_create1(EPOLL_CLOEXEC);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128))
        die("%s: %s", path, strerror(errno));
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) {
                c = calloc(1, sizeof *c);
                if (!c) die("out of memory");
                c->fd = accept(listener, NULL, NULL);
                event = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
            } else if (!serve(poller, c, events[i].events)) {
                close(c->fd);
                free(c->in.at), free(c->out.at), free(c);
            }
        }
    }
}
