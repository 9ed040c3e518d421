// fuzz_annotations.c - no annotation file may crash, leak, or give what its kind lacks.
#include "datasets/annotations.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_promises(const vb_annotations *all, vb_annotation_kind kind)
{
    size_t bytes = 0;
    must(all->count && all->items);
    for (uint32_t i = 0; i < all->count; i++) {
        const vb_annotation *a = &all->items[i];
        must(a->at && a->media[0] && a->media[0][0]);
        must((a->media[1] != NULL) == (kind == VB_ANNOTATED_STATEMENTS));
        must(a->media[1] == NULL || a->media[1][0]);
        must(kind == VB_ANNOTATED_IMAGES ? !a->text_count : a->text_count > 0);
        must(kind == VB_ANNOTATED_CAPTIONS || a->text_count <= 1);
        must((a->expected != NULL) ==
             (kind == VB_ANNOTATED_ANSWERS || kind == VB_ANNOTATED_STATEMENTS ||
              kind == VB_ANNOTATED_MATCHES));
        must(a->has_id ==
             (kind == VB_ANNOTATED_IMAGES || kind == VB_ANNOTATED_QUESTIONS));
        for (uint32_t t = 0; t < a->text_count; t++)
            bytes += strlen(a->texts[t]);
        bytes += strlen(a->media[0]) + (a->expected ? strlen(a->expected) : 0);
    }
    must(bytes < SIZE_MAX);
}

// The first byte chooses the kind.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const unsigned kind = data[0] % (VB_ANNOTATION_KINDS + 1u);
    char *copy = malloc(size); // exact size: ASan guards its end
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    vb_arena arena = {0};
    vb_annotations all;
    const char *const *answers;
    uint32_t count;
    if (kind == VB_ANNOTATION_KINDS) {
        if (vb_answers_parse(&answers, &count, &arena, copy, size - 1, "f", NULL) ==
            VBLIP_OK)
            for (uint32_t i = 0; i < count; i++)
                must(strlen(answers[i]) < size);
    } else if (vb_annotations_parse(&all, &arena, copy, size - 1,
                                    (vb_annotation_kind)kind, "f", NULL) == VBLIP_OK)
        check_promises(&all, (vb_annotation_kind)kind);
    vb_arena_free(&arena);
    free(copy);
    return 0;
}
