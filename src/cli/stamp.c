#include "cli/stamp.h"

#include "base/hash.h"
#include "base/text.h"
#include "cli/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void write_words(vb_string *out, const cli_words *words)
{
    for (uint32_t i = 0; i < words->count; i++)
        vb_string_append(out, words->items[i], strlen(words->items[i]) + 1);
}

static void write_value(vb_string *out, const cli_option *o, const cli_args *args)
{
    const void *field = (const char *)args + o->offset;
    const char *text = cli_option_string(o, args);
    switch (o->kind) {
    case CLI_FLAG:
        vb_string_putc(out, *(const bool *)field ? 'y' : 'n');
        break;
    case CLI_STRING:
        vb_string_puts(out, text ? text : "");
        break;
    case CLI_STRINGS:
        write_words(out, field);
        break;
    case CLI_COUNT:
    case CLI_CHOICE:
        vb_string_appendf(out, "%u", (unsigned)*(const uint32_t *)field);
        break;
    case CLI_COUNTS:
        for (const uint32_t *count = field; *count; count++)
            vb_string_appendf(out, "%u ", *count);
        break;
    case CLI_REAL:
        vb_string_appendf(out, "%a", (double)*(const float *)field);
        break;
    case CLI_PART:
        vb_string_appendf(out, "%u/%u", ((const cli_shard *)field)->index,
                          ((const cli_shard *)field)->count);
        break;
    case CLI_EVERY:
        vb_string_appendf(out, "%" PRId64 " %u", args->every_us, args->every_frames);
        break;
    }
    vb_string_putc(out, '\0');
}

static vblip_status hash_input(uint64_t *hash, const char *path, vblip_error *err)
{
    uint64_t content;
    VB_TRY(vb_hash_file(&content, path, NULL, NULL, err));
    *hash = vb_hash_bytes(*hash, &content, sizeof content);
    return VBLIP_OK;
}

static vblip_status hash_option(uint64_t *hash, const cli_option *o,
                                const cli_args *args, vblip_error *err)
{
    const char *path = cli_option_file_read(o, args);
    vb_string text = {0};
    vb_string_appendf(&text, "%c%s=", o->letter ? o->letter : ' ',
                      o->name ? o->name : "");
    if (!path)
        write_value(&text, o, args);
    const bool failed = text.failed;
    if (!failed)
        *hash = vb_hash_bytes(*hash, text.bytes, text.size);
    vb_string_free(&text);
    if (failed)
        return vb_fail_memory(err, "options");
    return path ? hash_input(hash, path, err) : VBLIP_OK;
}

vblip_status cli_stamp_make(char out[CLI_STAMP_SIZE], const cli_args *args,
                            const char *model, vblip_error *err)
{
    uint64_t hash = 0;
    cli_args used = *args;
    used.model = model;
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        if (o->commands & 1u << args->command && !o->same_rows)
            VB_TRY(hash_option(&hash, o, &used, err));
    for (uint32_t i = 0; i < args->paths.count; i++)
        VB_TRY(hash_input(&hash, args->paths.items[i], err));
    snprintf(out, CLI_STAMP_SIZE, "%016" PRIx64, hash);
    return VBLIP_OK;
}
