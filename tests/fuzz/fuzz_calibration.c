// fuzz_calibration.c - no calibration.json may crash, leak, or give what no probability can be
// made of; what is accepted is written and read again as the same.
#include "video_tasks/calibration_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_promises(const vblip_calibration *c)
{
    must(c->temperature > 0 && isfinite(c->temperature) && isfinite(c->bias));
    must(c->matches <= c->pairs && c->frames && c->image_size && !c->path);
    must(c->compat == VBLIP_COMPAT_SALESFORCE || c->compat == VBLIP_COMPAT_HF);
    vb_string text = {0};
    vblip_calibration again;
    vb_calibration_write(&text, c);
    if (!text.failed) {
        must(vb_calibration_parse(&again, text.bytes, text.size, "f", NULL) ==
             VBLIP_OK);
        must(again.temperature == c->temperature && again.bias == c->bias &&
             again.model == c->model && again.itm_cls == c->itm_cls);
    }
    vb_string_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1); // exact size: ASan guards its end
    vblip_calibration c;
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    if (vb_calibration_parse(&c, copy, size, "f", NULL) == VBLIP_OK)
        check_promises(&c);
    free(copy);
    return 0;
}
