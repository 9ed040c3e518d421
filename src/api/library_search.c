// library_search.c - the exported function that searches a library.
#include "api/library.h"

#include "video_tasks/retrieve.h"

#include <math.h>

static vblip_status check_examples(const vblip_search_options *o, uint32_t count,
                                   vblip_error *err)
{
    bool any_like = false;
    VB_TRY(vb_need(!o->example_count || o->examples, "examples", err));
    for (uint32_t i = 0; i < o->example_count; i++) {
        const vblip_example *e = &o->examples[i];
        if (!e->path || !*e->path)
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "examples: number %u has no path",
                           (unsigned)i + 1);
        if (!isfinite(e->weight) || e->weight == 0.0f)
            return vb_fail(err, VBLIP_ERR_ARGUMENT,
                           "%s: weight %g, expected a number other than 0", e->path,
                           (double)e->weight);
        if (e->start_us < 0 || (e->end_us && e->end_us <= e->start_us))
            return vb_fail(err, VBLIP_ERR_ARGUMENT,
                           "%s: from %.3f to %.3f s is no part of it", e->path,
                           (double)e->start_us * 1e-6, (double)e->end_us * 1e-6);
        any_like = any_like || e->weight > 0.0f;
    }
    if (o->example_count && !count && !any_like)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "examples: none that hits are to be like, and no query");
    return VBLIP_OK;
}

// What does not go together, and numbers that mean nothing.
static vblip_status check_search(const vblip_search_options *o, uint32_t count,
                                 vblip_error *err)
{
    const vblip_retrieve_options *r = o->retrieve;
    const struct {
        bool bad;
        const char *message;
    } rules[] = {
        {o->example_count && (r->rerank > 0 || r->min_p > 0.0f),
         "examples: ITM is not asked about pictures; rerank 0, -1 or -2 and no min_p "
         "are "
         "allowed"},
        {o->example_count && o->then, "then: not allowed together with examples"},
        {o->within_us < 0, "within_us: below 0"},
        {o->within_us && !o->then, "within_us: only allowed with `then`"},
        {!(o->same >= 0.0f && o->same <= 1.0f),
         "same: a cosine from 0 to 1 is expected"},
        {o->since_ns && o->until_ns && o->until_ns < o->since_ns,
         "until_ns: before since_ns"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad)
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s", rules[i].message);
    if (o->then)
        VB_TRY(vb_check_texts(&o->then, 1, "then", err));
    return check_examples(o, count, err);
}

vblip_status vblip_library_retrieve(vblip_library *library, const char *const *queries,
                                    uint32_t count, const vblip_search_options *options,
                                    vblip_index_changes *changes, vblip_hit_fn fn,
                                    void *user, vblip_error *err)
{
    vb_setup s;
    vblip_search_options o;
    vblip_retrieve_options r;
    vblip_index_changes ignored;
    vb_error_reset(err);
    VB_TRY(vb_need(library != NULL, "library", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_take_options(&o, sizeof o, options, "search", err));
    VB_TRY(vb_take_options(&r, sizeof r, o.retrieve, "retrieve", err));
    VB_TRY(vb_take_job(&s.job, &r.job, err));
    o.retrieve = &r;
    VB_TRY(check_search(&o, count, err));
    if (!library->as_it_is && (o.include || o.exclude))
        return vb_fail(
            err, VBLIP_ERR_ARGUMENT,
            "include, exclude: only allowed without inputs, which have their "
            "own");
    VB_TRY(vb_check_retrieve(&r, err));
    if (count || !o.example_count)
        VB_TRY(vb_check_texts(queries, count, "queries", err));
    const bool itc = r.rerank == -1 || o.example_count;
    VB_TRY(vb_check_task(library->model, itc ? VBLIP_TASK_ITC : VBLIP_TASK_RETRIEVAL,
                         r.job, err));
    if (library->matches && !library->match_stamp && !itc)
        VB_TRY(vb_match_stamp_make(&library->match_stamp, library->model, err));
    vb_indexing in = vb_library_indexing(library, &s);
    if (!itc)
        VB_TRY(vb_calibration_choose(&s.task.calibration, library->model, in.frames,
                                     false, err));
    vblip_index_changes *told = changes ? changes : &ignored;
    const vblip_status status =
        vb_task_search(&in, queries, count, &o, told, fn, user, err);
    told->unkept = library->unkept;
    return status;
}
