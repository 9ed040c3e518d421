#include "decode/jpeg.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h> // after jpeglib.h, whose macros decide on the codes

// libjpeg reports an error by a function that must not return; ours jumps. The struct
// belongs to the caller of the function that calls setjmp: what changes in it before
// the jump still counts after it.
typedef struct jpeg_reader {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    vblip_status status; // after the jump
    vblip_error *err;
    vb_image image;
    char warning[VB_WARNING];
} jpeg_reader;

static void jpeg_fail(j_common_ptr codec)
{
    jpeg_reader *r = codec->client_data;
    char words[JMSG_LENGTH_MAX];
    codec->err->format_message(codec, words);
    if (codec->err->msg_code == JERR_OUT_OF_MEMORY)
        r->status = vb_fail_memory(r->err, "image");
    else
        r->status = vb_fail(r->err, VBLIP_ERR_FORMAT, "JPEG image: %s", words);
    longjmp(r->failed, 1);
}

// Warnings that end the reading, as PIL ends it where a file is cut; and those that a file
// could bring about without end. All others leave a picture, damaged as it may be, that
// PIL shows as well.
static bool is_damage(int code)
{
    return code == JWRN_JPEG_EOF || code == JWRN_BOGUS_PROGRESSION;
}

// Warnings that are not about what is shown.
static bool is_harmless(int code)
{
    return code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM;
}

// A negative level is a warning, others are news. The first warning is kept.
static void jpeg_warn(j_common_ptr codec, int level)
{
    jpeg_reader *r = codec->client_data;
    const int code = codec->err->msg_code;
    char words[JMSG_LENGTH_MAX];
    if (level >= 0 || is_harmless(code))
        return;
    if (is_damage(code))
        jpeg_fail(codec);
    if (r->warning[0])
        return;
    codec->err->format_message(codec, words);
    snprintf(r->warning, sizeof r->warning, "damaged, shown all the same: %s", words);
}

// One row of PIL's convert("RGB"), of CMYK that is stored inverted.
static void cmyk_to_rgb(uint8_t *rgb, const uint8_t *cmyk, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++, cmyk += 4, rgb += 3)
        for (int c = 0; c < 3; c++) {
            uint32_t product = (255U - cmyk[c]) * cmyk[3] + 128;
            uint32_t ink = ((product >> 8) + product) >> 8;
            rgb[c] = (uint8_t)(cmyk[3] > ink ? cmyk[3] - ink : 0);
        }
}

static void read_rows(jpeg_reader *r)
{
    j_decompress_ptr codec = &r->codec;
    bool is_cmyk = codec->out_color_space == JCS_CMYK;
    JSAMPARRAY cmyk = NULL; // one row, freed with the codec
    if (is_cmyk)
        cmyk = codec->mem->alloc_sarray((j_common_ptr)codec, JPOOL_IMAGE,
                                        codec->output_width * 4, 1);
    while (codec->output_scanline < codec->output_height) {
        JSAMPROW row =
            r->image.rgb + (size_t)codec->output_scanline * codec->output_width * 3;
        jpeg_read_scanlines(codec, is_cmyk ? cmyk : &row, 1);
        if (is_cmyk)
            cmyk_to_rgb(row, *cmyk, codec->output_width);
    }
}

// The kinds that PIL reads: 8 bits; grey, RGB or YCbCr, CMYK or YCCK.
static vblip_status choose_colours(j_decompress_ptr codec, vblip_error *err)
{
    int components = codec->num_components;
    if (codec->data_precision != 8)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "JPEG image of %d bits, 8 are read",
                       codec->data_precision);
    if (components != 1 && components != 3 && components != 4)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "JPEG image of %d components, 1, 3 or 4 are read", components);
    codec->out_color_space = components == 4 ? JCS_CMYK : JCS_RGB;
    return VBLIP_OK;
}

static vblip_status decode_jpeg(jpeg_reader *r, const uint8_t *file, size_t size,
                                uint64_t max_pixels)
{
    if (setjmp(r->failed))
        return r->status;
    j_decompress_ptr codec = &r->codec;
    jpeg_create_decompress(codec);
    jpeg_mem_src(codec, file, (unsigned long)size);
    jpeg_read_header(codec, TRUE);
    VB_TRY(choose_colours(codec, r->err));
    VB_TRY(vb_image_make(&r->image, codec->image_width, codec->image_height, max_pixels,
                         r->err));
    jpeg_start_decompress(codec);
    read_rows(r);
    jpeg_finish_decompress(codec);
    return VBLIP_OK;
}

vblip_status vb_jpeg_decode(vb_image *out, const uint8_t *file, size_t size,
                            uint64_t max_pixels, vblip_error *err)
{
    jpeg_reader r = {.err = err};
    r.codec.err = jpeg_std_error(&r.errors);
    r.codec.client_data = &r;
    r.errors.error_exit = jpeg_fail;
    r.errors.emit_message = jpeg_warn;
    vblip_status status = decode_jpeg(&r, file, size, max_pixels);
    jpeg_destroy_decompress(&r.codec);
    if (status != VBLIP_OK)
        vb_image_free(&r.image);
    else
        memcpy(r.image.warning, r.warning, sizeof r.warning);
    *out = r.image;
    return status;
}
