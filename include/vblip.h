// vblip.h - ask questions of video: search, answers and captions, with BLIP.
//
// Benchmarks, data sets and the like are in vblip_lab.h. Six conventions hold in all headers:
//
//   Errors     A function that can fail returns vblip_status and takes a nullable vblip_error
//              last, which it resets on entry. On failure every output is zeroed, nothing leaks,
//              and `err` holds one line: the subject, what is wrong with it, and the numbers.
//   Ownership  open/load gives the caller an object through `out`. The matching close/free takes
//              its address, accepts a NULL object, and leaves NULL. Strings passed in are not
//              kept. Pointers handed to a callback die when the callback returns.
//   Options    NULL and an all-zero struct both mean the defaults. Later versions add fields at the
//              end: `size` is sizeof the struct as the caller knows it, 0 = that of version 0.1.
//   Units      Time is int64_t microseconds from the first frame. Text is UTF-8.
//   Callbacks  run on the calling thread. Non-zero: VBLIP_ERR_CANCELLED; what was reported stands.
//   Threads    No object may be used by two threads at once. Distinct engines share nothing.
#ifndef VBLIP_H
#define VBLIP_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__GNUC__)
#define VBLIP_API     __attribute__((visibility("default")))
#define VBLIP_CHECKED __attribute__((visibility("default"), warn_unused_result))
#else
#define VBLIP_API
#define VBLIP_CHECKED
#endif

#ifdef __cplusplus
extern "C" {
#endif

// ---------------------------------------------------------------------------- errors

// Every value says whose move is next: the caller's, the file's, or the machine's.
typedef enum vblip_status {
    VBLIP_OK = 0,
    VBLIP_ERR_ARGUMENT = -1,    // the caller broke a documented rule; fix the call
    VBLIP_ERR_IO = -2,          // a file is missing, unreadable or short
    VBLIP_ERR_FORMAT = -3,      // a file was read in full and is not what it claims
    VBLIP_ERR_UNSUPPORTED = -4, // valid input that this build or device cannot handle
    VBLIP_ERR_MEMORY = -5,      // host or device memory ran out
    VBLIP_ERR_DEVICE = -6,      // no usable device, or the device was lost
    VBLIP_ERR_CANCELLED = -7,   // a callback asked to stop
} vblip_status;

typedef struct vblip_error {
    vblip_status status;
    char message[508]; // never empty on failure; no trailing newline
} vblip_error;
#define VBLIP_VERSION_NUMBER 100           // 10000 major + 100 minor + patch, of this header
VBLIP_API const char *vblip_version(void); // "0.1.0", of the library

// ------------------------------------------------------------------ engine and model

// One device: a GPU, or the processor. Costs up to a second to open: open one, keep it.
typedef struct vblip_engine vblip_engine;

typedef struct vblip_engine_options {
    uint32_t size;
    const char *device;     // index or part of a name; "auto", "cpu"; NULL = auto
    const char *kernels;    // kernel family: "simt", "lavapipe", "onednn"; NULL = auto
    const char *precision;  // of weights in device memory: "f32", "f16", "bf16"; NULL = auto
    const char *cache_dir;  // pipeline cache and self-test verdicts; NULL = none kept
    bool cache_weights;     // there, too, as the processor reads them: starts sooner
    bool validate, profile; // Khronos' validation layer; time every op (vblip_lab.h)
    void (*log)(void *user, const char *line); // NULL = silent; may be called any time
    void *log_user;
    int (*stopped)(void *user); // asked some times a second while the device works or a video
    void *stopped_user;         // is read; non-zero: the call returns VBLIP_ERR_CANCELLED
    uint32_t threads;           // of the processor; 0 = OMP_NUM_THREADS, else its cores
    const char *hwaccel;        // device that decodes videos: "auto", "vaapi", ...; NULL = none
} vblip_engine_options;

VBLIP_CHECKED vblip_status vblip_engine_open(
    vblip_engine **out, const vblip_engine_options *options, vblip_error *err);
VBLIP_API void vblip_engine_close(vblip_engine **engine);

enum vblip_task { // what a checkpoint is for: bits
    VBLIP_TASK_RETRIEVAL = 1,
    VBLIP_TASK_CAPTION = 2,
    VBLIP_TASK_VQA = 4,
    VBLIP_TASK_NLVR = 8,
    VBLIP_TASK_ITC = 16,     // a part of retrieval, alone where there is no itm_head
    VBLIP_TASK_FEATURES = 32 // a text encoder without any head: vision, text, multimodal
};

// Whose semantics, where they differ: docs/compat.md.
typedef enum vblip_compat {
    VBLIP_COMPAT_SALESFORCE, // salesforce/BLIP with transformers 4.15
    VBLIP_COMPAT_HF,         // the BLIP of Hugging Face transformers 5
} vblip_compat;

typedef struct vblip_model_options {
    uint32_t size;
    const char *path;          // checkpoint folder or file, model set, or hub name; NULL = the demo
    const char *hub_dir;       // Hugging Face hub cache in which hub names are looked up
    const char *vocab;         // vocab.txt to use instead of the checkpoint's own
    const char *default_vocab; // when the checkpoint has none; NULL = bert-base-uncased's
    uint32_t image_size;       // pixels, multiple of the patch; 0 = the checkpoint's own
    uint32_t tasks;            // what it will be asked to do; 0 = all that it can
    bool raw_text;             // texts are not cleaned (blip-spec 4.4); never with HF
    vblip_compat compat;
    const char *calibration; // of P(match): vblip_calibration in vblip_lab.h
} vblip_model_options;

// A BLIP checkpoint resident in device memory. The engine must outlive it. Everything is checked
// before the first upload. A task that the checkpoint cannot do is refused with what it can.
typedef struct vblip_model vblip_model;

VBLIP_CHECKED vblip_status vblip_model_load(
    vblip_model **out, vblip_engine *engine, const vblip_model_options *options, vblip_error *err);
VBLIP_API void vblip_model_free(vblip_model **model);

// ----------------------------------------------------------------------------- inputs

// The files that a list of paths stands for: a file stands for itself, a directory for the videos
// and images below it, sorted bytewise, dot files skipped.
typedef struct vblip_inputs vblip_inputs;
typedef struct vblip_input {
    const char *path;  // as typed, or directory as typed + '/' + relative name
    const char *error; // NULL, or why this path is already known to be a failed input
} vblip_input;

typedef struct vblip_inputs_options {
    uint32_t size;
    const char *const *include, *const *exclude; // globs over relative names, up to a NULL
    uint32_t shard, shards; // of so many, this one's files alone, from 1; 0 = all
} vblip_inputs_options;

VBLIP_CHECKED vblip_status vblip_inputs_open(vblip_inputs **out, const char *const *paths,
    uint32_t count, const vblip_inputs_options *options, vblip_error *err);
VBLIP_API void vblip_inputs_close(vblip_inputs **inputs);
VBLIP_API uint32_t vblip_inputs_count(const vblip_inputs *inputs);
// NULL past the end; valid until the inputs are closed.
VBLIP_API const vblip_input *vblip_inputs_at(const vblip_inputs *inputs, uint32_t index);
// Files of directories that look like media and are not read: "heic 2, mxf 1"; "" for none.
VBLIP_API const char *vblip_inputs_skipped(const vblip_inputs *inputs, uint32_t *count);

// ------------------------------------------------------------------------------ tasks

// A failed input. The job goes on with the next one unless the callback stops it.
typedef struct vblip_failure {
    uint32_t input; // index
    const char *path;
    const char *message; // what is wrong, without the path
} vblip_failure;

typedef struct vblip_progress {
    const char *path, *unit; // input in work; what is counted: "frames", "captions", "pairs"
    uint64_t done, total;    // total 0 = not known yet
    double seconds_left;     // < 0 = not known yet
} vblip_progress;

typedef struct vblip_job { // what every task shares: an options struct like the others
    uint32_t size;
    uint32_t frames;      // per clip or segment; 0 = 16 for ask, else 8
    uint32_t batch, jobs; // frames encoded, files decoded at once; 0 = by memory, cores and device
    int (*failed)(void *user, const vblip_failure *failure);
    int (*progress)(void *user, const vblip_progress *progress);
    void *user;
    void (*warned)(void *user, const vblip_failure *damage); // of an input that is read
    struct vblip_member *member; // of tasks that read their inputs together: vblip_lab.h
} vblip_job;

// P(match): softmax of the ITM logits, or calibrated. `score`: itm_logits[1] + itc, else itc.
typedef struct vblip_hit {
    uint32_t query, input; // indices
    uint32_t rank;         // from 1
    const char *path;
    bool timed;                                           // a video: start and end mean something
    int64_t start_us, end_us, then_start_us, then_end_us; // then: see vblip_library.h
    float score, itc;
    bool reranked;
    float itm_logits[2], p_match; // unmatched, matched
} vblip_hit;
typedef int (*vblip_hit_fn)(void *user, const vblip_hit *hit);

typedef struct vblip_retrieve_options {
    uint32_t size;
    const vblip_job *job;
    uint32_t top;   // hits reported per query; 0 = 10
    int32_t rerank; // scored by ITM per query; 0 = 128, -1 = none, -2: see vblip_library.h
    float min_p;    // hits with p_match below are dropped
} vblip_retrieve_options;

// Ranks the inputs for each query: ITC over all, then ITM over the best. Each is encoded once.
VBLIP_CHECKED vblip_status vblip_retrieve(vblip_model *model, const vblip_inputs *inputs,
    const char *const *queries, uint32_t count, const vblip_retrieve_options *options,
    vblip_hit_fn fn, void *user, vblip_error *err);

typedef struct vblip_match_row {
    uint32_t input, text; // indices
    const char *path;
    float itc, itm_logits[2], p_match;
} vblip_match_row;
typedef int (*vblip_match_fn)(void *user, const vblip_match_row *row);

typedef struct vblip_match_options {
    uint32_t size;
    const vblip_job *job;
    bool itm_cls; // first token [CLS] instead of [ENC], as always with HF
} vblip_match_options;

VBLIP_CHECKED vblip_status vblip_match(vblip_model *model, const vblip_inputs *inputs,
    const char *const *texts, uint32_t count, const vblip_match_options *options, vblip_match_fn fn,
    void *user, vblip_error *err);

typedef struct vblip_ranked_answer {
    uint32_t answer; // index
    float score;     // blip-spec 6.2: sum over tokens, not normalised
} vblip_ranked_answer;

typedef struct vblip_answer {
    uint32_t input, question; // indices
    const char *path, *text;
    float score;
    bool timed;
    int64_t start_us, end_us;
    const vblip_ranked_answer *ranked; // best first; NULL when generated
    uint32_t ranked_count;
} vblip_answer;
typedef int (*vblip_answer_fn)(void *user, const vblip_answer *answer);

typedef struct vblip_ask_options {
    uint32_t size;
    const vblip_job *job;
    const char *const *answers;      // candidates to rank; none (of a question's own) = generate
    uint32_t answer_count, k_test;   // how many they are; how many are scored in full, 0 = 128
    uint32_t beams;                  // of generation: 0 = 3, with HF 1; 1 = greedy
    uint32_t max_length, min_length; // tokens, the first included; 0 = 10 and 1, with HF 20, none
    const char *segment;             // as in vblip_library.h: each is asked about; NULL = "whole"
    const uint32_t *answers_each; // how many of `answers` are each question's, in order; NULL = all
} vblip_ask_options;

VBLIP_CHECKED vblip_status vblip_ask(vblip_model *model, const vblip_inputs *inputs,
    const char *const *questions, uint32_t count, const vblip_ask_options *options,
    vblip_answer_fn fn, void *user, vblip_error *err);

typedef enum vblip_feature {
    VBLIP_FEATURE_ITC_IMAGE,  // of an input: its ITC vector, of a video its frames' mean
    VBLIP_FEATURE_ITC_TEXT,   // of a text: its ITC vector
    VBLIP_FEATURE_VISION,     // of an input: the visual tokens of all its frames
    VBLIP_FEATURE_TEXT,       // of a text: its states, [CLS] first
    VBLIP_FEATURE_MULTIMODAL, // of an input and a text: the text's states, [ENC] first
} vblip_feature;

typedef struct vblip_features {
    uint32_t input, text; // indices
    const char *path;     // NULL of a text alone
    const float *values;  // [rows, cols]; rows 0: one vector of cols
    uint32_t rows, cols;
} vblip_features;
typedef int (*vblip_features_fn)(void *user, const vblip_features *features);

// Reports the features of each input, of each text, or of each input with each text; what it is not
// of may be NULL. ITC vectors need a checkpoint for ITC, states one for ITC or questions.
VBLIP_CHECKED vblip_status vblip_embed(vblip_model *model, vblip_feature feature,
    const vblip_inputs *inputs, const char *const *texts, uint32_t text_count, const vblip_job *job,
    vblip_features_fn fn, void *user, vblip_error *err);

typedef struct vblip_caption {
    uint32_t input; // index
    const char *path, *text;
    bool timed;
    int64_t start_us, end_us; // the text is about the first frame, of a shot about its middle
    float score;              // cli.md 5
    int64_t lead_us;          // what a player shows of the file before time 0; subtitles count it
} vblip_caption;
typedef int (*vblip_caption_fn)(void *user, const vblip_caption *caption);

typedef struct vblip_caption_options {
    uint32_t size;
    const vblip_job *job;
    int64_t every_us;                // one caption per interval or longer frame; 0 = 1 s
    uint32_t every_frames, count;    // or one per N frames; or so many, spread uniformly
    const char *prompt;              // NULL = "a picture of ", with HF none
    uint32_t beams;                  // 0 = 3, with HF 1; 1 = greedy
    uint32_t max_length, min_length; // tokens, prompt included; 0 = 20 and 5, with HF 20, none
    float repetition_penalty;        // 0 = 1.0, with sample 1.1, with HF always 1.0
    bool merge;                      // neighbours with the same text or picture become one
    bool sample;                     // tokens are drawn (blip-spec 6.4); beams is not used then
    float top_p;                     // draws from the most probable up to this sum; 0 = 0.9, HF all
    uint32_t top_k;                  // and from so many at most; 0 = 50, UINT32_MAX = all
    float temperature;               // below 1 favours the probable; 0 = 1
    uint64_t seed;                   // of the draws: the same seed gives the same captions
    uint32_t samples;                // drawn for each frame; 0 = 1, more not with merge
    bool shots;                      // or one per shot (vblip_lab.h)
    float same_picture;              // what has this ITC cosine, or more; 0 = nothing (cli.md 5)
} vblip_caption_options;

// In time order; samples of one frame follow each other, drawn by the seed, the frame's number in
// its file and the sample's alone. A truncated video reports what it holds, then counts as failed.
VBLIP_CHECKED vblip_status vblip_caption_inputs(vblip_model *model, const vblip_inputs *inputs,
    const vblip_caption_options *options, vblip_caption_fn fn, void *user, vblip_error *err);

// ------------------------------------------------------------------------------ clips

// One clip to ask several things: its frames are decoded and encoded once, when it is opened, and
// their visual tokens stay in device memory until it is closed. The model must outlive it.
typedef struct vblip_clip vblip_clip;

typedef struct vblip_clip_options {
    uint32_t size;
    int64_t start_us, end_us; // what counts of a video, to the ms as rows have it; end 0 = its end
    uint32_t frames, batch;   // sampled from it, 0 = 8; encoded at once, 0 = by memory
} vblip_clip_options;

VBLIP_CHECKED vblip_status vblip_clip_open(vblip_clip **out, vblip_model *model, const char *path,
    const vblip_clip_options *options, vblip_error *err);

typedef struct vblip_frame {
    const uint8_t *rgb;     // [height, width, 3]
    uint32_t width, height; // pixels; squashed as frames of videos are
    uint64_t row_bytes;     // from one row to the next; 0 = 3 * width
    int64_t time_us;
} vblip_frame;

// The same of frames in memory, in the order of their times: all are encoded, none is kept. Rows
// name the clip `name`; it lasts from the first frame to the last, and one frame is an image.
VBLIP_CHECKED vblip_status vblip_clip_from_frames(vblip_clip **out, vblip_model *model,
    const char *name, const vblip_frame *frames, uint32_t count, vblip_error *err);
VBLIP_API void vblip_clip_close(vblip_clip **clip);

// As the functions of the same names do for inputs, of which this clip is number 0. Of the job
// only `progress` is used. A caption is about all frames; there are no segments and no shots.
VBLIP_CHECKED vblip_status vblip_clip_ask(vblip_clip *clip, const char *const *questions,
    uint32_t count, const vblip_ask_options *options, vblip_answer_fn fn, void *user,
    vblip_error *err);
VBLIP_CHECKED vblip_status vblip_clip_match(vblip_clip *clip, const char *const *texts,
    uint32_t count, const vblip_match_options *options, vblip_match_fn fn, void *user,
    vblip_error *err);
VBLIP_CHECKED vblip_status vblip_clip_caption(vblip_clip *clip,
    const vblip_caption_options *options, vblip_caption_fn fn, void *user, vblip_error *err);
VBLIP_CHECKED vblip_status vblip_clip_embed(vblip_clip *clip, vblip_feature feature,
    const char *const *texts, uint32_t text_count, const vblip_job *job, vblip_features_fn fn,
    void *user, vblip_error *err);

typedef struct vblip_counts {
    uint64_t frames_decoded, frames_encoded; // since the model was loaded
} vblip_counts;
VBLIP_API vblip_counts vblip_model_counts(const vblip_model *model);

#ifdef __cplusplus
} // extern "C"
#endif

#endif // VBLIP_H
