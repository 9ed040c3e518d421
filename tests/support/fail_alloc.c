#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// The linker's names: __wrap_f is called for f, __real_f is the library's f.
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *memory);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);

static size_t until_failure; // allocations; 0 = none fails
static size_t alive;         // allocations not yet freed

static bool fails(void)
{
    return until_failure > 0 && --until_failure == 0;
}

static void *counted(void *memory)
{
    alive += memory != NULL;
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (fails())
        return NULL;
    return old ? __real_realloc(old, size) : counted(__real_malloc(size));
}

char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = __wrap_malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void __wrap_free(void *memory)
{
    alive -= memory != NULL;
    __real_free(memory);
}

size_t fail_alloc_each(const char *name, fail_alloc_call *call, void *user)
{
    enum { TOO_MANY = 100000 };
    for (size_t n = 1; n < TOO_MANY; n++) {
        vblip_error err = {0};
        const size_t before = alive;
        until_failure = n;
        vblip_status status = call(user, &err);
        const bool fired = until_failure == 0;
        until_failure = 0;
        if (alive != before)
            fail_msg("%s: allocation %zu: %zu left behind", name, n, alive - before);
        if (!fired) {
            if (status != VBLIP_OK)
                fail_msg("%s: failed with memory to spare: %s", name, err.message);
            return n - 1;
        }
        if (status != VBLIP_ERR_MEMORY || err.status != status || !err.message[0])
            fail_msg("%s: allocation %zu failed: status %d, message \"%s\"", name, n,
                     status, err.message);
    }
    fail_msg("%s: never succeeds", name);
    return 0;
}
