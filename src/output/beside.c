#include "output/beside.h"

#include "base/set.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

typedef struct plan {
    vb_beside *out;
    const char *const *paths;
    const vb_beside_options *options;
    vb_set inputs, names; // keys of those that came before
    vblip_error *err;
} plan;

// "folder/clip" of "folder/clip.mp4".
static size_t stem_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return dot && dot > name ? (size_t)(dot - path) : strlen(path);
}

// A thumbnail beside a video: it will have no subtitles, and leaves the name free.
bool vb_beside_is_image(const char *path)
{
    static const char *const known[] = {".png", ".jpg", ".jpeg", ".webp", ".bmp"};
    const char *extension = path + stem_size(path);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasecmp(extension, known[i]) == 0)
            return true;
    return false;
}

static vb_seen add_key(vb_set *set, const char *path,
                       bool (*write_key)(vb_string *out, const char *path))
{
    vb_string key = {0};
    const vb_seen seen =
        write_key(&key, path) ? vb_set_add(set, key.bytes) : VB_SEEN_FAILED;
    vb_string_free(&key);
    return seen;
}

static bool add_ending(vb_string *name, const vb_beside_options *o, const char *path)
{
    return o->copy_extension
               ? vb_string_appendf(name, "%s%s", VB_COPY_MARK, o->copy_extension(path))
               : vb_string_appendf(name, ".%s", o->extension);
}

bool vb_beside_is_copy(const char *path)
{
    const size_t mark = strlen(VB_COPY_MARK), size = stem_size(path);
    return size > mark && strncmp(path + size - mark, VB_COPY_MARK, mark) == 0;
}

// The first name that no other input has, in `name`: without the extension of `path`,
// else with it.
static vblip_status choose_name(plan *p, const char *path, vb_string *name)
{
    const size_t sizes[] = {stem_size(path), strlen(path)};
    for (size_t i = 0; i < 2; i++) {
        vb_string_clear(name);
        vb_string_append(name, path, sizes[i]);
        const vb_seen seen = add_ending(name, p->options, path)
                                 ? add_key(&p->names, name->bytes, vb_file_key)
                                 : VB_SEEN_FAILED;
        if (seen == VB_SEEN_FAILED)
            return vb_fail_memory(p->err, path);
        if (seen == VB_SEEN_NEW)
            return VBLIP_OK;
    }
    return vb_fail(p->err, VBLIP_ERR_ARGUMENT,
                   "%.200s: its subtitles would be those of another input: "
                   "%.200s",
                   path, name->bytes);
}

static bool is_there(const char *name)
{
    struct stat info;
    return strcmp(name, "-") != 0 && stat(name, &info) == 0;
}

vblip_status vb_beside_check_free(const char *name, vblip_error *err)
{
    if (!is_there(name))
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_ARGUMENT,
                   "%.400s: exists; --overwrite (-y) replaces it", name);
}

static vblip_status plan_name(plan *p, uint32_t input, const char *path)
{
    vb_string name = {0};
    vblip_status status = choose_name(p, path, &name);
    if (status == VBLIP_OK)
        status = vb_read_files_refuse(p->options->read, name.bytes, name.bytes, p->err);
    if (status == VBLIP_OK && p->options->skip_existing)
        p->out->there[input] = is_there(name.bytes);
    else if (status == VBLIP_OK && !p->options->overwrite && !vb_beside_is_image(path))
        status = vb_beside_check_free(name.bytes, p->err);
    if (status != VBLIP_OK)
        vb_string_free(&name);
    p->out->names[input] = name.bytes;
    return status;
}

static vblip_status plan_input(plan *p, uint32_t input, const char *path)
{
    if (p->options->standard_input && strcmp(path, p->options->standard_input) == 0) {
        p->out->names[input] = strdup("-");
        return p->out->names[input] ? VBLIP_OK : vb_fail_memory(p->err, path);
    }
    switch (add_key(&p->inputs, path, vb_name_key)) {
    case VB_SEEN_NEW:
        return plan_name(p, input, path);
    case VB_SEEN_BEFORE:
        return vb_fail(p->err, VBLIP_ERR_ARGUMENT,
                       "%.400s: given twice; it can have subtitles once", path);
    case VB_SEEN_FAILED:
        break;
    }
    return vb_fail_memory(p->err, path);
}

// Videos take their names before images do.
static vblip_status plan_all(plan *p)
{
    for (int images = 0; images < 2; images++)
        for (uint32_t i = 0; i < p->out->count; i++)
            if (p->paths[i] && vb_beside_is_image(p->paths[i]) == images)
                VB_TRY(plan_input(p, i, p->paths[i]));
    return VBLIP_OK;
}

vblip_status vb_beside_plan(vb_beside *out, const char *const *paths, uint32_t count,
                            const vb_beside_options *options, vblip_error *err)
{
    plan p = {.out = out, .paths = paths, .options = options, .err = err};
    *out = (vb_beside){.names = calloc(count ? count : 1, sizeof *out->names),
                       .there = calloc(count ? count : 1, sizeof *out->there),
                       .count = count};
    vblip_status status =
        out->names && out->there ? plan_all(&p) : vb_fail_memory(err, "subtitles");
    vb_set_free(&p.inputs);
    vb_set_free(&p.names);
    if (status != VBLIP_OK)
        vb_beside_free(out);
    return status;
}

void vb_beside_free(vb_beside *beside)
{
    for (uint32_t i = 0; beside->names && i < beside->count; i++)
        free(beside->names[i]);
    free(beside->names);
    free(beside->there);
    *beside = (vb_beside){0};
}

void vb_beside_keep(vb_beside *beside, const bool *keep)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < beside->count; i++) {
        if (!keep[i]) {
            free(beside->names[i]);
            continue;
        }
        beside->there[kept] = beside->there[i];
        beside->names[kept++] = beside->names[i];
    }
    beside->count = kept;
}
