#include "checkpoint/checkpoint.h"

#include "base/hash.h"
#include "base/path.h"
#include "checkpoint/infer.h"
#include "checkpoint/layout.h"
#include "checkpoint/locate.h"
#include "checkpoint/seeded.h"
#include "checkpoint/tensors.h"
#include "checkpoint/tokenizer_files.h"
#include "checkpoint/verify.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_JSON = 1 << 20 }; // bytes of config.json

struct vb_checkpoint {
    vb_arena arena; // every string and list below
    vb_weight_files weights;
    const char *path;   // of the folder or the file
    const char *folder; // that it is, or that it is in
    const char *set;    // folder of the model set it is a member of; NULL = of none
    vb_config_file file;
    vb_layout layout;
    vblip_model_info info;
    vb_vocabulary vocabulary;
};

typedef struct opening {
    const vblip_model_options *model;
    uint32_t head_width; // where no config.json says
} opening;

// ------------------------------------------------------------------ reading what is there

static vblip_status load_config(vb_checkpoint *c, const char *path, vblip_error *err)
{
    char *json;
    size_t size;
    VB_TRY(vb_file_read(&json, &size, path, MAX_JSON, err));
    vblip_status status = vb_config_parse(&c->file, json, size, path, err);
    free(json);
    return status;
}

// What makes pixels of images: the first of the files that is there, as in the library.
static vblip_status load_processor(vb_checkpoint *c, vblip_error *err)
{
    static const char *const names[] = {"processor_config.json",
                                        "preprocessor_config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = vb_path_join(&c->arena, c->folder, names[i]);
        if (!path)
            return vb_fail_memory(err, c->folder);
        bool there, found = false;
        VB_TRY(vb_path_exists(&there, path, err));
        if (!there)
            continue;
        char *json;
        size_t size;
        VB_TRY(vb_file_read(&json, &size, path, MAX_JSON, err));
        vblip_status status =
            vb_config_parse_processor(&c->file, &found, json, size, path, err);
        free(json);
        if (status != VBLIP_OK || found)
            return status;
    }
    return VBLIP_OK;
}

static vblip_status set_image_size(vb_checkpoint *c, uint32_t size, vblip_error *err)
{
    vb_vision_config *v = &c->layout.config.vision;
    if (size == 0)
        return VBLIP_OK;
    if (size % v->patch_size != 0 || size > VB_MAX_IMAGE)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "image size %u: expected a multiple of %u, up to %d", size,
                       v->patch_size, VB_MAX_IMAGE);
    v->image_size = size;
    v->size_asked = true;
    return VBLIP_OK;
}

// The configuration of the folder.
static vblip_status read_stated(vb_checkpoint *c, const char *config, vblip_error *err)
{
    VB_TRY(load_config(c, config, err));
    VB_TRY(load_processor(c, err));
    return VBLIP_OK;
}

// A file goes by the config.json beside it, but for a torch file with the original
// names: such a file stands alone, whatever else its folder holds.
static vblip_status read_candidate_file(vb_checkpoint *c, const char *config,
                                        uint32_t head_width, vblip_error *err)
{
    bool stated = false;
    VB_TRY(vb_weight_files_open_file(&c->weights, &c->arena, c->path, err));
    if (c->weights.naming == VB_NAMING_HF || !c->weights.torch)
        VB_TRY(vb_path_exists(&stated, config, err));
    return stated ? read_stated(c, config, err)
                  : vb_config_infer(&c->file, &c->weights, head_width, err);
}

static vblip_status read_candidate(vb_checkpoint *c, const vb_candidate *candidate,
                                   const opening *o, vblip_error *err)
{
    c->path = vb_arena_string(&c->arena, candidate->path, strlen(candidate->path));
    c->folder =
        candidate->is_file ? vb_path_folder(&c->arena, candidate->path) : c->path;
    c->set = candidate->task ? vb_path_folder(&c->arena, candidate->path) : NULL;
    if (!c->path || !c->folder || (candidate->task && !c->set))
        return vb_fail_memory(err, candidate->path);
    const char *config = vb_path_join(&c->arena, c->folder, "config.json");
    if (!config)
        return vb_fail_memory(err, candidate->path);
    if (candidate->is_file) {
        VB_TRY(read_candidate_file(c, config, o->head_width, err));
    } else {
        VB_TRY(read_stated(c, config, err));
        VB_TRY(vb_weight_files_open_folder(&c->weights, &c->arena, c->folder, err));
    }
    VB_TRY(vb_layout_read(&c->layout, &c->file, &c->weights.list, config,
                          c->weights.path, err));
    return set_image_size(c, o->model->image_size, err);
}

// -------------------------------------------------------------------------- what it is

static void fill_info(vb_checkpoint *c)
{
    const vb_config *config = &c->layout.config;
    const vb_vision_config *v = &config->vision;
    const vb_text_config *t =
        config->encoder.layers ? &config->encoder : &config->decoder;
    vblip_model_info *info = &c->info;
    info->path = c->path;
    info->layout = c->weights.layout;
    info->files = c->weights.files;
    info->image_size = v->image_size;
    info->patch_size = v->patch_size;
    info->vision_width = v->width;
    info->vision_layers = v->layers;
    info->vision_heads = v->heads;
    info->vision_mlp = v->mlp;
    info->text_width = t->width;
    info->encoder_layers = config->encoder.layers;
    info->decoder_layers = config->decoder.layers;
    info->text_heads = t->heads;
    info->text_mlp = t->mlp;
    info->projection_width = config->projection;
    info->positions = t->positions;
    info->vocabulary = t->vocabulary;
    info->file_bytes = c->weights.bytes;
    info->demo = c->file.demo;
}

// Towers and heads that no task of `tasks` needs are not there.
static void keep_needed(vb_config *config, uint32_t tasks)
{
    if (!(tasks & VB_ENCODER_TASKS))
        config->encoder = (vb_text_config){0};
    if (!(tasks & VB_DECODER_TASKS))
        config->decoder = (vb_text_config){0};
    if (!(tasks & VB_ITC_TASKS))
        config->projection = 0;
}

// Fills c->info. `wanted` tasks must be whole, but for tensors that are missing when
// `list_missing`.
static vblip_status check_tensors(vb_checkpoint *c, uint32_t wanted, bool list_missing,
                                  vblip_error *err)
{
    vb_verdict verdict;
    VB_TRY(vb_verify(&verdict, &c->arena, &c->weights, &c->layout, wanted, list_missing,
                     err));
    c->info.tasks = list_missing ? c->layout.tasks : verdict.whole;
    c->info.dtype = verdict.dtype;
    c->info.parameters = verdict.parameters;
    c->info.missing = verdict.missing;
    c->info.unexpected = verdict.unexpected;
    keep_needed(&c->layout.config, c->info.tasks);
    fill_info(c);
    return VBLIP_OK;
}

// -------------------------------------------------------------------------- vocabulary

static vblip_status check_id(const vb_checkpoint *c, const char *key, int32_t stated,
                             const char *token, int32_t id, vblip_error *err)
{
    if (stated < 0 || id < 0 || stated == id)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_FORMAT,
                   "%s/config.json: text_config.%s: %d, but %s is %d in %s", c->folder,
                   key, stated, token, id, c->vocabulary.path);
}

// Says what the numbers are and, where tokens could be added, how the file is told.
static vblip_status refuse_size(const vb_checkpoint *c, uint32_t size, vblip_error *err)
{
    const uint32_t rows = c->file.text.vocabulary;
    const vb_vocabulary *v = &c->vocabulary;
    if (v->words || v->added_count)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: %u tokens, but the word embedding of %s has %u rows: the "
                       "tokenizer is another model's, or resize_token_embeddings() was "
                       "not followed by saving it",
                       v->path, size, c->weights.path, rows);
    return vb_fail(
        err, VBLIP_ERR_FORMAT,
        "%s: %u lines, but the word embedding of %s has %u rows, which is %u "
        "lines + 2: the tokenizer.json or added_tokens.json of the model says "
        "what the rows are",
        v->path, size - 2, c->weights.path, rows, rows - 2);
}

vblip_status vb_checkpoint_check_vocabulary(const vb_checkpoint *c, uint32_t size,
                                            int32_t dec, int32_t sep, vblip_error *err)
{
    if (size != c->file.text.vocabulary)
        return refuse_size(c, size, err);
    VB_TRY(check_id(c, "bos_token_id", c->file.bos, "[DEC]", dec, err));
    return check_id(c, "sep_token_id", c->file.sep, "[SEP]", sep, err);
}

// ------------------------------------------------------------------------- open, close

static vblip_status new_checkpoint(vb_checkpoint **out, const vb_candidate *candidate,
                                   const opening *o, vblip_error *err)
{
    *out = NULL;
    vb_checkpoint *c = calloc(1, sizeof *c);
    if (!c)
        return vb_fail_memory(err, candidate->path);
    vblip_status status = read_candidate(c, candidate, o, err);
    if (status != VBLIP_OK)
        vb_checkpoint_close(&c);
    *out = c;
    return status;
}

void vb_checkpoint_close(vb_checkpoint **checkpoint)
{
    vb_checkpoint *c = *checkpoint;
    if (!c)
        return;
    vb_weight_files_close(&c->weights);
    vb_arena_free(&c->arena);
    free(c);
    *checkpoint = NULL;
}

// The order in which members are opened: those named after a wanted task first.
static void sort_members(vb_candidates *found, uint32_t wanted)
{
    size_t n = 0;
    vb_candidates sorted = {.count = found->count};
    for (int named = 1; named >= 0; named--)
        for (size_t i = 0; i < found->count; i++)
            if (named == ((found->items[i].task & wanted) != 0))
                sorted.items[n++] = found->items[i];
    *found = sorted;
}

// Opens the first candidate that is for all wanted tasks; *out stays NULL when none is.
// `held` gathers the tasks that those opened are for.
static vblip_status pick(vb_checkpoint **out, const vb_candidates *found,
                         const opening *o, uint32_t *held, vblip_error *err)
{
    const uint32_t wanted = o->model->tasks;
    *held = 0;
    for (size_t i = 0; i < found->count; i++) {
        VB_TRY(new_checkpoint(out, &found->items[i], o, err));
        uint32_t tasks = (*out)->layout.tasks;
        *held |= tasks;
        if (tasks && (tasks & wanted) == wanted)
            return VBLIP_OK;
        vb_checkpoint_close(out);
    }
    return VBLIP_OK;
}

static vblip_status checkpoint_check_options(const vblip_model_options *options,
                                             vblip_error *err)
{
    if (!options || !options->path || !options->path[0])
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "no model named");
    return VBLIP_OK;
}

static vblip_status open_found(vb_checkpoint **out, vb_candidates *found,
                               const opening *o, vblip_error *err)
{
    const vblip_model_options *options = o->model;
    uint32_t held;
    if (options->tasks == 0 && found->count > 1)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: a model set, and no task named",
                       options->path);
    sort_members(found, options->tasks);
    VB_TRY(pick(out, found, o, &held, err));
    if (!*out)
        return vb_task_refuse(options->path,
                              found->items[0].task ? "model set" : "checkpoint", held,
                              options->tasks, err);
    uint32_t wanted = options->tasks ? options->tasks : (*out)->layout.tasks;
    VB_TRY(check_tensors(*out, wanted, false, err));
    vb_checkpoint *c = *out;
    VB_TRY(vb_tokenizer_files_read(&c->vocabulary, &c->arena, c->folder, options->vocab,
                                   options->default_vocab, err));
    c->vocabulary.rows = c->file.text.vocabulary;
    return VBLIP_OK;
}

vblip_status vb_checkpoint_open_heads(vb_checkpoint **out,
                                      const vblip_model_options *options,
                                      uint32_t head_width, vblip_error *err)
{
    *out = NULL;
    VB_TRY(checkpoint_check_options(options, err));
    vb_arena arena = {0};
    vb_candidates found;
    vblip_status status =
        vb_locate(&found, &arena, options->path, options->hub_dir, err);
    if (status == VBLIP_OK)
        status = open_found(out, &found, &(opening){options, head_width}, err);
    if (status != VBLIP_OK)
        vb_checkpoint_close(out);
    vb_arena_free(&arena);
    return status;
}

vblip_status vb_checkpoint_open(vb_checkpoint **out, const vblip_model_options *options,
                                vblip_error *err)
{
    return vb_checkpoint_open_heads(out, options, VB_HEAD_WIDTH, err);
}

static vblip_status make_seeded(vb_checkpoint *c, const char *size, uint32_t task,
                                const char *vocab, vblip_error *err)
{
    vb_config *config = &c->layout.config;
    if (!vb_seeded_config(config, size, task))
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "size: %s: unknown, expected base-384, base-480 or large-384",
                       size);
    VB_TRY(vb_seeded_weights(&c->weights, &c->arena, config, task, err));
    c->path = c->folder = "seeded weights";
    c->file = vb_config_defaults();
    c->file.text.vocabulary = config->encoder.layers ? config->encoder.vocabulary
                                                     : config->decoder.vocabulary;
    c->layout.stored_tokens = vb_vision_tokens(&config->vision);
    c->layout.tasks = vb_tasks_whole(task);
    VB_TRY(check_tensors(c, task, false, err));
    VB_TRY(vb_tokenizer_files_read(&c->vocabulary, &c->arena, c->folder, vocab, NULL,
                                   err));
    c->vocabulary.rows = c->file.text.vocabulary;
    return VBLIP_OK;
}

vblip_status vb_checkpoint_make_seeded(vb_checkpoint **out, const char *size,
                                       uint32_t task, const char *vocab,
                                       vblip_error *err)
{
    *out = NULL;
    vb_checkpoint *c = calloc(1, sizeof *c);
    if (!c)
        return vb_fail_memory(err, size);
    const vblip_status status = make_seeded(c, size, task, vocab, err);
    if (status != VBLIP_OK)
        vb_checkpoint_close(&c);
    *out = c;
    return status;
}

vblip_status vb_checkpoint_tokenizer(vb_vocabulary *out, vb_arena *arena,
                                     const vblip_model_options *options,
                                     vblip_error *err)
{
    vb_candidates found;
    VB_TRY(checkpoint_check_options(options, err));
    VB_TRY(vb_locate(&found, arena, options->path, options->hub_dir, err));
    const vb_candidate *first = &found.items[0];
    const char *folder =
        first->is_file ? vb_path_folder(arena, first->path) : first->path;
    if (!folder)
        return vb_fail_memory(err, first->path);
    return vb_tokenizer_files_read(out, arena, folder, options->vocab,
                                   options->default_vocab, err);
}

static vblip_status inspect_candidate(const vb_candidate *candidate, const opening *o,
                                      vblip_model_info_fn fn, void *user,
                                      vblip_error *err)
{
    vb_checkpoint *c;
    VB_TRY(new_checkpoint(&c, candidate, o, err));
    vblip_status status = check_tensors(c, UINT32_MAX, true, err);
    if (status == VBLIP_OK && fn(user, &c->info) != 0)
        status = vb_fail(err, VBLIP_ERR_CANCELLED, "%s: stopped", candidate->path);
    vb_checkpoint_close(&c);
    return status;
}

vblip_status vb_checkpoint_inspect(const vblip_model_options *options,
                                   vblip_model_info_fn fn, void *user, vblip_error *err)
{
    VB_TRY(checkpoint_check_options(options, err));
    vb_arena arena = {0};
    vb_candidates found;
    vblip_status status =
        vb_locate(&found, &arena, options->path, options->hub_dir, err);
    const opening o = {options, VB_HEAD_WIDTH};
    for (size_t i = 0; status == VBLIP_OK && i < found.count; i++)
        status = inspect_candidate(&found.items[i], &o, fn, user, err);
    vb_arena_free(&arena);
    return status;
}

// --------------------------------------------------------------------------- accessors

const char *vb_checkpoint_folder(const vb_checkpoint *checkpoint)
{
    return checkpoint->folder;
}

const char *vb_checkpoint_set(const vb_checkpoint *checkpoint)
{
    return checkpoint->set;
}

const vb_config *vb_checkpoint_config(const vb_checkpoint *checkpoint)
{
    return &checkpoint->layout.config;
}

const vblip_model_info *vb_checkpoint_info(const vb_checkpoint *checkpoint)
{
    return &checkpoint->info;
}

const vb_vocabulary *vb_checkpoint_vocabulary(const vb_checkpoint *checkpoint)
{
    return &checkpoint->vocabulary;
}

int32_t vb_checkpoint_bos(const vb_checkpoint *checkpoint)
{
    return checkpoint->file.bos;
}

const vb_weight *vb_checkpoint_find(const vb_checkpoint *checkpoint, const char *name)
{
    return vb_weight_find(&checkpoint->weights.list, name);
}

const vb_weight_list *vb_checkpoint_weights(const vb_checkpoint *checkpoint)
{
    return &checkpoint->weights.list;
}

void vb_checkpoint_origin(uint64_t *place, uint64_t *content,
                          const vb_checkpoint *checkpoint)
{
    const vb_weight_files *files = &checkpoint->weights;
    vb_arena arena = {0};
    const char *path;
    *place = *content = 0;
    if (files->count &&
        vb_path_absolute(&path, &arena, files->path, NULL) == VBLIP_OK) {
        *place = vb_hash_bytes(0, path, strlen(path)) | 1;
        for (size_t i = 0; i < files->count; i++)
            *content = vb_hash_bytes(*content, &files->opened[i].identity,
                                     sizeof files->opened[i].identity);
    }
    vb_arena_free(&arena);
}

vblip_status vb_checkpoint_prepare(const vb_checkpoint *checkpoint,
                                   const vb_weight *weight, vblip_error *err)
{
    return vb_weight_files_prepare(&checkpoint->weights, weight, err);
}

vblip_status vb_checkpoint_read(const vb_checkpoint *checkpoint,
                                const vb_weight *weight, void *out, size_t at,
                                size_t size, vblip_error *err)
{
    return vb_weight_files_read(&checkpoint->weights, weight, out, at, size, err);
}
