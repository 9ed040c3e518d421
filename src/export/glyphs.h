// glyphs.h - a small font: printable ASCII in 5 x 7 dots.
#ifndef VB_EXPORT_GLYPHS_H
#define VB_EXPORT_GLYPHS_H

#include "decode/image.h"

enum {
    VB_GLYPH_WIDTH = 5,
    VB_GLYPH_HEIGHT = 8, // with the row below the line
    VB_GLYPH_ADVANCE = 6
};

// Draws `text` in colour 0xRRGGBB with its upper left corner at (x, y), each dot `scale`
// pixels; what is not ASCII as a box, what does not fit in `width` pixels as "...".
void vb_draw_text(vb_image *image, uint32_t x, uint32_t y, uint32_t width,
                  uint32_t scale, uint32_t colour, const char *text);

void vb_draw_box(vb_image *image, uint32_t x, uint32_t y, uint32_t width,
                 uint32_t height, uint32_t colour);

#endif // VB_EXPORT_GLYPHS_H
