// library.h - what the files of a library share: its stamp, and where its inputs belong.
#ifndef VB_API_LIBRARY_H
#define VB_API_LIBRARY_H

#include "api/objects.h"
#include "base/arena.h"
#include "video_tasks/indexing.h"

// What vectors depend on: the same facts in the same order for every index. Points into
// itself.
enum { VB_STAMP_FACTS = 7, VB_STAMP_SEGMENTS = 3, VB_STAMP_VALUE = VB_SEGMENTING_TEXT };
typedef struct vb_stamp {
    char values[VB_STAMP_FACTS][VB_STAMP_VALUE];
    vb_index_fact facts[VB_STAMP_FACTS];
} vb_stamp;

struct vblip_library {
    vblip_model *model;
    const vblip_inputs *inputs;
    vb_arena arena; // every string and list below
    vb_stamp stamp;
    vb_segmenting segmenting;
    vblip_library_options options;
    vb_shelf *shelves; // [shelf_count]
    uint32_t shelf_count;
    vb_tokens *tokens;    // NULL = none
    vb_matches *matches;  // NULL = none
    uint64_t match_stamp; // 0: not known yet
    vb_place *places;     // [inputs]
    vb_listed *listed;    // [listed_count]
    uint32_t listed_count;
    uint64_t unkept; // files of folders whose index could not be made

    // Without inputs: all recordings of the index that was named, which is not written.
    bool as_it_is;
    vblip_input *recordings; // [recording_count], by their paths; places are theirs
    uint32_t recording_count;
};

// What is brought up to date, or searched; `setup` must stay valid beside it.
vb_indexing vb_library_indexing(vblip_library *library, vb_setup *setup);

// ------------------------------------------------------------------ library_stamp.c

// Of vectors that `model` makes of segments of so many frames.
VB_CHECKED vblip_status vb_stamp_make(vb_stamp *out, const vblip_model *model,
                                      uint32_t frames, const vb_segmenting *segmenting,
                                      vblip_error *err);

// A hash of what ITM logits depend on beside the visual tokens: the tensors that ITM reads,
// the vocabulary, and how texts are read. Never 0.
VB_CHECKED vblip_status vb_match_stamp_make(uint64_t *out, vblip_model *model,
                                            vblip_error *err);

// That which an index was made with. *whole is false, and some values are empty, where it
// lacks one: it has no default name.
VB_CHECKED vblip_status vb_stamp_read(vb_stamp *out, bool *whole, vb_index *index,
                                      vblip_error *err);

uint64_t vb_stamp_hash(const vb_stamp *stamp, uint64_t seed);

// The file in the data folder that is for a root and a stamp: NAME-HASH.index.
enum { VB_DEFAULT_NAME = 72 };
void vb_default_name(char out[VB_DEFAULT_NAME], const char *root,
                     const vb_stamp *stamp);

// ----------------------------------------------------------------- library_places.c

// Opens the indexes of a library, and says to which each input belongs.
VB_CHECKED vblip_status vb_library_place(vblip_library *library, vblip_error *err);

#endif // VB_API_LIBRARY_H
