#include "cli/searching.h"

#include "cli/date.h"
#include "cli/library.h"
#include "terminal/interrupt.h"

static const float DEFAULT_WITHIN_S = 60;

uint32_t cli_search_needs(const cli_args *args)
{
    const bool pictures = args->like.count || args->unlike.count;
    return args->rerank && !pictures ? VBLIP_TASK_RETRIEVAL : VBLIP_TASK_ITC;
}

vblip_status cli_search_read(cli_search *search, cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    const float weight = a->weight > 0 ? a->weight : 1;
    const struct {
        const cli_words *words;
        float weight;
    } kinds[] = {{&a->like, weight}, {&a->unlike, -weight}};
    search->examples = VB_ARENA_NEW(&search->arena, vblip_example,
                                    a->like.count + a->unlike.count + 1);
    if (!search->examples)
        return vb_fail_memory(err, "examples");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (uint32_t i = 0; i < kinds[k].words->count; i++)
            VB_TRY(cli_example_read(&search->examples[search->example_count++],
                                    &search->arena, kinds[k].words->items[i],
                                    kinds[k].weight, err));
    return VBLIP_OK;
}

static int64_t date_ns(const char *typed, bool last)
{
    cli_date date;
    return typed && cli_date_read(&date, typed) ? cli_date_ns(&date, last) : 0;
}

static vblip_search_options search_options(const cli_search *search, const cli_args *a,
                                           const vblip_retrieve_options *ranking)
{
    const float within_s = a->within_s > 0 ? a->within_s : DEFAULT_WITHIN_S;
    return (vblip_search_options){
        .retrieve = ranking,
        .examples = search->examples,
        .example_count = search->example_count,
        .then = a->then,
        .within_us = a->then ? (int64_t)((double)within_s * 1e6) : 0,
        .by_recording = a->by != 0,
        .same = a->dedupe,
        .offset = a->offset,
        .since_ns = date_ns(a->since, false),
        .until_ns = date_ns(a->until, true),
        .include = a->paths.count || a->list ? NULL : a->include.items,
        .exclude = a->paths.count || a->list ? NULL : a->exclude.items,
    };
}

vblip_status cli_search_run(cli_search *search, cli_session *s, vblip_hit_fn fn,
                            vblip_error *err)
{
    const cli_args *a = s->args;
    const vblip_job job = cli_job(s);
    const vblip_retrieve_options ranking = {
        .job = &job,
        .top = a->top,
        .rerank = a->rerank == CLI_NOT_GIVEN ? VBLIP_RERANK_AUTO
                  : a->rerank                ? (int32_t)a->rerank
                                             : -1,
        .min_p = a->min_p,
    };
    const vblip_library_options kept = cli_library_options(s);
    const vblip_search_options options = search_options(search, a, &ranking);
    vblip_library *library;
    if (a->rerank && !search->example_count)
        cli_choose_calibration(s, a->frames, false);
    VB_TRY(vblip_library_open(&library, s->model, s->inputs, &kept, err));
    const vblip_status status =
        vblip_library_retrieve(library, (const char *const *)s->texts.items,
                               s->texts.count, &options, &search->changes, fn, s, err);
    vblip_library_close(&library);
    return status;
}

cli_exit cli_search_finish(const cli_search *search, cli_session *s, uint64_t hits,
                           cli_exit code)
{
    if (!s->args->no_index)
        cli_say_changes(s, &search->changes);
    bool stopped = s->failed && s->args->fail_fast;
    bool done = (code == CLI_EXIT_DONE || code == CLI_EXIT_SOME_FAILED) && !stopped;
    if (!done || hits || s->out.error)
        return code;
    if (!s->args->quiet)
        vb_console_line(&s->console, "no match");
    return code == CLI_EXIT_DONE && s->args->exit_status ? CLI_EXIT_NO_MATCH : code;
}

int cli_collect_hit(const cli_session *s, cli_moments *moments, const vblip_hit *hit,
                    vblip_error *err)
{
    const uint32_t q = hit->query;
    const char *query = q < s->texts.count ? s->texts.items[q] : NULL;
    return cli_moments_add(moments, hit, query, s->args->then != NULL, err) !=
               VBLIP_OK ||
           vb_interrupted();
}

void cli_say_images(cli_session *s, uint32_t images)
{
    if (images)
        vb_console_warn(&s->console, "%u hit%s left out: an image has no moments",
                        images, images > 1 ? "s are" : " is");
}

void cli_search_free(cli_search *search)
{
    vb_arena_free(&search->arena);
    *search = (cli_search){0};
}
