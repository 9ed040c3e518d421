// journal.h - the pairs that `vblip filter` has finished: a file that grows pair by pair
// beside the result, so that a run that was killed goes on where it stopped.
//
// The first line says which run it belongs to. Then come, for each pair, its rows and a
// line "#NUMBER WEB SYNTHETIC" that ends them: `k` for a text that was kept, `d` for one
// that was dropped, `!` for a pair that could not be read. What stands after the last
// such line belongs to a pair that was not finished, and is cut off.
#ifndef VB_OUTPUT_JOURNAL_H
#define VB_OUTPUT_JOURNAL_H

#include "base/outfile.h"
#include "base/text.h"

#include <stdio.h>

// All-zero is closed.
typedef struct vb_journal {
    FILE *stream;
    char *path;
    uint64_t last; // the last pair that is finished; 0 = none
    uint64_t pairs, web_kept, synthetic_kept, failed;
} vb_journal;

// Opens OUTPUT.partial and reads what is finished. One that belongs to another run than
// `stamp` (no newline) or is damaged is refused with VBLIP_ERR_ARGUMENT, one that another
// process has open with VBLIP_ERR_IO.
vblip_status vb_journal_open(vb_journal *journal, const char *output, const char *stamp,
                             vblip_error *err);

// Adds a finished pair: `rows`, whole lines, and how it ended. False on failure.
bool vb_journal_add(vb_journal *journal, uint64_t pair, const vb_string *rows,
                    bool failed, bool web_kept, bool synthetic_kept);

// Writes all rows to `output`, which then appears whole, and removes the journal.
vblip_status vb_journal_finish(vb_journal *journal, const char *output,
                               vblip_error *err);

// Removes the file: nothing in it is worth keeping.
void vb_journal_discard(vb_journal *journal);

// The file stays.
void vb_journal_close(vb_journal *journal);

#endif // VB_OUTPUT_JOURNAL_H
