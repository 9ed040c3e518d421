#include "cli/help.h"

#include "cli/cmd.h"
#include "cli/options.h"

#include <string.h>

typedef struct command_help {
    const char *usage;
    const char *summary;  // one line
    const char *about;    // paragraphs, lines broken by hand
    const char *examples; // two lines
} command_help;

static const command_help helps[CLI_COMMAND_COUNT] = {
    [CLI_RETRIEVE] =
        {"vblip retrieve [OPTIONS] PATH... \"query\"\n"
         "       vblip retrieve [OPTIONS] -e \"query\" [-e \"query\"]... PATH...",
         "rank videos and images by how well they match a text",
         "PATH is a video, an image, a directory (searched for both) or - (a video on\n"
         "standard input). Every clip is compared with the query (ITC), the best K "
         "are\n"
         "then looked at closely (ITM). Text output: rank, P(match), times, path.\n"
         "Fields: query rank path start end score itc itm_logit p_match.\n",
         "  vblip retrieve examples/clips \"a dog to the left of a violin\"\n"
         "  vblip retrieve --top 3 -f jsonl -e \"a dog\" -e \"two cats\" "
         "examples/clips\n"},
    [CLI_QA] =
        {"vblip qa [OPTIONS] PATH \"question\"...\n"
         "       vblip qa [OPTIONS] -a FILE \"question\"...\n"
         "       vblip qa [OPTIONS] --dialog FILE PATH",
         "answer questions about a video or image",
         "PATH is a video, an image, a directory (answers for each file in it) or - "
         "(a\n"
         "video on standard input). Text output is the answer alone, or path, "
         "question\n"
         "and answer parted by tabs when there is more than one row.\n"
         "Fields: path question answer score start end, and ranked with --answers or\n"
         "--dialog (docs/dialog.md).\n",
         "  vblip qa examples/clips/clip-01.mp4 \"what is in the picture?\"\n"
         "  vblip qa --answers red,green,blue examples/clips/clip-01.mp4 "
         "\"what is the background color?\"\n"},
    [CLI_CAPTION] =
        {"vblip caption [OPTIONS] PATH...", "describe recordings frame by frame",
         "PATH is a video, an image, a directory (searched for both) or - (a video on\n"
         "standard input).\n"
         "Fields: path start end caption score. srt and vtt write one subtitle file\n"
         "beside each input (clip.mp4: clip.srt; one that exists is replaced only "
         "with\n"
         "--overwrite), or -o FILE, replaced, for a single one. --sample draws "
         "captions;\n"
         "with --samples N each frame has N rows, sample by sample, before the next\n"
         "frame's.\n",
         "  vblip caption --every 2 examples/clips/clip-02.mp4\n"
         "  vblip caption --sample --samples 3 --seed 7 -f csv "
         "examples/clips/clip-02.mp4\n"},
    [CLI_MATCH] =
        {"vblip match [OPTIONS] PATH \"text\"...\n"
         "       vblip match [OPTIONS] -a FILE \"text\"...",
         "how well texts match: ITC cosine, ITM logits, probability",
         "PATH is a video, an image, a directory (a row for each file in it) or - "
         "(a\n"
         "video on standard input). Text output: P(match), cosine, path, text.\n"
         "Fields: path text itc itm_logits p_match.\n",
         "  vblip match examples/clips/clip-01.mp4 \"a dog\" \"a cat\"\n"
         "  vblip match -f csv -o pairs.csv examples/clips \"a pizza\"\n"},
    [CLI_REASON] =
        {"vblip reason [OPTIONS] LEFT RIGHT \"statement\"...",
         "whether statements are true of two images",
         "LEFT and RIGHT are images, or videos: then the statement is about all "
         "frames\n"
         "of each. -a FILE lists pairs: LEFT and RIGHT on lines of their own. Needs a\n"
         "checkpoint fine-tuned for NLVR2. Text output: true or false and P(true), "
         "with\n"
         "LEFT, RIGHT and statement when there is more than one row. Fields: left "
         "right\n"
         "statement answer p_true logits (false, true).\n",
         "  vblip reason --model model_base_nlvr left.png right.png \"both show a "
         "dog\"\n"
         "  vblip reason --model model_base_nlvr -f csv -a pairs.txt \"both show a "
         "dog\"\n"},
    [CLI_EMBED] =
        {"vblip embed [OPTIONS] --what WHAT -o OUT.safetensors [PATH...] [--text "
         "TEXT]...",
         "write features of videos, images and texts to a file",
         "One float32 tensor for each input, named 0, 1, ... as inputs come; one that\n"
         "fails leaves its number out. The metadata says which is which: \"0\" is the\n"
         "path or text, \"0.text\" the text of a multimodal pair.\n"
         "itc-image, itc-text: the vector that searches compare. vision: every visual\n"
         "token, frame after frame. text, multimodal: the states of every token of "
         "the\n"
         "text, alone or beside what PATH shows.\n",
         "  vblip embed --what itc-image -o clips.safetensors examples/clips\n"
         "  vblip embed --what itc-text -o texts.safetensors --text \"a dog\" --text "
         "\"two cats\"\n"},
    [CLI_EVAL] =
        {"vblip eval [OPTIONS] retrieval|qa|caption|vqa|nlvr --annotations FILE",
         "the paper's protocols on an annotated data set",
         "retrieval, qa and nlvr print metrics, with the reference's names. Fields: "
         "metric\n"
         "value. caption and vqa print predictions, in JSON as the official scorers "
         "take\n"
         "them. Fields: image_id caption; question_id answer. docs/evaluation.md says "
         "how\n"
         "each data set is run.\n",
         "  vblip eval retrieval --annotations examples/clips/captions.jsonl --videos "
         "examples/clips\n"
         "  vblip eval qa --annotations examples/clips/questions.jsonl --predictions "
         "answers.jsonl\n"},
    [CLI_FILTER] =
        {"vblip filter [OPTIONS] PAIRS -o OUT",
         "CapFilt: drop captions that do not match, add some that do",
         "PAIRS holds images or videos and captions, one {\"path\": ..., \"caption\": "
         "...} a\n"
         "line. For each one caption is made up by sampling; ITM judges both, and what "
         "does\n"
         "not match is dropped. A run that was stopped goes on where it was when it "
         "is\n"
         "started again with the same options: OUT.partial keeps what is finished. "
         "Fields:\n"
         "path caption source (web, synthetic) p_match.\n",
         "  vblip filter pairs.jsonl -o clean.jsonl\n"
         "  vblip filter pairs.jsonl --root images --min-p 0.8 --seed 7 -o "
         "clean.jsonl\n"},
    [CLI_TOKENIZE] =
        {"vblip tokenize [OPTIONS] TEXT...", "token ids and pieces",
         "Ids as the model sees them, [CLS] and [SEP] included; no cleaning, no\n"
         "truncation, no padding. Loads no device. Fields: text ids pieces.\n",
         "  vblip tokenize \"a dog to the left of a violin\"\n"
         "  vblip tokenize -f jsonl \"a dog\" \"two cats\"\n"},
    [CLI_MODELS] = {"vblip models [OPTIONS] [PATH]", "what a checkpoint holds",
                    "Layout, tasks, sizes, data type, image size, tensors that are\n"
                    "missing or unexpected. Loads no device.\n",
                    "  vblip models\n"
                    "  vblip models -f json models/demo\n"},
    [CLI_DOCTOR] =
        {"vblip doctor [OPTIONS]",
         "devices: features, chosen kernels, self-test errors, speed",
         "Devices are listed in the order in which `--device auto` tries them.\n"
         "Every operation is run on each and compared with expected values.\n",
         "  vblip doctor\n"
         "  vblip doctor --device llvmpipe -f json\n"},
    [CLI_BENCH] =
        {"vblip bench [OPTIONS] [NAME...]", "time operations and the stages of a model",
         "All benchmarks, or those named. Operations run in every kernel family of\n"
         "the device, stages with the model. Fields: name detail runs min_s median_s\n"
         "work unit.\n",
         "  vblip bench linear\n"
         "  vblip bench vision caption --model models/demo -f csv\n"},
};

enum { INDENT = 30, WIDTH = 88 };

// `text` in lines of WIDTH, the first of which starts at column `at`.
static void write_wrapped(vb_string *out, const char *text, size_t at)
{
    if (at + 2 > INDENT) {
        vb_string_putc(out, '\n');
        at = 0;
    }
    for (; at < INDENT; at++)
        vb_string_putc(out, ' ');
    while (*text) {
        size_t word = strcspn(text, " ");
        if (at > INDENT && at + 1 + word > WIDTH) {
            vb_string_appendf(out, "\n%*s", INDENT, "");
            at = INDENT;
        } else if (at > INDENT) {
            vb_string_putc(out, ' ');
            at++;
        }
        vb_string_append(out, text, word);
        at += word;
        text += word;
        text += strspn(text, " ");
    }
    vb_string_putc(out, '\n');
}

static void write_option(vb_string *out, const cli_option *o)
{
    size_t start = out->size;
    vb_string_puts(out, "  ");
    if (o->letter)
        vb_string_appendf(out, "-%c", o->letter);
    if (o->letter && o->name)
        vb_string_puts(out, ", ");
    if (o->name)
        vb_string_appendf(out, "--%s", o->name);
    if (o->value)
        vb_string_appendf(out, " %s", o->value);
    write_wrapped(out, o->help, out->size - start);
}

static void write_options(vb_string *out, cli_command command, bool common)
{
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        if ((o->commands == CLI_ALL_COMMANDS) == common &&
            (common || o->commands & 1u << command))
            write_option(out, o);
}

static void write_command_help(vb_string *out, cli_command command)
{
    const command_help *help = &helps[command];
    vb_string_appendf(out, "usage: %s\n\n%s", help->usage, help->about);
    if (command == CLI_BENCH) {
        vb_string_puts(out, "Names: ");
        cli_bench_names(out);
        vb_string_puts(out, ".\n");
    }
    vb_string_putc(out, '\n');
    size_t before = out->size;
    vb_string_puts(out, "options:\n");
    size_t heading = out->size;
    write_options(out, command, false);
    if (out->size == heading)
        out->size = before;
    else
        vb_string_putc(out, '\n');
    vb_string_puts(out, "common options:\n");
    write_options(out, command, true);
    vb_string_appendf(out, "\nexamples:\n%s", help->examples);
}

void cli_help_write(vb_string *out, cli_command command)
{
    if (command < CLI_COMMAND_COUNT) {
        write_command_help(out, command);
        return;
    }
    vb_string_puts(out, "vblip: ask questions of video, with BLIP on Vulkan\n\n"
                        "usage: vblip COMMAND [OPTIONS] ...\n\ncommands:\n");
    for (int i = 0; i < CLI_COMMAND_COUNT; i++)
        vb_string_appendf(out, "  %-10s %s\n", cli_command_name((cli_command)i),
                          helps[i].summary);
    vb_string_puts(out, "  help       help on a command: vblip help COMMAND\n"
                        "\noptions of every command:\n");
    write_options(out, command, true);
    vb_string_puts(
        out,
        "  -h, --help                  help\n"
        "  --version                   version\n"
        "\nexit status: 0 done, 1 nothing matched (only with --exit-status), 2 "
        "misused,\n"
        "3 some inputs failed, 4 every input failed or checkpoint, vocabulary or "
        "output\n"
        "unusable, 5 no usable device, 130 interrupted (what was finished is kept)\n"
        "\nenvironment: VBLIP_MODEL (--model), HF_HUB_CACHE or HF_HOME (hub names),\n"
        "XDG_CACHE_HOME (compiled pipelines), TMPDIR (standard input as a PATH)\n"
        "\nexamples:\n"
        "  vblip retrieve examples/clips \"a dog to the left of a violin\"\n"
        "  vblip caption --every 2 examples/clips/clip-02.mp4\n");
}
