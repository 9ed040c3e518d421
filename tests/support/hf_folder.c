#include "support/hf_folder.h"

#include "base/text.h"
#include "checkpoint/schema.h"
#include "support/temp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

typedef struct maker {
    hf_model *model;
    int parts;
} maker;

static vblip_status add_tensor(void *user, const vb_schema_tensor *t)
{
    maker *m = user;
    const bool plain = t->tasks & ~(uint32_t)VBLIP_TASK_NLVR;
    const bool nlvr = t->tasks & VBLIP_TASK_NLVR;
    if (!(t->tasks & ~(uint32_t)VB_ITC_TASKS) && !(m->parts & HF_HEADS))
        return VBLIP_OK;
    if (m->parts & HF_NLVR ? !nlvr : !plain)
        return VBLIP_OK;
    must(m->model->count < HF_MAX_TENSORS, "HF_MAX_TENSORS");
    hf_tensor *out = &m->model->tensors[m->model->count++];
    *out = (hf_tensor){.dtype = "F32", .rank = t->rank};
    snprintf(out->name, sizeof out->name, "%s", t->name);
    memcpy(out->shape, t->shape, sizeof out->shape);
    return VBLIP_OK;
}

hf_model *hf_make(int parts, uint32_t width, uint32_t encoder_layers,
                  uint32_t decoder_layers)
{
    hf_model *m = calloc(1, sizeof *m);
    must(m != NULL, "hf_make");
    m->architecture = "";
    m->vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\ndog\n##s\n.\n";
    m->processor = "{\"size\":{\"height\":32,\"width\":32}}";
    m->bos = 9;
    m->sep = 3;
    vb_text_config text = {.width = 48,
                           .heads = 3,
                           .mlp = 40,
                           .positions = 12,
                           .vocabulary = 11,
                           .cross_width = width};
    m->config = (vb_config){.vision = {.width = width,
                                       .layers = 2,
                                       .heads = width / 16,
                                       .mlp = 56,
                                       .image_size = 32,
                                       .patch_size = 16},
                            .encoder = text,
                            .decoder = text,
                            .projection = 24};
    m->config.encoder.layers = parts & HF_ENCODER ? encoder_layers : 0;
    m->config.decoder.layers = parts & HF_DECODER ? decoder_layers : 0;
    if (parts & HF_ANSWERS)
        m->config.decoder.cross_width = text.width;
    m->config.encoder.nlvr = parts & HF_NLVR;
    m->config.encoder.merge_from = 1;
    maker k = {m, parts};
    must(vb_schema_visit(&m->config, 2 * 2 + 1, add_tensor, &k) == VBLIP_OK, "schema");
    if (m->config.encoder.layers == 0) // the file has one number for both
        m->config.encoder.layers = decoder_layers;
    return m;
}

hf_tensor *hf_at(hf_model *model, const char *name)
{
    for (size_t i = 0; i < model->count; i++)
        if (strcmp(model->tensors[i].name, name) == 0)
            return &model->tensors[i];
    must(false, name);
    return NULL;
}

void hf_drop(hf_model *model, const char *name)
{
    hf_tensor *t = hf_at(model, name);
    *t = model->tensors[--model->count];
}

void hf_add(hf_model *model, const char *name, const char *dtype, uint64_t dimension)
{
    must(model->count < HF_MAX_TENSORS, "HF_MAX_TENSORS");
    hf_tensor *t = &model->tensors[model->count++];
    *t = (hf_tensor){.rank = 1, .shape = {dimension}};
    snprintf(t->name, sizeof t->name, "%s", name);
    snprintf(t->dtype, sizeof t->dtype, "%s", dtype);
}

static uint64_t element_size(const char *dtype)
{
    return strstr(dtype, "64") ? 8 : strstr(dtype, "16") ? 2 : 4;
}

void hf_write_weights(const hf_model *m, const char *path)
{
    vb_string header = {0};
    uint64_t offset = 0;
    for (size_t i = 0; i < m->count; i++) {
        const hf_tensor *t = &m->tensors[i];
        uint64_t size = element_size(t->dtype);
        must(vb_string_appendf(&header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[",
                               i ? "," : "{", t->name, t->dtype),
             "header");
        for (uint32_t d = 0; d < t->rank; d++) {
            size *= t->shape[d];
            must(vb_string_appendf(&header, "%s%" PRIu64, d ? "," : "", t->shape[d]),
                 "header");
        }
        must(vb_string_appendf(&header, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
                               offset, offset + size),
             "header");
        offset += size;
    }
    must(vb_string_append(&header, "}", 1), "header");
    size_t size = 8 + header.size + (size_t)offset;
    uint8_t *bytes = calloc(1, size);
    must(bytes != NULL, "weights");
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)header.size >> (8 * i));
    memcpy(bytes + 8, header.bytes, header.size);
    temp_write_bytes(path, bytes, size);
    free(bytes);
    vb_string_free(&header);
}

static void write_config(const hf_model *m, const char *folder)
{
    const vb_vision_config *v = &m->config.vision;
    const vb_text_config *t = &m->config.encoder;
    vb_string s = {0};
    bool ok = vb_string_appendf(&s, "{\"model_type\":\"blip\",");
    if (m->architecture[0])
        ok =
            ok && vb_string_appendf(&s, "\"architectures\":[\"%s\"],", m->architecture);
    ok = ok && vb_string_appendf(&s,
                                 "\"image_text_hidden_size\":%u,\"vision_config\":{"
                                 "\"hidden_size\":%u,\"num_hidden_layers\":%u,"
                                 "\"num_attention_heads\":%u,\"intermediate_size\":%u,"
                                 "\"image_size\":%u,\"patch_size\":%u},"
                                 "\"text_config\":{",
                                 m->config.projection, v->width, v->layers, v->heads,
                                 v->mlp, v->image_size, v->patch_size);
    if (m->bos >= 0)
        ok = ok && vb_string_appendf(&s, "\"bos_token_id\":%d,", m->bos);
    if (m->sep >= 0)
        ok = ok && vb_string_appendf(&s, "\"sep_token_id\":%d,", m->sep);
    ok = ok && vb_string_appendf(&s,
                                 "\"hidden_size\":%u,\"num_hidden_layers\":%u,"
                                 "\"num_attention_heads\":%u,\"intermediate_size\":%u,"
                                 "\"max_position_embeddings\":%u,\"vocab_size\":%u}}",
                                 t->width, t->layers, t->heads, t->mlp, t->positions,
                                 t->vocabulary);
    must(ok, "config.json");
    temp_write(folder, "config.json", s.bytes);
    vb_string_free(&s);
}

void hf_write(const hf_model *model, const char *folder)
{
    write_config(model, folder);
    if (model->processor)
        temp_write(folder, "preprocessor_config.json", model->processor);
    if (model->vocab)
        temp_write(folder, "vocab.txt", model->vocab);
    char path[512];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    hf_write_weights(model, path);
}
