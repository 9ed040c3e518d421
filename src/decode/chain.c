#include "decode/chain.h"

#include <string.h>

// An element of a chain.
typedef struct chain_link {
    int64_t next;   // where the one behind it begins, or the first within it
    int64_t packet; // where libavformat says that the packet in it lies
    bool header;    // of a recording
} chain_link;

static uint32_t chain_big_endian(const uint8_t *bytes, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

// ------------------------------------------------------------------------------- FLV

static bool flv_link(chain_link *out, vb_reader *reader, int64_t at)
{
    uint8_t head[4];
    if (!vb_reader_peek(reader, at, head, sizeof head))
        return false;
    const bool header = memcmp(head, "FLV\1", 4) == 0;
    const uint8_t type = head[0] & 0xDF; // without the bit of encryption
    *out = (chain_link){.packet = at, .header = header};
    out->next = at + (header ? 9 + 4 : 11 + chain_big_endian(head + 1, 3) + 4);
    return header || type == 8 || type == 9 || type == 18;
}

// -------------------------------------------------------------------------- Matroska

// The number of one to eight bytes at `bytes`, whose first tells how many; 0 for none.
static int matroska_number(uint64_t *out, const uint8_t *bytes, int most)
{
    int length = 1;
    while (length <= most && !(bytes[0] & 0x80 >> (length - 1)))
        length++;
    if (length > most)
        return 0;
    *out = bytes[0] & (0xFFU >> length);
    for (int i = 1; i < length; i++)
        *out = *out << 8 | bytes[i];
    return length;
}

static bool matroska_link(chain_link *out, vb_reader *reader, int64_t at)
{
    enum {
        CLUSTER = 0x1F43B675,
        SEGMENT = 0x18538067,
        GROUP = 0xA0,
        EBML = 0x1A45DFA3
    };
    uint8_t head[12] = {0};
    uint64_t size;
    if (!vb_reader_peek(reader, at, head, 2)) // the last element may be that small
        return false;
    for (int i = (int)sizeof head; i > 2 && !vb_reader_peek(reader, at, head, i);)
        i--;
    const int id_length = matroska_number(&size, head, 4);
    const int size_length = id_length ? matroska_number(&size, head + id_length, 8) : 0;
    if (size_length == 0)
        return false;
    const uint32_t id = chain_big_endian(head, id_length);
    const bool endless = size == (UINT64_C(1) << 7 * size_length) - 1;
    const bool inner = id == CLUSTER || id == GROUP || (id == SEGMENT && endless);
    const int64_t body = at + id_length + size_length;
    *out = (chain_link){.next = body, .packet = body, .header = id == EBML};
    if (!inner && size > INT64_MAX / 2)
        return false;
    out->next += inner ? 0 : (int64_t)size;
    return true;
}

// Where the first element of a file begins that is within the segment; -1 for nowhere.
static int64_t matroska_begin(vb_reader *reader)
{
    static const uint8_t segment[] = {0x18, 0x53, 0x80, 0x67};
    enum { NAME = sizeof segment };
    uint8_t head[NAME + 8] = {0};
    uint64_t size;
    chain_link header;
    if (!matroska_link(&header, reader, 0) || !header.header ||
        !vb_reader_peek(reader, header.next, head, sizeof head) ||
        memcmp(head, segment, NAME) != 0)
        return -1;
    return header.next + NAME + matroska_number(&size, head + NAME, 8);
}

enum { SIMPLE_BLOCK = 0xA3, BLOCK = 0xA1 };

// The block whose body libavformat found at `packet`; -1 when there is none.
static int64_t matroska_first(vb_reader *reader, int64_t packet)
{
    for (int length = 1; length <= 8; length++) {
        uint8_t head[9];
        uint64_t size;
        if (packet > length && vb_reader_peek(reader, packet - length - 1, head, 9) &&
            (head[0] == SIMPLE_BLOCK || head[0] == BLOCK) &&
            matroska_number(&size, head + 1, 8) == length)
            return packet - length - 1;
    }
    return -1;
}

// ------------------------------------------------------------------------------- AVI

static bool is_chunk_name(const uint8_t name[4])
{
    for (int i = 0; i < 4; i++)
        if (name[i] < ' ' || name[i] > '~')
            return false;
    return true;
}

static bool avi_link(chain_link *out, vb_reader *reader, int64_t at)
{
    uint8_t head[12] = {0}, next[4];
    if (!vb_reader_peek(reader, at, head, 8) || !is_chunk_name(head))
        return false;
    const int64_t size =
        (int64_t)head[4] | head[5] << 8 | head[6] << 16 | (int64_t)head[7] << 24;
    *out = (chain_link){.next = at + 8 + size + (size & 1), .packet = at + 8};
    // Some writers leave out the byte behind odd sizes.
    if ((size & 1) && vb_reader_peek(reader, out->next, next, 4) &&
        !is_chunk_name(next) && vb_reader_peek(reader, out->next - 1, next, 4) &&
        is_chunk_name(next))
        out->next--;
    const bool riff = memcmp(head, "RIFF", 4) == 0;
    if (!riff && memcmp(head, "LIST", 4) != 0)
        return true;
    if (!vb_reader_peek(reader, at, head, 12))
        return false;
    out->header = riff && memcmp(head + 8, "AVI ", 4) == 0; // AVIX goes on
    if (riff || memcmp(head + 8, "movi", 4) == 0 || memcmp(head + 8, "rec ", 4) == 0)
        out->next = at + 12;
    return true;
}

static int64_t avi_begin(vb_reader *reader)
{
    (void)reader;
    return 0;
}

static int64_t avi_first(vb_reader *reader, int64_t packet)
{
    (void)reader;
    return packet >= 8 ? packet - 8 : -1;
}

// ------------------------------------------------------------------------------- GIF

// Behind the blocks at `at`, of which each begins with its length, the last with none.
static int64_t gif_blocks_end(vb_reader *reader, int64_t at)
{
    uint8_t size;
    do {
        if (!vb_reader_peek(reader, at, &size, 1))
            return INT64_MAX / 2;
        at += 1 + size;
    } while (size);
    return at;
}

static int64_t gif_table_bytes(uint8_t flags)
{
    return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}

static bool gif_link(chain_link *out, vb_reader *reader, int64_t at)
{
    enum { EXTENSION = 0x21, PICTURE = 0x2C, END = 0x3B };
    uint8_t head[13];
    *out = (chain_link){.next = at + 1, .packet = at};
    if (!vb_reader_peek(reader, at, head, 1))
        return false;
    if (head[0] == EXTENSION)
        out->next = gif_blocks_end(reader, at + 2);
    if (head[0] == PICTURE && vb_reader_peek(reader, at, head, 10))
        out->next = gif_blocks_end(reader, at + 10 + gif_table_bytes(head[9]) + 1);
    if (head[0] == EXTENSION || head[0] == PICTURE || head[0] == END)
        return true;
    if (!vb_reader_peek(reader, at, head, 13) || memcmp(head, "GIF8", 4) != 0)
        return false;
    out->next = at + 13 + gif_table_bytes(head[10]);
    out->header = true;
    return true;
}

// ------------------------------------------------------------------------ ASF and Ogg

static const char asf_header[] = "\x30\x26\xB2\x75\x8E\x66\xCF\x11";

static bool asf_link(chain_link *out, vb_reader *reader, int64_t at)
{
    uint8_t head[24]; // a name and a length
    if (!vb_reader_peek(reader, at, head, sizeof head))
        return false;
    int64_t size = 0;
    for (int i = 6; i >= 0; i--)
        size = size << 8 | head[16 + i];
    *out = (chain_link){.next = at + size, .packet = at};
    out->header = memcmp(head, asf_header, 8) == 0;
    return size >= (int64_t)sizeof head && head[23] == 0;
}

// A page. Those that begin a stream stand in front of all others of a recording.
static bool ogg_link(chain_link *out, vb_reader *reader, int64_t at)
{
    enum { BEGINS = 2 };
    uint8_t head[27], sizes[255];
    if (!vb_reader_peek(reader, at, head, sizeof head) ||
        memcmp(head, "OggS", 4) != 0 ||
        !vb_reader_peek(reader, at + 27, sizes, head[26]))
        return false;
    *out = (chain_link){.next = at + 27 + head[26], .packet = at};
    out->header = head[5] & BEGINS;
    for (int i = 0; i < head[26]; i++)
        out->next += sizes[i];
    return true;
}

// --------------------------------------------------------------------------- MPEG-PS

static bool program_link(chain_link *out, vb_reader *reader, int64_t at)
{
    enum { END = 0xB9, PACK = 0xBA };
    uint8_t head[14];
    *out = (chain_link){.next = at + 4, .packet = at};
    if (!vb_reader_peek(reader, at, head, 4) || memcmp(head, "\0\0\1", 3) != 0 ||
        head[3] < END)
        return false;
    if (head[3] == END)
        return true;
    if (!vb_reader_peek(reader, at, head, head[3] == PACK ? 14 : 6))
        return false;
    if (head[3] != PACK)
        out->next = at + 6 + chain_big_endian(head + 4, 2);
    else if ((head[4] & 0xC0) == 0x40) // MPEG-2, with stuffing
        out->next = at + 14 + (head[13] & 7);
    else
        out->next = at + 12;
    return true;
}

// --------------------------------------------------------------------------- MPEG-TS

enum { SYNC = 0x47, TS_PACKET = 188 };

static bool is_sync(vb_reader *reader, int64_t at)
{
    uint8_t byte;
    return vb_reader_peek(reader, at, &byte, 1) && byte == SYNC;
}

// The distance of the packets of a transport stream, of which one is at `packet`, and in
// `*ahead` the bytes that are in front of its sync byte. 0 when it cannot be told.
static int transport_step(vb_reader *reader, int64_t packet, int *ahead)
{
    static const int steps[] = {TS_PACKET, 192, 204}; // 4 or 16 bytes more
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        *ahead = steps[i] - TS_PACKET;
        const int64_t at = packet + *ahead;
        // The hole may begin behind it, or end in front of it.
        if (is_sync(reader, at) &&
            (is_sync(reader, at + steps[i]) || is_sync(reader, at - steps[i])))
            return steps[i];
    }
    return 0;
}

// What is seen of a transport stream.
typedef struct transport_walk {
    uint32_t pid; // whose packets are counted
    int counter;  // of the last of them; -1 at the start
    bool tables;  // a program table came since
    bool counted; // as it should be
} transport_walk;

static void transport_step_over(transport_walk *w, const uint8_t head[6], bool key)
{
    const uint32_t pid = chain_big_endian(head + 1, 2) & 0x1FFF;
    const int counter = head[3] & 0xF;
    const bool payload = head[3] & 0x10, field = head[3] & 0x20;
    const bool told = field && head[4] && (head[5] & 0x80); // of a discontinuity
    w->tables = w->tables || pid == 0;
    if (pid != w->pid)
        return;
    const int expected = (w->counter + payload) & 0xF;
    // A recording that begins has its tables in front.
    w->counted = w->counter < 0 || told || counter == expected ||
                 counter == w->counter || (key && w->tables);
    w->counter = counter;
    w->tables = false;
}

static bool transport_breaks(vb_reader *reader, int64_t from, int64_t to, bool key)
{
    int ahead;
    const int step = transport_step(reader, from, &ahead);
    uint8_t head[6];
    if (step == 0 || !vb_reader_peek(reader, from + ahead, head, sizeof head))
        return false;
    transport_walk w = {.pid = chain_big_endian(head + 1, 2) & 0x1FFF, .counter = -1};
    for (int64_t at = from + ahead; at <= to + ahead; at += step) {
        if (!vb_reader_peek(reader, at, head, sizeof head) || head[0] != SYNC)
            return true;
        transport_step_over(&w, head, key);
        if (!w.counted)
            return true;
    }
    return (to - from) % step != 0;
}

// ------------------------------------------------------------------------- all chains

static const struct chain_kind {
    const char *format;
    bool (*link)(chain_link *out, vb_reader *reader, int64_t at);
    // The element of a packet; NULL: it begins at the packet.
    int64_t (*first)(vb_reader *reader, int64_t packet);
    // What is in front of the first packet; NULL: that is not known.
    int64_t (*begin)(vb_reader *reader);
    const char *magic; // of a file of which one recording is read; NULL: all are
} kinds[] = {
    {"flv", flv_link, NULL, NULL, NULL},
    {"matroska,webm", matroska_link, matroska_first, matroska_begin,
     "\x1A\x45\xDF\xA3"},
    {"avi", avi_link, avi_first, avi_begin, NULL},
    {"mpeg", program_link, NULL, NULL, NULL},
    {"gif", gif_link, NULL, NULL, "GIF8"},
    {"asf", asf_link, NULL, NULL, asf_header},
    {"ogg", ogg_link, NULL, NULL, "OggS"},
};

static const struct chain_kind *chain_kind_of(const char *format)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].format, format) == 0)
            return &kinds[i];
    return NULL;
}

// Where the chain of that kind begins that holds the packet at `packet`; -1 for nowhere.
static int64_t chain_first(const struct chain_kind *kind, vb_reader *reader,
                           int64_t packet)
{
    if (!kind || packet < 0)
        return -1;
    return kind->first ? kind->first(reader, packet) : packet;
}

// Whether the chain from the element at `at` on leads to a packet, or to the end of the
// file, at `to`.
static bool chain_leads(const struct chain_kind *kind, vb_reader *reader, int64_t at,
                        int64_t to)
{
    chain_link link = {0};
    while (at < to && link.packet != to) {
        if (!kind->link(&link, reader, at))
            return false;
        at = link.next;
    }
    return at == to || link.packet == to;
}

bool vb_chain_breaks(vb_reader *reader, const char *format, int64_t from, int64_t to,
                     bool key)
{
    if (from < 0 || to <= from)
        return false;
    if (strcmp(format, "mpegts") == 0)
        return transport_breaks(reader, from, to, key);
    const struct chain_kind *kind = chain_kind_of(format);
    const int64_t first = chain_first(kind, reader, from);
    return first >= 0 && !chain_leads(kind, reader, first, to);
}

bool vb_chain_says_key(vb_reader *reader, const char *format, int64_t packet)
{
    uint8_t id, head[12] = {0}; // number of the track, time, flags
    uint64_t track;
    if (strcmp(format, "matroska,webm") != 0 || packet < 0)
        return false;
    const int64_t first = matroska_first(reader, packet);
    if (first < 0 || !vb_reader_peek(reader, first, &id, 1) || id != SIMPLE_BLOCK ||
        !vb_reader_peek(reader, packet, head, sizeof head))
        return false;
    const int length = matroska_number(&track, head, 8);
    return length && (head[length + 2] & 0x80);
}

bool vb_chain_breaks_before(vb_reader *reader, const char *format, int64_t to)
{
    const struct chain_kind *kind = chain_kind_of(format);
    const int64_t first = kind && kind->begin ? kind->begin(reader) : -1;
    return first >= 0 && to > first && !chain_leads(kind, reader, first, to);
}

int64_t vb_chain_joined(vb_reader *reader)
{
    uint8_t head[4];
    chain_link link;
    if (!vb_reader_peek(reader, 0, head, sizeof head))
        return -1;
    const struct chain_kind *kind = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].magic && memcmp(kinds[i].magic, head, sizeof head) == 0)
            kind = &kinds[i];
    bool begun = false; // what stands behind the headers
    for (int64_t at = 0; kind && kind->link(&link, reader, at); at = link.next) {
        if (link.header && begun)
            return at;
        begun = begun || !link.header;
    }
    return -1;
}

int64_t vb_chain_second(vb_reader *reader, const char *format, int64_t from,
                        int64_t *header)
{
    const struct chain_kind *kind = chain_kind_of(format);
    chain_link link;
    int64_t at = chain_first(kind, reader, from);
    while (at >= 0 && kind->link(&link, reader, at)) {
        *header = link.next - at;
        if (link.header)
            return at;
        at = link.next;
    }
    return -1;
}
