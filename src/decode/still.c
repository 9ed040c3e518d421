#include "decode/still.h"

#include "base/hash.h"
#include "decode/avimage.h"
#include "decode/exif.h"
#include "decode/jpeg.h"
#include "decode/orient.h"
#include "decode/webp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct kind {
    vblip_status (*decode)(vb_image *out, const uint8_t *file, size_t size,
                           uint64_t max_pixels, vblip_error *err);
    const char *first, *second; // bytes at 0 and at `second_at`
    size_t first_size, second_size, second_at;
} kinds[] = {
    {vb_png_decode, "\x89PNG", "\r\n\x1A\n", 4, 4, 4},
    {vb_jpeg_decode, "\xFF\xD8", "\xFF", 2, 1, 2},
    {vb_webp_decode, "RIFF", "WEBP", 4, 4, 8},
    {vb_bmp_decode, "BM", "\0\0", 2, 2, 16}, // of the second header's size
};

// Pictures in boxes, by what follows their first eight bytes.
static const struct boxed {
    const char *brand, *name;
} boxed[] = {
    {"heic", "HEIC"}, {"heix", "HEIC"}, {"heim", "HEIC"}, {"heis", "HEIC"},
    {"hevc", "HEIC"}, {"hevx", "HEIC"}, {"mif1", "HEIF"}, {"msf1", "HEIF"},
    {"avif", "AVIF"}, {"avis", "AVIF"},
};

vblip_status vb_still_check(const uint8_t head[VB_STILL_HEAD], vblip_error *err)
{
    if (memcmp(head + 4, "ftyp", 4) != 0)
        return VBLIP_OK;
    for (size_t i = 0; i < sizeof boxed / sizeof *boxed; i++)
        if (memcmp(head + 8, boxed[i].brand, 4) == 0)
            return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                           "%s pictures are not read: convert them to JPEG or PNG",
                           boxed[i].name);
    return VBLIP_OK;
}

static const struct kind *still_kind(const uint8_t head[VB_STILL_HEAD])
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (memcmp(head, kinds[i].first, kinds[i].first_size) == 0 &&
            memcmp(head + kinds[i].second_at, kinds[i].second, kinds[i].second_size) ==
                0)
            return &kinds[i];
    return NULL;
}

bool vb_still_is(const uint8_t head[VB_STILL_HEAD])
{
    return still_kind(head) != NULL;
}

vblip_status vb_still_decode(vb_image *out, const uint8_t *file, size_t size,
                             uint64_t max_pixels, bool ignore_orientation,
                             vblip_error *err)
{
    *out = (vb_image){0};
    uint8_t head[VB_STILL_HEAD] = {0};
    memcpy(head, file, size < sizeof head ? size : sizeof head);
    const struct kind *kind = still_kind(head);
    if (!kind)
        return vb_fail(err, VBLIP_ERR_FORMAT, "not an image");
    VB_TRY(kind->decode(out, file, size, max_pixels, err));
    if (ignore_orientation)
        return VBLIP_OK;
    uint32_t orientation = vb_orientation_from_exif(vb_exif_orientation(file, size));
    vblip_status status = vb_orient_image(out, orientation, err);
    if (status != VBLIP_OK)
        vb_image_free(out);
    return status;
}

enum { MAX_BYTES = 1 << 30 }; // of an image file

// A file's bytes, malloc'd.
static vblip_status read_bytes(uint8_t **out, size_t *size, FILE *file,
                               vblip_error *err)
{
    struct stat st;
    *out = NULL;
    *size = 0;
    if (fstat(fileno(file), &st) != 0)
        return vb_fail_errno(err, NULL, errno);
    if (st.st_size > MAX_BYTES)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%jd bytes, at most %d are read",
                       (intmax_t)st.st_size, MAX_BYTES);
    size_t expected = (size_t)st.st_size;
    *out = malloc(expected + 1);
    if (!*out)
        return vb_fail_memory(err, "image file");
    *size = fread(*out, 1, expected, file);
    if (*size == expected)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_IO, "ends after %zu of %zu bytes", *size, expected);
}

vblip_status vb_still_read(vb_image *out, uint64_t *content, const char *path,
                           uint64_t max_pixels, bool ignore_orientation,
                           vblip_error *err)
{
    *out = (vb_image){0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return vb_fail_errno(err, NULL, errno);
    uint8_t *bytes;
    size_t size;
    vblip_status status = read_bytes(&bytes, &size, file, err);
    fclose(file);
    if (status == VBLIP_OK && content)
        *content = vb_hash_bytes(0, bytes, size);
    if (status == VBLIP_OK)
        status = vb_still_decode(out, bytes, size, max_pixels, ignore_orientation, err);
    free(bytes);
    return status;
}
