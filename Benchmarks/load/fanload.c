// Fanout
// SPDX-License-Identifier: Apache-2.0
//
// The load client. Each mode prints one JSON object.
//
//     fanload batches --socket S --model M --items N [--warmup N] [--batch B] [--in-flight K] [--connections C]
//     fanload bulk --socket S --model M --items N [--width W] [--read-rate R] [--interactive-us U] [--alone N]
//         [--rss-pid PID] [--class C] [--interactive-class C]
//     fanload hang --socket S --model M --items N --diary FILE --how cancel|close
//     fanload http (--socket S | --port P) --items N [--warmup N] [--width W]
//     fanload wakeup --items N
//     fanload completion
//
// and takes up to four `--watch NAME=PID,…`: processes whose CPU time and context switches over the measured items are
// told. It watches itself as `client`.

#include "client.h"

#include <signal.h>

struct options options = {.model = "plain", .connections = 1, .in_flight = 1, .batch = 1, .how = "cancel"};

static uint64_t number(const char *name, const char *value) {
    char *end;
    uint64_t result = strtoull(value, &end, 10);
    if (*end || end == value) die("%s wants a number, not %s", name, value);
    return result;
}

static void parse(int count, char **arguments) {
    for (int i = 2; i < count; i += 2) {
        const char *name = arguments[i];
        if (i + 1 == count) die("%s wants a value", name);
        char *value = arguments[i + 1];
        if (!strcmp(name, "--socket")) options.socket = value;
        else if (!strcmp(name, "--model")) options.model = value;
        else if (!strcmp(name, "--diary")) options.diary = value;
        else if (!strcmp(name, "--how")) options.how = value;
        else if (!strcmp(name, "--port")) options.port = (int)number(name, value);
        else if (!strcmp(name, "--connections")) options.connections = (unsigned)number(name, value);
        else if (!strcmp(name, "--in-flight")) options.in_flight = (unsigned)number(name, value);
        else if (!strcmp(name, "--width")) options.width = (unsigned)number(name, value);
        else if (!strcmp(name, "--class")) options.class = (unsigned)number(name, value);
        else if (!strcmp(name, "--interactive-class")) options.interactive_class = (unsigned)number(name, value);
        else if (!strcmp(name, "--items")) options.items = number(name, value);
        else if (!strcmp(name, "--warmup")) options.warmup = number(name, value);
        else if (!strcmp(name, "--batch")) options.batch = number(name, value);
        else if (!strcmp(name, "--read-rate")) options.read_rate = number(name, value);
        else if (!strcmp(name, "--interactive-us")) options.interactive_us = number(name, value);
        else if (!strcmp(name, "--alone")) options.alone = number(name, value);
        else if (!strcmp(name, "--rss-pid")) options.rss_pid = number(name, value);
        else if (!strcmp(name, "--watch")) {
            if (options.watch_count == 4) die("at most three --watch");
            watch_parse(&options.watches[options.watch_count++], value);
        } else {
            die("unknown option %s", name);
        }
    }
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    const char *mode = count > 1 ? arguments[1] : "";
    options.watches[0] = (struct watch){.name = "client", .pids = {getpid()}, .count = 1};
    options.watch_count = 1;
    parse(count, arguments);
    if (!strcmp(mode, "completion")) {
        struct bytes body = {0};
        put_completion(&body);
        fwrite(body.at, 1, body.count, stdout);
        return 0;
    }
    if (!options.items) die("--items is missing");
    if (!options.socket && !options.port && strcmp(mode, "wakeup")) die("--socket is missing");
    if (!strcmp(mode, "batches")) run_batches();
    else if (!strcmp(mode, "bulk")) run_bulk();
    else if (!strcmp(mode, "hang")) run_hang();
    else if (!strcmp(mode, "http")) run_http();
    else if (!strcmp(mode, "wakeup")) run_wakeup();
    else die("unknown mode '%s': batches, bulk, hang, http, wakeup or completion", mode);
    return 0;
}
