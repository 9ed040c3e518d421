// reader.h - the bytes of a media file for libavformat: each read once where memory
// allows, and counted.
#ifndef VB_DECODE_READER_H
#define VB_DECODE_READER_H

#include "base/error.h"

#include <stdbool.h>

#include <libavformat/avio.h>

// A file has the size it had when it was opened: what is appended later is not seen.
typedef struct vb_reader vb_reader;

VB_CHECKED vblip_status vb_reader_open(vb_reader **out, const char *path,
                                       vblip_error *err);
void vb_reader_close(vb_reader **reader);

// From now on `stopped` is asked before each read. Once it is not 0, every read fails.
void vb_reader_ask(vb_reader *reader, int (*stopped)(void *user), void *user);
bool vb_reader_stopped(const vb_reader *reader);

// Lives as long as the reader.
AVIOContext *vb_reader_io(vb_reader *reader);

// Bytes that were read from the file so far.
uint64_t vb_reader_bytes_read(const vb_reader *reader);

// Copies the `size` bytes at `at`, at most 64 KiB, without moving where libavformat reads.
// False when the file does not have them.
bool vb_reader_peek(vb_reader *reader, int64_t at, void *out, int size);

// From now on the file ends at `size`.
void vb_reader_end_at(vb_reader *reader, int64_t size);

// From now on nothing more is kept in memory. Up to here what is read stays, so that it
// is not read again: the first 256 MiB of it.
void vb_reader_keep_no_more(vb_reader *reader);

// Bytes are hashed in the order of the file as they are read: to be called before the first
// read.
VB_CHECKED vblip_status vb_reader_hash(vb_reader *reader, vblip_error *err);

// From now on the last `bytes` that were read stay in memory, at least those that do
// already, and 256 MiB at most. Where the file is hashed, what lies in front of a read is
// read before it.
void vb_reader_roll(vb_reader *reader, size_t bytes);

// Reads what was not, and gives the hash of all that the file has: vb_hash_file of it. Both
// calls before must have been made.
VB_CHECKED vblip_status vb_reader_content(vb_reader *reader, uint64_t *out,
                                          vblip_error *err);

// Until `samples` is NULL again, a read that begins where a sample does gives that many
// bytes without touching the file or the buffer, as far as the file goes: for demuxers
// that hand on samples without looking into them. `samples` are positions in the file,
// rising, and must stay valid.
void vb_reader_skip_samples(vb_reader *reader, const int64_t *samples, size_t count);

#endif // VB_DECODE_READER_H
