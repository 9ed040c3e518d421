// memory.c - buffers, and what goes in and out of them.
#define _DEFAULT_SOURCE // madvise
#include "cpu/context.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

// Whole huge pages are asked for as such: one page fault in place of 512.
void *vb_cpu_allocate(size_t size)
{
    if (size > SIZE_MAX - HUGE_PAGE)
        return NULL;
    const size_t align = size < HUGE_PAGE ? VB_CPU_ALIGN : HUGE_PAGE;
    const size_t whole = (size / VB_CPU_ALIGN + 1) * VB_CPU_ALIGN;
    void *bytes = NULL;
    if (posix_memalign(&bytes, align, whole) != 0)
        return NULL;
#if defined(MADV_HUGEPAGE)
    if (size >= HUGE_PAGE) // a kernel without them takes small ones
        (void)madvise(bytes, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return bytes;
}

void *vb_room_take(vb_room *room, size_t size, uint64_t *allocations)
{
    if (size <= room->size)
        return room->bytes;
    vb_room_free(room);
    room->bytes = vb_cpu_allocate(size);
    if (!room->bytes)
        return NULL;
    room->size = size;
    ++*allocations;
    return room->bytes;
}

void vb_room_free(vb_room *room)
{
    free(room->bytes);
    *room = (vb_room){0};
}

vblip_status vb_cpu_buffer_make(vb_buffer **out, vb_device *device, uint64_t bytes,
                                const char *name, vblip_error *err)
{
    vb_cpu_buffer *buffer = calloc(1, sizeof *buffer);
    uint8_t *memory = bytes <= SIZE_MAX ? vb_cpu_allocate((size_t)bytes) : NULL;
    if (!buffer || !memory) {
        free(buffer);
        free(memory);
        return vb_fail(err, VBLIP_ERR_MEMORY, "%s: no memory for %llu MiB", name,
                       (unsigned long long)(bytes >> 20));
    }
    *buffer = (vb_cpu_buffer){.base = {device, bytes}, .bytes = memory};
    vb_cpu_of(device)->allocations++;
    *out = &buffer->base;
    return VBLIP_OK;
}

void vb_cpu_buffer_free(vb_buffer *buffer)
{
    free(((vb_cpu_buffer *)buffer)->bytes);
    free(buffer);
}

vblip_status vb_cpu_upload(vb_device *device, vb_tensor y, const void *src,
                           vblip_error *err)
{
    (void)device, (void)err;
    memcpy(vb_cpu_bytes(&y), src, (size_t)vb_tensor_bytes(&y));
    return VBLIP_OK;
}

// Results are told on submit, not before: a caller that drops a pass keeps what it had.
// Later ops may write x, so what it holds now is kept.
vblip_status vb_cpu_download(vb_device *device, void *dst, vb_tensor x,
                             vblip_error *err)
{
    vb_cpu *cpu = vb_cpu_of(device);
    if (cpu->download_count == cpu->download_room) {
        const size_t room = cpu->download_room ? 2 * cpu->download_room : 8;
        vb_kept_download *list = realloc(cpu->downloads, room * sizeof *list);
        if (!list)
            return vb_fail_memory(err, "download");
        memset(list + cpu->download_room, 0,
               (room - cpu->download_room) * sizeof *list);
        cpu->downloads = list;
        cpu->download_room = room;
        cpu->allocations++;
    }
    vb_kept_download *download = &cpu->downloads[cpu->download_count];
    const size_t size = (size_t)vb_tensor_bytes(&x);
    if (!vb_room_take(&download->bytes, size, &cpu->allocations))
        return vb_fail_memory(err, "download");
    memcpy(download->bytes.bytes, vb_cpu_bytes(&x), size);
    download->dst = dst;
    download->size = size;
    cpu->download_count++;
    return VBLIP_OK;
}

void vb_cpu_deliver(vb_cpu *cpu, bool copy)
{
    for (size_t i = 0; copy && i < cpu->download_count; i++)
        memcpy(cpu->downloads[i].dst, cpu->downloads[i].bytes.bytes,
               cpu->downloads[i].size);
    cpu->download_count = 0;
}
