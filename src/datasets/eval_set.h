// eval_set.h - an annotated data set: what is said, and the files it is said of.
#ifndef VB_DATASETS_EVAL_SET_H
#define VB_DATASETS_EVAL_SET_H

#include "datasets/annotations.h"

// All-zero is empty.
typedef struct vb_eval_set {
    vb_arena arena;   // owns what follows
    const char *name; // of the file of annotations, for messages
    vb_annotations annotations;
    vblip_input *inputs; // the videos and images, each once, as they first appear
    uint32_t input_count;
    uint32_t (*media)[2]; // [annotations], inputs; the second of statements alone
    uint32_t *order;      // [annotations], those of one input after another
    uint32_t *first; // [inputs + 1], where the annotations of each begin in `order`
} vb_eval_set;

// Parses annotations; the paths of the inputs are the names they have there.
VB_CHECKED vblip_status vb_eval_set_parse(vb_eval_set *out, const char *text,
                                          size_t size, vb_annotation_kind kind,
                                          const char *name, vblip_error *err);

// Turns names into paths below `folder`. A name without the extension of a video or
// image is tried with each, .mp4 first; a number N as videoN, vidN and N. What is not
// there keeps the name that was tried first. Absolute names stay.
VB_CHECKED vblip_status vb_eval_set_locate(vb_eval_set *set, const char *folder,
                                           vblip_error *err);

// Both, from the file at `path`. `folder` NULL = the one the file is in.
VB_CHECKED vblip_status vb_eval_set_load(vb_eval_set *out, const char *path,
                                         vb_annotation_kind kind, const char *folder,
                                         vblip_error *err);

// The images of a folder and below, to be captioned: their numbers are in their names.
VB_CHECKED vblip_status vb_eval_set_list(vb_eval_set *out, const char *folder,
                                         vblip_error *err);

void vb_eval_set_free(vb_eval_set *set);

// The annotations of input `i`: set->order[set->first[i]] and on, this many.
static inline uint32_t vb_eval_set_count(const vb_eval_set *set, uint32_t i)
{
    return set->first[i + 1] - set->first[i];
}

// The failure of a set some of whose files could not be read: metrics would lie.
VB_CHECKED vblip_status vb_eval_set_check(const vb_eval_set *set, uint32_t unreadable,
                                          vblip_error *err);

#endif // VB_DATASETS_EVAL_SET_H
