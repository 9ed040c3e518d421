#include "decode/reader.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/error.h>
#include <libavutil/mem.h>

enum {
    BUFFER = 1 << 15,     // bytes, of the AVIOContext
    BLOCK = 1 << 16,      // bytes that are kept or not kept together
    KEPT_BLOCKS = 1 << 12 // at most: 256 MiB
};

#define NO_BLOCK UINT32_MAX

struct vb_reader {
    int file;
    int64_t size, at; // `at` is where the next read begins
    AVIOContext *io;
    uint64_t bytes_read;
    uint8_t **blocks; // [block_count], by place in the file; NULL = not kept
    size_t block_count;
    uint32_t kept[KEPT_BLOCKS]; // [kept_count] blocks, as they were read; or NO_BLOCK
    uint32_t kept_count, may_keep;
    bool rolling;        // the oldest block makes room where no more may be kept
    uint32_t oldest;     // of `kept`
    vb_hash_state *hash; // of the first `hashed` bytes; NULL = not wanted, or given up
    int64_t hashed;
    const int64_t *samples;
    size_t sample_count;
    int (*ask)(void *user); // whether to stop; NULL = nobody
    void *ask_user;
    bool stopped;
};

// As pread, but whole where the file is: an AVERROR, or how many bytes there were.
static int reader_pread(vb_reader *r, uint8_t *out, int size, int64_t at)
{
    int got = 0;
    while (got < size) {
        ssize_t n = pread(r->file, out + got, (size_t)(size - got), (off_t)(at + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return got ? got : AVERROR(errno);
        if (n == 0)
            break;
        got += (int)n;
        r->bytes_read += (uint64_t)n;
    }
    return got;
}

static int64_t block_bytes(const vb_reader *r, size_t block)
{
    int64_t left = r->size - (int64_t)block * BLOCK;
    return left < BLOCK ? left : BLOCK;
}

// `bytes` [size] are those of the file from `at` on.
static void hash_on(vb_reader *r, int64_t at, const uint8_t *bytes, int64_t size)
{
    if (!r->hash || at > r->hashed || at + size <= r->hashed)
        return;
    const int64_t known = r->hashed - at;
    vb_hash_add(r->hash, bytes + known, (size_t)(size - known));
    r->hashed = at + size;
}

static bool keeps_more(const vb_reader *r)
{
    return r->rolling || r->kept_count < r->may_keep;
}

// The block, read from the file when it may be kept; NULL when it is not kept.
static const uint8_t *kept_block(vb_reader *r, size_t block)
{
    if (r->blocks[block] || !keeps_more(r))
        return r->blocks[block];
    const bool full = r->kept_count == r->may_keep;
    const int bytes = (int)block_bytes(r, block);
    uint32_t *place = &r->kept[full ? r->oldest : r->kept_count];
    uint8_t *room = NULL;
    if (full && *place != NO_BLOCK) {
        room = r->blocks[*place];
        r->blocks[*place] = NULL;
    }
    *place = NO_BLOCK;
    if (!room)
        room = av_malloc(BLOCK);
    if (!room || reader_pread(r, room, bytes, (int64_t)block * BLOCK) != bytes) {
        av_free(room); // no harm: it is read without being kept
        return NULL;
    }
    hash_on(r, (int64_t)block * BLOCK, room, bytes);
    r->blocks[block] = room;
    *place = (uint32_t)block;
    if (full)
        r->oldest = (r->oldest + 1) % r->may_keep;
    else
        r->kept_count++;
    return room;
}

static bool asks_to_stop(vb_reader *r)
{
    if (!r->stopped && r->ask)
        r->stopped = r->ask(r->ask_user) != 0;
    return r->stopped;
}

// Hashes all that lies in front of `end`. Where it cannot be read that is given up: to try
// again at each read would take seconds each time.
static void hash_up_to(vb_reader *r, int64_t end)
{
    while (r->hash && r->hashed < end && !asks_to_stop(r)) {
        const size_t block = (size_t)(r->hashed / BLOCK);
        const uint8_t *bytes = kept_block(r, block);
        if (bytes) // it may have been kept before its turn
            hash_on(r, (int64_t)block * BLOCK, bytes, block_bytes(r, block));
        else
            vb_hash_end(&r->hash);
    }
}

static bool is_sample(const vb_reader *r, int64_t at)
{
    size_t low = 0, high = r->sample_count; // samples[low] <= at < samples[high]
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (r->samples[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return r->sample_count > 0 && r->samples[low] == at;
}

// Bytes from `at` on that are neither kept nor, if they may be, to be kept.
static int count_unkept(const vb_reader *r, int64_t at, int size)
{
    size_t block = (size_t)(at / BLOCK);
    int64_t end = (int64_t)(block + 1) * BLOCK;
    while (end < at + size && !keeps_more(r) && !r->blocks[++block])
        end += BLOCK;
    return end < at + size ? (int)(end - at) : size;
}

static int reader_read(void *user, uint8_t *out, int size)
{
    vb_reader *r = user;
    if (asks_to_stop(r))
        return AVERROR_EXIT;
    if (r->at >= r->size)
        return AVERROR_EOF;
    if (r->rolling)
        hash_up_to(r, r->at);
    if (r->stopped)
        return AVERROR_EXIT;
    if (size > r->size - r->at)
        size = (int)(r->size - r->at);
    // What libavformat reads for itself goes through its buffer.
    bool buffered = out >= r->io->buffer && out < r->io->buffer + r->io->buffer_size;
    if (r->samples && !buffered && is_sample(r, r->at)) {
        r->at += size;
        return size;
    }
    const uint8_t *block = kept_block(r, (size_t)(r->at / BLOCK));
    int got = size;
    if (block) {
        int64_t from = r->at % BLOCK;
        if (size > BLOCK - from)
            got = (int)(BLOCK - from);
        memcpy(out, block + from, (size_t)got);
    } else {
        got = reader_pread(r, out, count_unkept(r, r->at, size), r->at);
        if (got <= 0)
            return got < 0 ? got : AVERROR_EOF; // cut while it was read
        hash_on(r, r->at, out, got);
    }
    r->at += got;
    return got;
}

bool vb_reader_peek(vb_reader *reader, int64_t at, void *out, int size)
{
    if (at < 0 || at > reader->size - size)
        return false;
    for (uint8_t *to = out; size > 0;) {
        const int64_t from = at % BLOCK;
        const int part = size < BLOCK - from ? size : (int)(BLOCK - from);
        const uint8_t *block = reader->blocks[at / BLOCK];
        if (block)
            memcpy(to, block + from, (size_t)part);
        else if (reader_pread(reader, to, part, at) != part)
            return false;
        to += part;
        at += part;
        size -= part;
    }
    return true;
}

static int64_t reader_seek(void *user, int64_t offset, int whence)
{
    vb_reader *r = user;
    if (whence & AVSEEK_SIZE)
        return r->size;
    if ((whence & ~AVSEEK_FORCE) != SEEK_SET || offset < 0)
        return AVERROR(EINVAL);
    r->at = offset;
    return offset;
}

static vblip_status reader_open_file(vb_reader *r, const char *path, vblip_error *err)
{
    // Not to wait for a writer, should it be a pipe.
    r->file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (r->file < 0 || fstat(r->file, &st) != 0)
        return vb_fail_errno(err, NULL, errno);
    if (!S_ISREG(st.st_mode))
        return vb_fail(err, VBLIP_ERR_IO, "not a regular file");
    r->size = (int64_t)st.st_size;
    return VBLIP_OK;
}

static vblip_status reader_make_io(vb_reader *r, vblip_error *err)
{
    r->block_count = (size_t)(r->size / BLOCK + 1);
    r->blocks = calloc(r->block_count, sizeof *r->blocks);
    uint8_t *buffer = av_malloc(BUFFER);
    if (buffer)
        r->io =
            avio_alloc_context(buffer, BUFFER, 0, r, reader_read, NULL, reader_seek);
    if (!r->io)
        av_free(buffer);
    return r->blocks && r->io ? VBLIP_OK : vb_fail_memory(err, "reader");
}

vblip_status vb_reader_open(vb_reader **out, const char *path, vblip_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return vb_fail_memory(err, "reader");
    **out = (vb_reader){.file = -1, .may_keep = KEPT_BLOCKS};
    vblip_status status = reader_open_file(*out, path, err);
    if (status == VBLIP_OK)
        status = reader_make_io(*out, err);
    if (status != VBLIP_OK)
        vb_reader_close(out);
    return status;
}

void vb_reader_close(vb_reader **reader)
{
    vb_reader *r = *reader;
    if (!r)
        return;
    if (r->io)
        av_freep(&r->io->buffer);
    avio_context_free(&r->io);
    for (size_t i = 0; r->blocks && i < r->block_count; i++)
        av_free(r->blocks[i]);
    free(r->blocks);
    vb_hash_end(&r->hash);
    if (r->file >= 0)
        close(r->file);
    free(r);
    *reader = NULL;
}

void vb_reader_ask(vb_reader *reader, int (*stopped)(void *user), void *user)
{
    reader->ask = stopped;
    reader->ask_user = user;
}

bool vb_reader_stopped(const vb_reader *reader)
{
    return reader->stopped;
}

AVIOContext *vb_reader_io(vb_reader *reader)
{
    return reader->io;
}

uint64_t vb_reader_bytes_read(const vb_reader *reader)
{
    return reader->bytes_read;
}

void vb_reader_end_at(vb_reader *reader, int64_t size)
{
    AVIOContext *io = reader->io;
    if (size >= reader->size)
        return;
    reader->size = size;
    io->buf_ptr = io->buf_end = io->buffer; // may hold more
    io->pos = reader->at;
}

void vb_reader_keep_no_more(vb_reader *reader)
{
    reader->may_keep = reader->kept_count;
}

vblip_status vb_reader_hash(vb_reader *reader, vblip_error *err)
{
    return vb_hash_begin(&reader->hash, err);
}

void vb_reader_roll(vb_reader *reader, size_t bytes)
{
    const size_t wanted = bytes / BLOCK + 1;
    const uint32_t blocks = wanted < KEPT_BLOCKS ? (uint32_t)wanted : KEPT_BLOCKS;
    reader->may_keep = blocks > reader->kept_count ? blocks : reader->kept_count;
    reader->rolling = true;
}

vblip_status vb_reader_content(vb_reader *reader, uint64_t *out, vblip_error *err)
{
    hash_up_to(reader, reader->size);
    if (reader->stopped)
        return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
    if (!reader->hash)
        return vb_fail(err, VBLIP_ERR_IO, "not readable to its end");
    *out = vb_hash_value(reader->hash);
    return VBLIP_OK;
}

void vb_reader_skip_samples(vb_reader *reader, const int64_t *samples, size_t count)
{
    reader->samples = samples;
    reader->sample_count = samples ? count : 0;
    reader->io->direct = samples != NULL;
}
