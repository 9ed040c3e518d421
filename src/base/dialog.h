// dialog.h - a conversation about a picture, and candidates for its next answer
// (docs/dialog.md). Plain data: datasets read it, the model ranks the candidates.
#ifndef VB_BASE_DIALOG_H
#define VB_BASE_DIALOG_H

#include <stdint.h>

typedef struct vb_turn {
    const char *question, *answer;
} vb_turn;

typedef struct vb_dialog {
    const char *caption;  // NULL = none
    const vb_turn *turns; // before the question, oldest first
    uint32_t turn_count;
    const char *question;
    const char *const *candidates; // at least 1
    uint32_t candidate_count;
} vb_dialog;

#endif // VB_BASE_DIALOG_H
