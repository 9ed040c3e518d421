#include "cli/check.h"

#include "base/segmenting.h"
#include "base/text.h"
#include "cli/date.h"
#include "cli/options.h"

#include <string.h>
#include <strings.h>

// `number` 0 = there is only one.
static vblip_status check_utf8(const char *text, const char *what, uint32_t number,
                               vblip_error *err)
{
    size_t size = strlen(text);
    size_t bad = vb_utf8_check(text, size);
    if (bad == size)
        return VBLIP_OK;
    if (!number)
        return cli_misuse(err, "%s: not valid UTF-8 at byte %zu", what, bad + 1);
    return cli_misuse(err, "%s %u: not valid UTF-8 at byte %zu", what, number, bad + 1);
}

static vblip_status check_utf8_texts(const cli_args *args, vblip_error *err)
{
    for (uint32_t i = 0; i < args->texts.count; i++)
        if (check_utf8(args->texts.items[i], cli_commands[args->command].texts, i + 1,
                       err) != VBLIP_OK)
            return VBLIP_ERR_ARGUMENT;
    if (args->prompt && check_utf8(args->prompt, "--prompt", 0, err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    if (args->answers && check_utf8(args->answers, "--answers", 0, err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    return VBLIP_OK;
}

// More than one user of standard input would each get a part of it.
static vblip_status check_stdin(const cli_args *args, vblip_error *err)
{
    uint32_t users = 0;
    for (const cli_option *o = cli_options; o->letter || o->name; o++) {
        const char *file = cli_option_file_read(o, args);
        users += o->file == CLI_FILE_LIST && file && strcmp(file, "-") == 0;
    }
    if (args->command != CLI_MODELS)
        for (uint32_t i = 0; i < args->paths.count; i++)
            users += strcmp(args->paths.items[i], "-") == 0;
    if (users > 1)
        return cli_misuse(err, "-: standard input can be read only once");
    return VBLIP_OK;
}

static bool is_for_subtitles(const cli_args *args)
{
    return args->format == VB_FORMAT_SRT || args->format == VB_FORMAT_VTT || args->mux;
}

static vblip_status check_sampling_options(const cli_args *a, vblip_error *err)
{
    const struct {
        bool given;
        const char *name;
    } only[] = {
        {a->top_p > 0, "--top-p"},
        {a->top_k != CLI_NOT_GIVEN, "--top-k"},
        {a->temperature > 0, "--temperature"},
        {a->seed, "--seed"},
        {a->samples, "--samples"},
    };
    const bool filter = a->command == CLI_FILTER; // draws unless told otherwise
    for (size_t i = 0; i < sizeof only / sizeof *only; i++)
        if (only[i].given && (filter ? a->beams != 0 : !a->sample))
            return cli_misuse(err, "%s: %s", only[i].name,
                              filter ? "not allowed together with --beams"
                                     : "only allowed with --sample");
    if (a->sample && a->beams)
        return cli_misuse(err, "--beams: not allowed together with --sample");
    const bool subtitles = is_for_subtitles(a);
    if (a->samples > 1 && (a->merge || subtitles || a->same_picture > 0))
        return cli_misuse(err, "--samples %u: 1 is allowed with %s", a->samples,
                          subtitles  ? "subtitles"
                          : a->merge ? "--merge"
                                     : "--same-picture");
    return VBLIP_OK;
}

static vblip_status check_eval(const cli_args *a, vblip_error *err)
{
    const bool retrieval = a->protocol == VBLIP_EVAL_RETRIEVAL;
    const bool caption = a->protocol == VBLIP_EVAL_CAPTION;
    const bool qa = a->protocol == VBLIP_EVAL_QA, nlvr = a->protocol == VBLIP_EVAL_NLVR;
    const bool captions = a->prompt || a->beams || a->max_length || a->min_length ||
                          a->repetition_penalty > 0;
    const struct {
        bool bad;
        const char *message;
    } rules[] = {
        {!a->annotations && !(caption && a->media), "eval: missing --annotations FILE"},
        {a->scores && !retrieval, "--scores: only allowed for eval retrieval"},
        {a->predictions && !qa && !nlvr,
         "--predictions: only allowed for eval qa and nlvr"},
        {a->answers_file && (retrieval || caption || nlvr),
         "--answers-file: only allowed for eval qa and vqa"},
        {a->answers_file && strcmp(a->answers_file, "-") == 0,
         "--answers-file -: eval reads a file"},
        {a->k_test && !retrieval && !a->answers_file,
         "--k-test: only allowed for eval retrieval, or with --answers-file"},
        {captions && !caption, "--prompt, --beams, --max-length, --min-length, "
                               "--repetition-penalty: only allowed for eval caption"},
    };
    for (size_t i = 0; a->command == CLI_EVAL && i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad)
            return cli_misuse(err, "%s", rules[i].message);
    return VBLIP_OK;
}

static bool reads_video_on_stdin(const cli_args *a)
{
    bool reads = false;
    for (uint32_t i = 0; i < a->paths.count; i++)
        reads = reads || strcmp(a->paths.items[i], "-") == 0;
    return reads;
}

static vblip_status check_together(const cli_args *a, vblip_error *err)
{
    const struct {
        bool bad;
        const char *message;
    } rules[] = {
        {a->no_vectors && a->format == VB_FORMAT_NPY,
         "--no-vectors: not allowed with --format npy, which is vectors alone"},
        {a->list_nul && !a->list, "-0: only allowed with -a FILE"},
        {a->shard.count && reads_video_on_stdin(a),
         "--shard: not allowed with -, which is one recording"},
        {a->shard.count && (cli_looks_at_indexes(a) || cli_edits_indexes(a)),
         "--shard: not allowed together with --stats, --list, --verify, --remove or "
         "--remap"},
        {a->no_index && (a->index || a->rebuild || a->retry_failed),
         "--no-index: not allowed together with --index, --rebuild or --retry-failed"},
        {a->index && a->output && strcmp(a->index, a->output) == 0,
         "-o: names the index, which it would replace"},
        {a->index_stats + a->index_list + a->index_verify + a->index_remove +
                 (a->remap != NULL) >
             1,
         "--stats, --list, --verify, --remove, --remap: one of them is allowed"},
        {(cli_looks_at_indexes(a) || cli_edits_indexes(a)) &&
             (a->rebuild || a->retry_failed || a->segment),
         "--stats, --list, --verify, --remove, --remap: not allowed together with "
         "--rebuild, --retry-failed or --segment"},
        {(cli_looks_at_indexes(a) || cli_edits_indexes(a)) &&
             (a->include.count || a->exclude.count),
         "--include, --exclude: not allowed together with --stats, --list, --verify, "
         "--remove or --remap"},
        {cli_looks_at_indexes(a) && a->list,
         "-a: not allowed together with --stats, --list or --verify"},
        {a->files_only && a->format != VB_FORMAT_TEXT,
         "--files-only: only allowed with --format text"},
        {a->null_paths && a->format != VB_FORMAT_TEXT,
         "--null: only allowed with --format text"},
        {a->answers && a->answers_file,
         "--answers-file: not allowed together with --answers"},
        {a->dialog && (a->answers || a->answers_file || a->k_test || a->segment),
         "--dialog: not allowed together with --answers, --answers-file, --k-test or "
         "--segment"},
        {a->k_test && a->command == CLI_QA && !a->answers && !a->answers_file &&
             !a->texts_file,
         "--k-test: only allowed with --answers, --answers-file or --questions"},
        {a->table && a->dialog, "--table: not allowed together with --dialog"},
        {a->table && a->format == VB_FORMAT_TEXT,
         "--table: only allowed with --format tsv, csv, json or jsonl"},
        {a->table_scores && !a->table && a->command == CLI_QA,
         "--scores: only allowed with --table"},
        {a->command == CLI_QA && (a->beams || a->max_length || a->min_length) &&
             (a->answers || a->answers_file || a->dialog),
         "--beams, --max-length, --min-length: only allowed where answers are "
         "generated"},
        {a->min_p > 0 && a->rerank == 0,
         "--min-p: not allowed with --rerank 0, which gives no P(match)"},
        {a->command == CLI_WATCH && a->rerank == 0,
         "--rerank 0: gives no P(match), which alerts go by"},
        {a->command == CLI_WATCH && a->output,
         "-o: not allowed for watch, whose file would only appear at its end; redirect "
         "standard output"},
        {(a->command == CLI_WORKER || a->command == CLI_MCP) && a->output,
         "-o: not allowed here: answers go to standard output, as they come"},
        {a->command == CLI_MCP && reads_video_on_stdin(a),
         "-: standard input has the messages"},
        {a->command == CLI_CALIBRATE && a->output && strcmp(a->output, "-") == 0,
         "-o -: calibrate writes a file"},
        {a->itm_token == 0 && a->compat == VBLIP_COMPAT_HF,
         "--itm-token enc: not allowed with --compat hf, which begins with [CLS]"},
        {a->count && (a->every_us || a->every_frames),
         "--count: not allowed together with --every"},
        {a->shots && (a->count || a->every_us || a->every_frames),
         "--shots: not allowed together with --every or --count"},
        {a->skip_existing && a->overwrite,
         "--skip-existing: not allowed together with --overwrite"},
        {a->skip_existing && (a->output || !is_for_subtitles(a)),
         "--skip-existing: only allowed with --format srt or vtt, or --mux, and "
         "without -o"},
        {a->mux && a->format != VB_FORMAT_TEXT,
         "--mux: not allowed together with --format"},
        {a->chapters && !a->mux, "--chapters: only allowed with --mux"},
        {a->overwrite && a->command == CLI_CAPTION &&
             ((a->output && !a->mux) || !is_for_subtitles(a)),
         "--overwrite: only allowed with --mux, or with --format srt or vtt and "
         "without -o, which replaces its file anyway"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad)
            return cli_misuse(err, "%s", rules[i].message);
    if (check_sampling_options(a, err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    const bool short_answers = a->command == CLI_QA && a->compat != VBLIP_COMPAT_HF;
    const uint32_t most = a->max_length ? a->max_length : short_answers ? 10 : 20;
    if (a->min_length > most)
        return cli_misuse(err, "--min-length %u: at most --max-length %u is allowed",
                          a->min_length, most);
    return VBLIP_OK;
}

static vblip_status check_retrieval(const cli_args *a, vblip_error *err)
{
    const bool pictures = a->like.count || a->unlike.count;
    const bool searches = a->command == CLI_RETRIEVE || a->command == CLI_CUT;
    const bool no_path = searches && !a->rows && !a->paths.count && !a->list;
    const bool asks = a->rerank != 0 && a->rerank != CLI_NOT_GIVEN;
    const struct {
        bool bad;
        const char *message;
    } rules[] = {
        {no_path && (a->rebuild || a->retry_failed || a->segment),
         "--rebuild, --retry-failed, --segment: not allowed without a PATH, where the "
         "index is searched as it is"},
        {a->weight > 0 && !pictures, "--weight: only allowed with --like or --unlike"},
        {pictures && (asks || a->min_p > 0),
         "--like, --unlike: not allowed together with --rerank and --min-p, for ITM is "
         "asked about texts"},
        {pictures && a->then, "--then: not allowed together with --like or --unlike"},
        {a->within_s > 0 && !a->then, "--within: only allowed with --then"},
        {a->calibration && searches && (pictures || a->rerank == 0),
         "--calibration: not allowed together with --rerank 0, --like or --unlike, "
         "which "
         "give no P(match)"},
        {a->mpv && (a->files_only || a->null_paths || a->format != VB_FORMAT_TEXT),
         "--mpv: not allowed together with --files-only, --null or another format than "
         "text"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad)
            return cli_misuse(err, "%s", rules[i].message);
    for (uint32_t i = 0; i < a->like.count + a->unlike.count; i++) {
        const char *text =
            i < a->like.count ? a->like.items[i] : a->unlike.items[i - a->like.count];
        if (!*text)
            return cli_misuse(err, "--%slike: an empty path",
                              i < a->like.count ? "" : "un");
    }
    cli_date since = {0}, until = {0};
    if (a->since && !cli_date_read(&since, a->since))
        return cli_misuse(err, "--since %.64s: " CLI_DATE_FORM, a->since);
    if (a->until && !cli_date_read(&until, a->until))
        return cli_misuse(err, "--until %.64s: " CLI_DATE_FORM, a->until);
    if (a->since && a->until && cli_date_ns(&until, true) < cli_date_ns(&since, false))
        return cli_misuse(err, "--until %.64s: before --since %.64s", a->until,
                          a->since);
    return a->then ? check_utf8(a->then, "--then", 0, err) : VBLIP_OK;
}

// Whether a result of `run` would be taken for a subtitle file.
static bool is_named_as_captions(const cli_args *a)
{
    const char *dot = a->output ? strrchr(a->output, '.') : NULL;
    return dot && a->run_caption &&
           strcasecmp(dot + 1, a->run_caption == CLI_CAPTION_SRT ? "srt" : "vtt") == 0;
}

static vblip_status check_run(const cli_args *a, vblip_error *err)
{
    const struct {
        bool bad;
        const char *message;
    } rules[] = {
        {!a->run_index && !a->run_caption && !a->texts_file,
         "run: missing --index, --caption or --questions; see: vblip help run"},
        {!a->run_caption &&
             (a->every_us || a->every_frames || a->count || a->shots || a->overwrite),
         "--every, --count, --shots, --overwrite: only allowed with --caption"},
        {!a->texts_file && (a->answers || a->answers_file || a->table_scores),
         "--answers, --answers-file, --scores: only allowed with --questions"},
        {!a->texts_file && (a->output || a->format != VB_FORMAT_TEXT),
         "-o, --format: only allowed with --questions, whose table they are about"},
        {a->texts_file && a->format == VB_FORMAT_TEXT,
         "--questions: --format tsv, csv, json or jsonl is needed, or -o FILE with "
         "such "
         "an ending"},
        {is_named_as_captions(a), "-o: is named as a subtitle file"},
        {a->run_caption && a->texts_file && reads_video_on_stdin(a) &&
             (!a->output || strcmp(a->output, "-") == 0),
         "-: its subtitles go to standard output, where the table is; -o FILE takes "
         "that"},
        {!a->run_index && a->retry_failed, "--retry-failed: only allowed with --index"},
        {!a->run_index && !a->texts_file && a->segment,
         "--segment: only allowed with --index or --questions"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad)
            return cli_misuse(err, "%s", rules[i].message);
    return VBLIP_OK;
}

static bool is_dash(const char *text)
{
    return text && strcmp(text, "-") == 0;
}

// Whether the field of `o` is as it was before anything was parsed.
static bool is_given(const cli_option *o, const cli_args *a)
{
    const cli_args none = cli_args_none();
    const char *field = (const char *)a + o->offset;
    const char *plain = (const char *)&none + o->offset;
    switch (o->kind) {
    case CLI_FLAG:
        return *(const bool *)field;
    case CLI_STRING:
        return *(const char *const *)field != NULL;
    case CLI_STRINGS:
        return ((const cli_words *)field)->count != 0;
    default:
        return memcmp(field, plain, sizeof(uint32_t)) != 0;
    }
}

// Rows were found already.
static vblip_status check_rows_alone(const cli_args *a, vblip_error *err)
{
    for (const cli_option *o = cli_options; a->rows && (o->letter || o->name); o++) {
        const uint32_t searches = 1u << CLI_RETRIEVE | 1u << CLI_CUT;
        const bool is_search =
            (o->commands & searches) == searches && o->commands != CLI_ALL_COMMANDS &&
            o->file != CLI_FILE_WRITTEN && o->offset != offsetof(cli_args, overwrite) &&
            o->offset != offsetof(cli_args, exit_status);
        if (is_search && is_given(o, a))
            return cli_misuse(err, "--%s: not allowed with rows on standard input",
                              o->name);
    }
    return VBLIP_OK;
}

static vblip_status check_cut(const cli_args *a, vblip_error *err)
{
    bool reads_video = false;
    for (uint32_t i = 0; i < a->paths.count; i++)
        reads_video = reads_video || is_dash(a->paths.items[i]);
    const struct {
        bool bad;
        const char *message;
    } rules[] = {
        {!a->output && !a->reel && !a->contact_sheet,
         "cut: missing -o FOLDER, --reel FILE or --contact-sheet FILE"},
        {(a->exact || a->pad_s > 0) && !a->output && !a->reel,
         "--exact, --pad: only allowed with -o or --reel"},
        {a->output && a->reel, "--reel: not allowed together with -o"},
        {is_dash(a->output), "-o -: cut writes files to a folder"},
        {is_dash(a->reel), "--reel -: cut writes a file"},
        {reads_video, "-: stands for rows, and is the only operand then"},
    };
    if (is_dash(a->contact_sheet))
        return cli_misuse(err, "--contact-sheet -: a PNG goes to a file");
    if (a->overwrite && a->command == CLI_RETRIEVE && !a->contact_sheet)
        return cli_misuse(err, "--overwrite: only allowed with --contact-sheet");
    for (size_t i = 0; a->command == CLI_CUT && i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad)
            return cli_misuse(err, "%s", rules[i].message);
    return check_rows_alone(a, err);
}

static vblip_status check_segment(const cli_args *a, vblip_error *err)
{
    vb_segmenting how;
    return a->segment ? vb_segmenting_read(&how, a->segment, "--segment", err)
                      : VBLIP_OK;
}

static vblip_status check_remap(const cli_args *a, vblip_error *err)
{
    const char *equals = a->remap ? strchr(a->remap, '=') : NULL;
    if (!a->remap || (equals && equals > a->remap && equals[1]))
        return VBLIP_OK;
    return cli_misuse(err, "--remap %.200s: OLD=NEW is allowed, two directories",
                      a->remap);
}

vblip_status cli_args_check(const cli_args *args, vblip_error *err)
{
    VB_TRY(check_segment(args, err));
    VB_TRY(check_remap(args, err));
    VB_TRY(check_together(args, err));
    VB_TRY(check_cut(args, err));
    VB_TRY(check_retrieval(args, err));
    VB_TRY(check_eval(args, err));
    if (args->command == CLI_COMMAND_RUN)
        VB_TRY(check_run(args, err));
    VB_TRY(check_stdin(args, err));
    return check_utf8_texts(args, err);
}

// -------------------------------------------------------------------------- format

// That of an extension which is the name of a format, else text.
static vb_format format_of_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    for (uint32_t i = 0; dot && i < VB_FORMAT_UNSET; i++)
        if (strcasecmp(dot + 1, cli_choice_name("format", i)) == 0)
            return (vb_format)i;
    return VB_FORMAT_TEXT;
}

// Which formats a command has beside those of rows, and what messages add for them.
typedef struct own_formats {
    cli_command command;
    uint32_t first, last; // vb_format
    const char *names;
} own_formats;

static vblip_status check_format(const cli_args *args, bool given, vblip_error *err)
{
    static const own_formats own[] = {
        {CLI_CAPTION, VB_FORMAT_SRT, VB_FORMAT_VTT, ", srt, vtt"},
        {CLI_RETRIEVE, VB_FORMAT_M3U8, VB_FORMAT_OTIO, ", m3u8, edl, otio"},
        {CLI_EXPORT, VB_FORMAT_PGCOPY, VB_FORMAT_NPY, ", pgcopy, npy"},
    };
    const bool rows_only = args->command == CLI_EXPORT;
    const char *names = "";
    bool known = args->format <= VB_FORMAT_JSONL &&
                 !(rows_only && args->format == VB_FORMAT_TEXT);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].command == args->command) {
            names = own[i].names;
            known =
                known || (args->format >= own[i].first && args->format <= own[i].last);
        }
    if (known)
        return VBLIP_OK;
    return cli_misuse(err, "%s %.200s: allowed for %s: %stsv, csv, json, jsonl%s",
                      given ? "--format" : "-o",
                      given ? cli_choice_name("format", args->format) : args->output,
                      cli_commands[args->command].name, rows_only ? "" : "text, ",
                      names);
}

vblip_status cli_format_settle(cli_args *args, vblip_error *err)
{
    const bool given = args->format != VB_FORMAT_UNSET;
    if (args->command == CLI_EMBED) {
        args->format = VB_FORMAT_TEXT; // no rows at all
        return given ? cli_misuse(err, "--format: embed writes safetensors") : VBLIP_OK;
    }
    if (!given)
        args->format = args->output && args->command != CLI_CALIBRATE &&
                               args->command != CLI_MERGE && args->command != CLI_CUT
                           ? (uint32_t)format_of_name(args->output)
                           : VB_FORMAT_TEXT;
    if (args->command == CLI_EXPORT && args->format == VB_FORMAT_TEXT && !given)
        args->format = VB_FORMAT_JSONL;
    if (args->command == CLI_FILTER || args->command == CLI_WATCH ||
        args->command == CLI_WORKER || args->command == CLI_MCP ||
        args->command == CLI_RERANK) {
        if (given && args->format != VB_FORMAT_JSONL)
            return cli_misuse(err, "--format: allowed for %s: jsonl",
                              cli_commands[args->command].name);
        args->format = VB_FORMAT_JSONL;
        return VBLIP_OK;
    }
    return check_format(args, given, err);
}
