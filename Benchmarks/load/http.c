// Fanout
// SPDX-License-Identifier: Apache-2.0
//
// The floor: the same prompts as plain HTTP/1.1 keep-alive requests, `width` of them in flight, each on a connection of
// its own; over TCP to an upstream, or over a Unix socket to a proxy before it.

#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define WIDTH_MAX 1024

struct caller {
    int fd;
    struct bytes in;
    uint64_t sent_ns;
    bool under_way;
};

static struct caller callers[WIDTH_MAX];
static struct bytes request;
static size_t number_at;
static uint64_t sent, results, measured_from, measured_to, started_ns, first_result_ns;
static struct samples latencies;

static int connect_tcp(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) die("port %d: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void make_request(void) {
    struct bytes body = {0};
    char text[TEXT_BYTES], head[300];
    make_text(text, 0);
    put_string(&body, "{\"model\":\"bench\",\"messages\":[{\"role\":\"user\",\"content\":");
    put_json_text(&body, text, TEXT_BYTES);
    put_string(&body, "}]}");
    snprintf(
        head, sizeof head,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Accept-Encoding: identity\r\nAuthorization: Bearer none\r\nContent-Length: %zu\r\n\r\n",
        body.count
    );
    put_string(&request, head);
    bytes_put(&request, body.at, body.count);
    free(body.at);
    number_at = (size_t)((uint8_t *)memmem(request.at, request.count, "#0", 2) + 1 - request.at);
}

static void send_next(struct caller *c) {
    c->under_way = sent < options.items + options.warmup;
    if (!c->under_way) return;
    sent++;
    put_number_digits((char *)request.at + number_at, next_number++);
    c->sent_ns = now_ns();
    // A request is small and the one before it is answered: the socket has room for it.
    if (send(c->fd, request.at, request.count, MSG_NOSIGNAL) != (ssize_t)request.count) die("send: %s", strerror(errno));
}

static void take(struct caller *c, bool waits) {
    bytes_reserve(&c->in, 64 << 10);
    ssize_t n = recv(c->fd, c->in.at + c->in.count, c->in.capacity - c->in.count, waits ? 0 : MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) die("the upstream closed after %" PRIu64 " results", results);
    c->in.count += (size_t)n;
    uint8_t *start = c->in.at + c->in.start;
    uint8_t *blank = memmem(start, bytes_left(&c->in), "\r\n\r\n", 4);
    if (!blank) return;
    *blank = 0;
    const char *length = strcasestr((const char *)start, "\ncontent-length:");
    if (strncmp((const char *)start, "HTTP/1.1 200", 12)) die("the upstream says %.40s", (const char *)start);
    *blank = '\r';
    if (!length) die("an answer without Content-Length");
    size_t whole = (size_t)(blank + 4 - start) + strtoull(length + 16, NULL, 10);
    if (bytes_left(&c->in) < whole) return;
    bytes_consume(&c->in, whole);
    uint64_t now = now_ns();
    if (!first_result_ns) first_result_ns = now;
    if (measured_from) samples_add(&latencies, now - c->sent_ns);
    if (++results == options.warmup) measured_from = now, watches_before();
    if (results == options.warmup + options.items) measured_to = now, watches_after();
    send_next(c);
}

void run_http(void) {
    unsigned width = options.width ? options.width : 1;
    if (width > WIDTH_MAX) die("at most %d wide", WIDTH_MAX);
    make_request();
    int poller = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < width; i++) {
        callers[i].fd = options.port ? connect_tcp(options.port) : connect_unix(options.socket, 5000);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(poller, EPOLL_CTL_ADD, callers[i].fd, &event);
    }
    started_ns = now_ns();
    if (!options.warmup) measured_from = started_ns, watches_before();
    for (unsigned i = 0; i < width; i++) send_next(&callers[i]);
    while (!measured_to) {
        struct epoll_event events[WIDTH_MAX];
        if (width == 1) {
            take(&callers[0], true);
            continue;
        }
        int n = epoll_wait(poller, events, WIDTH_MAX, 30000);
        if (!n) die("no answer for 30 s after %" PRIu64 " results", results);
        for (int i = 0; i < n; i++) take(&callers[events[i].data.u32], false);
    }
    double seconds = (double)(measured_to - measured_from) / 1e9;
    printf(
        "{\"items\":%" PRIu64 ",\"failed\":0,\"seconds\":%.6f,\"items_per_second\":%.1f,\"first_result_us\":%.1f",
        options.items, seconds, (double)options.items / seconds, (double)(first_result_ns - started_ns) / 1000
    );
    samples_print("latency", &latencies);
    watches_print();
    printf("}\n");
}
