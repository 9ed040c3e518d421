#include "decode/averror.h"

#include <errno.h>

#include <libavutil/error.h>
#include <libavutil/log.h>

vblip_status vb_fail_av(vblip_error *err, int code, const char *what)
{
    static const struct {
        int code;
        vblip_status status;
    } known[] = {
        {AVERROR(ENOMEM), VBLIP_ERR_MEMORY},
        {AVERROR(EIO), VBLIP_ERR_IO},
        {AVERROR(EACCES), VBLIP_ERR_IO},
        {AVERROR(ENOENT), VBLIP_ERR_IO},
        {AVERROR_DECODER_NOT_FOUND, VBLIP_ERR_UNSUPPORTED},
        {AVERROR_PATCHWELCOME, VBLIP_ERR_UNSUPPORTED},
        {AVERROR(ENOSYS), VBLIP_ERR_UNSUPPORTED},
    };
    vblip_status status = VBLIP_ERR_FORMAT;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == code)
            status = known[i].status;
    char words[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, words, sizeof words);
    return vb_fail(err, status, "%s: %s", what, words);
}

int vb_av_log_offset(void)
{
    return av_log_get_level() == AV_LOG_INFO ? 100 : 0; // levels go up to 56
}
