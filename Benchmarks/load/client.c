// Fanout
// SPDX-License-Identifier: Apache-2.0

#include "client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

uint64_t next_number;

// ---- frames that are sent

// Prompts are looked for by this mark when the frame is whole; nothing else in it has a `#`.
void template_make(struct template *t, enum template_kind kind, size_t items, unsigned class, unsigned width) {
    struct bytes body = {0}, frame = {0};
    if (kind == SUBMIT || kind == SUBMIT_OPEN) {
        struct bytes terms = {0};
        if (width) put_number(&terms, 1, width);
        if (class) put_number(&terms, 10, class);
        put_message(&body, 1, &terms);
    }
    for (size_t i = 0; i < items; i++) {
        struct bytes item = {0}, request = {0}, chat = {0}, message = {0};
        char text[TEXT_BYTES];
        make_text(text, 0);
        put_number(&message, 1, 3);
        put_bytes(&message, 3, text, TEXT_BYTES);
        put_message(&chat, 1, &message);
        put_bytes(&request, 1, options.model, strlen(options.model));
        put_message(&request, 2, &chat);
        put_message(&item, 2, &request);
        put_message(&body, kind == SUBMIT || kind == SUBMIT_OPEN ? 3 : 1, &item);
    }
    if (kind == SUBMIT_OPEN) put_number(&body, 4, 1);
    if (kind == APPEND_LAST) put_number(&body, 2, 1);
    uint8_t length[4] = {0};
    bytes_put(&frame, length, 4);
    put_varint(&frame, 1 << 3);
    t->id_at = frame.count;
    put_varint(&frame, FIRST_ID);
    put_message(&frame, kind == SUBMIT || kind == SUBMIT_OPEN ? 3 : 4, &body);
    patch_length(frame.at, frame.count - 4);
    t->frame = frame;
    t->items = items;
    t->numbers_at = grow(NULL, items * sizeof *t->numbers_at);
    const uint8_t *from = frame.at;
    for (size_t i = 0; i < items; i++) {
        from = memmem(from, (size_t)(frame.at + frame.count - from), "#0", 2);
        if (!from) die("a prompt without its number");
        t->numbers_at[i] = (size_t)(++from - frame.at);
    }
}

void template_put(struct template *t, struct bytes *out, uint64_t id) {
    patch_id(t->frame.at + t->id_at, id);
    for (size_t i = 0; i < t->items; i++) put_number_digits((char *)t->frame.at + t->numbers_at[i], next_number++);
    bytes_put(out, t->frame.at, t->frame.count);
}

// ---- a connection

int connect_unix(const char *path, unsigned wait_ms) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) die("%s is too long for a socket's path", path);
    strcpy(address.sun_path, path);
    for (unsigned waited = 0;; waited++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) die("socket: %s", strerror(errno));
        if (!connect(fd, (struct sockaddr *)&address, sizeof address)) return fd;
        if (waited >= wait_ms) die("%s: %s", path, strerror(errno));
        close(fd);
        sleep_ns(1000000);
    }
}

void connection_flush(struct connection *c) {
    while (bytes_left(&c->out)) {
        ssize_t n = send(c->fd, c->out.at + c->out.start, bytes_left(&c->out), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (n < 0) {
            // What the daemon said before it closed explains it.
            struct answer a;
            while (connection_read(c, 1 << 16, false))
                if (!connection_next(c, &a)) break;
            die("send: %s", strerror(errno));
        }
        bytes_consume(&c->out, (size_t)n);
    }
}

bool connection_read(struct connection *c, size_t bytes_max, bool waits) {
    bytes_reserve(&c->in, bytes_max);
    for (;;) {
        ssize_t n = recv(c->fd, c->in.at + c->in.count, bytes_max, waits ? 0 : MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
        if (n <= 0) return false;
        c->in.count += (size_t)n;
        return true;
    }
}

static void take_welcome(struct connection *c, const uint8_t *at, const uint8_t *end) {
    struct field f;
    while (read_field(&at, end, &f)) {
        if (f.number_of == 8) c->window = f.number;
        if (f.number_of == 9) c->batch_window = f.number;
        if (f.number_of != 7) continue;
        const uint8_t *limits = f.bytes, *limits_end = f.bytes + f.count;
        while (read_field(&limits, limits_end, &f)) {
            if (f.number_of == 1) c->frame_bytes_max = f.number;
            if (f.number_of == 2) c->items_per_frame_max = f.number;
        }
    }
}

// Code and sentence of a Failure, Rejected or Error: fields 1 and 2 in each.
static void tell(const char *what, uint64_t id, const uint8_t *at, const uint8_t *end) {
    struct field f;
    uint64_t code = 0;
    const uint8_t *words = NULL;
    size_t count = 0;
    while (read_field(&at, end, &f)) {
        if (f.number_of == 1) code = f.number;
        if (f.number_of == 2) words = f.bytes, count = f.count;
    }
    fprintf(stderr, "%s for id %" PRIu64 ": code %" PRIu64 ": %.*s\n", what, id, code, (int)count, (const char *)words);
}

static void take_result(struct answer *a, const uint8_t *at, const uint8_t *end) {
    static bool told;
    struct field f;
    a->index = 0;
    a->failed = true;
    while (read_field(&at, end, &f)) {
        if (f.number_of == 1) a->index = (uint32_t)f.number;
        if (f.number_of == 3 || f.number_of == 5) a->failed = false;
        if (f.number_of != 4 || told) continue;
        told = true;
        tell("the first failed item", a->id, f.bytes, f.bytes + f.count);
    }
}

bool connection_next(struct connection *c, struct answer *a) {
    size_t left = bytes_left(&c->in);
    if (left < 4) return false;
    const uint8_t *at = c->in.at + c->in.start;
    size_t length = read_length(at);
    if (left - 4 < length) return false;
    at += 4;
    const uint8_t *end = at + length, *body = at;
    struct field f;
    a->id = 0;
    a->kind = 0;
    while (read_field(&at, end, &f)) {
        if (f.number_of == 1) {
            a->id = f.number;
        } else if (f.type == 2) {
            a->kind = (enum frame_kind)f.number_of;
            body = f.bytes;
            if (a->kind == WELCOME) take_welcome(c, body, body + f.count);
            if (a->kind == RESULT) take_result(a, body, body + f.count);
            if (a->kind == REJECTED || a->kind == ERROR) {
                tell(a->kind == ERROR ? "Error" : "Rejected", a->id, body, body + f.count);
                exit(1);
            }
            if (a->kind == WINDOW) {
                const uint8_t *window = body;
                while (read_field(&window, body + f.count, &f))
                    if (f.number_of == 1) c->held -= f.number < c->held ? f.number : c->held;
            }
        }
    }
    bytes_consume(&c->in, 4 + length);
    return true;
}

void connection_send(struct connection *c, struct template *t, uint64_t id) {
    template_put(t, &c->out, id);
    c->held += t->frame.count;
}

void connection_open(struct connection *c, unsigned wait_ms) {
    *c = (struct connection){.fd = connect_unix(options.socket, wait_ms), .next_id = FIRST_ID};
    static const uint8_t hello[] = {0, 0, 0, 11, 0x12, 9, 8, 1, 0x1a, 5, 'b', 'e', 'n', 'c', 'h'};
    bytes_put(&c->out, hello, sizeof hello);
    connection_flush(c);
    struct answer a;
    for (;;) {
        if (!connection_read(c, 1 << 16, true)) die("the daemon closed the connection before Welcome");
        while (connection_next(c, &a)) {
            if (a.kind == WELCOME && c->batch_window && c->window && c->frame_bytes_max && c->items_per_frame_max) return;
            die("the first frame is no Welcome with its limits");
        }
    }
}

void connection_close(struct connection *c) {
    close(c->fd);
    free(c->in.at);
    free(c->out.at);
    c->in = c->out = (struct bytes){0};
}

// ---- watches

void watches_before(void) {
    for (size_t i = 0; i < options.watch_count; i++) watch_take(&options.watches[i], &options.watches[i].before);
}

void watches_after(void) {
    for (size_t i = 0; i < options.watch_count; i++) watch_take(&options.watches[i], &options.watches[i].after);
}

void watches_print(void) {
    printf(",\"watched\":{");
    for (size_t i = 0; i < options.watch_count; i++) {
        if (i) printf(",");
        watch_print(&options.watches[i]);
    }
    printf("}");
}
