// Fanout
// SPDX-License-Identifier: Apache-2.0
//
// The cost of one wake-up across cores: two threads, each pinned on a core of its own, hand a byte to and fro over a
// socket pair and sleep in between. Half of a round trip is one wake-up, with one write and one read.

#include "client.h"

#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

static void pin(unsigned index) {
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed)) die("sched_getaffinity: %s", strerror(errno));
    unsigned seen = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || seen++ != index) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (pthread_setaffinity_np(pthread_self(), sizeof one, &one)) die("cannot pin on core %d", cpu);
        return;
    }
    die("two cores are needed");
}

static void *echo(void *argument) {
    int fd = *(int *)argument;
    char byte;
    pin(1);
    while (read(fd, &byte, 1) == 1)
        if (write(fd, &byte, 1) != 1) break;
    return NULL;
}

void run_wakeup(void) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) die("socketpair: %s", strerror(errno));
    pthread_t thread;
    if (pthread_create(&thread, NULL, echo, &pair[1])) die("no thread");
    pin(0);
    struct samples halves = {0};
    uint64_t warmup = options.items / 10;
    for (uint64_t i = 0; i < options.items + warmup; i++) {
        char byte = 0;
        uint64_t from = now_ns();
        if (write(pair[0], &byte, 1) != 1 || read(pair[0], &byte, 1) != 1) die("ping-pong: %s", strerror(errno));
        if (i >= warmup) samples_add(&halves, (now_ns() - from) / 2);
    }
    close(pair[0]);
    pthread_join(thread, NULL);
    printf("{\"items\":%" PRIu64, options.items);
    samples_print("latency", &halves);
    printf("}\n");
}
