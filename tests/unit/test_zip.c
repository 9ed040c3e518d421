// test_zip.c - entries are found where they lie; what readers disagree on is refused.
#include "formats/zip.h"
#include "support/zip_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static zip_writer make(zip_layout layout, const char *comment)
{
    zip_writer zip = {.layout = layout};
    zip_add(&zip, "bb", "BBB", 3);
    zip_add(&zip, "a", "AAAA", 4);
    zip_end(&zip, comment);
    return zip;
}

static vb_file file_of(const zip_writer *zip)
{
    return vb_file_in_memory(zip->bytes.bytes, zip->bytes.size);
}

// Parses a copy of exact size and reads every byte of every entry.
static vblip_status parse(const char *bytes, size_t size, vblip_error *err)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    vb_arena arena = {0};
    vb_zip zip;
    const vb_file file = vb_file_in_memory(copy, size);
    vblip_status status = vb_zip_parse(&zip, &arena, &file, err);
    volatile uint8_t sink = 0;
    for (size_t i = 0; i < zip.count; i++)
        for (size_t j = 0; j < zip.entries[i].size; j++)
            sink ^= copy[zip.entries[i].at + j];
    (void)sink;
    assert_true(status == VBLIP_OK || zip.count == 0);
    vb_arena_free(&arena);
    free(copy);
    return status;
}

static void test_finds_the_entries_of_every_layout(void **state)
{
    (void)state;
    static const char *const comments[] = {"", "PK\5\6 made by hand"};
    for (zip_layout layout = ZIP_PLAIN; layout <= ZIP_64; layout++)
        for (size_t c = 0; c < 2; c++) {
            zip_writer w = make(layout, comments[c]);
            vb_arena arena = {0};
            vb_zip zip;
            vblip_error err = {0};
            const vb_file file = file_of(&w);
            if (vb_zip_parse(&zip, &arena, &file, &err) != VBLIP_OK)
                fail_msg("layout %d: %s", (int)layout, err.message);
            assert_int_equal(zip.count, 2);
            assert_string_equal(zip.entries[0].name, "a");
            const vb_zip_entry *b = vb_zip_find(&zip, "bb");
            assert_ptr_equal(b, &zip.entries[1]);
            assert_int_equal(b->size, 3);
            assert_memory_equal(w.bytes.bytes + b->at, "BBB", 3);
            assert_int_equal(b->method, 0);
            const vb_zip_entry *a = vb_zip_find(&zip, "a");
            assert_memory_equal(w.bytes.bytes + a->at, "AAAA", 4);
            assert_null(vb_zip_find(&zip, "b"));
            vb_arena_free(&arena);
            zip_free(&w);
        }
}

static void test_finds_nothing_in_an_empty_archive(void **state)
{
    (void)state;
    zip_writer w = {.layout = ZIP_FOLLOW};
    zip_end(&w, "");
    vb_arena arena = {0};
    vb_zip zip;
    const vb_file file = file_of(&w);
    assert_int_equal(vb_zip_parse(&zip, &arena, &file, NULL), VBLIP_OK);
    assert_int_equal(zip.count, 0);
    assert_null(vb_zip_find(&zip, "a"));
    vb_arena_free(&arena);
    zip_free(&w);
}

// Where fields lie in their records.
enum {
    L_FLAGS = 6,
    L_METHOD = 8,
    L_CRC = 14,
    L_STORED = 18,
    L_SIZE = 22,
    L_NAME = 26,
    L_EXTRA = 28,
    L_TEXT = 30,
    C_FLAGS = 8,
    C_METHOD = 10,
    C_STORED = 20,
    C_SIZE = 24,
    C_NAME = 28,
    C_EXTRA = 30,
    C_COMMENT = 32,
    C_PART = 34,
    C_OFFSET = 42,
    C_TEXT = 46,
    C_BLOCK = C_TEXT + 1, // ZIP64 block of "a"
    E_PART = 4,
    E_HERE = 8,
    E_COUNT = 10,
    E_SIZE = 12,
    E_OFFSET = 16,
    E_COMMENT = 20,
    E64_LENGTH = 4,
    E64_PART = 16,
    E64_HERE = 24,
    E64_COUNT = 32,
    E64_SIZE = 40,
    E64_OFFSET = 48,
    LOC_PART = 4,
    LOC_OFFSET = 8,
    LOC_PARTS = 16,
};

// What is written over a field: `size` bytes of `value`. A row of size 0 is none.
typedef struct patch {
    enum { LOCAL_B, LOCAL_A, CENTRAL_B, CENTRAL_A, END64, LOCATOR, END } record;
    int offset, size;
    uint64_t value;
} patch;

#define FOUR_GB 0xFFFFFFFF

static const struct bad_archive {
    const char *message;
    zip_layout layout;
    patch patches[3];
} bad_archives[] = {
    // the end: bytes 165 to 187 of a plain archive, with a directory at 70
    {"187 bytes that are not a zip archive",
     ZIP_PLAIN,
     {{LOCAL_B, 0, 1, 'Q'}, {END, 0, 1, 'Q'}}},
    {"ends at byte 187 without the directory of the zip archive: the file is cut "
     "short: "
     "download it again",
     ZIP_PLAIN,
     {{END, 0, 1, 'Q'}}},
    {"ends at byte 187 without the directory of the zip archive: the file is cut "
     "short: "
     "download it again",
     ZIP_PLAIN,
     {{END, E_COMMENT, 2, 1}}},
    {"a zip archive in several parts", ZIP_PLAIN, {{END, E_PART, 2, 1}}},
    {"a zip archive in several parts", ZIP_PLAIN, {{END, E_PART + 2, 2, 1}}},
    {"a zip archive in several parts", ZIP_PLAIN, {{END, E_HERE, 2, 1}}},
    {"a directory of 96 bytes at byte 70, its end at byte 165",
     ZIP_PLAIN,
     {{END, E_SIZE, 4, 96}}},
    {"a directory of 94 bytes at byte 70, its end at byte 165",
     ZIP_PLAIN,
     {{END, E_SIZE, 4, 94}}},
    {"a directory of 95 bytes at byte 69, its end at byte 165",
     ZIP_PLAIN,
     {{END, E_OFFSET, 4, 69}}},
    {"a directory of 4294967295 bytes at byte 4294967295, its end at byte 165",
     ZIP_PLAIN,
     {{END, E_SIZE, 8, UINT64_MAX}}},
    {"3 entries in a directory of 95 bytes",
     ZIP_PLAIN,
     {{END, E_HERE, 2, 3}, {END, E_COUNT, 2, 3}}},
    {"47 bytes after the last of 1 directory entries",
     ZIP_PLAIN,
     {{END, E_HERE, 2, 1}, {END, E_COUNT, 2, 1}}},

    // the ends of ZIP64: record at byte 261, locator at 317
    {"a zip archive in several parts", ZIP_64, {{LOCATOR, LOC_PART, 4, 1}}},
    {"a zip archive in several parts", ZIP_64, {{LOCATOR, LOC_PARTS, 4, 2}}},
    {"a zip archive in several parts", ZIP_64, {{END64, E64_PART, 4, 1}}},
    {"a zip archive in several parts", ZIP_64, {{END64, E64_PART + 4, 4, 1}}},
    {"a zip archive in several parts", ZIP_64, {{END64, E64_HERE, 8, 1}}},
    {"ZIP64 end at byte 262, its locator at 317",
     ZIP_64,
     {{LOCATOR, LOC_OFFSET, 8, 262}}},
    {"ZIP64 end at byte 18446744073709551615, its locator at 317",
     ZIP_64,
     {{LOCATOR, LOC_OFFSET, 8, UINT64_MAX}}},
    {"no ZIP64 end at byte 260", ZIP_64, {{LOCATOR, LOC_OFFSET, 8, 260}}},
    {"no ZIP64 end at byte 261", ZIP_64, {{END64, E64_LENGTH, 8, 45}}},
    {"no ZIP64 end at byte 261", ZIP_64, {{END64, 0, 1, 'Q'}}},
    {"a directory of 4294967295 bytes at byte 4294967295, its end at byte 337",
     ZIP_64,
     {{LOCATOR, 0, 1, 'Q'}}},
    {"the two ends of the zip archive disagree",
     ZIP_FOLLOW,
     {{END, E_HERE, 2, 1}, {END, E_COUNT, 2, 1}}},
    {"the two ends of the zip archive disagree", ZIP_FOLLOW, {{END, E_SIZE, 4, 94}}},
    {"the two ends of the zip archive disagree", ZIP_FOLLOW, {{END, E_OFFSET, 4, 0}}},
    {"a directory of 151 bytes at byte 18446744073709551615, its end at byte 261",
     ZIP_64,
     {{END64, E64_OFFSET, 8, UINT64_MAX}}},
    {"a directory of 18446744073709551506 bytes at byte 110, its end at byte 261",
     ZIP_64,
     {{END64, E64_SIZE, 8, UINT64_MAX - 109}}},
    {"18446744073709551615 entries in a directory of 151 bytes",
     ZIP_64,
     {{END64, E64_HERE, 8, UINT64_MAX}, {END64, E64_COUNT, 8, UINT64_MAX}}},

    // the directory: "bb" at byte 70, "a" at 118
    {"directory, byte 118: no entry", ZIP_PLAIN, {{CENTRAL_A, 0, 1, 'Q'}}},
    {"directory, byte 119: no entry", ZIP_PLAIN, {{CENTRAL_B, C_COMMENT, 2, 1}}},
    {"directory, byte 118: an entry past its end",
     ZIP_PLAIN,
     {{CENTRAL_A, C_COMMENT, 2, 1}}},
    {"directory, byte 118: an entry past its end",
     ZIP_PLAIN,
     {{CENTRAL_A, C_EXTRA, 2, 0xFFFF}}},
    {"directory, byte 118: a name of 0 bytes",
     ZIP_PLAIN,
     {{CENTRAL_A, C_NAME, 2, 0}, {CENTRAL_A, C_COMMENT, 2, 1}}},
    {"directory, byte 118: a name with control characters",
     ZIP_PLAIN,
     {{CENTRAL_A, C_TEXT, 1, 0}}},
    {"directory, byte 118: a name with control characters",
     ZIP_PLAIN,
     {{CENTRAL_A, C_TEXT, 1, 0x1B}}},
    {"directory, byte 118: a name that is not UTF-8",
     ZIP_PLAIN,
     {{CENTRAL_A, C_TEXT, 1, 0xFF}}},
    {"a zip archive in several parts", ZIP_PLAIN, {{CENTRAL_A, C_PART, 2, 1}}},
    {"a: encrypted", ZIP_PLAIN, {{CENTRAL_A, C_FLAGS, 2, 1}}},
    {"a: encrypted", ZIP_PLAIN, {{CENTRAL_A, C_FLAGS, 2, 1 << 6}}},
    {"a: encrypted", ZIP_PLAIN, {{CENTRAL_A, C_FLAGS, 2, 1 << 13}}},
    {"a: flags 0x0020", ZIP_PLAIN, {{CENTRAL_A, C_FLAGS, 2, 1 << 5}}},
    {"a: 4 bytes stored as 3", ZIP_PLAIN, {{CENTRAL_A, C_STORED, 4, 3}}},
    {"a: 5 bytes stored as 4", ZIP_PLAIN, {{CENTRAL_A, C_SIZE, 4, 5}}},
    {"a: ZIP64 sizes are missing", ZIP_PLAIN, {{CENTRAL_A, C_SIZE, 4, FOUR_GB}}},
    {"a: ZIP64 sizes are missing", ZIP_PLAIN, {{CENTRAL_A, C_OFFSET, 4, FOUR_GB}}},
    {"a: ZIP64 sizes are missing", ZIP_64, {{CENTRAL_A, C_BLOCK, 2, 2}}},
    {"a: ZIP64 sizes are missing", ZIP_64, {{CENTRAL_A, C_BLOCK + 2, 2, 23}}},
    {"a: ZIP64 sizes are missing", ZIP_64, {{CENTRAL_A, C_BLOCK + 2, 2, 25}}},

    // where an entry lies: "bb" from byte 0 to 35, "a" to 70
    {"a: 4 bytes at byte 36, the directory begins at 70",
     ZIP_PLAIN,
     {{CENTRAL_A, C_OFFSET, 4, 36}}},
    {"a: 4 bytes at byte 4294967294, the directory begins at 70",
     ZIP_PLAIN,
     {{CENTRAL_A, C_OFFSET, 4, FOUR_GB - 1}}},
    {"a: 5 bytes at byte 35, the directory begins at 70",
     ZIP_PLAIN,
     {{CENTRAL_A, C_STORED, 4, 5}, {CENTRAL_A, C_SIZE, 4, 5}}},
    {"a: 4 bytes at byte 18446744073709551615, the directory begins at 110",
     ZIP_64,
     {{CENTRAL_A, C_BLOCK + 20, 8, UINT64_MAX}}},
    {"a: 18446744073709551585 bytes at byte 55, the directory begins at 110",
     ZIP_64,
     {{CENTRAL_A, C_BLOCK + 4, 8, UINT64_MAX - 30},
      {CENTRAL_A, C_BLOCK + 12, 8, UINT64_MAX - 30}}},
    {"a: 1099511627776 bytes at byte 55, the directory begins at 110",
     ZIP_64,
     {{CENTRAL_A, C_BLOCK + 4, 8, 1ull << 40},
      {CENTRAL_A, C_BLOCK + 12, 8, 1ull << 40}}},

    // the local header
    {"a: no header at byte 34", ZIP_PLAIN, {{CENTRAL_A, C_OFFSET, 4, 34}}},
    {"a: no header at byte 35", ZIP_PLAIN, {{LOCAL_A, 0, 1, 'Q'}}},
    {"a: another name at byte 35", ZIP_PLAIN, {{LOCAL_A, L_TEXT, 1, 'c'}}},
    {"a: another name at byte 35", ZIP_PLAIN, {{LOCAL_A, L_NAME, 2, 2}}},
    {"a: another name at byte 0", ZIP_PLAIN, {{CENTRAL_A, C_OFFSET, 4, 0}}},
    {"a: runs into the directory", ZIP_PLAIN, {{LOCAL_A, L_EXTRA, 2, 1}}},
    {"a: runs into the directory", ZIP_PLAIN, {{LOCAL_A, L_EXTRA, 2, 0xFFFF}}},
    {"a: its header at byte 35 disagrees with the directory",
     ZIP_PLAIN,
     {{LOCAL_A, L_FLAGS, 2, 1}}},
    {"a: its header at byte 35 disagrees with the directory",
     ZIP_PLAIN,
     {{LOCAL_A, L_METHOD, 2, 8}}},
    {"a: its header at byte 35 disagrees with the directory",
     ZIP_PLAIN,
     {{LOCAL_A, L_CRC, 1, 0}}},
    {"a: its header at byte 35 disagrees with the directory",
     ZIP_PLAIN,
     {{LOCAL_A, L_STORED, 4, 3}}},
    {"a: its header at byte 35 disagrees with the directory",
     ZIP_PLAIN,
     {{LOCAL_A, L_SIZE, 4, 5}}},
    {"a: its header at byte 35 disagrees with the directory",
     ZIP_PLAIN,
     {{LOCAL_A, L_STORED, 8, 0}}},
    {"a: its header at byte 58 disagrees with the directory",
     ZIP_FOLLOW,
     {{LOCAL_A, L_SIZE, 4, 5}}},
    {"a: ZIP64 sizes are missing at byte 35",
     ZIP_PLAIN,
     {{LOCAL_A, L_SIZE, 4, FOUR_GB}}},
    {"a: its header at byte 55 disagrees with the directory",
     ZIP_64,
     {{LOCAL_A, L_TEXT + 1 + 4, 8, 5}}},
};

static size_t place(const zip_writer *zip, const patch *p)
{
    const size_t places[] = {
        [LOCAL_B] = zip->entries[0].local,
        [LOCAL_A] = zip->entries[1].local,
        [CENTRAL_B] = zip->entries[0].central,
        [CENTRAL_A] = zip->entries[1].central,
        [END64] = zip->end64,
        [LOCATOR] = zip->locator,
        [END] = zip->end,
    };
    return places[p->record] + (size_t)p->offset;
}

static void check_refused(const zip_writer *zip, const char *message)
{
    vblip_error err = {0};
    vblip_status status = parse(zip->bytes.bytes, zip->bytes.size, &err);
    bool encrypted = strstr(message, "encrypted") != NULL;
    if (status != (encrypted ? VBLIP_ERR_UNSUPPORTED : VBLIP_ERR_FORMAT) ||
        strcmp(err.message, message) != 0)
        fail_msg("status %d, message \"%s\",\n expected \"%s\"", status, err.message,
                 message);
}

static void test_refuses_bad_archives(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_archives / sizeof *bad_archives; i++) {
        zip_writer zip = make(bad_archives[i].layout, "");
        for (int k = 0; k < 3; k++) {
            const patch *p = &bad_archives[i].patches[k];
            zip_patch(&zip, place(&zip, p), p->size, p->value);
        }
        check_refused(&zip, bad_archives[i].message);
        zip_free(&zip);
    }
}

static void test_refuses_a_name_given_twice(void **state)
{
    (void)state;
    zip_writer zip = {.layout = ZIP_FOLLOW};
    zip_add(&zip, "a", "1", 1);
    zip_add(&zip, "b", "2", 1);
    zip_add(&zip, "a", "1", 1);
    zip_end(&zip, "");
    check_refused(&zip, "a: two entries of that name");
    zip_free(&zip);
}

// The whole of "a" lies within the data of "bb".
static void test_refuses_entries_that_overlap(void **state)
{
    (void)state;
    zip_writer inner = {0}, zip = {0};
    zip_add(&inner, "a", "AAAA", 4);
    zip_add(&zip, "bb", inner.bytes.bytes, inner.bytes.size);
    zip_add(&zip, "a", "AAAA", 4);
    zip_end(&zip, "");
    zip_patch(&zip, zip.entries[1].central + C_OFFSET, 4, 30 + 2);
    check_refused(&zip, "a: overlaps bb");
    zip_free(&inner);
    zip_free(&zip);
}

// Readers that search from the front and from the back would see two archives.
static void test_refuses_two_ends(void **state)
{
    (void)state;
    zip_writer inner = {0};
    zip_end(&inner, "");
    zip_writer zip = make(ZIP_PLAIN, "");
    assert_true(vb_string_append(&zip.bytes, inner.bytes.bytes, inner.bytes.size));
    zip_patch(&zip, zip.end + E_COMMENT, 2, inner.bytes.size);
    check_refused(&zip, "two ends of a zip archive, at bytes 165 and 187");
    zip_free(&inner);
    zip_free(&zip);
}

static void test_refuses_a_name_longer_than_any(void **state)
{
    (void)state;
    char name[1026] = {0};
    memset(name, 'n', sizeof name - 1);
    zip_writer zip = {0};
    zip_add(&zip, name, "", 0);
    zip_end(&zip, "");
    check_refused(&zip, "directory, byte 1055: a name of 1025 bytes");
    zip_free(&zip);
}

// Everything behind the data of "bb" moves `by` bytes, and "bb" grows as much.
static void grow(zip_writer *w, uint64_t by)
{
    const size_t bb = w->entries[0].local + L_TEXT + 2 + 4;
    const size_t central_bb = w->entries[0].central + C_TEXT + 2 + 4;
    for (size_t i = 0; i < 2; i++) { // both sizes
        zip_patch(w, bb + 8 * i, 8, 3 + by);
        zip_patch(w, central_bb + 8 * i, 8, 3 + by);
    }
    zip_patch(w, w->entries[1].central + C_BLOCK + 20, 8, w->entries[1].local + by);
    zip_patch(w, w->end64 + E64_OFFSET, 8, w->entries[0].central + by);
    zip_patch(w, w->locator + LOC_OFFSET, 8, w->end64 + by);
}

// A file with a hole, so that offsets and sizes beyond 32 bits are real.
static void test_finds_entries_beyond_4_gb(void **state)
{
    (void)state;
    const uint64_t hole = 5ull << 30;
    zip_writer w = make(ZIP_64, "");
    const size_t head = w.entries[1].local;
    grow(&w, hole);
    char path[] = "/tmp/vblip-zip-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    const size_t size = w.bytes.size + hole, tail = w.bytes.size - head;
    if (ftruncate(fd, (off_t)size) != 0) {
        close(fd);
        unlink(path);
        zip_free(&w);
        skip();
    }
    assert_int_equal(pwrite(fd, w.bytes.bytes, head, 0), head);
    assert_int_equal(pwrite(fd, w.bytes.bytes + head, tail, (off_t)(head + hole)),
                     tail);
    close(fd);
    vb_arena arena = {0};
    vb_zip zip;
    vb_file file;
    vblip_error err = {0};
    char data[4];
    assert_int_equal(vb_file_open(&file, path, NULL), VBLIP_OK);
    if (vb_zip_parse(&zip, &arena, &file, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    const vb_zip_entry *bb = vb_zip_find(&zip, "bb"), *a = vb_zip_find(&zip, "a");
    assert_int_equal(bb->size, 3 + hole);
    assert_int_equal(vb_file_read_at(&file, data, bb->at, 3, NULL), VBLIP_OK);
    assert_memory_equal(data, "BBB", 3);
    assert_int_equal(vb_file_read_at(&file, data, a->at, 4, NULL), VBLIP_OK);
    assert_memory_equal(data, "AAAA", 4);
    vb_arena_free(&arena);
    vb_file_close(&file);
    unlink(path);
    zip_free(&w);
}

static void test_checksums_tell_every_wrong_bit(void **state)
{
    (void)state;
    for (zip_layout layout = ZIP_PLAIN; layout <= ZIP_64; layout++) {
        zip_writer w = make(layout, "");
        vb_arena arena = {0};
        vb_zip zip;
        const vb_file file = file_of(&w);
        assert_int_equal(vb_zip_parse(&zip, &arena, &file, NULL), VBLIP_OK);
        const vb_zip_entry *bb = vb_zip_find(&zip, "bb");
        assert_int_equal(vb_zip_crc(vb_zip_crc(0, "B", 1), "BB", 2), bb->crc);
        assert_int_equal(vb_zip_check(bb, bb->crc, NULL), VBLIP_OK);
        for (int bit = 0; bit < 24; bit++) {
            char bytes[] = "BBB", message[96];
            vblip_error err = {0};
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
            const uint32_t crc = vb_zip_crc(0, bytes, 3);
            assert_int_equal(vb_zip_check(bb, crc, &err), VBLIP_ERR_FORMAT);
            snprintf(message, sizeof message,
                     "bb: CRC-32 %08x, expected d6c28d87: the file is damaged", crc);
            assert_string_equal(err.message, message);
        }
        vb_arena_free(&arena);
        zip_free(&w);
    }
}

static void test_lists_compressed_entries_as_they_lie(void **state)
{
    (void)state;
    zip_writer w = make(ZIP_PLAIN, "");
    zip_patch(&w, w.entries[1].local + L_METHOD, 2, 8);
    zip_patch(&w, w.entries[1].central + C_METHOD, 2, 8);
    zip_patch(&w, w.entries[1].local + L_SIZE, 4, 400);
    zip_patch(&w, w.entries[1].central + C_SIZE, 4, 400);
    vb_arena arena = {0};
    vb_zip zip;
    const vb_file file = file_of(&w);
    assert_int_equal(vb_zip_parse(&zip, &arena, &file, NULL), VBLIP_OK);
    const vb_zip_entry *a = vb_zip_find(&zip, "a");
    assert_int_equal(a->method, 8);
    assert_int_equal(a->size, 4);
    assert_memory_equal(w.bytes.bytes + a->at, "AAAA", 4);
    vb_arena_free(&arena);
    zip_free(&w);
}

static void test_refuses_every_truncation(void **state)
{
    (void)state;
    for (zip_layout layout = ZIP_PLAIN; layout <= ZIP_64; layout++) {
        zip_writer zip = make(layout, "comment");
        for (size_t size = 0; size < zip.bytes.size; size++)
            assert_int_equal(parse(zip.bytes.bytes, size, NULL), VBLIP_ERR_FORMAT);
        for (size_t cut = 1; cut < zip.bytes.size; cut++) // from the front
            assert_int_equal(parse(zip.bytes.bytes + cut, zip.bytes.size - cut, NULL),
                             VBLIP_ERR_FORMAT);
        zip_free(&zip);
    }
}

// Whatever a changed byte makes of it, no read leaves the archive (parse reads all).
static void test_survives_every_changed_byte(void **state)
{
    (void)state;
    static const unsigned char changes[] = {0x01, 0x80, 0xFF, 'Q'};
    for (zip_layout layout = ZIP_PLAIN; layout <= ZIP_64; layout++) {
        zip_writer zip = make(layout, "comment");
        size_t refused = 0;
        for (size_t at = 0; at < zip.bytes.size; at++)
            for (size_t c = 0; c < sizeof changes; c++) {
                char was = zip.bytes.bytes[at];
                zip.bytes.bytes[at] = (char)((unsigned char)was ^ changes[c]);
                refused += parse(zip.bytes.bytes, zip.bytes.size, NULL) != VBLIP_OK;
                zip.bytes.bytes[at] = was;
            }
        assert_true(refused > zip.bytes.size);
        zip_free(&zip);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_entries_of_every_layout),
        cmocka_unit_test(test_finds_nothing_in_an_empty_archive),
        cmocka_unit_test(test_finds_entries_beyond_4_gb),
        cmocka_unit_test(test_checksums_tell_every_wrong_bit),
        cmocka_unit_test(test_lists_compressed_entries_as_they_lie),
        cmocka_unit_test(test_refuses_bad_archives),
        cmocka_unit_test(test_refuses_a_name_given_twice),
        cmocka_unit_test(test_refuses_a_name_longer_than_any),
        cmocka_unit_test(test_refuses_entries_that_overlap),
        cmocka_unit_test(test_refuses_two_ends),
        cmocka_unit_test(test_refuses_every_truncation),
        cmocka_unit_test(test_survives_every_changed_byte),
    };
    return cmocka_run_group_tests_name("zip", tests, NULL, NULL);
}
