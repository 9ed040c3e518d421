#include "cli/help.h"

#include "cli/cmd.h"
#include "cli/completions.h"
#include "cli/manual.h"
#include "cli/options.h"
#include "terminal/wrap.h"

#include <string.h>

#define PATHS                                                                          \
    "PATH is a video, an image, a directory (searched for both) or - (a video on "     \
    "standard input). "

const cli_command_help cli_helps[CLI_COMMAND_COUNT] = {
    [CLI_RETRIEVE] =
        {"vblip retrieve [OPTIONS] PATH... \"query\"\n"
         "       vblip retrieve [OPTIONS] -e \"query\" [-e \"query\"]... PATH...\n"
         "       vblip retrieve [OPTIONS] --like MEDIA[@START-END] PATH...\n"
         "       vblip retrieve [OPTIONS] --index FILE \"query\"",
         "rank videos and images by how well they match a text",
         PATHS "All are compared with the query by ITC, and the best K looked at again "
               "by ITM. What is seen in the files of directories is kept in an index "
               "(docs/library.md), so that they are encoded once; recordings longer "
               "than 30 s are searched shot by shot.\n"
               "Text output: rank, P(match), times, path.\n"
               "Fields: query rank path start end score itc itm_logit p_match "
               "calibration, and with --then then_start then_end.\n",
         "  vblip retrieve examples/clips \"a dog to the left of a violin\"\n"
         "  vblip retrieve --top 3 -f jsonl -e \"a dog\" -e \"two cats\" "
         "examples/clips\n"},
    [CLI_CUT] =
        {"vblip cut [OPTIONS] PATH... \"query\" -o FOLDER|--reel FILE\n"
         "       vblip retrieve -f jsonl ... | vblip cut - -o FOLDER|--reel FILE",
         "cut hits from their recordings, to files that players open",
         "Hits are found as retrieve finds them, with its options, or are its rows on "
         "standard input (-), whatever program wrote them: path, start and end count. "
         "Each becomes a file in FOLDER, clip-02_00m12s-00m18s.mp4, or all become one, "
         "FILE. Picture, sound and subtitles are copied, from the key frame at or "
         "before "
         "the hit; with --exact the picture is encoded anew and begins with the hit. A "
         "file that exists is replaced only with --overwrite, a recording never.\n"
         "Text output: file, times that it holds, path.\n"
         "Fields: path start end file at cut_start cut_end; at is the time in the "
         "file.\n",
         "  vblip cut --top 3 --pad 1 -o clips examples/clips \"a dog\"\n"
         "  vblip cut --exact --reel dogs.mp4 examples/clips \"a dog\"\n"},
    [CLI_INDEX] =
        {"vblip index [OPTIONS] PATH...\n"
         "       vblip index --stats|--list|--verify [PATH...]\n"
         "       vblip index --remove PATH...\n"
         "       vblip index --remap OLD=NEW",
         "bring the search index up to date, no query",
         PATHS "What is new or changed is encoded, as retrieve does by itself before "
               "it searches; files that moved are known by their content, and those "
               "that are gone are forgotten. A run that was stopped goes on where it "
               "was. A file by itself needs --index.\n"
               "Fields: index root recordings failed segments bytes; with --list path "
               "size error, with --remove path index removed, with --remap index root "
               "old_index old_root.\n",
         "  vblip index examples/clips\n"
         "  vblip index --list -f jsonl examples/clips\n"},
    [CLI_MERGE] =
        {"vblip merge [OPTIONS] INDEX... -o FILE", "join indexes, without encoding",
         "FILE becomes an index of all that is in INDEXes made with the same model and "
         "options, relative to the directory that they have in common. Of several "
         "recordings with one path that which could be read stands, then the latest. "
         "FILE appears whole at the end; one that is there is replaced only with "
         "--overwrite, and only if it is an index. Loads no model and no device.\n"
         "Fields: index root recordings failed segments bytes.\n",
         "  vblip merge 2024.index 2025.index -o all.index\n"
         "  vblip merge /mnt/*/films.index -y -o all.index\n"},
    [CLI_EXPORT] =
        {"vblip export [OPTIONS] INDEX -f FORMAT [-o FILE]",
         "the vectors of an index, for other systems",
         "Every segment of INDEX with its ITC vector, in the order of paths and times: "
         "as rows (jsonl, csv, tsv, json), as COPY of PostgreSQL reads them (pgcopy), "
         "or the vectors alone, as numpy.load reads them (npy); their rows are those "
         "of "
         "--no-vectors. `vblip index --stats` names the indexes that there are. Loads "
         "no model and no device.\n"
         "Fields: path start end vector.\n",
         "  vblip export films.index -f npy -o vectors.npy\n"
         "  vblip export films.index -f pgcopy -o segments.copy\n"},
    [CLI_RERANK] =
        {"vblip rerank [OPTIONS] FILE|- [\"query\"]",
         "ask ITM about moments that another program found",
         "FILE has candidates as JSON lines, from any vector database, or rows of "
         "retrieve: path, with start and end in seconds for a part of a video, and "
         "query where none is given for all. Each comes back with all that it had, and "
         "what ITM and ITC say of it, the best of each query first.\n"
         "Fields: those of the candidate, then query rank score itc itm_logit p_match "
         "calibration.\n",
         "  vblip rerank candidates.jsonl \"a dog on a beach\"\n"
         "  vblip rerank --top 5 - \"a dog on a beach\"\n"},
    [CLI_QA] = {"vblip qa [OPTIONS] PATH \"question\"...\n"
                "       vblip qa [OPTIONS] -a FILE \"question\"...\n"
                "       vblip qa [OPTIONS] --questions FILE --table -o OUT.csv PATH\n"
                "       vblip qa [OPTIONS] --dialog FILE PATH",
                "answer questions about a video or image",
                PATHS
                "Of a directory every file is asked.\n"
                "Text output: the answer alone; path, question and answer parted by "
                "tabs when there is more than one row; with --segment the times in "
                "front of the answer.\n"
                "Fields: path question answer score start end, and ranked with "
                "--answers or --dialog (docs/dialog.md). With --table: path, with "
                "--segment start end, a column for each question, and error; in JSON "
                "answers, by question.\n",
                "  vblip qa --segment 2 examples/clips/clip-01.mp4 \"what is in the "
                "picture?\"\n"
                "  vblip qa --answers red,green,blue examples/clips/clip-01.mp4 "
                "\"what is the background color?\"\n"},
    [CLI_CAPTION] =
        {"vblip caption [OPTIONS] PATH...",
         "describe recordings frame by frame or shot by shot",
         PATHS "With -f srt or -f vtt one subtitle file is written beside each input "
               "(clip.mp4: clip.srt; one that exists is replaced only with "
               "--overwrite), or -o FILE, replaced, for a single one. With --mux each "
               "input gets a copy with a subtitle track (clip.captions.mp4).\n"
               "Text output: time and caption, under the path when there is more than "
               "one input.\n"
               "Fields: path start end caption score. With --samples N each frame has "
               "N rows, one sample after another.\n",
         "  vblip caption --shots --mux -o clip.mkv examples/clips/clip-02.mp4\n"
         "  vblip caption --sample --samples 3 --seed 7 -f csv "
         "examples/clips/clip-02.mp4\n"},
    [CLI_COMMAND_RUN] =
        {"vblip run [OPTIONS] [--index] [--caption srt|vtt] PATH...\n"
         "       vblip run [OPTIONS] --questions FILE -o OUT.csv PATH...",
         "an index, subtitles and answers, reading each file once",
         PATHS "Does what index, caption and qa --table do, each with its own model "
               "of the model set, but opens every file once and decodes every frame "
               "that any of them needs once.\n"
               "The table of answers goes to -o FILE or standard output, subtitles "
               "beside their inputs, the index where retrieve looks for it.\n"
               "Fields: those of qa --table.\n",
         "  vblip run --index --caption srt examples/clips\n"
         "  vblip run --index --questions questions.txt -o answers.csv "
         "examples/clips\n"},
    [CLI_MATCH] = {"vblip match [OPTIONS] PATH \"text\"...\n"
                   "       vblip match [OPTIONS] -a FILE \"text\"...",
                   "how well texts match: ITC cosine, ITM logits, probability",
                   PATHS "Of a directory every file is matched with every text.\n"
                         "Text output: P(match), ITC cosine, path, text.\n"
                         "Fields: path text itc itm_logits p_match calibration.\n",
                   "  vblip match examples/clips/clip-01.mp4 \"a dog\" \"a cat\"\n"
                   "  vblip match -f csv -o pairs.csv examples/clips \"a pizza\"\n"},
    [CLI_REASON] =
        {"vblip reason [OPTIONS] LEFT RIGHT \"statement\"...",
         "whether statements are true of two images",
         "LEFT and RIGHT are images, or videos: then the statement is about all frames "
         "of each. Needs a checkpoint fine-tuned for NLVR2.\n"
         "Text output: true or false and P(true), with LEFT, RIGHT and statement when "
         "there is more than one row.\n"
         "Fields: left right statement answer p_true logits (false, true).\n",
         "  vblip reason --model model_base_nlvr left.png right.png \"both show a "
         "dog\"\n"
         "  vblip reason --model model_base_nlvr -f csv -a pairs.txt \"both show a "
         "dog\"\n"},
    [CLI_EMBED] =
        {"vblip embed [OPTIONS] --what WHAT -o OUT.safetensors [PATH...]",
         "write features of videos, images and texts to a file",
         "One float32 tensor for each input, named 0, 1, ... as inputs come; one that "
         "fails leaves its number out. The metadata says which is which: \"0\" is the "
         "path or text, \"0.text\" the text of a multimodal pair.\n"
         "itc-image, itc-text: the vector that searches compare. vision: every visual "
         "token, frame after frame. text, multimodal: the states of every token of "
         "the text, alone or beside what PATH shows.\n",
         "  vblip embed --what itc-image -o clips.safetensors examples/clips\n"
         "  vblip embed --what itc-text -o texts.safetensors --text \"a dog\" --text "
         "\"two cats\"\n"},
    [CLI_EVAL] =
        {"vblip eval [OPTIONS] retrieval|qa|caption|vqa|nlvr --annotations FILE",
         "the paper's protocols on an annotated data set",
         "retrieval, qa and nlvr print metrics, with the reference's names. Fields: "
         "metric value.\n"
         "caption and vqa print predictions, in JSON as the official scorers take "
         "them. Fields: image_id caption; question_id answer.\n"
         "docs/evaluation.md says how each data set is run.\n",
         "  vblip eval retrieval --annotations examples/clips/captions.jsonl --videos "
         "examples/clips\n"
         "  vblip eval qa --annotations examples/clips/questions.jsonl --predictions "
         "answers.jsonl\n"},
    [CLI_FILTER] =
        {"vblip filter [OPTIONS] PAIRS -o OUT",
         "CapFilt: drop captions that do not match, add some that do",
         "PAIRS holds images or videos and captions, one {\"path\": ..., \"caption\": "
         "...} a line. For each one caption is made up by sampling; ITM judges both, "
         "and what does not match is dropped.\n"
         "A run that was stopped goes on where it was when it is started again with "
         "the same options: OUT.partial keeps what is finished.\n"
         "Fields: path caption source (web, synthetic) p_match.\n",
         "  vblip filter pairs.jsonl -o clean.jsonl\n"
         "  vblip filter pairs.jsonl --root images --min-p 0.8 --seed 7 -o "
         "clean.jsonl\n"},
    [CLI_CALIBRATE] =
        {"vblip calibrate [OPTIONS] PAIRS",
         "make P(match) mean what it says, by pairs that you know",
         "PAIRS holds images or videos, captions, and whether they match, one "
         "{\"path\": ..., \"caption\": ..., \"match\": true} a line; at least 10 that "
         "match and 10 that do not, in the mixture that P(match) is to be asked about. "
         "A temperature and a bias are fitted to what ITM says of them, and kept as "
         "calibration.json in the folder of the checkpoint, or -o FILE: from then on "
         "retrieve, match and filter go by it.\n"
         "Text output: how often pairs match, by P(match), before and after.\n"
         "Fields: p_match (softmax, calibrated) temperature bias pairs matches ece "
         "brier "
         "bins.\n",
         "  vblip calibrate pairs.jsonl\n"
         "  vblip calibrate pairs.jsonl --root videos --frames 8 -o ours.json\n"},
    [CLI_SERVE] =
        {"vblip serve [OPTIONS] [PATH...]", "a page in the browser to search in",
         PATHS
         "Its index is brought up to date, and searched meanwhile; without a PATH "
         "what --index FILE holds is searched, or the only index that there is. "
         "The page finds moments by what is seen, plays them, answers questions "
         "about them and describes recordings. Only this machine reaches it, "
         "unless --bind says otherwise; the same as JSON: /openapi.json. ^C ends "
         "it.\n"
         "Text output: the address of the page, on standard error.\n",
         "  vblip serve examples/clips\n"
         "  vblip serve --bind 0.0.0.0 --token \"$(openssl rand -hex 16)\" "
         "examples/clips\n"},
    [CLI_WATCH] =
        {"vblip watch [OPTIONS] --alert TEXT [--alert TEXT]... DIRECTORY|ADDRESS|-",
         "tell when a recording or stream that comes shows what a text says",
         "Videos and images that come to DIRECTORY, or are written to, are taken when "
         "they have been complete for a second, and searched as retrieve does: by ITC "
         "all segments, and the best K of them by ITM. A stream, at ADDRESS (rtsp, "
         "http, tcp, udp, ...) or on standard input, is searched in windows of "
         "--frames pictures, one a second (--segment SECONDS in all), the best 8 "
         "texts by ITM; one that is lost is connected to again. What goes on is told "
         "once. A file that cannot be read and a command that fails are said, and "
         "watching goes on. ^C ends it.\n"
         "Output: a line of JSON for each event.\n"
         "Fields: time alert path start end p_match itc score calibration thumbnail.\n",
         "  vblip watch --alert \"a dog\" --min-p 0.8 recordings\n"
         "  vblip watch --alert \"a dog\" --exec \"cat >> dogs.jsonl\" "
         "rtsp://camera/1\n"},
    [CLI_WORKER] =
        {"vblip worker [OPTIONS] < JOBS",
         "jobs on standard input, one a line, for other programs",
         "A job is an object of JSON, {\"id\": 1, \"op\": \"ask\", \"path\": "
         "\"a.mp4\", "
         "\"texts\": [\"what is it?\"]}; op is caption, ask, match, embed or retrieve, "
         "start and end are seconds of the recording, other members are options by "
         "their names, with _ for -: max_length. Models stay loaded, and a clip that "
         "was asked about stays encoded. ^C ends it behind the job in work.\n"
         "Output: a line of JSON for each job: id, ok, and rows, those of the command "
         "with -f jsonl, or error.\n",
         "  vblip worker < jobs.jsonl > answers.jsonl\n"
         "  vblip worker --device cpu < jobs.jsonl > answers.jsonl\n"},
    [CLI_MCP] =
        {"vblip mcp [OPTIONS] [PATH...]", "recordings as tools for agents",
         "A server of the Model Context Protocol on standard input and output, for "
         "programs that start it. Its tools search the index of PATHs, without a PATH "
         "what --index FILE holds or the only index that there is, and caption, ask "
         "about, match and show what is there: no other file can be seen through "
         "it.\n",
         "  vblip mcp examples/clips\n"
         "  vblip mcp --device cpu --index films.index\n"},
    [CLI_SHOTS] =
        {"vblip shots [OPTIONS] PATH...", "where the shots of recordings begin and end",
         PATHS
         "A shot begins at a cut, and in the middle of a dissolve or fade; flashes "
         "and what the camera does begin none. The shots of a recording cover it. "
         "Loads no model and no device.\n"
         "Text output: times, path.\n"
         "Fields: path shot start end.\n",
         "  vblip shots examples/clips/clip-01.mp4\n"
         "  vblip shots -f csv -o shots.csv examples/clips\n"},
    [CLI_TOKENIZE] =
        {"vblip tokenize [OPTIONS] TEXT...", "token ids and pieces",
         "Ids as the model sees them, [CLS] and [SEP] included; no cleaning, no "
         "truncation, no padding. Loads no device.\n"
         "Fields: text ids pieces.\n",
         "  vblip tokenize \"a dog to the left of a violin\"\n"
         "  vblip tokenize -f jsonl \"a dog\" \"two cats\"\n"},
    [CLI_MODELS] =
        {"vblip models [OPTIONS] [PATH]", "what a checkpoint holds",
         "Layout, tasks, sizes, data type, image size, tensors that are missing or "
         "unexpected. Loads no device.\n",
         "  vblip models\n"
         "  vblip models -f json models/demo\n"},
    [CLI_DOCTOR] =
        {"vblip doctor [OPTIONS]",
         "devices: features, chosen kernels, self-test errors, speed",
         "Devices are listed in the order in which `--device auto` tries them. Every "
         "operation is run on each and compared with expected values.\n",
         "  vblip doctor\n"
         "  vblip doctor --device llvmpipe -f json\n"},
    [CLI_BENCH] =
        {"vblip bench [OPTIONS] [NAME...]", "time operations and the stages of a model",
         "All benchmarks, or those named: operations on the device with its kernels "
         "(--kernels for others), and the stages of the model. decode-uniform and "
         "decode-seconds read the videos of --files.\n"
         "Fields: name detail runs min_s median_s work unit gflops of_peak.\n",
         "  vblip bench linear\n"
         "  vblip bench vision --model models/demo --counts 1,2,4,8,16,32 -f csv\n"},
};

// What an option of several commands is to one of them, where the table's words are about
// the others.
static const struct {
    cli_command command;
    const char *label; // as it is typed
    const char *help;
} particulars[] = {
    {CLI_TOKENIZE, "-a", "read texts from FILE, one a line; - is standard input"},
    {CLI_REASON, "-a", "read pairs from FILE, LEFT and RIGHT on lines of their own"},
    {CLI_QA, "--segment",
     "what is asked about: whole (a recording), shots, so many seconds, or auto: whole "
     "up to 30 s, else shots of at most 30 s (whole)"},
    {CLI_QA, "--max-length",
     "most tokens, the first included (10, with --compat hf 20)"},
    {CLI_QA, "--min-length", "fewest tokens (1, with --compat hf none)"},
    {CLI_FILTER, "--min-p", "drop captions that match with less than P (0.5)"},
    {CLI_FILTER, "--beams", "search with B beams instead of drawing"},
    {CLI_MERGE, "--overwrite", "replace an index that is FILE already"},
    {CLI_EVAL, "--answers-file",
     "qa, vqa: rank the answers in FILE, one a line or a JSON list"},
    {CLI_EVAL, "--k-test",
     "scored in full: of retrieval the candidates with the best ITC, of qa and vqa "
     "the answers with the likeliest first tokens (128)"},
};

const cli_meaning cli_glossary[] = {
    {"ITC", "image-text contrastive: the cosine, -1 to 1, between the vectors of an "
            "image and a text. Each is made once, so that it is fast"},
    {"ITM", "image-text matching: image and text go through the model together. Two "
            "logits, unmatched and matched; slow, and the better judge"},
    {"P(match)", "how probable it is that text and image match, 0 to 1: softmax of the "
                 "two ITM logits, or calibrated"},
    {"calibration", "temperature and bias that make P(match) mean how often such pairs "
                    "match; vblip calibrate fits them"},
    {"ECE", "expected calibration error: how far P(match) is from how often pairs "
            "match, on average"},
    {"Brier", "mean square of P(match) less what is the case, 0 or 1"},
    {"score", "of a hit, the matched logit + ITC; of captions and answers see "
              "docs/cli.md"},
    {"rerank", "ITC ranks everything, ITM ranks the best K of that again"},
    {"frames", "what is looked at of a clip: F of them, spread uniformly, whose "
               "features stand side by side in the model"},
    {"token", "a word, or a piece of one, of the model's vocabulary"},
    {"beams", "candidates that are kept while a text is written token by token"},
    {"NLVR2", "statements about two images, true or false: a data set, and the task"},
    {"CapFilt", "captioning and filtering: ITM cleans captions from the web and "
                "captions that a model made up"},
    {"checkpoint",
     "the weights of a trained model; a model set is a folder of several, "
     "one a task"},
    {NULL, NULL},
};

const cli_meaning cli_exit_statuses[] = {
    {"0", "done"},
    {"1", "nothing matched (only with --exit-status)"},
    {"2", "misused"},
    {"3", "some inputs failed"},
    {"4", "every input failed or checkpoint, vocabulary or output unusable"},
    {"5", "no usable device"},
    {"130", "interrupted (what was finished is kept)"},
    {NULL, NULL},
};

const cli_meaning cli_variables[] = {
    {"VBLIP_MODEL", "--model"},
    {"HF_HUB_CACHE or HF_HOME", "hub names"},
    {"XDG_DATA_HOME", "indexes"},
    {"XDG_CACHE_HOME", "compiled pipelines"},
    {"TMPDIR", "standard input as a PATH"},
    {NULL, NULL},
};

enum { OPTION_INDENT = 27, TERM_INDENT = 14 };

// ----------------------------------------------------------------------------- options

const char *cli_option_help(const cli_option *o, cli_command command)
{
    for (size_t i = 0; i < sizeof particulars / sizeof *particulars; i++)
        if (particulars[i].command == command &&
            cli_option_by_label(particulars[i].label) == o)
            return particulars[i].help;
    return o->help;
}

static void write_option(vb_string *out, const cli_option *o, cli_command command)
{
    const size_t start = out->size;
    vb_string_puts(out, "  ");
    if (o->letter)
        vb_string_appendf(out, "-%c", o->letter);
    if (o->letter && o->name)
        vb_string_puts(out, ", ");
    if (o->name)
        vb_string_appendf(out, "--%s", o->name);
    if (o->value)
        vb_string_appendf(out, " %s", o->value);
    const char *help = cli_option_help(o, command);
    vb_wrap(out, help, strlen(help), out->size - start, OPTION_INDENT);
}

static bool is_common(const cli_option *o)
{
    return o->commands == CLI_ALL_COMMANDS;
}

// The options that `command` has and not every other, under a heading; nothing when there
// are none.
static void write_own_options(vb_string *out, cli_command command)
{
    bool any = false;
    for (const cli_option *o = cli_options; o->letter || o->name; o++) {
        if (is_common(o) || !(o->commands & 1u << command))
            continue;
        vb_string_puts(out, any ? "" : "\noptions:\n");
        write_option(out, o, command);
        any = true;
    }
}

static void write_common_options(vb_string *out)
{
    vb_string_puts(out, "options of every command; some mean nothing to some:\n");
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        if (is_common(o))
            write_option(out, o, CLI_COMMAND_COUNT);
    vb_string_puts(out, "  -h, --help               help\n"
                        "  --version                version\n");
}

// ------------------------------------------------------------------------------- pages

static void write_command_page(vb_string *out, cli_command command)
{
    const cli_command_help *help = &cli_helps[command];
    vb_string_appendf(out, "usage: %s\n\n", help->usage);
    vb_wrap_paragraphs(out, help->about);
    if (command == CLI_BENCH) {
        vb_string names = {0};
        vb_string_puts(&names, "Names: ");
        cli_bench_names(&names);
        vb_string_puts(&names, ".\n");
        vb_wrap_paragraphs(out, names.bytes ? names.bytes : "");
        out->failed = out->failed || names.failed;
        vb_string_free(&names);
    }
    write_own_options(out, command);
    vb_string_appendf(
        out,
        "\nexamples:\n%s\n"
        "options of all commands (--model, --frames, -f, -o, ...): vblip help "
        "options\n"
        "words such as ITC and P(match): vblip help glossary\n",
        help->examples);
}

static void write_glossary(vb_string *out)
{
    for (const cli_meaning *m = cli_glossary; m->term; m++) {
        vb_string_puts(out, m->term);
        vb_wrap(out, m->meaning, strlen(m->meaning), strlen(m->term), TERM_INDENT);
    }
}

// A paragraph: "HEADING: 0 done, 1 nothing matched", or "TERM (meaning)".
static void write_meanings(vb_string *out, const char *heading,
                           const cli_meaning *meanings, bool bracketed)
{
    vb_string text = {0};
    vb_string_appendf(&text, "%s: ", heading);
    for (const cli_meaning *m = meanings; m->term; m++)
        vb_string_appendf(&text, bracketed ? "%s%s (%s)" : "%s%s %s",
                          m == meanings ? "" : ", ", m->term, m->meaning);
    vb_string_putc(&text, '\n');
    vb_string_putc(out, '\n');
    vb_wrap_paragraphs(out, text.bytes ? text.bytes : "");
    out->failed = out->failed || text.failed;
    vb_string_free(&text);
}

static void write_overview(vb_string *out)
{
    vb_string_puts(out, "vblip: ask questions of video, with BLIP\n\n"
                        "usage: vblip COMMAND [OPTIONS] ...\n\ncommands:\n");
    for (int i = 0; i < CLI_COMMAND_COUNT; i++)
        vb_string_appendf(out, "  %-10s %s\n", cli_command_name((cli_command)i),
                          cli_helps[i].summary);
    vb_string_puts(
        out,
        "\nvblip help COMMAND: what it does, its own options, examples\n"
        "vblip help options: what all commands share\n"
        "vblip help glossary: ITC, ITM, P(match) and other words\n"
        "vblip help man: the manual page; bash, zsh, fish: completions of shells\n");
    write_meanings(out, "exit status", cli_exit_statuses, false);
    write_meanings(out, "environment", cli_variables, true);
    vb_string_puts(out,
                   "\nexamples:\n"
                   "  vblip retrieve examples/clips \"a dog to the left of a violin\"\n"
                   "  vblip caption --every 2 examples/clips/clip-02.mp4\n");
}

void cli_help_write(vb_string *out, cli_command page)
{
    if (page < CLI_COMMAND_COUNT)
        write_command_page(out, page);
    else if (page == CLI_HELP_OPTIONS)
        write_common_options(out);
    else if (page == CLI_HELP_GLOSSARY)
        write_glossary(out);
    else if (page == CLI_HELP_MAN)
        cli_manual_write(out);
    else if (page > CLI_HELP_MAN)
        cli_completions_write(out, page);
    else
        write_overview(out);
}
