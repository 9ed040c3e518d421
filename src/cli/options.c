#include "cli/options.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(cli_args, field)
#define ON(cmd)   (1u << CLI_##cmd)
#define INPUTS                                                                         \
    (ON(RETRIEVE) | ON(INDEX) | ON(QA) | ON(CAPTION) | ON(MATCH) | ON(REASON) |        \
     ON(EMBED) | ON(SHOTS))

// Common options first, then by command; help lists them in this order.
const cli_option cli_options[] = {
    {.name = "model",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_STRING,
     .offset = AT(model),
     .file = CLI_FILE_MODEL,
     .value = "PATH",
     .help =
         "checkpoint folder or file, model set, or hub name in the local Hugging Face "
         "cache ($VBLIP_MODEL, else the bundled demo model)"},
    {.name = "image-size",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_COUNT,
     .offset = AT(image_size),
     .least = 16,
     .most = 4096,
     .value = "S",
     .help = "evaluate at SxS pixels (the checkpoint's own)"},
    {.name = "vocab",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_STRING,
     .offset = AT(vocab),
     .file = CLI_FILE_READ,
     .value = "FILE",
     .help = "WordPiece vocabulary (vocab.txt beside the checkpoint, else "
             "bert-base-uncased's)"},
    {.name = "raw-text",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_FLAG,
     .offset = AT(raw_text),
     .help = "do not clean texts"},
    {.name = "compat",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_CHOICE,
     .offset = AT(compat),
     .choices = {"salesforce", "hf"},
     .value = "WHOSE",
     .help = "whose semantics where they differ: salesforce/BLIP's or those of Hugging "
             "Face transformers: salesforce, hf (salesforce)"},
    {.name = "device",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_STRING,
     .offset = AT(device),
     .value = "D",
     .help = "auto, cpu (the processor), or an index or part of a name from `vblip "
             "doctor` (auto)"},
    {.name = "hwaccel",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_STRING,
     .offset = AT(hwaccel),
     .value = "NAME",
     .help = "device that decodes videos: none (the processor), auto, or a name from "
             "`vblip doctor` (none)"},
    {.name = "precision",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_CHOICE,
     .offset = AT(precision),
     .choices = {"auto", "f32", "f16", "bf16"},
     .value = "P",
     .help = "weights in memory: auto, f32, f16 (GPUs), bf16 (processors) (auto)"},
    {.name = "frames",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_COUNT,
     .offset = AT(frames),
     .least = 1,
     .most = 1024,
     .value = "F",
     .help = "frames per clip (16 for qa, else 8)"},
    {.name = "batch",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_COUNT,
     .offset = AT(batch),
     .same_rows = true,
     .least = 1,
     .most = 4096,
     .value = "N",
     .help = "frames per device batch (by memory)"},
    {.letter = 'f',
     .name = "format",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_CHOICE,
     .offset = AT(format),
     .same_rows = true,
     .choices = {[VB_FORMAT_TEXT] = "text",
                 [VB_FORMAT_TSV] = "tsv",
                 [VB_FORMAT_CSV] = "csv",
                 [VB_FORMAT_JSON] = "json",
                 [VB_FORMAT_JSONL] = "jsonl",
                 [VB_FORMAT_SRT] = "srt",
                 [VB_FORMAT_VTT] = "vtt"},
     .value = "FORMAT",
     .help = "text, tsv, csv, json, jsonl; caption also srt, vtt (by the extension of "
             "-o, else text)"},
    {.letter = 'o',
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_STRING,
     .offset = AT(output),
     .same_rows = true,
     .file = CLI_FILE_WRITTEN,
     .value = "FILE",
     .help = "results to a file, which is replaced (standard output)"},
    {.letter = 'j',
     .name = "jobs",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_COUNT,
     .offset = AT(jobs),
     .same_rows = true,
     .least = 1,
     .most = 256,
     .value = "N",
     .help = "files decoded at once (by cores and device)"},
    {.letter = 'q',
     .name = "quiet",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_FLAG,
     .offset = AT(quiet),
     .same_rows = true,
     .help = "errors only"},
    {.letter = 'v',
     .name = "verbose",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_FLAG,
     .offset = AT(verbose),
     .same_rows = true,
     .help = "more messages"},
    {.name = "progress",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_CHOICE,
     .offset = AT(progress),
     .same_rows = true,
     .choices = {[VB_PROGRESS_AUTO] = "auto",
                 [VB_PROGRESS_PLAIN] = "plain",
                 [VB_PROGRESS_JSON] = "json",
                 [VB_PROGRESS_NONE] = "none"},
     .value = "STYLE",
     .help = "auto, plain, json, none; auto is a bar on a terminal (auto)"},
    {.name = "fail-fast",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_FLAG,
     .offset = AT(fail_fast),
     .same_rows = true,
     .help = "stop at the first bad input"},
    {.name = "size",
     .commands = ON(BENCH),
     .kind = CLI_CHOICE,
     .offset = AT(size),
     .choices = {"none", "base-384", "base-480", "large-384"},
     .value = "SIZE",
     .help = "time models of a released size, made on the spot of noise: base-384, "
             "base-480, large-384"},
    {.name = "counts",
     .commands = ON(BENCH),
     .kind = CLI_COUNTS,
     .offset = AT(counts),
     .least = 1,
     .most = 64,
     .value = "N,...",
     .help = "frames (vision, caption) or texts (text, itm, itm-image, itm-video) at a "
             "time (1 and 8; of text 1 and 64)"},
    {.name = "files",
     .commands = ON(BENCH),
     .kind = CLI_STRINGS,
     .offset = AT(files),
     .value = "MEDIA",
     .help = "videos that decode-uniform and decode-seconds read, or a directory of "
             "them; may be repeated"},
    {.name = "threads",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_COUNT,
     .offset = AT(threads),
     .same_rows = true,
     .least = 1,
     .most = 256,
     .value = "N",
     .help = "threads that compute on the processor (its cores)"},
    {.name = "kernels",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_STRING,
     .offset = AT(kernels),
     .value = "FAMILY",
     .help = "kernel family instead of the device's own (see `vblip doctor`)"},
    {.name = "profile",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_FLAG,
     .offset = AT(profile),
     .same_rows = true,
     .help = "device time of each op, on standard error at the end"},
    {.name = "validate",
     .commands = CLI_ALL_COMMANDS,
     .kind = CLI_FLAG,
     .offset = AT(validate),
     .same_rows = true,
     .help = "run under the Vulkan validation layer"},

    {.letter = 'a',
     .commands = INPUTS | ON(TOKENIZE),
     .kind = CLI_STRING,
     .offset = AT(list),
     .file = CLI_FILE_LIST,
     .value = "FILE",
     .help = "read paths from FILE, one a line; - is standard input"},
    {.letter = '0',
     .commands = INPUTS | ON(TOKENIZE),
     .kind = CLI_FLAG,
     .offset = AT(list_nul),
     .help = "entries of -a FILE are ended by NUL"},

    {.letter = 'e',
     .commands = ON(RETRIEVE),
     .kind = CLI_STRINGS,
     .offset = AT(queries),
     .value = "TEXT",
     .help = "a query; may be given several times, all operands are paths then"},
    {.name = "queries",
     .commands = ON(RETRIEVE),
     .kind = CLI_STRING,
     .offset = AT(texts_file),
     .file = CLI_FILE_LIST,
     .value = "FILE",
     .help = "read queries from FILE, one a line"},
    {.name = "top",
     .commands = ON(RETRIEVE),
     .kind = CLI_COUNT,
     .offset = AT(top),
     .least = 1,
     .most = 1000000,
     .value = "N",
     .help = "hits per query (10)"},
    {.name = "rerank",
     .commands = ON(RETRIEVE),
     .kind = CLI_COUNT,
     .offset = AT(rerank),
     .automatic = true,
     .least = 0,
     .most = 1000000,
     .value = "K",
     .help = "candidates per query scored by ITM: so many, 0 = ITC only, or auto: of "
             "128 those whose frames were encoded before, and 16 others (auto)"},
    {.name = "cache-gb",
     .commands = ON(RETRIEVE),
     .kind = CLI_REAL,
     .offset = AT(cache_gb),
     .same_rows = true,
     .least = 0,
     .most = 1e6,
     .value = "G",
     .help = "disk for what ITM has looked at, beside the index; 0 = none (a tenth of "
             "what is free, up to 20)"},
    {.name = "min-p",
     .commands = ON(RETRIEVE) | ON(FILTER),
     .kind = CLI_REAL,
     .offset = AT(min_p),
     .least = 0,
     .most = 1,
     .value = "P",
     .help = "drop hits that match with less than P (0)"},
    {.name = "include",
     .commands = ON(RETRIEVE) | ON(INDEX),
     .kind = CLI_STRINGS,
     .offset = AT(include),
     .value = "GLOB",
     .help = "of files in directories, only those that match; may be repeated"},
    {.name = "exclude",
     .commands = ON(RETRIEVE) | ON(INDEX),
     .kind = CLI_STRINGS,
     .offset = AT(exclude),
     .value = "GLOB",
     .help = "of files in directories, not those that match; may be repeated"},
    {.letter = 'l',
     .name = "files-only",
     .commands = ON(RETRIEVE),
     .kind = CLI_FLAG,
     .offset = AT(files_only),
     .same_rows = true,
     .help = "print only the paths of hits, each once"},
    {.letter = 'Z',
     .name = "null",
     .commands = ON(RETRIEVE),
     .kind = CLI_FLAG,
     .offset = AT(null_paths),
     .same_rows = true,
     .help = "end paths by NUL instead of a newline"},
    {.name = "exit-status",
     .commands = ON(RETRIEVE),
     .kind = CLI_FLAG,
     .offset = AT(exit_status),
     .same_rows = true,
     .help = "exit 1 when nothing matched"},

    {.name = "index",
     .commands = ON(RETRIEVE) | ON(INDEX),
     .kind = CLI_STRING,
     .offset = AT(index),
     .value = "INDEX",
     .help = "the index of all PATHs (one for each directory, in "
             "$XDG_DATA_HOME/vblip)"},
    {.name = "no-index",
     .commands = ON(RETRIEVE),
     .kind = CLI_FLAG,
     .offset = AT(no_index),
     .help = "leave nothing on disk: directories are encoded anew"},
    {.name = "segment",
     .commands = ON(RETRIEVE) | ON(INDEX),
     .kind = CLI_STRING,
     .offset = AT(segment),
     .value = "RULE",
     .help = "what a hit is: whole (a recording), shots, so many seconds, or auto: "
             "whole up to 30 s, else shots of at most 30 s (auto)"},
    {.name = "rebuild",
     .commands = ON(RETRIEVE) | ON(INDEX),
     .kind = CLI_FLAG,
     .offset = AT(rebuild),
     .help = "make the index anew, whatever it holds"},
    {.name = "retry-failed",
     .commands = ON(RETRIEVE) | ON(INDEX),
     .kind = CLI_FLAG,
     .offset = AT(retry_failed),
     .help = "try files again that could not be read and have not changed"},
    {.name = "stats",
     .commands = ON(INDEX),
     .kind = CLI_FLAG,
     .offset = AT(index_stats),
     .help = "only show how much indexes hold: those of PATHs, or all"},
    {.name = "list",
     .commands = ON(INDEX),
     .kind = CLI_FLAG,
     .offset = AT(index_list),
     .help = "only list the recordings of indexes, likewise"},
    {.name = "verify",
     .commands = ON(INDEX),
     .kind = CLI_FLAG,
     .offset = AT(index_verify),
     .help = "only read all of the indexes and check it, likewise"},

    {.name = "itm-token",
     .commands = ON(MATCH),
     .kind = CLI_CHOICE,
     .offset = AT(itm_token),
     .choices = {"enc", "cls"},
     .value = "TOKEN",
     .help = "first token of the text for ITM: enc, cls (enc, with --compat hf cls)"},

    {.name = "what",
     .commands = ON(EMBED),
     .kind = CLI_CHOICE,
     .offset = AT(what),
     .choices = {"itc-image", "itc-text", "vision", "text", "multimodal"},
     .value = "WHAT",
     .help = "itc-image, vision (of each PATH), itc-text, text (of each TEXT), "
             "multimodal (of each PATH with each TEXT)"},
    {.name = "text",
     .commands = ON(EMBED),
     .kind = CLI_STRINGS,
     .offset = AT(queries),
     .value = "TEXT",
     .help = "a text; may be given several times"},
    {.name = "texts",
     .commands = ON(EMBED),
     .kind = CLI_STRING,
     .offset = AT(texts_file),
     .file = CLI_FILE_LIST,
     .value = "FILE",
     .help = "read texts from FILE, one a line"},

    {.name = "statements",
     .commands = ON(REASON),
     .kind = CLI_STRING,
     .offset = AT(texts_file),
     .file = CLI_FILE_LIST,
     .value = "FILE",
     .help = "read statements from FILE, one a line"},

    {.name = "questions",
     .commands = ON(QA),
     .kind = CLI_STRING,
     .offset = AT(texts_file),
     .file = CLI_FILE_LIST,
     .value = "FILE",
     .help = "read questions from FILE, one a line"},
    {.name = "answers",
     .commands = ON(QA),
     .kind = CLI_STRING,
     .offset = AT(answers),
     .value = "A,B,C",
     .help = "rank these answers instead of generating one"},
    {.name = "answers-file",
     .commands = ON(QA) | ON(EVAL),
     .kind = CLI_STRING,
     .offset = AT(answers_file),
     .file = CLI_FILE_LIST,
     .value = "FILE",
     .help = "rank the answers in FILE, one a line, instead of generating one"},
    {.name = "dialog",
     .commands = ON(QA),
     .kind = CLI_STRING,
     .offset = AT(dialog),
     .file = CLI_FILE_READ,
     .value = "FILE",
     .help = "rank the candidate answers of the dialogs in FILE, JSON or JSON Lines, "
             "instead of asking questions (a checkpoint for retrieval)"},
    {.name = "k-test",
     .commands = ON(QA) | ON(EVAL),
     .kind = CLI_COUNT,
     .offset = AT(k_test),
     .least = 1,
     .most = 1000000,
     .value = "K",
     .help = "answers scored in full: those with the likeliest first tokens (128)"},

    {.name = "annotations",
     .commands = ON(EVAL),
     .kind = CLI_STRING,
     .offset = AT(annotations),
     .file = CLI_FILE_READ,
     .value = "FILE",
     .help = "what the data set says: JSON Lines or a JSON list, as distributed"},
    {.name = "videos",
     .commands = ON(EVAL),
     .kind = CLI_STRING,
     .offset = AT(media),
     .value = "DIR",
     .help = "folder of the videos (that of the annotations)"},
    {.name = "images",
     .commands = ON(EVAL),
     .kind = CLI_STRING,
     .offset = AT(media),
     .value = "DIR",
     .help = "folder of the images; caption without --annotations: all of them"},
    {.name = "scores",
     .commands = ON(EVAL),
     .kind = CLI_STRING,
     .offset = AT(scores),
     .same_rows = true,
     .file = CLI_FILE_WRITTEN,
     .value = "FILE",
     .help = "retrieval: write score_v2t and score_t2v as safetensors"},
    {.name = "predictions",
     .commands = ON(EVAL),
     .kind = CLI_STRING,
     .offset = AT(predictions),
     .same_rows = true,
     .file = CLI_FILE_WRITTEN,
     .value = "FILE",
     .help = "qa, nlvr: write every answer as JSON Lines"},

    {.name = "root",
     .commands = ON(FILTER),
     .kind = CLI_STRING,
     .offset = AT(media),
     .value = "DIR",
     .help = "folder of the images and videos (that of the pairs)"},
    {.name = "captioner",
     .commands = ON(FILTER),
     .kind = CLI_STRING,
     .offset = AT(captioner),
     .file = CLI_FILE_MODEL,
     .value = "PATH",
     .help = "another checkpoint that writes the captions"},

    {.name = "every",
     .commands = ON(CAPTION),
     .kind = CLI_EVERY,
     .value = "T|Nf",
     .help = "one caption per T seconds, or per N frames (one a second)"},
    {.name = "count",
     .commands = ON(CAPTION),
     .kind = CLI_COUNT,
     .offset = AT(count),
     .least = 1,
     .most = 1000000,
     .value = "N",
     .help = "N captions spread uniformly over each recording instead"},
    {.name = "prompt",
     .commands = ON(CAPTION) | ON(EVAL) | ON(FILTER),
     .kind = CLI_STRING,
     .offset = AT(prompt),
     .value = "TEXT",
     .help = "what captions begin with, left out of the result (a picture of); with "
             "--compat hf "
             "none, and kept"},
    {.name = "beams",
     .commands = ON(QA) | ON(CAPTION) | ON(EVAL) | ON(FILTER),
     .kind = CLI_COUNT,
     .offset = AT(beams),
     .least = 1,
     .most = 64,
     .value = "B",
     .help = "beams; 1 = greedy (3, with --compat hf 1)"},
    {.name = "max-length",
     .commands = ON(QA) | ON(CAPTION) | ON(EVAL) | ON(FILTER),
     .kind = CLI_COUNT,
     .offset = AT(max_length),
     .least = 1,
     .most = 512,
     .value = "N",
     .help = "most tokens, prompt included (20)"},
    {.name = "min-length",
     .commands = ON(QA) | ON(CAPTION) | ON(EVAL) | ON(FILTER),
     .kind = CLI_COUNT,
     .offset = AT(min_length),
     .least = 1,
     .most = 512,
     .value = "N",
     .help = "fewest tokens, prompt included (5, with --compat hf none)"},
    {.name = "repetition-penalty",
     .commands = ON(CAPTION) | ON(EVAL) | ON(FILTER),
     .kind = CLI_REAL,
     .offset = AT(repetition_penalty),
     .least = 0.01,
     .most = 100,
     .value = "R",
     .help = "above 1 discourages repeated words (1.0, with --sample 1.1, with "
             "--compat hf 1.0)"},
    {.name = "sample",
     .commands = ON(CAPTION),
     .kind = CLI_FLAG,
     .offset = AT(sample),
     .help = "draw words by their probability instead of searching for the best"},
    {.name = "top-p",
     .commands = ON(CAPTION) | ON(FILTER),
     .kind = CLI_REAL,
     .offset = AT(top_p),
     .least = 0.001,
     .most = 1,
     .value = "P",
     .help = "draw from the most probable tokens that make up P; 1 = all (0.9, with "
             "--compat hf 1)"},
    {.name = "top-k",
     .commands = ON(CAPTION) | ON(FILTER),
     .kind = CLI_COUNT,
     .offset = AT(top_k),
     .least = 0,
     .most = 1000000,
     .value = "K",
     .help = "and from the K most probable at most; 0 = all (50)"},
    {.name = "temperature",
     .commands = ON(CAPTION) | ON(FILTER),
     .kind = CLI_REAL,
     .offset = AT(temperature),
     .least = 0.01,
     .most = 100,
     .value = "T",
     .help = "below 1 favours probable tokens, above 1 others (1)"},
    {.name = "seed",
     .commands = ON(CAPTION) | ON(FILTER),
     .kind = CLI_COUNT,
     .offset = AT(seed),
     .least = 0,
     .most = UINT32_MAX,
     .value = "N",
     .help = "number that the draws follow from, with the frame's and the sample's: "
             "the same captions each time, however many frames or files (0)"},
    {.name = "samples",
     .commands = ON(CAPTION),
     .kind = CLI_COUNT,
     .offset = AT(samples),
     .least = 1,
     .most = 1000,
     .value = "N",
     .help = "captions drawn of each frame, as N rows one after another (1)"},
    {.name = "merge",
     .commands = ON(CAPTION),
     .kind = CLI_FLAG,
     .offset = AT(merge),
     .help = "join neighbours with the same text (always for srt and vtt)"},
    {.letter = 'y',
     .name = "overwrite",
     .commands = ON(CAPTION),
     .kind = CLI_FLAG,
     .offset = AT(overwrite),
     .same_rows = true,
     .help = "replace subtitle files beside the inputs that exist already"},
    {0},
};

const cli_option *cli_option_by_name(const char *name, size_t size)
{
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        if (o->name && strlen(o->name) == size && memcmp(o->name, name, size) == 0)
            return o;
    return NULL;
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
    return cli_option_string(option, args);
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
    }
    return VBLIP_OK;
}
