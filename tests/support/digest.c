#include "support/digest.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <libavutil/mem.h>
#include <libavutil/sha.h>

void sha256_hex(char out[65], const void *bytes, size_t size)
{
    uint8_t digest[32];
    struct AVSHA *sha = av_sha_alloc();
    if (!sha || av_sha_init(sha, 256) < 0)
        abort();
    av_sha_update(sha, bytes, size);
    av_sha_final(sha, digest);
    av_free(sha);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
