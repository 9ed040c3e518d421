#include "cli/options.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const cli_option *cli_option_of(cli_command command, const char *name, size_t size)
{
    const cli_option *first = NULL;
    for (const cli_option *o = cli_options; o->letter || o->name; o++) {
        if (!o->name || strlen(o->name) != size || memcmp(o->name, name, size) != 0)
            continue;
        if (command < CLI_COMMAND_COUNT && o->commands & 1u << command)
            return o;
        first = first ? first : o;
    }
    return first;
}

const cli_option *cli_option_by_name(const char *name, size_t size)
{
    return cli_option_of(CLI_COMMAND_COUNT, name, size);
}

const cli_option *cli_option_by_letter(char letter)
{
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        if (o->letter && o->letter == letter)
            return o;
    return NULL;
}

const cli_option *cli_option_by_label(const char *label)
{
    if (label[1] == '-')
        return cli_option_by_name(label + 2, strlen(label + 2));
    return cli_option_by_letter(label[1]);
}

const char *cli_choice_name(const char *option, uint32_t value)
{
    return cli_option_by_name(option, strlen(option))->choices[value];
}

const char *cli_option_string(const cli_option *option, const cli_args *args)
{
    const char *const *field = (const void *)((const char *)args + option->offset);
    return option->kind == CLI_STRING ? *field : NULL;
}

const char *cli_option_file_read(const cli_option *option, const cli_args *args)
{
    const bool read = option->file == CLI_FILE_LIST || option->file == CLI_FILE_READ;
    if (!read || !(option->commands & 1u << args->command))
        return NULL;
    const char *file = cli_option_string(option, args);
    return file && option->or_none && strcmp(file, "none") == 0 ? NULL : file;
}

// A decimal number and nothing else; no sign, no infinity, no hexadecimal.
static bool read_number(double *out, const char *text, size_t size)
{
    char copy[32];
    if (!size || size >= sizeof copy || strspn(text, "0123456789.e+-") < size ||
        !(text[0] == '.' || (text[0] >= '0' && text[0] <= '9')))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    char *end;
    *out = strtod(copy, &end);
    return *end == '\0' && isfinite(*out);
}

static bool read_whole_number(double *out, const char *text, size_t size)
{
    return strspn(text, "0123456789") >= size && read_number(out, text, size);
}

// The option as typed, for messages.
typedef struct label {
    const char *text;
    int size;
} label;

static vblip_status apply_number(const cli_option *o, void *field, label l,
                                 const char *value, vblip_error *err)
{
    double number;
    bool whole = o->kind == CLI_COUNT;
    if (o->automatic && strcmp(value, "auto") == 0) {
        *(uint32_t *)field = CLI_NOT_GIVEN;
        return VBLIP_OK;
    }
    bool ok = whole ? read_whole_number(&number, value, strlen(value))
                    : read_number(&number, value, strlen(value));
    if (!ok || number < o->least || number > o->most)
        return cli_misuse(err, "%.*s %s: a %s from %g to %.10g%s is allowed", l.size,
                          l.text, value, whole ? "whole number" : "number", o->least,
                          o->most, o->automatic ? ", or auto," : "");
    if (whole)
        *(uint32_t *)field = (uint32_t)number;
    else
        *(float *)field = (float)number;
    return VBLIP_OK;
}

static vblip_status apply_counts(const cli_option *o, uint32_t *field, label l,
                                 const char *value, vblip_error *err)
{
    const char *at = value;
    for (uint32_t i = 0; i < CLI_MOST_COUNTS; i++) {
        const size_t size = strcspn(at, ",");
        double number;
        if (!read_whole_number(&number, at, size) || number < o->least ||
            number > o->most)
            break;
        field[i] = (uint32_t)number;
        field[i + 1] = 0;
        if (!at[size])
            return VBLIP_OK;
        at += size + 1;
    }
    return cli_misuse(err, "%.*s %s: up to %d whole numbers from %g to %g are allowed",
                      l.size, l.text, value, CLI_MOST_COUNTS, o->least, o->most);
}

static vblip_status apply_choice(const cli_option *o, uint32_t *field, label l,
                                 const char *value, vblip_error *err)
{
    vb_string allowed = {0};
    for (uint32_t i = 0; i < CLI_MAX_CHOICES && o->choices[i]; i++) {
        if (strcmp(value, o->choices[i]) == 0) {
            vb_string_free(&allowed);
            *field = i;
            return VBLIP_OK;
        }
        vb_string_appendf(&allowed, "%s%s", i ? ", " : "", o->choices[i]);
    }
    cli_misuse(err, "%.*s %s: allowed: %s", l.size, l.text, value,
               allowed.failed ? "" : allowed.bytes);
    vb_string_free(&allowed);
    return VBLIP_ERR_ARGUMENT;
}

static vblip_status apply_every(cli_args *args, label l, const char *value,
                                vblip_error *err)
{
    const int most_seconds = 86400, most_frames = 1000000000;
    size_t size = strlen(value);
    double number;
    if (size && value[size - 1] == 'f') {
        if (read_whole_number(&number, value, size - 1) && number >= 1 &&
            number <= most_frames) {
            args->every_frames = (uint32_t)number;
            args->every_us = 0;
            return VBLIP_OK;
        }
    } else if (read_number(&number, value, size) && number >= 0.001 &&
               number <= most_seconds) {
        args->every_us = (int64_t)(number * 1e6 + 0.5);
        args->every_frames = 0;
        return VBLIP_OK;
    }
    return cli_misuse(err,
                      "%.*s %s: seconds from 0.001 to %d, or frames from 1f to %df, "
                      "are allowed",
                      l.size, l.text, value, most_seconds, most_frames);
}

static vblip_status apply_shard(cli_shard *shard, label l, const char *value,
                                vblip_error *err)
{
    const uint32_t most = 1000000;
    const size_t size = strcspn(value, "/");
    double index, count;
    if (!value[size] || !read_whole_number(&index, value, size) ||
        !read_whole_number(&count, value + size + 1, strlen(value + size + 1)) ||
        count < 1 || count > most || index < 1 || index > count)
        return cli_misuse(err,
                          "%.*s %.64s: I/N is allowed, I from 1 to N, and N up to %u",
                          l.size, l.text, value, most);
    *shard = (cli_shard){(uint32_t)index, (uint32_t)count};
    return VBLIP_OK;
}

vblip_status cli_option_apply(const cli_option *option, cli_args *args,
                              const char *label_text, int label_size, const char *value,
                              vblip_error *err)
{
    label l = {label_text, label_size};
    void *field = (char *)args + option->offset;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)field = true;
        return VBLIP_OK;
    case CLI_STRING:
        *(const char **)field = value;
        return VBLIP_OK;
    case CLI_STRINGS:
        if (cli_words_add(field, value))
            return VBLIP_OK;
        return cli_misuse(err, "%.*s: out of memory", l.size, l.text);
    case CLI_COUNT:
    case CLI_REAL:
        return apply_number(option, field, l, value, err);
    case CLI_COUNTS:
        return apply_counts(option, field, l, value, err);
    case CLI_CHOICE:
        return apply_choice(option, field, l, value, err);
    case CLI_EVERY:
        return apply_every(args, l, value, err);
    case CLI_PART:
        return apply_shard(field, l, value, err);
    }
    return VBLIP_OK;
}
