// index_merge.c - the exported function that joins indexes.
#include "api/objects.h"

#include "base/path.h"
#include "video_tasks/job.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FACTS = 32 };

// What vectors of an index depend on.
typedef struct merge_stamp {
    vb_index_fact facts[MOST_FACTS]; // by name, in the arena
    uint32_t count;
} merge_stamp;

typedef struct index_merge {
    const char *const *indexes; // [count]
    uint32_t count;
    vblip_merged_fn fn;
    void *user;

    vb_arena arena;
    char *target;      // the file that is made, links followed
    char *partial;     // where it is made
    char *root;        // of the new index
    merge_stamp stamp; // of all indexes
    vb_index *into;
    const char *from; // the index that is read
} index_merge;

// ------------------------------------------------------------------------------ stamps

typedef struct stamp_reading {
    merge_stamp *stamp;
    vb_arena *arena;
    const char *path;
} stamp_reading;

static vblip_status keep_fact(void *user, const vb_index_fact *fact, vblip_error *err)
{
    stamp_reading *reading = user;
    merge_stamp *stamp = reading->stamp;
    if (stamp->count == MOST_FACTS)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: damaged: more than %d facts",
                       reading->path, MOST_FACTS);
    vb_index_fact *kept = &stamp->facts[stamp->count++];
    kept->name = vb_arena_string(reading->arena, fact->name, strlen(fact->name));
    kept->value = vb_arena_string(reading->arena, fact->value, strlen(fact->value));
    return kept->name && kept->value ? VBLIP_OK : vb_fail_memory(err, reading->path);
}

static const char *value_of(const merge_stamp *stamp, const char *name)
{
    for (uint32_t i = 0; i < stamp->count; i++)
        if (strcmp(stamp->facts[i].name, name) == 0)
            return stamp->facts[i].value;
    return "unknown";
}

// Refuses an index that lacks a fact of `stamp`, or has another value.
static vblip_status check_facts(const merge_stamp *stamp, const merge_stamp *other,
                                const char *path, const char *other_path,
                                vblip_error *err)
{
    for (uint32_t i = 0; i < stamp->count; i++) {
        const vb_index_fact *fact = &stamp->facts[i];
        const char *value = value_of(other, fact->name);
        if (strcmp(fact->value, value) != 0)
            return vb_fail(err, VBLIP_ERR_FORMAT,
                           "%s: made with %s %s, %s with %s; only indexes that were "
                           "made alike are merged",
                           other_path, fact->name, value, path, fact->value);
    }
    return VBLIP_OK;
}

// ------------------------------------------------------------------- what is read first

// Of an index that is open: its stamp is that of the first, and its root widens the new.
static vblip_status survey_open_index(index_merge *m, vb_index *index, bool first,
                                      vblip_error *err)
{
    merge_stamp own = {0};
    stamp_reading reading = {first ? &m->stamp : &own, &m->arena, m->from};
    char *root;
    VB_TRY(vb_index_each_fact(index, keep_fact, &reading, err));
    VB_TRY(vb_index_root(&root, &m->arena, index, err));
    if (first) {
        m->root = root;
        return VBLIP_OK;
    }
    vb_path_widen(m->root, root);
    VB_TRY(check_facts(&m->stamp, &own, m->indexes[0], m->from, err));
    return check_facts(&own, &m->stamp, m->from, m->indexes[0], err);
}

static vblip_status refuse_itself(const index_merge *m, vb_arena *arena,
                                  vblip_error *err)
{
    const char *absolute;
    VB_TRY(vb_path_absolute(&absolute, arena, m->from, err));
    if (strcmp(absolute, m->target) != 0)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_ARGUMENT,
                   "%s: is merged, so it is not replaced; name another file", m->from);
}

static vblip_status survey_indexes(index_merge *m, vblip_error *err)
{
    for (uint32_t i = 0; i < m->count; i++) {
        vb_index *index;
        m->from = m->indexes[i];
        VB_TRY(vb_index_open(&index, &(vb_index_options){.path = m->from}, err));
        vblip_status status = survey_open_index(m, index, i == 0, err);
        if (status == VBLIP_OK)
            status = refuse_itself(m, &m->arena, err);
        vb_index_close(&index);
        if (status != VBLIP_OK)
            return status;
    }
    return VBLIP_OK;
}

// The file that `path` names, links followed, and a name beside it for the time until it
// is whole.
static vblip_status name_files(index_merge *m, const char *path, vblip_error *err)
{
    const char *real = path;
    bool there;
    VB_TRY(vb_path_exists(&there, path, err));
    if (there)
        VB_TRY(vb_path_absolute(&real, &m->arena, path, err));
    const char *folder = vb_path_folder(&m->arena, real), *slash = strrchr(real, '/');
    vb_string name = {0};
    vb_string_appendf(&name, ".%s.merging", slash ? slash + 1 : real);
    m->target = vb_arena_string(&m->arena, real, strlen(real));
    m->partial =
        folder && !name.failed ? vb_path_join(&m->arena, folder, name.bytes) : NULL;
    vb_string_free(&name);
    return m->target && m->partial ? VBLIP_OK : vb_fail_memory(err, path);
}

// --------------------------------------------------------------------------- merging

static vblip_status tell_merged(void *user, const vb_merged *merged, vblip_error *err)
{
    const index_merge *m = user;
    const vblip_merged told = {
        .path = merged->path,
        .index = m->from,
        .differs = merged->differs,
        .taken = merged->taken,
    };
    return m->fn(m->user, &told) ? vb_fail_cancelled(err) : VBLIP_OK;
}

// Opens an index as it is now, with the stamp that it had.
static vb_index_options options_of(const index_merge *m, vb_index_fact *facts)
{
    vb_index_options options = {.stamp = facts};
    for (uint32_t i = 0; i < m->stamp.count; i++)
        if (strcmp(m->stamp.facts[i].name, "dims") == 0)
            options.dims = (uint32_t)strtoul(m->stamp.facts[i].value, NULL, 10);
        else
            facts[options.stamp_count++] = m->stamp.facts[i];
    return options;
}

static vblip_status merge_open_index(index_merge *m, vb_index *index, vblip_error *err)
{
    vb_string prefix = {0};
    char *root;
    VB_TRY(vb_index_snapshot(index, err));
    VB_TRY(vb_index_root(&root, &m->arena, index, err));
    const char *below = vb_path_below(m->root, root);
    if (!below)
        return vb_fail(err, VBLIP_ERR_IO, "%s: its root changed meanwhile; try again",
                       m->from);
    vb_string_appendf(&prefix, "%s%s", below, *below ? "/" : "");
    const vblip_status status =
        prefix.failed
            ? vb_fail_memory(err, m->from)
            : vb_index_merge(m->into, index, prefix.bytes, tell_merged, m, err);
    vb_string_free(&prefix);
    return status;
}

static vblip_status merge_indexes(index_merge *m, vblip_error *err)
{
    vb_index_fact facts[MOST_FACTS];
    vb_index_options options = options_of(m, facts);
    for (uint32_t i = 0; i < m->count; i++) {
        vb_index *index;
        options.path = m->from = m->indexes[i];
        VB_TRY(vb_index_open(&index, &options, err));
        const vblip_status status = merge_open_index(m, index, err);
        vb_index_close(&index);
        if (status != VBLIP_OK)
            return status;
    }
    return VBLIP_OK;
}

static vblip_status make_merged(index_merge *m, bool replace, vblip_error *err)
{
    vb_index_fact facts[MOST_FACTS];
    vb_index_options options = options_of(m, facts);
    options.path = m->partial;
    options.root = m->root;
    options.write = options.rebuild = true;
    VB_TRY(vb_index_open(&m->into, &options, err));
    vblip_status status = merge_indexes(m, err);
    if (status == VBLIP_OK)
        status = vb_index_move(&m->into, m->target, replace, err);
    vb_index_discard(&m->into);
    return status;
}

// Before all is read for nothing.
static vblip_status check_target(const index_merge *m, bool replace, vblip_error *err)
{
    bool there;
    VB_TRY(vb_path_exists(&there, m->target, err));
    if (there && !replace)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%s: is there already; --overwrite replaces an index",
                       m->target);
    return vb_index_check_free(m->target, replace, err);
}

static vblip_status run_merge(index_merge *m, const char *path, bool replace,
                              vblip_error *err)
{
    VB_TRY(name_files(m, path, err));
    VB_TRY(survey_indexes(m, err));
    VB_TRY(check_target(m, replace, err));
    return make_merged(m, replace, err);
}

vblip_status vblip_index_merge(const char *path, const char *const *indexes,
                               uint32_t count, bool replace, vblip_merged_fn fn,
                               void *user, vblip_error *err)
{
    index_merge m = {.indexes = indexes, .count = count, .fn = fn, .user = user};
    vb_error_reset(err);
    VB_TRY(vb_need(path && *path, "path", err));
    VB_TRY(vb_need(indexes && count, "indexes", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    for (uint32_t i = 0; i < count; i++)
        VB_TRY(vb_need(indexes[i] && *indexes[i], "an index", err));
    const vblip_status status = run_merge(&m, path, replace, err);
    vb_arena_free(&m.arena);
    return status;
}
