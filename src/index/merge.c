// merge.c - the recordings of one index, put into another.
#include "index/index.h"

#include "base/text.h"

// A recording of the index that is read, and where it goes.
typedef struct merge_step {
    vb_recording recording; // its texts are below
    vb_string path, error;  // in the index that is read
    vb_string target;       // path in the other
} merge_step;

static void merge_step_free(merge_step *step)
{
    vb_string_free(&step->path);
    vb_string_free(&step->error);
    vb_string_free(&step->target);
}

// The recording behind step->path. What is found is valid until the next call: its texts
// are copied. Its id is 0 behind the last.
static vblip_status merge_advance(merge_step *step, vb_index *from, const char *prefix,
                                  vblip_error *err)
{
    vb_recording *r = &step->recording;
    VB_TRY(vb_index_find_after(r, from, step->path.bytes, err));
    if (!r->id)
        return VBLIP_OK;
    vb_string_clear(&step->path);
    vb_string_clear(&step->error);
    vb_string_clear(&step->target);
    vb_string_puts(&step->path, r->path);
    vb_string_puts(&step->error, r->error ? r->error : "");
    vb_string_appendf(&step->target, "%s%s", prefix, r->path);
    if (step->path.failed || step->error.failed || step->target.failed)
        return vb_fail_memory(err, vb_index_path(from));
    r->path = step->target.bytes;
    r->error = r->error ? step->error.bytes : NULL;
    return VBLIP_OK;
}

// Whether `came` is to stand where `there` does.
static bool is_better(const vb_recording *came, const vb_recording *there)
{
    if (!there->id)
        return true;
    if (!came->error != !there->error)
        return !came->error;
    return came->modified_ns > there->modified_ns;
}

// Of what could not be read the content is not known.
static bool is_other_file(const vb_recording *came, const vb_recording *there)
{
    return there->id &&
           (came->size != there->size ||
            (!came->error && !there->error && came->content != there->content));
}

static vblip_status merge_put(vb_index *index, vb_index *from, const merge_step *step,
                              vblip_error *err)
{
    vb_found found;
    VB_TRY(vb_index_read(&found, from, step->recording.id, err));
    const vblip_status status = vb_index_put(index, &step->recording, found.segments,
                                             found.vectors, found.count, err);
    vb_found_free(&found);
    return status;
}

static vblip_status merge_one(vb_index *index, vb_index *from, const merge_step *step,
                              vb_merged *out, vblip_error *err)
{
    const vb_recording *came = &step->recording;
    vb_recording there;
    VB_TRY(vb_index_find(&there, index, came->path, err));
    *out = (vb_merged){
        .path = came->path,
        .differs = is_other_file(came, &there),
        .taken = is_better(came, &there),
    };
    return out->taken ? merge_put(index, from, step, err) : VBLIP_OK;
}

vblip_status vb_index_merge(vb_index *index, vb_index *from, const char *prefix,
                            vb_merged_fn fn, void *user, vblip_error *err)
{
    merge_step step = {0};
    vb_merged merged;
    vblip_status status = vb_string_puts(&step.path, "")
                              ? VBLIP_OK
                              : vb_fail_memory(err, vb_index_path(from));
    while (status == VBLIP_OK) {
        status = merge_advance(&step, from, prefix, err);
        if (status != VBLIP_OK || !step.recording.id)
            break;
        status = merge_one(index, from, &step, &merged, err);
        if (status == VBLIP_OK)
            status = fn(user, &merged, err);
    }
    merge_step_free(&step);
    return status;
}
