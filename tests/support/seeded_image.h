// seeded_image.h - the formula images of tests/golden/tools/SEEDED.md section 5.
#ifndef SUPPORT_SEEDED_IMAGE_H
#define SUPPORT_SEEDED_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

// Writes image(index, width, height, series) into `rgb` [height, width, 3].
void seeded_image(uint8_t *rgb, uint64_t index, uint32_t width, uint32_t height,
                  uint64_t series);

#endif // SUPPORT_SEEDED_IMAGE_H
