// cmd_watch.c - what comes to a folder, or in a stream, searched as it comes (cli.md 14).
#include "base/file.h"
#include "base/folder_watch.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/set.h"
#include "cli/cmd.h"
#include "cli/library.h"
#include "cli/watch_stream.h"
#include "terminal/interrupt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_EVENTS = 1000000 };

typedef struct watch_state {
    vb_folder_watch *folder;
    vb_set known;   // files that were looked at, or passed over: "SIZE WRITTEN PATH"
    vb_set watched; // hashes of what was searched
    cli_alarm alarm;
} watch_state;

static int watch_stopped(void *user)
{
    (void)user;
    return vb_interrupted();
}

static const char *watch_directory(const cli_session *s)
{
    return s->args->paths.items[0];
}

// ------------------------------------------------------------------------------- files

static int watch_on_hit(void *session, const vblip_hit *hit)
{
    cli_session *s = session;
    const char *slash = strrchr(hit->path, '/');
    const cli_event event = {
        .alert = s->texts.items[hit->query],
        .path = hit->path,
        .name = slash ? slash + 1 : hit->path,
        .timed = hit->timed,
        .start_us = hit->start_us,
        .end_us = hit->end_us,
        .p_match = hit->p_match,
        .itc = hit->itc,
        .score = hit->score,
    };
    if (!hit->reranked)
        return vb_interrupted();
    return cli_alarm_tell(s, &((watch_state *)s->state)->alarm, &event);
}

static vblip_status watch_search(cli_session *s, const char *path, vblip_error *err)
{
    const cli_args *a = s->args;
    const vblip_job job = cli_job(s);
    const vblip_retrieve_options ranking = {
        .job = &job,
        .top = MOST_EVENTS,
        .rerank = a->rerank == CLI_NOT_GIVEN ? VBLIP_RERANK_AUTO : (int32_t)a->rerank,
        .min_p = a->min_p,
    };
    const vblip_search_options options = {.retrieve = &ranking};
    vblip_library_options kept = cli_library_options(s);
    vblip_inputs *inputs;
    vblip_library *library = NULL;
    kept.data_dir = NULL;
    VB_TRY(vblip_inputs_open(&inputs, &path, 1, NULL, err));
    vblip_status status = vblip_library_open(&library, s->model, inputs, &kept, err);
    if (status == VBLIP_OK)
        status = vblip_library_retrieve(library, (const char *const *)s->texts.items,
                                        s->texts.count, &options, NULL, watch_on_hit, s,
                                        err);
    vblip_library_close(&library);
    vblip_inputs_close(&inputs);
    vb_console_bar_clear(&s->console);
    return status;
}

// Notes the file as it is now; whether it was so noted already is `before`. Of one that is
// not there nothing is noted.
static vblip_status watch_note(watch_state *state, const char *path, bool *before,
                               vblip_error *err)
{
    vb_file_facts facts;
    vb_string key = {0};
    *before = true;
    if (vb_file_look(&facts, path, NULL) != VBLIP_OK)
        return VBLIP_OK;
    vb_string_appendf(&key, "%" PRIu64 " %" PRId64 " %s", facts.size, facts.modified_ns,
                      path);
    const vb_seen seen =
        key.failed ? VB_SEEN_FAILED : vb_set_add(&state->known, key.bytes);
    vb_string_free(&key);
    *before = seen == VB_SEEN_BEFORE;
    return seen == VB_SEEN_FAILED ? vb_fail_memory(err, path) : VBLIP_OK;
}

// Searches the file unless that, or a copy of it, was done before.
static vblip_status watch_take_file(cli_session *s, const char *path, vblip_error *err)
{
    watch_state *state = s->state;
    bool before;
    uint64_t hash;
    char key[24];
    VB_TRY(watch_note(state, path, &before, err));
    if (before)
        return VBLIP_OK;
    const vblip_status status = vb_hash_file(&hash, path, watch_stopped, NULL, NULL);
    if (status == VBLIP_ERR_CANCELLED)
        return status;
    if (status == VBLIP_OK) { // else the search says what is wrong
        snprintf(key, sizeof key, "%016" PRIx64, hash);
        const vb_seen seen = vb_set_add(&state->watched, key);
        if (seen != VB_SEEN_NEW)
            return seen == VB_SEEN_BEFORE ? VBLIP_OK : vb_fail_memory(err, path);
    }
    return watch_search(s, path, err);
}

// Calls `fn` with what is in the directory now and may be read; `wanted` of these alone,
// NULL = all.
typedef vblip_status (*watch_file_fn)(cli_session *s, const char *path,
                                      vblip_error *err);
static vblip_status watch_each(cli_session *s, vb_set *wanted, watch_file_fn fn,
                               vblip_error *err)
{
    const vblip_inputs_options options = {
        .include = s->args->include.items,
        .exclude = s->args->exclude.items,
    };
    const char *const directory = watch_directory(s);
    vblip_inputs *inputs;
    VB_TRY(vblip_inputs_open(&inputs, &directory, 1, &options, err));
    vblip_status status = VBLIP_OK;
    for (uint32_t i = 0; i < vblip_inputs_count(inputs) && status == VBLIP_OK; i++) {
        const vblip_input *input = vblip_inputs_at(inputs, i);
        if (input->error ||
            (wanted && vb_set_add(wanted, input->path) != VB_SEEN_BEFORE))
            continue;
        status = vb_interrupted() ? VBLIP_ERR_CANCELLED : fn(s, input->path, err);
    }
    vblip_inputs_close(&inputs);
    return status;
}

static vblip_status watch_pass_over(cli_session *s, const char *path, vblip_error *err)
{
    bool before;
    return watch_note(s->state, path, &before, err);
}

// Waits for files and takes them.
static vblip_status watch_wait(cli_session *s, vblip_error *err)
{
    watch_state *state = s->state;
    vb_list paths = {0};
    vb_set wanted = {0};
    bool lost;
    vblip_status status =
        vb_folder_watch_next(state->folder, &paths, &lost, watch_stopped, NULL, err);
    for (uint32_t i = 0; i < paths.count && status == VBLIP_OK; i++)
        if (vb_set_add(&wanted, paths.items[i]) == VB_SEEN_FAILED)
            status = vb_fail_memory(err, "files");
    if (status == VBLIP_OK)
        status = watch_each(s, lost ? NULL : &wanted, watch_take_file, err);
    vb_set_free(&wanted);
    vb_list_free(&paths);
    return status;
}

// ------------------------------------------------------------------------- the command

// A picture in the directory would be searched for what it is a picture of.
static vblip_status check_thumbnails(const cli_session *s, vblip_error *err)
{
    vb_arena arena = {0};
    vb_list spellings = {0};
    const char *root;
    vblip_status status = vb_path_absolute(&root, &arena, watch_directory(s), err);
    if (status == VBLIP_OK)
        status = vb_path_spellings(&spellings, s->args->thumbnails, err);
    for (uint32_t i = 0; i < spellings.count && status == VBLIP_OK; i++)
        if (vb_path_below(root, spellings.items[i]))
            status = cli_misuse(err,
                                "--thumbnails %.200s: lies in %.200s, where each would "
                                "be a new image",
                                s->args->thumbnails, watch_directory(s));
    vb_list_free(&spellings);
    vb_arena_free(&arena);
    return status == VBLIP_OK ? vb_make_folders(s->args->thumbnails, err) : status;
}

// The directory is watched from here on, so that nothing is missed while the model loads.
static vblip_status cmd_watch_check(cli_session *s, vblip_error *err)
{
    watch_state *state = s->state;
    if (cli_watches_stream(s->args))
        return cli_watch_stream_check(s, err);
    VB_TRY(vb_folder_watch_open(&state->folder, watch_directory(s), err));
    if (s->args->thumbnails)
        VB_TRY(check_thumbnails(s, err));
    return s->args->watch_all ? VBLIP_OK : watch_each(s, NULL, watch_pass_over, err);
}

static vblip_status cmd_watch_run(cli_session *s, vblip_error *err)
{
    watch_state *state = s->state;
    cli_choose_calibration(s, s->args->frames, false);
    if (cli_watches_stream(s->args))
        return cli_watch_stream_run(s, &state->alarm, err);
    cli_alarm_say_watching(s, watch_directory(s));
    if (s->args->watch_all)
        VB_TRY(watch_each(s, NULL, watch_take_file, err));
    for (;;)
        VB_TRY(watch_wait(s, err));
}

// To be stopped is how it ends, but for standard input, which has an end.
static cli_exit cmd_watch_finish(cli_session *s, cli_exit code)
{
    const bool endless = strcmp(s->args->paths.items[0], "-") != 0;
    return endless && code == CLI_EXIT_INTERRUPTED ? CLI_EXIT_DONE : code;
}

cli_exit cli_cmd_watch(cli_session *s)
{
    const cli_task task = {
        .table = &cli_alarm_table,
        .needs = VBLIP_TASK_RETRIEVAL,
        .weights = "Salesforce/blip-itm-base-coco",
        .annotated = true, // its inputs are not there yet
        .check = cmd_watch_check,
        .run = cmd_watch_run,
        .finish = cmd_watch_finish,
    };
    watch_state state = {0};
    s->state = &state;
    const cli_exit code = cli_session_run(s, &task);
    vb_folder_watch_close(&state.folder);
    vb_set_free(&state.known);
    vb_set_free(&state.watched);
    cli_alarm_free(&state.alarm);
    return code;
}
