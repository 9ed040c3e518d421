// hit_rows.h - hits as `vblip retrieve -f jsonl` prints them, from whatever program.
#ifndef VB_FORMATS_HIT_ROWS_H
#define VB_FORMATS_HIT_ROWS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

// A row. Fields that are not named here are passed over.
typedef struct vb_hit_row {
    const char *path;         // NULL: of an input that failed, or of a blank line
    bool timed;               // has `start` and `end`; an image has not
    int64_t start_us, end_us; // `then_end` where there is one
    const char *query;        // NULL = not given
    uint32_t rank;            // 0 = not given
    bool judged;              // has `p_match`
    float p_match;
} vb_hit_row;

// Reads one line; strings live in the arena. `subject` ("line 3") begins messages.
VB_CHECKED vblip_status vb_hit_row_read(vb_hit_row *out, vb_arena *arena,
                                        const char *line, size_t size,
                                        const char *subject, vblip_error *err);

// Appends the members of a row that vb_hit_row_read took, but for those called as in `without`,
// which ends with NULL: as they are written, and with a comma behind each.
void vb_hit_row_copy(vb_string *out, const char *line, size_t size,
                     const char *const *without);

#endif // VB_FORMATS_HIT_ROWS_H
