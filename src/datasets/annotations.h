// annotations.h - what data sets say of their images and videos, as they are distributed.
//
// A file is a JSON list of objects, or JSON Lines: one object a line, blank lines
// skipped. One table (annotations.c) says which keys each kind of file has.
#ifndef VB_DATASETS_ANNOTATIONS_H
#define VB_DATASETS_ANNOTATIONS_H

#include "base/arena.h"
#include "base/error.h"

typedef enum vb_annotation_kind {
    VB_ANNOTATED_CAPTIONS,   // retrieval: a video or image and its captions
    VB_ANNOTATED_ANSWERS,    // a video or image, a question, the answer
    VB_ANNOTATED_IMAGES,     // images to caption, and their numbers
    VB_ANNOTATED_QUESTIONS,  // VQA: an image, a question and its number
    VB_ANNOTATED_STATEMENTS, // NLVR2: two images, a sentence, True or False
    VB_ANNOTATED_PAIRS,      // CapFilt: a video or image and its caption
    VB_ANNOTATED_MATCHES,    // the same, and whether they match
    VB_ANNOTATION_KINDS,
} vb_annotation_kind;

// One object. Fields that its kind does not have are zero.
typedef struct vb_annotation {
    uint32_t at;              // line, or place in the list, from 1
    const char *media[2];     // names, never empty; the second of statements alone
    bool is_image;            // the name stood under a key of images
    bool is_number;           // the name of a video was a number: 7010 for video7010
    const char *const *texts; // captions, the question or the statement
    uint32_t text_count;      // captions: at least 1
    const char *expected;     // answer; of statements and matches "True" or "False"
    bool has_id;
    uint64_t id; // the number of the image or question
} vb_annotation;

typedef struct vb_annotations {
    vb_annotation *items; // at least 1
    uint32_t count;
    bool listed; // a JSON list: `at` counts entries, not lines
} vb_annotations;

// Parses `size` bytes; everything in `out` lives in `arena`. Messages begin with
// "SUBJECT:LINE: ", or "SUBJECT: entry N: ".
VB_CHECKED vblip_status vb_annotations_parse(vb_annotations *out, vb_arena *arena,
                                             const char *text, size_t size,
                                             vb_annotation_kind kind,
                                             const char *subject, vblip_error *err);

// Parses candidate answers: a JSON list of strings, or one a line, blank lines skipped.
VB_CHECKED vblip_status vb_answers_parse(const char *const **out, uint32_t *count,
                                         vb_arena *arena, const char *text, size_t size,
                                         const char *subject, vblip_error *err);

// The number at the end of an image's name, before its extension, as COCO names them:
// "val2014/COCO_val2014_000000391895.jpg". False when there is none.
bool vb_number_in_name(uint64_t *out, const char *name);

#endif // VB_DATASETS_ANNOTATIONS_H
