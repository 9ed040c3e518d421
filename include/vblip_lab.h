// vblip_lab.h - the laboratory of vblip.h: what devices and checkpoints are, how fast and
// how exact they are, and the paper's protocols on annotated data sets. The conventions of
// vblip.h hold here too.
#ifndef VBLIP_LAB_H
#define VBLIP_LAB_H

#include "vblip.h"

#ifdef __cplusplus
extern "C" {
#endif

// FFmpeg decodes, and prints a little of what it finds wrong with files to stderr. Its log level
// belongs to the process, so it is for the program to change: this silences it, unless the program
// set a level of its own.
VBLIP_API void vblip_silence_ffmpeg(void);

// Leaves out the inputs of which keep [vblip_inputs_count] is false; those behind move up, and what
// vblip_inputs_at returned before is no longer valid.
VBLIP_API void vblip_inputs_keep(vblip_inputs *inputs, const bool *keep);

// --------------------------------------------------------------------------- devices

typedef enum vblip_device_kind {
    VBLIP_DEVICE_OTHER,
    VBLIP_DEVICE_DISCRETE_GPU,
    VBLIP_DEVICE_INTEGRATED_GPU,
    VBLIP_DEVICE_VIRTUAL_GPU,
    VBLIP_DEVICE_SOFTWARE,  // software Vulkan: computes on the processor's cores
    VBLIP_DEVICE_PROCESSOR, // the processor's cores, through oneDNN
} vblip_device_kind;

typedef struct vblip_device_info {
    uint32_t index;
    vblip_device_kind kind;
    const char *name;         // "llvmpipe (LLVM 15.0.6, 256 bits)"
    const char *driver;       // "Mesa 22.3.6 (LLVM 15.0.6)"
    const char *api;          // "1.3.230"
    const char *kernels;      // kernel family `auto` takes: "simt", "lavapipe"
    const char *precision;    // of weights in memory, that `auto` takes: "f32", "f16"
    const char *unusable;     // NULL when usable, else the reason
    uint64_t memory_bytes;    // largest device-local heap
    uint32_t subgroup_size;   // invocations
    uint32_t max_binding_mib; // largest storage buffer range
    bool f16_storage;         // 16-bit storage and arithmetic conversion
} vblip_device_info;

typedef int (*vblip_device_fn)(void *user, const vblip_device_info *device);

// Calls `fn` for every Vulkan device, in the order in which `auto` would try them. No
// device at all is VBLIP_ERR_DEVICE.
VBLIP_CHECKED vblip_status vblip_devices(vblip_device_fn fn, void *user, vblip_error *err);

// Whether Vulkan has devices, usable or not; VBLIP_ERR_DEVICE says why it has none: no loader, no
// driver. vblip_devices does without it where the processor is a device.
VBLIP_CHECKED vblip_status vblip_vulkan(vblip_error *err);

// Calls `fn` for every kind of device that the FFmpeg in use decodes with, in the order in which
// hwaccel "auto" tries them; `opens`: there is one.
typedef int (*vblip_hwaccel_fn)(void *user, const char *name, bool opens);
VBLIP_CHECKED vblip_status vblip_hwaccels(vblip_hwaccel_fn fn, void *user, vblip_error *err);

// Valid until the engine is closed.
VBLIP_API const vblip_device_info *vblip_engine_device(const vblip_engine *engine);

// One line per op name: how often it ran and how long the device took in all.
typedef struct vblip_op_time {
    const char *op;
    uint64_t calls;
    double seconds;
} vblip_op_time;
typedef int (*vblip_op_time_fn)(void *user, const vblip_op_time *time);
VBLIP_CHECKED vblip_status vblip_engine_profile(
    vblip_engine *engine, vblip_op_time_fn fn, void *user, vblip_error *err);

// Runs every op on seeded input and compares with committed expected values. Each check is told
// twice, before and after it ran, so that it is known which one a driver did not survive.
typedef struct vblip_check {
    const char *op;
    const char *kernels; // family and precision that are checked: "simt f16"
    bool ran;            // what is below is known
    double nmse;         // normalised mean squared error; NaN when it did not run
    double bound;        // largest nmse that passes
    bool ok;
} vblip_check;
typedef int (*vblip_check_fn)(void *user, const vblip_check *check);
VBLIP_CHECKED vblip_status vblip_engine_selftest(
    vblip_engine *engine, vblip_check_fn fn, void *user, vblip_error *err);

typedef struct vblip_bench_result {
    const char *name;   // "linear"
    const char *detail; // "577x3072x768 lavapipe"
    uint32_t runs;
    double min_s, median_s;
    double work;      // in `unit` at min_s
    const char *unit; // "GFLOP/s", "GB/s"
    double gflops;    // GFLOP/s of products at min_s; 0 = there are none
    double peak;      // GFLOP/s that the device's units reach, measured; 0 = not known
} vblip_bench_result;
typedef int (*vblip_bench_fn)(void *user, const vblip_bench_result *result);

// `name` is one of vblip_bench_names() (NULL-terminated), or NULL for all.
VBLIP_API const char *const *vblip_bench_names(void);
VBLIP_CHECKED vblip_status vblip_bench(
    vblip_engine *engine, const char *name, vblip_bench_fn fn, void *user, vblip_error *err);

typedef struct vblip_decode_bench_options {
    uint32_t size;
    uint32_t image_size;        // pixels that frames are squashed to; 0 = 384
    uint32_t frames;            // of each file for "decode-uniform"; 0 = 8
    uint32_t jobs;              // files at once; 0 = as tasks on a GPU read them
    uint32_t threads;           // that they share; 0 = by cores
    const char *hwaccel;        // as in vblip_engine_options
    int (*stopped)(void *user); // as in vblip_engine_options
    void *stopped_user;
} vblip_decode_bench_options;

// Times how all `inputs` are read, which no device takes part in: frames spread uniformly over
// each ("decode-uniform"), or one a second ("decode-seconds"): vblip_decode_bench_names().
VBLIP_API const char *const *vblip_decode_bench_names(void);
VBLIP_CHECKED vblip_status vblip_decode_bench(const vblip_inputs *inputs, const char *name,
    const vblip_decode_bench_options *options, vblip_bench_fn fn, void *user, vblip_error *err);

// ------------------------------------------------------------------------ checkpoints

// What came with the library: the demonstration model, and bert-base-uncased's vocabulary. In
// share/vblip of the prefix it is installed in, else in the source it was built from; NULL where
// neither has it. Valid while the library is loaded.
VBLIP_API const char *vblip_bundled_model(void);
VBLIP_API const char *vblip_bundled_vocab(void);

typedef struct vblip_model_info {
    const char *path;   // folder or file that was read
    const char *layout; // "huggingface", "huggingface sharded", "huggingface bin",
                        // "huggingface bin sharded"; of a single file "original" (the
                        // names of salesforce/BLIP) or "huggingface file"
    const char *dtype;  // of the weights as stored: "F32", "F16", "BF16", "mixed"
    uint32_t tasks;     // enum vblip_task
    uint32_t image_size, patch_size;
    uint32_t vision_width, vision_layers, vision_heads, vision_mlp;
    uint32_t text_width, encoder_layers, decoder_layers, text_heads, text_mlp;
    uint32_t projection_width, positions, vocabulary;
    uint64_t parameters;           // elements in the tensors that are used
    uint64_t file_bytes;           // of the weight files
    bool demo;                     // the bundled demonstration model
    const char *const *files;      // NULL-terminated; paths of the weight files
    const char *const *missing;    // NULL-terminated; tensors a task it names lacks
    const char *const *unexpected; // NULL-terminated; tensors that nothing uses
} vblip_model_info;

typedef int (*vblip_model_info_fn)(void *user, const vblip_model_info *info);

// Says what a checkpoint (each member of a model set) holds. Loads no device.
VBLIP_CHECKED vblip_status vblip_model_inspect(
    const vblip_model_options *options, vblip_model_info_fn fn, void *user, vblip_error *err);

// Valid until the model is freed.
VBLIP_API const vblip_model_info *vblip_model_describe(const vblip_model *model);

// A model of a released size whose weights are noise, for vblip_model_bench: its answers mean
// nothing. `size` is one of vblip_bench_sizes() (NULL-terminated), "base-384" is ViT-B/16 at 384
// pixels; `task` is one of enum vblip_task.
VBLIP_API const char *const *vblip_bench_sizes(void);
VBLIP_CHECKED vblip_status vblip_bench_model(
    vblip_model **out, vblip_engine *engine, const char *size, uint32_t task, vblip_error *err);

// Times the stages of a model. `name` is one of vblip_model_bench_names()
// (NULL-terminated), or NULL for all; stages of tasks it was not loaded for are left out. `counts`,
// ended by 0, is how many frames (vision, caption) or texts (text, itm, itm-image, itm-video) there
// are at a time, each from 1 to 64; NULL = 1 and 8, of text 1 and 64. The others are not counted.
VBLIP_API const char *const *vblip_model_bench_names(void);
VBLIP_API uint32_t vblip_model_bench_task(const char *name); // whose models have them; 0 = unknown
VBLIP_CHECKED vblip_status vblip_model_bench(vblip_model *model, const char *name,
    const uint32_t *counts, vblip_bench_fn fn, void *user, vblip_error *err);

// -------------------------------------------------------------------------- tokenizer

typedef struct vblip_tokenizer vblip_tokenizer;

// The tokenizer of the model that `options` names, of a model set its first member; where no model
// is installed, the bundled vocabulary. No weights are looked at.
VBLIP_CHECKED vblip_status vblip_tokenizer_open(
    vblip_tokenizer **out, const vblip_model_options *options, vblip_error *err);
VBLIP_API void vblip_tokenizer_close(vblip_tokenizer **tokenizer);

typedef struct vblip_tokens {
    uint32_t count;
    const int32_t *ids;        // [CLS] ... [SEP]
    const char *const *pieces; // as in the vocabulary
} vblip_tokens;

// WordPiece ids of `text` (`size` bytes, newlines are data), not cleaned, not
// truncated. `out` is valid until the next call with this tokenizer.
VBLIP_CHECKED vblip_status vblip_tokenize(vblip_tokens *out, vblip_tokenizer *tokenizer,
    const char *text, uint64_t size, vblip_error *err);

// ----------------------------------------------------------------- NLVR2, dialogs

// Whether a statement is true of two images (NLVR2). A video counts as one image of
// many tokens, those of all its frames.
typedef struct vblip_reason_row {
    uint32_t pair; // index
    const char *left, *right;
    uint32_t statement; // index
    bool answer;        // logits[1] > logits[0]
    float p_true;       // softmax
    float logits[2];    // false, true
} vblip_reason_row;
typedef int (*vblip_reason_fn)(void *user, const vblip_reason_row *row);

typedef struct vblip_reason_options {
    uint32_t size;
    const vblip_job *job;
    bool each; // statement i is about pair i alone; else all are about every pair
} vblip_reason_options;

// `inputs` are pairs: left, right, left, right. A pair of which one failed has no rows.
VBLIP_CHECKED vblip_status vblip_reason(vblip_model *model, const vblip_inputs *inputs,
    const char *const *statements, uint32_t count, const vblip_reason_options *options,
    vblip_reason_fn fn, void *user, vblip_error *err);

// Candidates for the next answer of a dialog about an input, best first
// (docs/dialog.md). A score is the log odds of P(match).
typedef struct vblip_dialog_row {
    uint32_t input; // index
    const char *path;
    uint32_t dialog, dialogs; // place in the file from 0, and how many it has
    const char *question;
    const char *const *answers; // [count]
    const float *scores;        // [count]
    uint32_t count;
    bool timed;
    int64_t start_us, end_us;
} vblip_dialog_row;
typedef int (*vblip_dialog_fn)(void *user, const vblip_dialog_row *row);

// A file of dialogs, read whole and checked.
typedef struct vblip_dialogs vblip_dialogs;

VBLIP_CHECKED vblip_status vblip_dialogs_open(
    vblip_dialogs **out, const char *path, vblip_error *err);
VBLIP_API void vblip_dialogs_close(vblip_dialogs **dialogs);

// Ranks the candidates of every dialog for every input. Needs a checkpoint for retrieval.
VBLIP_CHECKED vblip_status vblip_dialog(vblip_model *model, const vblip_inputs *inputs,
    const vblip_dialogs *dialogs, const vblip_job *job, vblip_dialog_fn fn, void *user,
    vblip_error *err);

// ------------------------------------------------------------------------------ shots

// What lies between two cuts, dissolves or fades. The shots of a recording cover it, from 0 to its
// duration; an image is one shot without times.
typedef struct vblip_shot {
    uint32_t input; // index
    const char *path;
    uint32_t shot; // from 1
    bool timed;    // a video: start and end mean something
    int64_t start_us, end_us;
} vblip_shot;
typedef int (*vblip_shot_fn)(void *user, const vblip_shot *shot);

typedef struct vblip_shots_options {
    uint32_t size;
    const vblip_job *job;       // of which `jobs` and what is about models mean nothing
    uint32_t threads;           // that decode; 0 = by cores
    const char *hwaccel;        // as in vblip_engine_options
    int (*stopped)(void *user); // as in vblip_engine_options
    void *stopped_user;
} vblip_shots_options;

// Tells the shots of all `inputs`, one after another. A dissolve or fade ends a shot in its middle.
// Frames that are damaged are passed over: the shots come first, then the failure. No device and no
// model take part.
VBLIP_CHECKED vblip_status vblip_shots(const vblip_inputs *inputs,
    const vblip_shots_options *options, vblip_shot_fn fn, void *user, vblip_error *err);

// --------------------------------------------------------------------------- together

// Tasks that read the same inputs, each of which is opened once, and each of its frames decoded
// once, for all of them. Each task is a call of `fn` on a thread of its own, of which one runs at a
// time: they may share objects, and callbacks need no lock. Others run where a task waits for a
// frame that lies behind one of theirs. Jobs with this member take part, once each, with all of
// these inputs or some, in their order; they decode in turn with what they compute. Their rows are
// those that they have alone.
typedef struct vblip_member vblip_member;
typedef void (*vblip_together_fn)(void *user, vblip_member *member);

// Calls fn(users[i], ...) for each of `count` and returns when all have returned.
VBLIP_CHECKED vblip_status vblip_together(vblip_together_fn fn, void *const *users, uint32_t count,
    const vblip_inputs *inputs, vblip_error *err);

// Returns when all others have called it or returned: what comes before is done by all then.
VBLIP_API void vblip_meet(vblip_member *member);

// ------------------------------------------------------------------------- evaluation

// What is done with an annotated data set: one of the paper's protocols (docs/evaluation.md),
// CapFilt, or calibration.
typedef enum vblip_protocol {
    VBLIP_EVAL_RETRIEVAL, // both directions: txt_r1 ... vid_mdR r_mean, img_* of images
    VBLIP_EVAL_QA,        // predictions; accuracy, accuracy_what, ...
    VBLIP_EVAL_CAPTION,   // predictions, for the COCO scorers
    VBLIP_EVAL_VQA,       // predictions, for the VQAv2 server
    VBLIP_EVAL_NLVR,      // predictions, "True" or "False"; accuracy
    VBLIP_CAPFILT,        // pairs of an image or video and its caption, for vblip_filter
    VBLIP_CALIBRATION,    // the same, and whether they match, for vblip_calibrate
} vblip_protocol;

// An annotated data set: what is said, and where the videos and images are of which it is said.
// Everything is read and checked when it is opened, before an hour is spent on half of it. Videos
// and images that are missing show when they are worked on.
typedef struct vblip_dataset vblip_dataset;

typedef struct vblip_dataset_options {
    uint32_t size;
    const char *media;   // folder of the videos and images; NULL = the annotations'
    const char *answers; // qa, vqa: file of answers to rank, a JSON list or one a line;
                         // NULL = generate
} vblip_dataset_options;

// `annotations` may be NULL for VBLIP_EVAL_CAPTION: all images in options->media are captioned.
VBLIP_CHECKED vblip_status vblip_dataset_open(vblip_dataset **out, vblip_protocol protocol,
    const char *annotations, const vblip_dataset_options *options, vblip_error *err);
VBLIP_API void vblip_dataset_close(vblip_dataset **dataset);

typedef struct vblip_prediction {
    uint64_t id;    // image_id, question_id; else the place in the annotations, from 1
    uint32_t input; // index of the video or image; of a statement: the left image
    const char *path;
    const char *question; // or statement; NULL for captions
    const char *text;     // the caption or answer
    const char *expected; // NULL where the annotations do not say
    bool right;
} vblip_prediction;

typedef struct vblip_eval_options {
    uint32_t size;
    const vblip_job *job;
    uint32_t k_test;    // candidates scored in full; 0 = 128
    const char *scores; // retrieval: safetensors file for score_v2t, score_t2v; or NULL
    const vblip_caption_options *caption; // how captions are made; no job, no times
    int (*predicted)(void *user, const vblip_prediction *prediction); // may be NULL
    int (*measured)(void *user, const char *name, double value);      // may be NULL
    void *user;                                                       // of these two
} vblip_eval_options;

// Predictions come in the order in which their videos and images first appear. When one
// of these cannot be read the others are still worked on; then the call fails with
// VBLIP_ERR_IO instead of metrics that would lie.
VBLIP_CHECKED vblip_status vblip_eval(vblip_model *model, const vblip_dataset *dataset,
    const vblip_eval_options *options, vblip_error *err);

// CapFilt (blip-spec 6.8): for each pair of an image or video and a caption of the web,
// one caption is made up; of both, those that ITM finds to match are kept.
typedef struct vblip_filtered_text {
    const char *caption;
    float p_match;
    bool kept;
} vblip_filtered_text;

typedef struct vblip_filtered {
    uint64_t pair;     // line of the annotations, or place in its list, from 1
    const char *path;  // as the file names it
    const char *error; // NULL, or why it could not be read; then there are no texts
    vblip_filtered_text web, synthetic;
} vblip_filtered;
typedef int (*vblip_filtered_fn)(void *user, const vblip_filtered *filtered);

typedef struct vblip_filter_options {
    uint32_t size;
    const vblip_job *job;
    float min_p;    // least P(match) that is kept; 0 = 0.5, negative = 0
    uint64_t after; // pairs up to this one are skipped: they were filtered before
    const vblip_caption_options *caption; // drawn, unless beams are given
} vblip_filter_options;

// `model` judges; `captioner` (NULL = the same) writes. Pairs come in their order in
// the annotations. What is drawn for a pair does not depend on the others.
VBLIP_CHECKED vblip_status vblip_filter(vblip_model *model, vblip_model *captioner,
    const vblip_dataset *pairs, const vblip_filter_options *options, vblip_filtered_fn fn,
    void *user, vblip_error *err);

// ------------------------------------------------------------------------ calibration

// What P(match) follows from: sigmoid((itm_logits[1] - itm_logits[0]) / temperature + bias). Of
// softmax temperature is 1 and bias 0.
//
// vblip_model_options.calibration names its file, or is "none". NULL: calibration.json in the
// folder of the checkpoint, or of the model set that holds it, where there is one. A file that
// is found and was fitted for another model, or for other options than a call's, is not used;
// one that is named is an error then, and one that cannot be read always.
typedef struct vblip_calibration {
    const char *path;
    float temperature, bias;
    uint64_t model;              // hash of what ITM logits depend on in the checkpoint
    uint32_t image_size, frames; // of a clip
    vblip_compat compat;
    bool itm_cls;            // as in vblip_match_options
    uint32_t pairs, matches; // that it was fitted to; `matches` of them match
    // Of these pairs, by softmax and by the calibration: the expected calibration error, over
    // the bins of vblip_reliability, and the Brier score.
    float ece_before, ece_after, brier_before, brier_after;
} vblip_calibration;

// What calls with these options go by; `frames` as in vblip_job. NULL: softmax; `err` says why a
// file that was found is not used.
VBLIP_API const vblip_calibration *vblip_model_calibration(
    const vblip_model *model, uint32_t frames, bool itm_cls, vblip_error *err);

// How often pairs match whose P(match) is from b/10 to (b + 1)/10: bins[b]. The last holds 1, too.
enum { VBLIP_RELIABILITY_BINS = 10 };
typedef struct vblip_reliability_bin {
    uint32_t pairs;
    double mean_p, observed; // share that matches; both 0 without pairs
} vblip_reliability_bin;
typedef struct vblip_reliability {
    vblip_reliability_bin bins[VBLIP_RELIABILITY_BINS];
    double ece, brier;
} vblip_reliability;

typedef struct vblip_calibrated {
    const vblip_calibration *calibration;
    vblip_reliability before, after; // of the pairs that it was fitted to
} vblip_calibrated;
typedef int (*vblip_calibrated_fn)(void *user, const vblip_calibrated *calibrated);

typedef struct vblip_calibrate_options {
    uint32_t size;
    const vblip_job *job;
    bool itm_cls;       // as in vblip_match_options
    const char *output; // file, replaced; NULL = calibration.json in the checkpoint's folder
} vblip_calibrate_options;

// Fits temperature and bias to the pairs, by the greatest likelihood, writes the file, and calls
// `fn` once. The model itself goes on as it was loaded. When an image or video cannot be read
// the others are still looked at; then the call fails with VBLIP_ERR_IO. VBLIP_ERR_FORMAT for
// pairs that nothing can be fitted to.
VBLIP_CHECKED vblip_status vblip_calibrate(vblip_model *model, const vblip_dataset *pairs,
    const vblip_calibrate_options *options, vblip_calibrated_fn fn, void *user, vblip_error *err);

#ifdef __cplusplus
} // extern "C"
#endif

#endif // VBLIP_LAB_H
