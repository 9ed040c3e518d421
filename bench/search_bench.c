// search_bench.c - how long a search of an index takes, and to add a recording to it.
//
//     search_bench make INDEX VECTORS       the index of vectors [n, 256], f32 without a head
//     search_bench search INDEX QUERIES [--queries 1] [--best 100] [--runs 1]
//     search_bench add INDEX EMPTY [--runs 40]
//
// `search` opens the index and searches it some times; its times are of a process that
// stays, whoever starts it times one that does not. `add` adds a recording to INDEX and to
// EMPTY, which is made anew each time, in turn. Each prints one line of JSON.
#include "base/timing.h"
#include "index/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIMS = 256, RECORDING = 300 }; // segments of a recording
static const double segment_us = 4e6;

typedef struct search_settings {
    const char *index, *other;
    uint32_t queries, best, runs;
} search_settings;

static void *make_or_die(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        fprintf(stderr, "search_bench: no memory\n");
        exit(1);
    }
    return memory;
}

static vblip_status open_index_at(vb_index **out, const char *path, bool write,
                                  bool rebuild, vblip_error *err)
{
    return vb_index_open(out,
                         &(vb_index_options){.path = path,
                                             .root = "/films",
                                             .dims = DIMS,
                                             .write = write,
                                             .rebuild = rebuild},
                         err);
}

static vblip_status put_recording_of(vb_index *index, uint32_t number,
                                     const float *vectors, uint32_t count,
                                     vblip_error *err)
{
    char path[32];
    vb_segment segments[RECORDING];
    snprintf(path, sizeof path, "film %06u.mp4", (unsigned)number);
    for (uint32_t i = 0; i < count; i++)
        segments[i] =
            (vb_segment){(int64_t)(i * segment_us), (int64_t)((i + 1) * segment_us)};
    const vb_recording recording = {.path = path, .size = number + 1, .timed = true};
    return vb_index_put(index, &recording, segments, vectors, count, err);
}

// ------------------------------------------------------------------------- commands

static vblip_status make_index(const search_settings *s, vblip_error *err)
{
    vb_index *index = NULL;
    FILE *file = fopen(s->other, "rb");
    if (!file)
        return vb_fail(err, VBLIP_ERR_IO, "%s: cannot be opened", s->other);
    float *vectors = make_or_die((size_t)RECORDING * DIMS, sizeof *vectors);
    vblip_status status = open_index_at(&index, s->index, true, true, err);
    uint32_t recordings = 0;
    uint64_t segments = 0;
    const double start = vb_now_s();
    for (size_t got; status == VBLIP_OK &&
                     (got = fread(vectors, DIMS * sizeof *vectors, RECORDING, file));) {
        status = put_recording_of(index, recordings++, vectors, (uint32_t)got, err);
        segments += got;
    }
    vb_index_close(&index);
    printf("{\"name\": \"make\", \"recordings\": %u, \"segments\": %llu, "
           "\"seconds\": %.6f}\n",
           (unsigned)recordings, (unsigned long long)segments, vb_now_s() - start);
    free(vectors);
    fclose(file);
    return status;
}

static void print_times(const char *name, const double *times, uint32_t count)
{
    printf("\"%s\": [", name);
    for (uint32_t i = 0; i < count; i++)
        printf("%s%.6f", i ? ", " : "", times[i]);
    printf("]");
}

static void print_found(const vb_index_hit *hits, const uint32_t *found,
                        const search_settings *s)
{
    printf("\"segments\": [");
    for (uint32_t q = 0; q < s->queries; q++) {
        printf("%s[", q ? ", " : "");
        for (uint32_t i = 0; i < found[q]; i++)
            printf("%s%llu", i ? ", " : "",
                   (unsigned long long)hits[(size_t)q * s->best + i].segment);
        printf("]");
    }
    printf("]");
}

static vblip_status search_index(const search_settings *s, vblip_error *err)
{
    vb_index *index = NULL;
    const double start = vb_now_s();
    VB_TRY(open_index_at(&index, s->index, false, false, err));
    const double opened = vb_now_s() - start;
    float *vectors = make_or_die((size_t)s->queries * DIMS, sizeof *vectors);
    vb_index_hit *hits = make_or_die((size_t)s->queries * s->best, sizeof *hits);
    uint32_t *found = make_or_die(s->queries, sizeof *found);
    double *times = make_or_die(s->runs, sizeof *times);
    const vb_index_query query = {
        .vectors = vectors, .count = s->queries, .best = s->best};
    vblip_status status = VBLIP_OK;
    FILE *file = fopen(s->other, "rb");
    if (!file || fread(vectors, DIMS * sizeof *vectors, s->queries, file) != s->queries)
        status = vb_fail(err, VBLIP_ERR_IO, "%s: no %u queries", s->other,
                         (unsigned)s->queries);
    for (uint32_t run = 0; run < s->runs && status == VBLIP_OK; run++) {
        const double from = vb_now_s();
        status = vb_index_search(index, &query, hits, found, err);
        times[run] = vb_now_s() - from;
    }
    if (status == VBLIP_OK) {
        printf("{\"name\": \"search\", \"queries\": %u, \"open_s\": %.6f, ",
               (unsigned)s->queries, opened);
        print_times("seconds", times, s->runs);
        printf(", ");
        print_found(hits, found, s);
        printf("}\n");
    }
    if (file)
        fclose(file);
    free(times);
    free(found);
    free(hits);
    free(vectors);
    vb_index_close(&index);
    return status;
}

// Seconds of the transaction, and of opening, adding and closing.
static vblip_status add_once(double *put_s, double *whole_s, const char *path,
                             uint32_t number, const float *vectors, vblip_error *err)
{
    vb_index *index;
    const double start = vb_now_s();
    VB_TRY(open_index_at(&index, path, true, false, err));
    const double opened = vb_now_s();
    const vblip_status status =
        put_recording_of(index, number, vectors, RECORDING, err);
    *put_s = vb_now_s() - opened;
    vb_index_close(&index);
    *whole_s = vb_now_s() - start;
    return status;
}

static vblip_status remove_added(const char *path, uint32_t first, uint32_t count,
                                 vblip_error *err)
{
    vb_index *index;
    VB_TRY(open_index_at(&index, path, true, false, err));
    vblip_status status = VBLIP_OK;
    for (uint32_t i = 0; i < count && status == VBLIP_OK; i++) {
        char name[32];
        vb_recording there;
        snprintf(name, sizeof name, "film %06u.mp4", (unsigned)(first + i));
        status = vb_index_find(&there, index, name, err);
        if (status == VBLIP_OK && there.id)
            status = vb_index_remove(index, there.id, err);
    }
    vb_index_close(&index);
    return status;
}

static vblip_status add_recordings(const search_settings *s, vblip_error *err)
{
    enum { FIRST = 900000 }; // a number that no recording of `make` has
    float *vectors = make_or_die((size_t)RECORDING * DIMS, sizeof *vectors);
    double *times = make_or_die(4 * (size_t)s->runs, sizeof *times);
    double *to_full = times, *to_empty = times + s->runs;
    double *whole_full = to_empty + s->runs, *whole_empty = whole_full + s->runs;
    vblip_status status = VBLIP_OK;
    for (size_t i = 0; i < (size_t)RECORDING * DIMS; i++)
        vectors[i] = 0.0625F;
    for (uint32_t i = 0; i < s->runs && status == VBLIP_OK; i++) {
        vb_index *empty;
        status = open_index_at(&empty, s->other, true, true, err);
        vb_index_close(&empty);
        if (status == VBLIP_OK)
            status = add_once(&to_empty[i], &whole_empty[i], s->other, FIRST + i,
                              vectors, err);
        if (status == VBLIP_OK)
            status = add_once(&to_full[i], &whole_full[i], s->index, FIRST + i, vectors,
                              err);
    }
    if (status == VBLIP_OK)
        status = remove_added(s->index, FIRST, s->runs, err);
    if (status == VBLIP_OK) {
        printf("{\"name\": \"add\", ");
        print_times("put_s", to_full, s->runs);
        printf(", ");
        print_times("put_empty_s", to_empty, s->runs);
        printf(", ");
        print_times("whole_s", whole_full, s->runs);
        printf(", ");
        print_times("whole_empty_s", whole_empty, s->runs);
        printf("}\n");
    }
    free(times);
    free(vectors);
    return status;
}

// ------------------------------------------------------------------------- arguments

typedef struct bench_command {
    const char *name;
    vblip_status (*run)(const search_settings *s, vblip_error *err);
    uint32_t runs;
} bench_command;

static const bench_command commands[] = {
    {"make", make_index, 0}, {"search", search_index, 1}, {"add", add_recordings, 40}};

static bool take_number(search_settings *s, const char *name, const char *text)
{
    const struct {
        const char *name;
        uint32_t *at;
    } numbers[] = {
        {"--queries", &s->queries}, {"--best", &s->best}, {"--runs", &s->runs}};
    char *end;
    const unsigned long value = strtoul(text, &end, 10);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].at = (uint32_t)value;
            return value > 0 && value < 1000000 && !*end;
        }
    return false;
}

int main(int argc, char **argv)
{
    const bench_command *command = NULL;
    for (size_t i = 0; argc > 3 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            command = &commands[i];
    bool good = command && argc % 2 == 0;
    search_settings s = {
        .queries = 1, .best = 100, .runs = command ? command->runs : 0};
    for (int i = 4; good && i < argc; i += 2)
        good = take_number(&s, argv[i], argv[i + 1]);
    if (!good) {
        fprintf(stderr, "usage: search_bench make|search|add INDEX FILE "
                        "[--queries N] [--best N] [--runs N]\n");
        return 2;
    }
    s.index = argv[2];
    s.other = argv[3];
    vblip_error err = {0};
    const vblip_status status = command->run(&s, &err);
    if (status != VBLIP_OK)
        fprintf(stderr, "search_bench: %s\n", err.message);
    return status == VBLIP_OK ? 0 : 1;
}
