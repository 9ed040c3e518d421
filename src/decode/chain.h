// chain.h - whether the bytes between two packets are what the container puts there.
//
// Containers are chains: each element says how long it is, and behind it lies the next.
// Where a chain breaks something was lost or overwritten; demuxers pass over that.
#ifndef VB_DECODE_CHAIN_H
#define VB_DECODE_CHAIN_H

#include "decode/reader.h"

#include <stdbool.h>
#include <stdint.h>

// Whether the chain of a file of that `format`, as libavformat names it, breaks between
// the packets that it found at `from` and, further on, at `to`, or the end of the file. `key`: decoding can start
// at the second. Where recordings were joined nothing is broken, and what is not known
// (other formats, packets without a place) counts as whole.
bool vb_chain_breaks(vb_reader *reader, const char *format, int64_t from, int64_t to,
                     bool key);

// The same between the start of a file and the first packet, at `to`.
bool vb_chain_breaks_before(vb_reader *reader, const char *format, int64_t to);

// Whether the element of the packet at `packet` says that decoding can start there. Known
// of simple blocks in Matroska only.
bool vb_chain_says_key(vb_reader *reader, const char *format, int64_t packet);

// Where the first recording behind the packet at `from` begins that has a header of its
// own; -1 for none. `*header` is how long that is.
int64_t vb_chain_second(vb_reader *reader, const char *format, int64_t from,
                        int64_t *header);

// Where another recording begins that is joined to the one at the start of the file, for
// containers of which libavformat reads one, or mixes up several; -1 for none.
int64_t vb_chain_joined(vb_reader *reader);

#endif // VB_DECODE_CHAIN_H
