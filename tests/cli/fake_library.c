// fake_library.c - the part of the fake library behind vblip_library.h: a library is its
// inputs, and finds what vblip_retrieve does.
#include "cli/fake_vblip.h"

#include <stdlib.h>

struct vblip_library {
    vblip_model *model;
    const vblip_inputs *inputs;
    const char *index;
};

vblip_status vblip_library_open(vblip_library **out, vblip_model *model,
                                const vblip_inputs *inputs,
                                const vblip_library_options *options, vblip_error *err)
{
    *out = NULL;
    if (fake_has(options->index, "locked") && options->write)
        return fake_fail(err, VBLIP_ERR_IO, "%s: another vblip writes it",
                         options->index);
    const vblip_input *first = vblip_inputs_at(inputs, 0);
    if (options->write && !options->index && fake_has(first->path, "alone"))
        return fake_fail(err, VBLIP_ERR_ARGUMENT, "%s: kept in no index", first->path);
    *out = calloc(1, sizeof **out);
    if (!*out)
        return fake_fail(err, VBLIP_ERR_MEMORY, "library: out of memory");
    **out = (vblip_library){model, inputs, options->index};
    return VBLIP_OK;
}

void vblip_library_close(vblip_library **library)
{
    free(*library);
    *library = NULL;
}

vblip_status vblip_library_update(vblip_library *library, const vblip_job *job,
                                  vblip_index_changes *changes, vblip_error *err)
{
    (void)job;
    (void)err;
    *changes = (vblip_index_changes){
        .added = vblip_inputs_count(library->inputs), .unchanged = 7, .segments = 9};
    return VBLIP_OK;
}

vblip_status vblip_library_retrieve(vblip_library *library, const char *const *queries,
                                    uint32_t count, const vblip_search_options *options,
                                    vblip_index_changes *changes, vblip_hit_fn fn,
                                    void *user, vblip_error *err)
{
    static const char *const pictures[] = {"pictures"};
    *changes =
        (vblip_index_changes){.waiting = fake_has(library->index, "locked") ? 2 : 0};
    if (count == 0) {
        queries = pictures;
        count = options->example_count != 0;
    }
    return vblip_retrieve(library->model, library->inputs, queries, count,
                          options->retrieve, fn, user, err);
}

// "broken" in its name: it is damaged.
static vblip_status fake_check_index(const char *path, vblip_error *err)
{
    if (fake_has(path, "broken"))
        return fake_fail(err, VBLIP_ERR_FORMAT, "%s: block 3 is damaged", path);
    return VBLIP_OK;
}

vblip_status vblip_index_describe(const char *path, vblip_index_info_fn fn, void *user,
                                  vblip_error *err)
{
    const vblip_index_info info = {path, "/films", 12, 1, 34, 5678};
    const vblip_status status = fake_check_index(path, err);
    if (status != VBLIP_OK)
        return status;
    return fn(user, &info) ? fake_cancelled(err) : VBLIP_OK;
}

vblip_status vblip_library_describe(vblip_library *library, vblip_index_info_fn fn,
                                    void *user, vblip_error *err)
{
    return vblip_index_describe(library->index ? library->index : "films.index", fn,
                                user, err);
}

vblip_status vblip_index_list(const char *path, vblip_index_recording_fn fn, void *user,
                              vblip_error *err)
{
    static const vblip_index_recording all[] = {
        {"a.mp4", 100, NULL},
        {"b.mp4", 200, "not a video or image"},
    };
    const vblip_status status = fake_check_index(path, err);
    for (size_t i = 0; status == VBLIP_OK && i < 2; i++)
        if (fn(user, &all[i]))
            return fake_cancelled(err);
    return status;
}

vblip_status vblip_index_each(const char *data_dir, const char *path,
                              vblip_index_path_fn fn, void *user, vblip_error *err)
{
    (void)data_dir;
    if (fake_has(path, "never"))
        return VBLIP_OK;
    if (fn(user, "films.index") || (!path && fn(user, "broken.index")))
        return fake_cancelled(err);
    return VBLIP_OK;
}

vblip_status vblip_index_export(const char *path, vblip_index_segment_fn fn, void *user,
                                vblip_error *err)
{
    static const float vectors[3][2] = {{0.5f, -0.25f}, {1, 0}, {0, 1e-9f}};
    const vblip_index_segment segments[] = {
        {0, 3, "/films/a\tb.mp4", true, 0, 1500000, vectors[0], 2},
        {1, 3, "/films/a\tb.mp4", true, 1500000, 3000000, vectors[1], 2},
        {2, 3, "/films/c,d.png", false, 0, 0, vectors[2], 2},
    };
    const vblip_status status = fake_check_index(path, err);
    for (size_t i = 0; status == VBLIP_OK && i < 3 && !fake_has(path, "empty"); i++) {
        if (i && fake_has(path, "torn"))
            return fake_fail(err, VBLIP_ERR_FORMAT, "%s: block 4 is damaged", path);
        if (fn(user, &segments[i]))
            return fake_cancelled(err);
    }
    return status;
}

vblip_status vblip_index_verify(const char *path, vblip_error *err)
{
    return fake_check_index(path, err);
}

// An index has three recordings of each path that is not "never".
vblip_status vblip_index_remove(const char *index, const char *const *paths,
                                uint32_t count, uint64_t *removed, vblip_error *err)
{
    const vblip_status status = fake_check_index(index, err);
    for (uint32_t i = 0; status == VBLIP_OK && i < count; i++)
        removed[i] = fake_has(paths[i], "never") ? 0 : 3;
    return status;
}

vblip_status vblip_index_remap(const char *index, const char *from, const char *to,
                               vblip_index_remapped_fn fn, void *user, vblip_error *err)
{
    const vblip_index_remapped told = {"moved.index", to, index, from};
    const vblip_status status = fake_check_index(index, err);
    if (status != VBLIP_OK || fake_has(from, "never"))
        return status;
    return fn(user, &told) ? fake_cancelled(err) : VBLIP_OK;
}

vblip_status vblip_index_merge(const char *path, const char *const *indexes,
                               uint32_t count, bool replace, vblip_merged_fn fn,
                               void *user, vblip_error *err)
{
    if (fake_has(path, "there") && !replace)
        return fake_fail(err, VBLIP_ERR_ARGUMENT, "%s: is there already", path);
    for (uint32_t i = 0; i < count; i++) {
        const vblip_merged told = {"a.mp4", indexes[i], i > 0, i == 1};
        const vblip_status status = fake_check_index(indexes[i], err);
        if (status != VBLIP_OK)
            return status;
        if (fn(user, &told))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}
