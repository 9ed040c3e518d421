// fuzz_packed.c - no file of packed weights may crash, or name weights outside of itself.
#define _GNU_SOURCE // memfd_create
#include "cpu/packed.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEADER = 48, ENTRY = 56, AT_KEY = 16, AT_SIZE = 24, AT_COUNT = 32, AT_SUM = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Puts right what the fuzzer would not guess, when byte 0 is even.
static void mend(uint8_t *bytes, size_t size)
{
    uint64_t count, length = size;
    if (size < HEADER || bytes[0] % 2)
        return;
    memcpy(bytes, "vblipPKW\1\0\0\0\0\0\0", 16);
    memcpy(bytes + AT_SIZE, &length, sizeof length);
    memcpy(&count, bytes + AT_COUNT, sizeof count);
    if (count > (size - HEADER) / ENTRY)
        return;
    const uint64_t hash = vb_hash_bytes(vb_hash_bytes(0, bytes, AT_SUM), bytes + HEADER,
                                        (size_t)count * ENTRY);
    memcpy(bytes + AT_SUM, &hash, sizeof hash);
}

// Every matrix that the list names is found, and all of its bytes can be read.
static void read_all(const vb_packed *file, const uint8_t *bytes)
{
    volatile uint8_t sink = 0;
    uint64_t count;
    memcpy(&count, bytes + AT_COUNT, sizeof count);
    for (uint64_t i = 0; i < count; i++) {
        vb_packed_matrix wanted = {0};
        memcpy(&wanted, bytes + HEADER + i * ENTRY, ENTRY);
        const vb_packed_matrix *m = vb_packed_find(file, &wanted);
        if (!m)
            abort();
        for (uint64_t b = 0; b < m->size; b += b + 64 < m->size ? 64 : 1)
            sink ^= m->bytes[b];
    }
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    char path[64];
    vb_packed *file;
    uint64_t key = 0;
    vblip_error err = {0};
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (!copy || fd < 0)
        abort();
    if (size)
        memcpy(copy, data, size);
    mend(copy, size);
    if (size >= HEADER)
        memcpy(&key, copy + AT_KEY, sizeof key);
    if (write(fd, copy, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (vb_packed_open(&file, path, key, &err) == VBLIP_OK)
        read_all(file, copy);
    else if (!err.message[0] || file)
        abort();
    vb_packed_release(&file);
    close(fd);
    free(copy);
    return 0;
}
