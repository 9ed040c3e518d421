// hf_folder.h - small checkpoints in Hugging Face's layout, right or wrong as a test
// wants them. Weights are zeros.
#ifndef VB_TESTS_HF_FOLDER_H
#define VB_TESTS_HF_FOLDER_H

#include "checkpoint/config.h"
#include "formats/safetensors.h"

enum { HF_MAX_TENSORS = 512 };

enum { // what a model has beside its ViT
    HF_ENCODER = 1,
    HF_DECODER = 2,
    HF_HEADS = 4,   // projections and ITM
    HF_ANSWERS = 8, // the decoder reads width D
    HF_NLVR = 16,   // NLVR2: the encoder's second layer merges two images, the first
                    // averages; with a classifier
};

typedef struct hf_tensor {
    char name[96], dtype[8];
    uint32_t rank;
    uint64_t shape[VB_MAX_RANK];
} hf_tensor;

typedef struct hf_model {
    hf_tensor tensors[HF_MAX_TENSORS];
    size_t count;
    vb_config config; // what config.json states, of either tower the encoder's
    const char *architecture;
    const char *vocab;     // text of vocab.txt; NULL = no such file
    const char *processor; // text of preprocessor_config.json; NULL = no such file
    int bos, sep;          // -1 = not stated
} hf_model;

// A model of `parts` for images of 32 pixels: vision width `width`, text width 48 (3
// heads), a vocabulary of 9 lines. Free with free().
hf_model *hf_make(int parts, uint32_t width, uint32_t encoder_layers,
                  uint32_t decoder_layers);

hf_tensor *hf_at(hf_model *model, const char *name); // it must be there
void hf_drop(hf_model *model, const char *name);
void hf_add(hf_model *model, const char *name, const char *dtype, uint64_t dimension);

// Writes the model's files into `folder`, which is made where it does not exist.
void hf_write(const hf_model *model, const char *folder);

// Writes the tensors alone, as a safetensors file.
void hf_write_weights(const hf_model *model, const char *path);

#endif // VB_TESTS_HF_FOLDER_H
