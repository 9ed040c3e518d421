#include "decode/nal.h"

// Units lie behind three bytes 0 0 1, or behind their length, of so many bytes.
typedef struct nal_units {
    const uint8_t *data;
    int size, at;     // where the next one is looked for
    int length_bytes; // 0: none
} nal_units;

// Where the next unit begins; -1 for nowhere.
static int nal_next(nal_units *u)
{
    int at = u->at;
    if (u->length_bytes == 0) {
        while (at + 3 < u->size &&
               (u->data[at] || u->data[at + 1] || u->data[at + 2] != 1))
            at++;
        u->at = at + 3;
        return u->at < u->size ? u->at : -1;
    }
    if (u->size - at <= u->length_bytes)
        return -1;
    uint32_t length = 0;
    for (int i = 0; i < u->length_bytes; i++)
        length = length << 8 | u->data[at++];
    if (length == 0 || length > (uint32_t)(u->size - at))
        return -1;
    u->at = at + (int)length;
    return at;
}

// What one unit says of its picture; `silent` when it says nothing.
typedef struct nal_word {
    bool silent;
    vb_nal_use use;
} nal_word;

static nal_word nal_read_h264(const uint8_t *unit, int size)
{
    enum { SLICES_END = 6, SEI = 6, DELIMITER = 9, FILLER = 12 };
    (void)size;
    const int type = unit[0] & 0x1F;
    const bool slice = type > 0 && type < SLICES_END;
    return (nal_word){
        .silent = type == SEI || type == DELIMITER || type == FILLER,
        .use = slice && (unit[0] & 0x60) == 0 ? VB_NAL_DROPPABLE : VB_NAL_NEEDED,
    };
}

// Pictures of a higher temporal layer may refer to those that are no reference in theirs.
static nal_word nal_read_hevc(const uint8_t *unit, int size)
{
    enum { LEAST_KEPT = 16, SLICES_END = 32, DELIMITER = 35, FILLER = 38, SEI = 39 };
    const int type = unit[0] >> 1 & 0x3F;
    const int layer = size > 1 ? (unit[1] & 7) - 1 : -1;
    nal_word word = {
        .silent = type == DELIMITER || (type >= FILLER && type <= SEI + 1),
        .use = type < LEAST_KEPT && type % 2 == 0 ? VB_NAL_DROPPABLE : VB_NAL_NEEDED,
    };
    if (type < SLICES_END && layer != 0)
        word.use = VB_NAL_LAYERED;
    return word;
}

vb_nal_use vb_nal_use_of(const AVCodecParameters *codec, const AVPacket *packet)
{
    static const struct {
        enum AVCodecID codec;
        int header,
            lengths; // bytes of the box of its parameters, place of the lengths'
        nal_word (*read)(const uint8_t *unit, int size);
    } kinds[] = {{AV_CODEC_ID_H264, 7, 4, nal_read_h264},
                 {AV_CODEC_ID_HEVC, 23, 21, nal_read_hevc}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].codec != codec->codec_id)
            continue;
        nal_units units = {.data = packet->data, .size = packet->size};
        if (codec->extradata_size >= kinds[i].header && codec->extradata[0] == 1)
            units.length_bytes = (codec->extradata[kinds[i].lengths] & 3) + 1;
        vb_nal_use use = VB_NAL_NEEDED;
        for (int at; (at = nal_next(&units)) >= 0;) {
            const nal_word word = kinds[i].read(packet->data + at, packet->size - at);
            if (!word.silent && word.use != VB_NAL_DROPPABLE)
                return word.use;
            use = word.silent ? use : VB_NAL_DROPPABLE;
        }
        return use;
    }
    return VB_NAL_NEEDED;
}
