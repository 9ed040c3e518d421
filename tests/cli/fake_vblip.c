// fake_vblip.c - a library behind vblip.h that decodes nothing and computes nothing.
//
// Answers are canned, so that tests know every byte of the program's output. What goes
// wrong is chosen by names: of a path ("bad", "short", "interrupt", "lost", "long",
// "options"), of a model ("nomodel", "demo", "caption-only") or of a device ("none").
#include "cli/fake_vblip.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vblip_engine {
    vblip_device_info info;
};

struct vblip_model {
    vblip_model_info info;
};

struct vblip_tokenizer {
    int32_t ids[64];
    const char *pieces[64];
};

enum { MOST_INPUTS = 64, PATH_SIZE = 256 };

struct vblip_inputs {
    char paths[MOST_INPUTS][PATH_SIZE];
    vblip_input items[MOST_INPUTS];
    uint32_t count;
};

vblip_status fake_fail(vblip_error *err, vblip_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        err->status = status;
    }
    return status;
}

vblip_status fake_cancelled(vblip_error *err)
{
    return fake_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
}

bool fake_has(const char *text, const char *part)
{
    return text && strstr(text, part);
}

void vblip_silence_ffmpeg(void)
{
}

const char *vblip_version(void)
{
    return "0.1.0";
}

// ----------------------------------------------------------------------------- devices

static const vblip_device_info devices[] = {
    {.index = 0,
     .kind = VBLIP_DEVICE_SOFTWARE,
     .name = "llvmpipe (LLVM 15.0.6, 256 bits)",
     .driver = "Mesa 22.3.6",
     .api = "1.3.230",
     .kernels = "lavapipe",
     .precision = "f32",
     .memory_bytes = 2147483648u,
     .subgroup_size = 8,
     .max_binding_mib = 128},
    {.index = 1,
     .kind = VBLIP_DEVICE_INTEGRATED_GPU,
     .name = "Old GPU",
     .driver = "old",
     .api = "1.0.2",
     .unusable = "Vulkan 1.0.2, expected 1.2"},
};

vblip_status vblip_devices(vblip_device_fn fn, void *user, vblip_error *err)
{
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (fn(user, &devices[i]))
            return fake_cancelled(err);
    return VBLIP_OK;
}

vblip_status vblip_vulkan(vblip_error *err)
{
    (void)err;
    return VBLIP_OK;
}

vblip_status vblip_engine_open(vblip_engine **out, const vblip_engine_options *options,
                               vblip_error *err)
{
    *out = NULL;
    if (fake_has(options->device, "none"))
        return fake_fail(err, VBLIP_ERR_DEVICE, "--device none: no device matches");
    if (fake_has(options->hwaccel, "warp"))
        return fake_fail(err, VBLIP_ERR_ARGUMENT, "hwaccel warp: allowed: none, auto");
    if (fake_has(options->hwaccel, "cuda"))
        return fake_fail(err, VBLIP_ERR_DEVICE, "hwaccel cuda: no such device opens");
    *out = calloc(1, sizeof **out);
    if (!*out)
        return fake_fail(err, VBLIP_ERR_MEMORY, "engine: out of memory");
    (*out)->info = devices[0];
    if (options->log)
        options->log(options->log_user, "opened");
    return VBLIP_OK;
}

void vblip_engine_close(vblip_engine **engine)
{
    free(*engine);
    *engine = NULL;
}

const vblip_device_info *vblip_engine_device(const vblip_engine *engine)
{
    return &engine->info;
}

vblip_status vblip_engine_profile(vblip_engine *engine, vblip_op_time_fn fn, void *user,
                                  vblip_error *err)
{
    (void)engine;
    const vblip_op_time time = {.op = "linear", .calls = 12, .seconds = 0.5};
    return fn(user, &time) ? fake_cancelled(err) : VBLIP_OK;
}

vblip_status vblip_engine_selftest(vblip_engine *engine, vblip_check_fn fn, void *user,
                                   vblip_error *err)
{
    (void)engine;
    const vblip_check checks[] = {
        {"linear", "lavapipe", false, 0, 1e-9, false},
        {"linear", "lavapipe", true, 1e-13, 1e-9, true},
        {"attention", "simt", false, 0, 1e-9, false},
        {"attention", "simt", true, 0.5, 1e-9, !getenv("FAKE_WRONG")},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (fn(user, &checks[i]))
            return fake_cancelled(err);
        if (!checks[i].ran && fake_has(getenv("FAKE_CRASH"), checks[i].op))
            _Exit(99); // as a driver that takes the program with it
    }
    return VBLIP_OK;
}

// ------------------------------------------------------------------------ checkpoints

static const char *const no_names[] = {NULL};

static vblip_status describe(vblip_model_info *info, const vblip_model_options *options,
                             vblip_error *err)
{
    static const char *const files[] = {"fake/1.bin", "fake/2.bin", NULL};
    static const char *const lacking[] = {"itm_head.bias", NULL};
    const char *path = options->path;
    if (fake_has(path, "nomodel"))
        return fake_fail(err, VBLIP_ERR_IO, "%s: No such file or directory", path);
    if (fake_has(options->vocab, "novocab"))
        return fake_fail(err, VBLIP_ERR_FORMAT, "%s: 3 lines, expected 428",
                         options->vocab);
    *info = (vblip_model_info){
        .path = options->compat == VBLIP_COMPAT_HF ? "fake-hf"
                : fake_has(path, "demo")           ? "fake-demo"
                : fake_has(path, "fitted")         ? "fitted"
                                                   : "fake",
        .layout = "huggingface",
        .dtype = "F16",
        .tasks = fake_has(path, "caption-only") ? VBLIP_TASK_CAPTION : 31,
        .image_size = options->image_size ? options->image_size : 96,
        .patch_size = 16,
        .vision_width = 192,
        .vision_layers = 5,
        .vision_heads = 3,
        .vision_mlp = 768,
        .text_width = 193,
        .encoder_layers = 3,
        .decoder_layers = 4,
        .text_heads = 6,
        .text_mlp = 640,
        .projection_width = 128,
        .positions = 64,
        .vocabulary = 432,
        .parameters = 5924000,
        .file_bytes = 11880000,
        .files = files,
        .demo = fake_has(path, "demo"),
        .missing = fake_has(path, "caption-only") ? lacking : no_names,
        .unexpected = no_names,
    };
    if (options->tasks & ~info->tasks)
        return fake_fail(err, VBLIP_ERR_UNSUPPORTED,
                         "%s: this checkpoint holds: caption", path);
    return VBLIP_OK;
}

// Not installed.
const char *vblip_bundled_model(void)
{
    return "demo";
}

const char *vblip_bundled_vocab(void)
{
    return NULL;
}

vblip_status vblip_model_inspect(const vblip_model_options *options,
                                 vblip_model_info_fn fn, void *user, vblip_error *err)
{
    vblip_model_info info;
    vblip_status status = describe(&info, options, err);
    if (status != VBLIP_OK)
        return status;
    return fn(user, &info) ? fake_cancelled(err) : VBLIP_OK;
}

vblip_status vblip_model_load(vblip_model **out, vblip_engine *engine,
                              const vblip_model_options *options, vblip_error *err)
{
    (void)engine;
    *out = NULL;
    vblip_model_info info;
    vblip_status status = describe(&info, options, err);
    if (status != VBLIP_OK)
        return status;
    *out = calloc(1, sizeof **out);
    if (!*out)
        return fake_fail(err, VBLIP_ERR_MEMORY, "model: out of memory");
    (*out)->info = info;
    return VBLIP_OK;
}

void vblip_model_free(vblip_model **model)
{
    free(*model);
    *model = NULL;
}

const vblip_model_info *vblip_model_describe(const vblip_model *model)
{
    return &model->info;
}

// -------------------------------------------------------------------------- tokenizer

vblip_status vblip_tokenizer_open(vblip_tokenizer **out,
                                  const vblip_model_options *options, vblip_error *err)
{
    *out = NULL;
    if (fake_has(options->vocab, "novocab"))
        return fake_fail(err, VBLIP_ERR_IO, "%s: No such file or directory",
                         options->vocab);
    *out = calloc(1, sizeof **out);
    return *out ? VBLIP_OK
                : fake_fail(err, VBLIP_ERR_MEMORY, "tokenizer: out of memory");
}

void vblip_tokenizer_close(vblip_tokenizer **tokenizer)
{
    free(*tokenizer);
    *tokenizer = NULL;
}

// [CLS], one piece "x" per byte with the byte as its id, [SEP].
vblip_status vblip_tokenize(vblip_tokens *out, vblip_tokenizer *tokenizer,
                            const char *text, uint64_t size, vblip_error *err)
{
    *out = (vblip_tokens){0};
    if (size > 62)
        return fake_fail(err, VBLIP_ERR_ARGUMENT, "text too long for the fake");
    uint32_t count = 0;
    tokenizer->ids[count] = 101;
    tokenizer->pieces[count++] = "[CLS]";
    for (uint64_t i = 0; i < size; i++) {
        tokenizer->ids[count] = (unsigned char)text[i];
        tokenizer->pieces[count++] = "x";
    }
    tokenizer->ids[count] = 102;
    tokenizer->pieces[count++] = "[SEP]";
    *out = (vblip_tokens){count, tokenizer->ids, tokenizer->pieces};
    return VBLIP_OK;
}

// ----------------------------------------------------------------------------- inputs

static void add_input(vblip_inputs *inputs, const char *error, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

static void add_input(vblip_inputs *inputs, const char *error, const char *format, ...)
{
    if (inputs->count == MOST_INPUTS)
        return;
    char *path = inputs->paths[inputs->count];
    va_list args;
    va_start(args, format);
    vsnprintf(path, PATH_SIZE, format, args);
    va_end(args);
    inputs->items[inputs->count++] = (vblip_input){path, error};
}

// "missing..." is not there; "album" holds a.mp4 and what is not read; "dir" holds a.mp4 and b.mp4; "empty" is a folder of nothing.
vblip_status vblip_inputs_open(vblip_inputs **out, const char *const *paths,
                               uint32_t count, const vblip_inputs_options *options,
                               vblip_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return fake_fail(err, VBLIP_ERR_MEMORY, "inputs: out of memory");
    bool filtered = options && options->include && fake_has(options->include[0], "a*");
    for (uint32_t i = 0; i < count; i++) {
        if (fake_has(paths[i], "missing"))
            add_input(*out, "No such file or directory", "%s", paths[i]);
        else if (strcmp(paths[i], "empty") == 0)
            add_input(*out, "no videos or images", "%s", paths[i]);
        else if (strcmp(paths[i], "album") == 0)
            add_input(*out, NULL, "album/a.mp4");
        else if (strcmp(paths[i], "dir") == 0) {
            add_input(*out, NULL, "dir/a.mp4");
            if (!filtered)
                add_input(*out, NULL, "dir/b.mp4");
        } else
            add_input(*out, NULL, "%s", paths[i]);
    }
    if (options && options->shards) { // by their order, where the library goes by names
        bool keep[MOST_INPUTS];
        for (uint32_t i = 0; i < (*out)->count; i++)
            keep[i] = i % options->shards == options->shard - 1;
        vblip_inputs_keep(*out, keep);
    }
    return VBLIP_OK;
}

void vblip_inputs_close(vblip_inputs **inputs)
{
    free(*inputs);
    *inputs = NULL;
}

uint32_t vblip_inputs_count(const vblip_inputs *inputs)
{
    return inputs->count;
}

// The folder "album" holds more than is read.
const char *vblip_inputs_skipped(const vblip_inputs *inputs, uint32_t *count)
{
    for (uint32_t i = 0; i < inputs->count; i++)
        if (strcmp(inputs->items[i].path, "album/a.mp4") == 0) {
            *count = 3;
            return "heic 2, mxf 1";
        }
    *count = 0;
    return "";
}

void vblip_inputs_keep(vblip_inputs *inputs, const bool *keep)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < inputs->count; i++) {
        if (!keep[i])
            continue;
        memmove(inputs->paths[kept], inputs->paths[i], PATH_SIZE);
        inputs->items[kept] = inputs->items[i];
        inputs->items[kept].path = inputs->paths[kept];
        kept++;
    }
    inputs->count = kept;
}

const vblip_input *vblip_inputs_at(const vblip_inputs *inputs, uint32_t index)
{
    return &inputs->items[index];
}

// ------------------------------------------------------------------------------ tasks

typedef enum verdict { GOOD, FAILED, STOPPED } verdict;

// What every task does with an input before it looks at it.
static verdict visit(const vblip_job *job, const vblip_input *input, vblip_error *err)
{
    const vblip_progress progress = {
        .path = input->path,
        .unit = "captions",
        .done = 1,
        .total = fake_has(input->path, "long") ? 600 : 3,
        .seconds_left = fake_has(input->path, "long") ? 2395 : 2,
    };
    vblip_failure failure = {.path = input->path, .message = input->error};
    if (!failure.message && fake_has(input->path, "bad"))
        failure.message = "no video stream";
    if (fake_has(input->path, "lost")) {
        fake_fail(err, VBLIP_ERR_DEVICE, "llvmpipe: device lost");
        return STOPPED;
    }
    const vblip_failure damage = {.path = input->path, .message = "damaged"};
    if (fake_has(input->path, "scratched") && job->warned)
        job->warned(job->user, &damage);
    if (failure.message ? job->failed(job->user, &failure)
                        : job->progress(job->user, &progress)) {
        fake_cancelled(err);
        return STOPPED;
    }
    return failure.message ? FAILED : GOOD;
}

static bool is_image(const char *path)
{
    return fake_has(path, ".png");
}

static vblip_status good_inputs(uint32_t *good, uint32_t *count,
                                const vblip_inputs *inputs, const vblip_job *job,
                                vblip_error *err)
{
    *count = 0;
    for (uint32_t i = 0; i < inputs->count; i++) {
        verdict v = visit(job, &inputs->items[i], err);
        if (v == STOPPED)
            return err->status;
        if (v == GOOD)
            good[(*count)++] = i;
    }
    return VBLIP_OK;
}

// `top` hits in as many files.
static vblip_status report_many(uint32_t top, vblip_hit_fn fn, void *user,
                                vblip_error *err)
{
    for (uint32_t i = 0; i < top; i++) {
        char path[32];
        snprintf(path, sizeof path, "clip-%u.mp4", i);
        const vblip_hit hit = {.rank = i + 1, .path = path};
        if (fn(user, &hit))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}

vblip_status vblip_retrieve(vblip_model *model, const vblip_inputs *inputs,
                            const char *const *queries, uint32_t count,
                            const vblip_retrieve_options *options, vblip_hit_fn fn,
                            void *user, vblip_error *err)
{
    (void)model;
    uint32_t good[MOST_INPUTS], found;
    vblip_status status = good_inputs(good, &found, inputs, options->job, err);
    if (status != VBLIP_OK)
        return status;
    uint32_t top = options->top ? options->top : 10;
    if (strcmp(queries[0], "many") == 0)
        return report_many(top, fn, user, err);
    uint32_t scored = options->rerank == -1 ? 0
                      : options->rerank > 0 ? (uint32_t)options->rerank
                                            : 128;
    for (uint32_t q = 0; q < count; q++) {
        uint32_t rank = 0;
        for (uint32_t i = 0; i < found && rank < top; i++) {
            vblip_hit hit = {
                .query = q,
                .rank = rank + 1,
                .path = inputs->items[good[i]].path,
                .timed = !is_image(inputs->items[good[i]].path),
                .start_us = 72000000,
                .end_us = 80000000,
                .then_start_us = 90000000,
                .then_end_us = 95000000,
                .itc = 0.5f,
                .score = 0.5f,
            };
            if (i < scored) {
                hit.reranked = true;
                hit.itm_logits[0] = -1.5f;
                hit.itm_logits[1] = 2.0f;
                hit.score = 2.5f;
                hit.p_match = i ? 0.25f : 0.96875f;
            }
            bool nothing = fake_has(queries[q], "nothing");
            if (nothing || (hit.reranked && hit.p_match < options->min_p))
                continue;
            rank++;
            if (fn(user, &hit))
                return fake_cancelled(err);
        }
    }
    return VBLIP_OK;
}

vblip_status vblip_match(vblip_model *model, const vblip_inputs *inputs,
                         const char *const *texts, uint32_t count,
                         const vblip_match_options *options, vblip_match_fn fn,
                         void *user, vblip_error *err)
{
    (void)model;
    (void)texts;
    for (uint32_t i = 0; i < inputs->count; i++) {
        verdict v = visit(options->job, &inputs->items[i], err);
        if (v == STOPPED)
            return err->status;
        for (uint32_t t = 0; v == GOOD && t < count; t++) {
            const vblip_match_row row = {
                .input = i,
                .path = inputs->items[i].path,
                .text = t,
                .itc = options->itm_cls ? 0.125f : 0.25f,
                .itm_logits = {-1.0f, 1.5f},
                .p_match = 0.9375f,
            };
            if (fn(user, &row))
                return fake_cancelled(err);
        }
    }
    return VBLIP_OK;
}

vblip_status vblip_reason(vblip_model *model, const vblip_inputs *inputs,
                          const char *const *statements, uint32_t count,
                          const vblip_reason_options *options, vblip_reason_fn fn,
                          void *user, vblip_error *err)
{
    (void)model;
    (void)statements;
    for (uint32_t i = 0; i + 1 < inputs->count; i += 2) {
        verdict left = visit(options->job, &inputs->items[i], err);
        if (left == STOPPED)
            return err->status;
        verdict right = visit(options->job, &inputs->items[i + 1], err);
        if (right == STOPPED)
            return err->status;
        for (uint32_t t = 0; left == GOOD && right == GOOD && t < count; t++) {
            const vblip_reason_row row = {
                .left = inputs->items[i].path,
                .right = inputs->items[i + 1].path,
                .statement = t,
                .answer = t == 0,
                .p_true = t == 0 ? 0.96875f : 0.25f,
                .logits = {-1.5f, t == 0 ? 2.0f : -2.5f},
            };
            if (fn(user, &row))
                return fake_cancelled(err);
        }
    }
    return VBLIP_OK;
}

// {input, text} halved, and of states twice that.
vblip_status vblip_embed(vblip_model *model, vblip_feature feature,
                         const vblip_inputs *inputs, const char *const *texts,
                         uint32_t text_count, const vblip_job *job,
                         vblip_features_fn fn, void *user, vblip_error *err)
{
    (void)model;
    (void)texts;
    const bool vector =
        feature == VBLIP_FEATURE_ITC_IMAGE || feature == VBLIP_FEATURE_ITC_TEXT;
    const uint32_t files = inputs->count ? inputs->count : 1;
    for (uint32_t i = 0; i < files; i++) {
        verdict v = inputs->count ? visit(job, &inputs->items[i], err) : GOOD;
        if (v == STOPPED)
            return err->status;
        if (inputs->count && fake_has(inputs->items[i].path, "interrupt"))
            raise(SIGINT);
        for (uint32_t t = 0; v == GOOD && t < (text_count ? text_count : 1); t++) {
            const float a = 0.5f * (float)i, b = 0.5f * (float)t;
            const float values[] = {a, b, 2 * a, 2 * b};
            const vblip_features features = {
                .path = inputs->count ? inputs->items[i].path : NULL,
                .input = i,
                .text = t,
                .values = values,
                .rows = vector ? 0 : 2,
                .cols = 2,
            };
            if (fn(user, &features))
                return fake_cancelled(err);
        }
    }
    return VBLIP_OK;
}

struct vblip_dialogs {
    uint32_t count;
};

// Two dialogs, or one of "one.json".
vblip_status vblip_dialogs_open(vblip_dialogs **out, const char *path, vblip_error *err)
{
    *out = NULL;
    if (fake_has(path, "nofile"))
        return fake_fail(err, VBLIP_ERR_IO, "%s: No such file or directory", path);
    if (fake_has(path, "torn"))
        return fake_fail(err, VBLIP_ERR_FORMAT, "%s: line 2: not JSON", path);
    vblip_dialogs *dialogs = calloc(1, sizeof *dialogs);
    if (!dialogs)
        return fake_fail(err, VBLIP_ERR_MEMORY, "dialogs: out of memory");
    dialogs->count = fake_has(path, "one") ? 1 : 2;
    *out = dialogs;
    return VBLIP_OK;
}

void vblip_dialogs_close(vblip_dialogs **dialogs)
{
    free(*dialogs);
    *dialogs = NULL;
}

vblip_status vblip_dialog(vblip_model *model, const vblip_inputs *inputs,
                          const vblip_dialogs *dialogs, const vblip_job *job,
                          vblip_dialog_fn fn, void *user, vblip_error *err)
{
    static const char *const answers[] = {"black", "red"};
    static const float scores[] = {1.5f, -0.25f};
    (void)model;
    const uint32_t count = dialogs->count;
    for (uint32_t i = 0; i < inputs->count; i++) {
        verdict v = visit(job, &inputs->items[i], err);
        if (v == STOPPED)
            return err->status;
        for (uint32_t d = 0; v == GOOD && d < count; d++) {
            const vblip_dialog_row row = {
                .input = i,
                .path = inputs->items[i].path,
                .dialog = d,
                .dialogs = count,
                .question = d ? "why?" : "what color?",
                .answers = answers,
                .scores = scores,
                .count = 2 - d,
                .timed = !is_image(inputs->items[i].path),
                .end_us = 2500000,
            };
            if (fn(user, &row))
                return fake_cancelled(err);
        }
    }
    return VBLIP_OK;
}

enum { FAKE_MOST_RANKED = 16 };

// Ranks the answers of a question, which begin at `first`, backwards; how many those are.
static uint32_t fake_rank(vblip_ranked_answer *ranked, const vblip_ask_options *options,
                          uint32_t question)
{
    const uint32_t *each = options->answers_each;
    const uint32_t count = each ? each[question] : options->answer_count;
    const uint32_t k = options->k_test ? options->k_test : FAKE_MOST_RANKED;
    uint32_t first = 0;
    for (uint32_t q = 0; each && q < question; q++)
        first += each[q];
    for (uint32_t i = 0; i < k && i < count; i++)
        ranked[i] =
            (vblip_ranked_answer){first + count - 1 - i, -0.5f * (float)(i + 1)};
    return k < count ? k : count;
}

// Of each segment: up to 2 s, and what is behind; of an image there is one.
vblip_status vblip_ask(vblip_model *model, const vblip_inputs *inputs,
                       const char *const *questions, uint32_t count,
                       const vblip_ask_options *options, vblip_answer_fn fn, void *user,
                       vblip_error *err)
{
    (void)model;
    (void)questions;
    vblip_ranked_answer ranked[FAKE_MOST_RANKED];
    char echo[64] = "yes";
    if (options->segment)
        snprintf(echo, sizeof echo, "segment %s", options->segment);
    if (options->max_length)
        snprintf(echo, sizeof echo, "beams %u, length %u to %u", options->beams,
                 options->min_length, options->max_length);
    for (uint32_t i = 0; i < inputs->count; i++) {
        verdict v = visit(options->job, &inputs->items[i], err);
        if (v == STOPPED)
            return err->status;
        const bool timed = !is_image(inputs->items[i].path);
        const uint32_t parts = timed && options->segment ? 2 : 1;
        for (uint32_t row = 0; v == GOOD && row < count * parts; row++) {
            const bool last = row / count + 1 == parts;
            const uint32_t k = fake_rank(ranked, options, row % count);
            const vblip_answer answer = {
                .input = i,
                .path = inputs->items[i].path,
                .question = row % count,
                .text = k ? options->answers[ranked[0].answer] : echo,
                .score = -0.5f,
                .timed = timed,
                .start_us = last && parts > 1 ? 2000000 : 0,
                .end_us = last ? 2500000 : 2000000,
                .ranked = k ? ranked : NULL,
                .ranked_count = k,
            };
            if (fn(user, &answer))
                return fake_cancelled(err);
        }
    }
    return VBLIP_OK;
}

// Three captions of a video, two when neighbours are merged, one of an image.
static vblip_status caption_one(uint32_t input, const char *path,
                                const vblip_caption_options *options,
                                vblip_caption_fn fn, void *user, vblip_error *err)
{
    static const vblip_caption rows[] = {
        {.start_us = 0, .end_us = 1000000, .text = "a dog on a beach"},
        {.start_us = 1000000, .end_us = 2000000, .text = "a dog on a beach"},
        {.start_us = 2000000, .end_us = 2500000, .text = "a cat"},
    };
    char echo[256];
    snprintf(echo, sizeof echo,
             "every %lld us %u frames, count %u, prompt %s, beams %u, length %u to %u, "
             "penalty %g, frames %u, batch %u, jobs %u",
             (long long)options->every_us, options->every_frames, options->count,
             options->prompt ? options->prompt : "-", options->beams,
             options->min_length, options->max_length,
             (double)options->repetition_penalty, options->job->frames,
             options->job->batch, options->job->jobs);
    if (options->sample)
        snprintf(echo + strlen(echo), sizeof echo - strlen(echo),
                 ", sample p %g k %u t %g seed %llu samples %u", (double)options->top_p,
                 options->top_k, (double)options->temperature,
                 (unsigned long long)options->seed, options->samples);
    if (options->shots)
        snprintf(echo + strlen(echo), sizeof echo - strlen(echo), ", shots");
    for (int i = 0; i < 3; i++) {
        vblip_caption row = rows[i];
        row.input = input;
        row.path = path;
        row.timed = !is_image(path);
        row.score = -0.25f;
        row.lead_us = fake_has(path, "late") ? 2000000 : 0;
        if (fake_has(path, "options"))
            row.text = echo;
        if (options->merge && i == 1)
            continue;
        if (options->merge && i == 0)
            row.end_us = rows[1].end_us;
        if (i == 1 && fake_has(path, "interrupt"))
            raise(SIGINT);
        if (fn(user, &row))
            return fake_cancelled(err);
        if (!row.timed || fake_has(path, "options"))
            break;
    }
    return VBLIP_OK;
}

vblip_status vblip_caption_inputs(vblip_model *model, const vblip_inputs *inputs,
                                  const vblip_caption_options *options,
                                  vblip_caption_fn fn, void *user, vblip_error *err)
{
    (void)model;
    for (uint32_t i = 0; i < inputs->count; i++) {
        const char *path = inputs->items[i].path;
        verdict v = visit(options->job, &inputs->items[i], err);
        if (v == STOPPED)
            return err->status;
        if (v == FAILED)
            continue;
        vblip_status status = caption_one(i, path, options, fn, user, err);
        if (status != VBLIP_OK)
            return status;
        const vblip_failure cut = {
            .input = i, .path = path, .message = "truncated: 3 of 9 frames"};
        if (fake_has(path, "short") && options->job->failed(options->job->user, &cut))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}
