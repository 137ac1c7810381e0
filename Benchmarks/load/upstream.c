// Fanout
// SPDX-License-Identifier: Apache-2.0
//
// An upstream on 127.0.0.1 whose behaviour is exact: every chat completion after a fixed delay, or never.
//
//     upstream [--diary FILE] instant | delay:MILLISECONDS | hang ...
//
// One listener an argument; prints their ports on one line once all of them listen. `hang` never answers: it notes in
// the diary when it had the whole request and when it saw its connection closed, under the number in the request's text.

#include "bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define LISTENERS_MAX 8

struct listener {
    int fd;
    bool hangs;
    uint64_t delay_ns;
    // Answers that are due, oldest first: one delay a listener makes the order of arrival the order of answers.
    struct due *due;
    size_t due_first, due_count, due_capacity;
};

struct connection {
    int fd;
    // Rises when the slot is taken anew, so that a due answer of a closed connection goes nowhere.
    uint32_t generation;
    struct listener *listener;
    struct bytes in, out;
    // The number of the request that hangs; -1 = none.
    int64_t hanging;
    // It is polled for room to write.
    bool waits;
};

struct due {
    uint64_t at_ns;
    struct connection *connection;
    uint32_t generation;
};

static struct listener listeners[LISTENERS_MAX];
static size_t listener_count;
static struct bytes answer;
static struct diary *diary;
static int poller, timer;
// By descriptor; a descriptor's number is reused, and its slot with it.
static struct connection *connections[65536];

static void close_connection(struct connection *c) {
    if (c->hanging >= 0 && diary) diary->request[c->hanging].closed_ns = now_ns();
    c->hanging = -1;
    c->generation++;
    close(c->fd);
    c->in.count = c->in.start = c->out.count = c->out.start = 0;
}

static bool flush(struct connection *c) {
    while (bytes_left(&c->out)) {
        ssize_t n = send(c->fd, c->out.at + c->out.start, bytes_left(&c->out), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (n < 0) return close_connection(c), false;
        bytes_consume(&c->out, (size_t)n);
    }
    bool waits = bytes_left(&c->out) > 0;
    if (waits != c->waits) {
        c->waits = waits;
        struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
    }
    return true;
}

static void arm_timer(void) {
    uint64_t next = 0;
    for (size_t i = 0; i < listener_count; i++) {
        struct listener *l = &listeners[i];
        if (!l->due_count) continue;
        uint64_t at = l->due[l->due_first].at_ns;
        if (!next || at < next) next = at;
    }
    static uint64_t armed;
    if (next == armed) return;
    armed = next;
    struct itimerspec spec = {.it_value = {(time_t)(next / 1000000000u), (long)(next % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void push_due(struct listener *l, struct connection *c) {
    if (l->due_count == l->due_capacity) {
        size_t capacity = l->due_capacity ? l->due_capacity * 2 : 1024;
        struct due *due = grow(NULL, capacity * sizeof *due);
        for (size_t i = 0; i < l->due_count; i++) due[i] = l->due[(l->due_first + i) % l->due_capacity];
        free(l->due);
        l->due = due, l->due_first = 0, l->due_capacity = capacity;
    }
    l->due[(l->due_first + l->due_count++) % l->due_capacity] = (struct due){now_ns() + l->delay_ns, c, c->generation};
}

static void answer_due(void) {
    uint64_t now = now_ns();
    for (size_t i = 0; i < listener_count; i++) {
        struct listener *l = &listeners[i];
        while (l->due_count && l->due[l->due_first].at_ns <= now) {
            struct due due = l->due[l->due_first];
            l->due_first = (l->due_first + 1) % l->due_capacity;
            l->due_count--;
            if (due.connection->generation != due.generation) continue;
            bytes_put(&due.connection->out, answer.at, answer.count);
            flush(due.connection);
        }
    }
}

static void serve(struct connection *c, const uint8_t *request, size_t count) {
    struct listener *l = c->listener;
    if (l->hangs) {
        const uint8_t *mark = memchr(request, '#', count);
        c->hanging = 0;
        for (int i = 1; mark && i <= NUMBER_DIGITS && mark + i < request + count; i++)
            c->hanging = c->hanging * 10 + (mark[i] - '0');
        if (!mark || c->hanging < 0 || c->hanging >= DIARY_ENTRIES) die("a request without a number to note");
        if (diary) diary->request[c->hanging].seen_ns = now_ns();
    } else if (l->delay_ns) {
        push_due(l, c);
    } else {
        bytes_put(&c->out, answer.at, answer.count);
    }
}

// Takes one whole request off the input. False when it isn't whole.
static bool take_request(struct connection *c) {
    uint8_t *start = c->in.at + c->in.start;
    size_t left = bytes_left(&c->in);
    uint8_t *blank = left ? memmem(start, left, "\r\n\r\n", 4) : NULL;
    if (!blank) return false;
    size_t head = (size_t)(blank + 4 - start), body = 0;
    *blank = 0;
    const char *length = strcasestr((const char *)start, "\ncontent-length:");
    const char *coding = strcasestr((const char *)start, "\ntransfer-encoding:");
    *blank = '\r';
    if (coding) die("a chunked request: this upstream reads only Content-Length");
    if (length) body = strtoull(length + 16, NULL, 10);
    if (left < head + body) return false;
    serve(c, start + head, body);
    bytes_consume(&c->in, head + body);
    return true;
}

static void readable(struct connection *c) {
    for (;;) {
        bytes_reserve(&c->in, 64 << 10);
        size_t room = c->in.capacity - c->in.count;
        ssize_t n = recv(c->fd, c->in.at + c->in.count, room, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (n <= 0) {
            close_connection(c);
            return;
        }
        c->in.count += (size_t)n;
        if ((size_t)n < room) break;
    }
    while (take_request(c)) continue;
    if (bytes_left(&c->out)) flush(c);
}

static void accept_all(struct listener *l) {
    for (;;) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (fd >= (int)(sizeof connections / sizeof *connections)) die("too many connections");
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!connections[fd]) connections[fd] = calloc(1, sizeof **connections);
        struct connection *c = connections[fd];
        if (!c) die("out of memory");
        c->fd = fd, c->listener = l, c->hanging = -1, c->waits = false;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on_any_port(struct listener *l) {
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(l->fd, (struct sockaddr *)&address, sizeof address) || listen(l->fd, 4096) ||
        getsockname(l->fd, (struct sockaddr *)&address, &size))
        die("listen: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = l};
    epoll_ctl(poller, EPOLL_CTL_ADD, l->fd, &event);
    return ntohs(address.sin_port);
}

static void map_diary(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *diary)) die("%s: %s", path, strerror(errno));
    diary = mmap(NULL, sizeof *diary, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (diary == MAP_FAILED) die("mmap: %s", strerror(errno));
    close(fd);
}

static void make_answer(void) {
    struct bytes body = {0};
    put_completion(&body);
    char head[200];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.count);
    put_string(&answer, head);
    bytes_put(&answer, body.at, body.count);
    free(body.at);
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    make_answer();
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &timer};
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    for (int i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--diary") && i + 1 < count) {
            map_diary(arguments[++i]);
            continue;
        }
        if (listener_count == LISTENERS_MAX) die("at most %d listeners", LISTENERS_MAX);
        struct listener *l = &listeners[listener_count++];
        if (!strcmp(arguments[i], "hang")) l->hangs = true;
        else if (!strncmp(arguments[i], "delay:", 6)) l->delay_ns = (uint64_t)(atof(arguments[i] + 6) * 1e6);
        else if (strcmp(arguments[i], "instant")) die("unknown mode %s: instant, delay:MS or hang", arguments[i]);
        printf("%d ", listen_on_any_port(l));
    }
    printf("\n");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < n; i++) {
            void *what = events[i].data.ptr;
            if (what == &timer) {
                uint64_t expirations;
                if (read(timer, &expirations, sizeof expirations) < 0) continue;
            } else if (what >= (void *)listeners && what < (void *)(listeners + LISTENERS_MAX)) {
                accept_all(what);
            } else {
                struct connection *c = what;
                uint32_t generation = c->generation;
                if (events[i].events & EPOLLOUT && !flush(c)) continue;
                if (events[i].events & ~EPOLLOUT && c->generation == generation) readable(c);
            }
        }
        answer_due();
        arm_timer();
    }
}
