// fuzz_config.c - no config.json may crash, leak, or ask for more than its bounds.
#include "checkpoint/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

// What model code divides by and allocates from.
static void check_promises(const vb_config_file *c)
{
    const vb_vision_config *v = &c->vision;
    const vb_text_config *t = &c->text;
    must(v->heads && v->width % v->heads == 0 && v->width / v->heads % 16 == 0);
    must(t->heads && t->width % t->heads == 0 && t->width / t->heads % 16 == 0);
    must(v->width <= VB_MAX_WIDTH && t->width <= VB_MAX_WIDTH);
    must(v->width / v->heads <= VB_MAX_HEAD && t->width / t->heads <= VB_MAX_HEAD);
    must(v->layers && v->layers <= VB_MAX_LAYERS);
    must(t->layers && t->layers <= VB_MAX_LAYERS);
    must(v->mlp && v->mlp <= VB_MAX_MLP && t->mlp && t->mlp <= VB_MAX_MLP);
    must(v->patch_size && v->image_size && v->image_size % v->patch_size == 0);
    must(c->stored_size && c->stored_size % v->patch_size == 0);
    must(v->image_size <= VB_MAX_IMAGE && c->stored_size <= VB_MAX_IMAGE);
    must(t->positions >= 2 && t->positions <= VB_MAX_POSITIONS);
    must(t->vocabulary && t->vocabulary <= VB_MAX_VOCABULARY);
    must(c->projection && c->projection <= VB_MAX_WIDTH);
    must(v->eps > 0 && t->eps > 0);
    for (int i = 0; i < 3; i++)
        must(c->deviation[i] > 0 && c->mean[i] == c->mean[i]);
}

// A NUL splits the input: config.json, then preprocessor_config.json.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *split = size ? memchr(data, 0, size) : NULL;
    size_t first = split ? (size_t)(split - data) : size;
    size_t second = split ? size - first - 1 : 0;
    char *a = malloc(first ? first : 1); // exact sizes: ASan guards both ends
    char *b = malloc(second ? second : 1);
    if (a && b) {
        if (first)
            memcpy(a, data, first);
        if (second)
            memcpy(b, data + first + 1, second);
        vb_config_file c;
        if (vb_config_parse(&c, a, first, "c", NULL) == VBLIP_OK) {
            check_promises(&c);
            if (vb_config_parse_processor(&c, &(bool){0}, b, second, "p", NULL) ==
                VBLIP_OK)
                check_promises(&c);
        }
    }
    free(a);
    free(b);
    return 0;
}
