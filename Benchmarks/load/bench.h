// Fanout
// SPDX-License-Identifier: Apache-2.0
//
// What the programs of the benchmark share: time, samples, growing bytes, protobuf by hand, the texts, and the CPU time
// and context switches of other processes.

#ifndef FANOUT_BENCH_H
#define FANOUT_BENCH_H

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES 900
// A number of this many digits stands at the start of every prompt, so that no two prompts are equal and nothing can be
// cached or shared.
#define NUMBER_DIGITS 8

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static inline void *grow(void *pointer, size_t bytes) {
    void *grown = realloc(pointer, bytes ? bytes : 1);
    if (!grown) die("out of memory (%zu bytes)", bytes);
    return grown;
}

// CLOCK_MONOTONIC is one clock for all processes of the machine, so instants of two of them can be compared.
static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void sleep_ns(uint64_t ns) {
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    nanosleep(&t, NULL);
}

// ---- samples

struct samples {
    uint64_t *values;
    size_t count, capacity;
    bool sorted;
};

static inline void samples_add(struct samples *s, uint64_t value) {
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 4096;
        s->values = grow(s->values, s->capacity * sizeof *s->values);
    }
    s->values[s->count++] = value;
    s->sorted = false;
}

static inline int samples_compare(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

// The q-quantile in microseconds; 0 of nothing.
static inline double samples_us(struct samples *s, double q) {
    if (!s->count) return 0;
    if (!s->sorted) qsort(s->values, s->count, sizeof *s->values, samples_compare);
    s->sorted = true;
    size_t at = (size_t)(q * (double)(s->count - 1) + 0.5);
    return (double)s->values[at] / 1000.0;
}

static inline void samples_print(const char *name, struct samples *s) {
    printf(
        ",\"%s\":{\"count\":%zu,\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.2f}", name, s->count,
        samples_us(s, 0.5), samples_us(s, 0.9), samples_us(s, 0.99), samples_us(s, 1)
    );
}

// ---- bytes

struct bytes {
    uint8_t *at;
    size_t count, capacity;
    // Bytes before this one are consumed.
    size_t start;
};

static inline void bytes_reserve(struct bytes *b, size_t more) {
    if (b->count + more <= b->capacity) return;
    if (b->start) {
        memmove(b->at, b->at + b->start, b->count - b->start);
        b->count -= b->start;
        b->start = 0;
        if (b->count + more <= b->capacity) return;
    }
    size_t capacity = b->capacity ? b->capacity : 4096;
    while (capacity < b->count + more) capacity *= 2;
    b->at = grow(b->at, capacity);
    b->capacity = capacity;
}

static inline void bytes_put(struct bytes *b, const void *from, size_t count) {
    bytes_reserve(b, count);
    memcpy(b->at + b->count, from, count);
    b->count += count;
}

static inline void bytes_consume(struct bytes *b, size_t count) {
    b->start += count;
    if (b->start == b->count) b->start = b->count = 0;
}

static inline size_t bytes_left(const struct bytes *b) { return b->count - b->start; }

// ---- protobuf by hand

static inline void put_varint(struct bytes *b, uint64_t value) {
    uint8_t out[10];
    size_t n = 0;
    while (value >= 128) out[n++] = (uint8_t)(value | 128), value >>= 7;
    out[n++] = (uint8_t)value;
    bytes_put(b, out, n);
}

static inline void put_number(struct bytes *b, unsigned field, uint64_t value) {
    put_varint(b, field << 3);
    put_varint(b, value);
}

static inline void put_bytes(struct bytes *b, unsigned field, const void *from, size_t count) {
    put_varint(b, field << 3 | 2);
    put_varint(b, count);
    bytes_put(b, from, count);
}

static inline void put_message(struct bytes *b, unsigned field, struct bytes *message) {
    put_bytes(b, field, message->at, message->count);
    free(message->at);
    *message = (struct bytes){0};
}

// Ids of frames have five bytes as minimal varints, so that they can be patched in place: 2^28 to 2^35.
#define FIRST_ID ((uint64_t)1 << 28)
#define ID_BYTES 5

static inline void patch_id(uint8_t *at, uint64_t id) {
    for (int i = 0; i < ID_BYTES - 1; i++) at[i] = (uint8_t)(id | 128), id >>= 7;
    at[ID_BYTES - 1] = (uint8_t)id;
}

static inline void patch_length(uint8_t *at, size_t length) {
    at[0] = (uint8_t)(length >> 24), at[1] = (uint8_t)(length >> 16);
    at[2] = (uint8_t)(length >> 8), at[3] = (uint8_t)length;
}

static inline size_t read_length(const uint8_t *at) {
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

// A field of a message; `bytes` and `count` for wire type 2, `number` else.
struct field {
    unsigned number_of;
    unsigned type;
    uint64_t number;
    const uint8_t *bytes;
    size_t count;
};

static inline bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *value) {
    uint64_t result = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        result |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *value = result;
            return true;
        }
    }
    return false;
}

// False at the end; dies on nonsense, for which the daemon or the fake is to blame.
static inline bool read_field(const uint8_t **at, const uint8_t *end, struct field *f) {
    if (*at >= end) return false;
    uint64_t tag;
    if (!read_varint(at, end, &tag)) die("a broken tag from the peer");
    f->number_of = (unsigned)(tag >> 3);
    f->type = tag & 7;
    switch (f->type) {
    case 0:
        if (!read_varint(at, end, &f->number)) die("a broken varint from the peer");
        return true;
    case 1: *at += 8; break;
    case 5: *at += 4; break;
    case 2: {
        uint64_t count;
        if (!read_varint(at, end, &count) || count > (uint64_t)(end - *at)) die("a broken length from the peer");
        f->bytes = *at;
        f->count = (size_t)count;
        *at += count;
        return true;
    }
    default: die("wire type %u from the peer", f->type);
    }
    if (*at > end) die("a broken fixed field from the peer");
    return true;
}

// ---- texts

static inline void put_number_digits(char *at, uint64_t number) {
    for (int i = NUMBER_DIGITS - 1; i >= 0; i--) at[i] = (char)('0' + number % 10), number /= 10;
}

// Prose of TEXT_BYTES bytes: `#`, the number's digits, a blank, then sentences with a line break about every 100 bytes
// and a few quotation marks, since the texts of models have what JSON must escape.
static inline void make_text(char *text, uint64_t number) {
    static const char prose[] =
        "The daemon takes a batch of requests from a socket, sends each one to a model as soon as a lane is free,\n"
        "and hands every answer back the moment it is final. A reader may call that \"completion order\", and is right.\n"
        "Nothing waits for the slowest item, nothing is asked twice without need, and the summary comes last.\n";
    text[0] = '#';
    put_number_digits(text + 1, number);
    text[1 + NUMBER_DIGITS] = ' ';
    for (size_t i = 2 + NUMBER_DIGITS, j = 0; i < TEXT_BYTES; i++, j++) text[i] = prose[j % (sizeof prose - 1)];
}

static inline void put_string(struct bytes *b, const char *string) { bytes_put(b, string, strlen(string)); }

static inline void put_json_text(struct bytes *b, const char *text, size_t count) {
    put_string(b, "\"");
    for (size_t i = 0; i < count; i++) {
        if (text[i] == '\n') put_string(b, "\\n");
        else if (text[i] == '"') put_string(b, "\\\"");
        else bytes_put(b, text + i, 1);
    }
    put_string(b, "\"");
}

// A chat completion in OpenAI's form whose text has TEXT_BYTES bytes.
static inline void put_completion(struct bytes *b) {
    char text[TEXT_BYTES];
    make_text(text, 0);
    put_string(
        b, "{\"id\":\"chatcmpl-bench0001\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"bench\","
           "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
    );
    put_json_text(b, text, TEXT_BYTES);
    put_string(
        b, ",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":210,"
           "\"completion_tokens\":205,\"total_tokens\":415},\"system_fingerprint\":\"fp_bench\"}"
    );
}

// ---- other processes

#define THREADS_MAX 64
#define PIDS_MAX 16

struct usage {
    uint64_t cpu_ns, voluntary, involuntary;
    size_t threads;
    struct {
        int tid;
        char name[20];
        uint64_t cpu_ns, voluntary, involuntary;
    } thread[THREADS_MAX];
};

static inline bool read_text(const char *path, char *buffer, size_t size) {
    FILE *file = fopen(path, "r");
    if (!file) return false;
    size_t n = fread(buffer, 1, size - 1, file);
    fclose(file);
    buffer[n] = 0;
    return true;
}

static inline uint64_t status_number(const char *status, const char *key) {
    const char *at = strstr(status, key);
    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

// Adds the threads of a process. CPU time is that of the scheduler, in nanoseconds, not sampled by ticks.
static inline void usage_add(struct usage *u, int pid) {
    char path[300], text[4096];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *directory = opendir(path);
    if (!directory) die("no process %d to watch", pid);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.' || u->threads == THREADS_MAX) continue;
        size_t i = u->threads;
        u->thread[i].tid = atoi(entry->d_name);
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, entry->d_name);
        if (!read_text(path, text, sizeof text)) continue;
        u->thread[i].cpu_ns = strtoull(text, NULL, 10);
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", pid, entry->d_name);
        if (!read_text(path, text, sizeof text)) continue;
        u->thread[i].voluntary = status_number(text, "\nvoluntary_ctxt_switches:");
        u->thread[i].involuntary = status_number(text, "\nnonvoluntary_ctxt_switches:");
        snprintf(u->thread[i].name, sizeof u->thread[i].name, "%.*s", (int)strcspn(text + 6, "\n"), text + 6);
        for (char *c = u->thread[i].name; *c; c++)
            if (*c == '"' || *c == '\\' || (unsigned char)*c < 32) *c = '?';
        u->cpu_ns += u->thread[i].cpu_ns;
        u->voluntary += u->thread[i].voluntary;
        u->involuntary += u->thread[i].involuntary;
        u->threads++;
    }
    closedir(directory);
}

// A named set of processes, from `NAME=PID,PID,…`.
struct watch {
    const char *name;
    int pids[PIDS_MAX];
    size_t count;
    struct usage before, after;
};

static inline void watch_parse(struct watch *w, char *argument) {
    char *equals = strchr(argument, '=');
    if (!equals) die("--watch wants NAME=PID,…");
    *equals = 0;
    w->name = argument;
    for (char *pid = strtok(equals + 1, ","); pid && w->count < PIDS_MAX; pid = strtok(NULL, ","))
        w->pids[w->count++] = atoi(pid);
}

static inline void watch_take(struct watch *w, struct usage *u) {
    memset(u, 0, sizeof *u);
    for (size_t i = 0; i < w->count; i++) usage_add(u, w->pids[i]);
}

// A thread that ended in between took its counts with it.
static inline uint64_t risen(uint64_t before, uint64_t after) { return after > before ? after - before : 0; }

static inline void watch_print(struct watch *w) {
    struct usage *a = &w->before, *b = &w->after;
    printf(
        "\"%s\":{\"cpu_us\":%.1f,\"voluntary\":%" PRIu64 ",\"involuntary\":%" PRIu64 ",\"threads\":[", w->name,
        (double)risen(a->cpu_ns, b->cpu_ns) / 1000.0, risen(a->voluntary, b->voluntary),
        risen(a->involuntary, b->involuntary)
    );
    for (size_t i = 0; i < b->threads; i++) {
        uint64_t cpu = b->thread[i].cpu_ns, voluntary = b->thread[i].voluntary;
        for (size_t j = 0; j < a->threads; j++)
            if (a->thread[j].tid == b->thread[i].tid)
                cpu -= a->thread[j].cpu_ns, voluntary -= a->thread[j].voluntary;
        printf(
            "%s{\"name\":\"%s\",\"cpu_us\":%.1f,\"voluntary\":%" PRIu64 "}", i ? "," : "", b->thread[i].name,
            (double)cpu / 1000.0, voluntary
        );
    }
    printf("]}");
}

// ---- the hanging upstream's diary: a file that upstream and client map

#define DIARY_ENTRIES 100000
struct diary {
    struct {
        _Atomic uint64_t seen_ns, closed_ns;
    } request[DIARY_ENTRIES];
};

#endif
