// test_args.c - a command line becomes exactly what cli.md says, or one line of refusal.
#include "cli/options.h"
#include "cli/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_WORDS = 40 };

typedef struct parsed {
    char copy[1024];
    char *argv[MOST_WORDS + 1];
    cli_args args;
    vblip_error err;
    vblip_status status;
} parsed;

// Parses `line`, whose words are parted by '|'; the program name comes first.
static void parse(parsed *p, const char *line)
{
    static char name[] = "vblip";
    assert_true(strlen(line) < sizeof p->copy);
    strcpy(p->copy, line);
    int argc = 0;
    p->argv[argc++] = name;
    for (char *at = p->copy; *line && at;) {
        assert_true(argc < MOST_WORDS);
        p->argv[argc++] = at;
        at = strchr(at, '|');
        if (at)
            *at++ = '\0';
    }
    p->argv[argc] = NULL;
    p->status = cli_args_parse(&p->args, argc, p->argv, &p->err);
    if ((p->status == VBLIP_OK) != (p->err.message[0] == '\0'))
        fail_msg("%s: status %d with message \"%s\"", line, p->status, p->err.message);
}

static void join(char *out, size_t size, cli_words words)
{
    out[0] = '\0';
    for (uint32_t i = 0; i < words.count; i++) {
        if (i)
            strncat(out, "|", size - strlen(out) - 1);
        strncat(out, words.items[i], size - strlen(out) - 1);
    }
}

static const struct operand_row {
    const char *line;
    cli_command command;
    const char *paths, *texts;
} operand_rows[] = {
    {"retrieve|dir|a dog", CLI_RETRIEVE, "dir", "a dog"},
    {"retrieve|a|b|c|a dog", CLI_RETRIEVE, "a|b|c", "a dog"},
    {"retrieve|-e|x|a|b", CLI_RETRIEVE, "a|b", "x"},
    {"retrieve|a|-e|x|b|-ey|-e|z", CLI_RETRIEVE, "a|b", "x|y|z"},
    {"retrieve|a|--queries|q.txt", CLI_RETRIEVE, "a", ""},
    {"retrieve|-a|list|a dog", CLI_RETRIEVE, "", "a dog"},
    {"retrieve|-a|list|p|a dog", CLI_RETRIEVE, "p", "a dog"},
    {"retrieve|-a|list|-e|x", CLI_RETRIEVE, "", "x"},
    {"--model|m|retrieve|dir|--top|3|a dog", CLI_RETRIEVE, "dir", "a dog"},
    {"--top=3|-q|retrieve|dir|a dog|-v", CLI_RETRIEVE, "dir", "a dog"},
    {"retrieve|dir|--|-v", CLI_RETRIEVE, "dir", "-v"},
    {"retrieve|--|-a|--top", CLI_RETRIEVE, "-a", "--top"},
    {"--|retrieve|dir|q", CLI_RETRIEVE, "dir", "q"},
    {"retrieve|-e|-x|dir", CLI_RETRIEVE, "dir", "-x"},
    {"retrieve|-|q", CLI_RETRIEVE, "-", "q"},
    {"retrieve|--index|i|q", CLI_RETRIEVE, "", "q"},
    {"retrieve|--index|i|p|q", CLI_RETRIEVE, "p", "q"},
    {"retrieve|--index|i|--like|x", CLI_RETRIEVE, "", ""},
    {"retrieve|--like|x|p", CLI_RETRIEVE, "p", ""},
    {"retrieve|--like|x|p|-e|q", CLI_RETRIEVE, "p", "q"},
    {"cut|dir|a dog|-o|f", CLI_CUT, "dir", "a dog"},
    {"cut|-e|x|a|b|--reel|r.mp4", CLI_CUT, "a|b", "x"},
    {"cut|-|-o|f", CLI_CUT, "", ""},
    {"qa|v.mp4|what?|who?", CLI_QA, "v.mp4", "what?|who?"},
    {"qa|v.mp4|--questions|f", CLI_QA, "v.mp4", ""},
    {"qa|-a|list|what?|who?", CLI_QA, "", "what?|who?"},
    {"match|v.mp4|x|y", CLI_MATCH, "v.mp4", "x|y"},
    {"match|-alist|x|y", CLI_MATCH, "", "x|y"},
    {"match|v.mp4|", CLI_MATCH, "v.mp4", ""},
    {"qa|--dialog|f|v.mp4", CLI_QA, "v.mp4", ""},
    {"reason|a.png|b.png|x|y", CLI_REASON, "a.png|b.png", "x|y"},
    {"reason|-|b.png|--statements|f", CLI_REASON, "-|b.png", ""},
    {"reason|-alist|x|y|z", CLI_REASON, "", "x|y|z"},
    {"embed|--what|vision|-o|f|a|b", CLI_EMBED, "a|b", ""},
    {"embed|--what|itc-text|-o|f|--text|x|--text|y", CLI_EMBED, "", "x|y"},
    {"embed|--what|text|-of|--texts|list", CLI_EMBED, "", ""},
    {"embed|--what|multimodal|--text|x|a|-o|f.json", CLI_EMBED, "a", "x"},
    {"eval|retrieval|--annotations|f", CLI_EVAL, "", ""},
    {"eval|--images|dir|caption", CLI_EVAL, "", ""},
    {"eval|nlvr|--annotations|f|--predictions|p", CLI_EVAL, "", ""},
    {"filter|p.jsonl|-o|out", CLI_FILTER, "p.jsonl", ""},
    {"calibrate|p.jsonl", CLI_CALIBRATE, "p.jsonl", ""},
    {"calibrate|p|-o|c.json|--root|d|--itm-token|cls", CLI_CALIBRATE, "p", ""},
    {"eval|vqa|--annotations|f|--answers-file|a|--k-test|5", CLI_EVAL, "", ""},
    {"caption|a|b", CLI_CAPTION, "a|b", ""},
    {"caption|-0a|list", CLI_CAPTION, "", ""},
    {"shots|a|-a|list", CLI_SHOTS, "a", ""},
    {"index|--remove|a|b", CLI_INDEX, "a|b", ""},
    {"index|--remap|a=b", CLI_INDEX, "", ""},
    {"merge|a|b|-yo|c.json", CLI_MERGE, "a|b", ""},
    {"tokenize|a dog|a cat", CLI_TOKENIZE, "", "a dog|a cat"},
    {"tokenize|-a|-|-0", CLI_TOKENIZE, "", ""},
    {"models", CLI_MODELS, "", ""},
    {"models|m", CLI_MODELS, "m", ""},
    {"doctor", CLI_DOCTOR, "", ""},
    {"bench|linear|attention", CLI_BENCH, "", "linear|attention"},
};

static void test_operands_go_where_the_command_wants_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof operand_rows / sizeof *operand_rows; i++) {
        const struct operand_row *row = &operand_rows[i];
        parsed p;
        parse(&p, row->line);
        if (p.status != VBLIP_OK)
            fail_msg("%s: %s", row->line, p.err.message);
        char paths[256], texts[256];
        join(paths, sizeof paths, p.args.paths);
        join(texts, sizeof texts, p.args.texts);
        if (p.args.command != row->command || p.args.action != CLI_RUN ||
            strcmp(paths, row->paths) != 0 || strcmp(texts, row->texts) != 0)
            fail_msg("%s: %s, paths %s, texts %s", row->line,
                     cli_command_name(p.args.command), paths, texts);
        cli_args_free(&p.args);
    }
}

// Every one is refused with exactly this message (a trailing * ends the comparison).
static const struct refusal {
    const char *line, *message;
} refusals[] = {
    {"", "no command; see: vblip help; allowed: retrieve, cut, index, merge, export, "
         "rerank, qa, "
         "caption, run, match, reason, embed, eval, filter, calibrate, shots, serve, "
         "watch, worker, mcp, tokenize, models, doctor, bench, help"},
    {"retreive|x|y", "retreive: unknown command; did you mean retrieve? allowed: *"},
    {"captions|x", "captions: unknown command; did you mean caption? allowed: *"},
    {"help|modles", "modles: unknown command; did you mean models? allowed: *"},
    {"ask|x", "ask: unknown command; did you mean qa? allowed: *"},
    {"join|x", "join: unknown command; did you mean merge? allowed: *"},
    {"find|x",
     "find: unknown command; did you mean retrieve? allowed: retrieve, cut, index, *"},
    {"indices|x", "indices: unknown command; allowed: retrieve, cut, index, *"},
    {"/dev/null",
     "/dev/null: a file, where the command comes: vblip caption /dev/null; *"},
    {"-x", "-x: unknown option; see: vblip help options"},
    {"--verison", "--verison: unknown option; see: vblip help options"},
    {"--modle|x|retrieve|y|z", "--modle: unknown option; *"},
    {"--modle=x|retrieve|y|z", "--modle: unknown option for retrieve; *"},
    {"help|find", "find: unknown command; *"},
    {"help|qa|match", "help: one page is allowed"},
    // operands
    {"retrieve", "retrieve: missing a PATH and a query; see: vblip help retrieve"},
    {"retrieve|q", "retrieve: missing a PATH (the last operand is the query); *"},
    {"retrieve|-e|q", "retrieve: missing a PATH; see: vblip help retrieve"},
    {"qa|v.mp4", "qa: missing a question; see: vblip help qa"},
    {"qa", "qa: missing a PATH; see: vblip help qa"},
    {"match|v.mp4", "match: missing a text; see: vblip help match"},
    {"match|-a|f", "match: missing a text; see: vblip help match"},
    {"reason", "reason: missing LEFT and RIGHT; see: vblip help reason"},
    {"reason|a", "reason: missing LEFT and RIGHT; see: vblip help reason"},
    {"reason|a|b", "reason: missing a statement; see: vblip help reason"},
    {"reason|-a|f", "reason: missing a statement; see: vblip help reason"},
    {"qa|--dialog|f", "qa: missing a PATH; see: vblip help qa"},
    {"qa|--dialog|f|v|what?",
     "--dialog: brings its own questions, no other is allowed"},
    {"qa|--dialog|f|v|--questions|g",
     "--dialog: brings its own questions, no other is allowed"},
    {"qa|--dialog|f|v|--answers|a", "--dialog: not allowed together with --answers, "
                                    "--answers-file, --k-test or --segment"},
    {"qa|--dialog|f|v|--k-test|3", "--dialog: not allowed together with --answers, "
                                   "--answers-file, --k-test or --segment"},
    {"qa|--dialog|f|v|--segment|whole",
     "--dialog: not allowed together with --answers, --answers-file, --k-test or "
     "--segment"},
    {"qa|v|q|--segment|shot",
     "--segment shot: auto, whole, shots, or 0.1 to 86400 seconds are allowed"},
    {"match|v|t|--segment|shots", "--segment: not an option of match; allowed:*"},
    {"match|--dialog|f|v|t", "--dialog: not an option of match; allowed:*"},
    {"embed|a|-o|f", "embed: missing --what; see: vblip help embed"},
    {"embed|--what|vision|a", "embed: missing -o FILE; see: vblip help embed"},
    {"embed|--what|vision|-o|f", "embed: missing a PATH; see: vblip help embed"},
    {"embed|--what|text|-o|f", "embed: missing a --text; see: vblip help embed"},
    {"embed|--what|multimodal|-o|f|a",
     "embed: missing a --text; see: vblip help embed"},
    {"embed|--what|multimodal|-o|f|--text|x",
     "embed: missing a PATH; see: vblip help embed"},
    {"embed|--what|text|-o|f|--text|x|a", "a: no PATH is allowed with this --what"},
    {"embed|--what|itc-text|-o|f|--text|x|-a|l",
     "-a: no PATH is allowed with this --what"},
    {"embed|--what|vision|-o|f|a|--text|x",
     "--text, --texts: not allowed with this --what"},
    {"embed|--what|vision|-o|-|a", "-o -: embed writes a file"},
    {"embed|--what|vision|-o|f|a|-f|json", "--format: embed writes safetensors"},
    {"embed|--what|all|-o|f|a",
     "--what all: allowed: itc-image, itc-text, vision, text, multimodal"},
    {"embed|--what|text|-o|f|--text|x\xFF", "text 1: not valid UTF-8 at byte 2"},
    {"reason|-|-|x", "-: standard input can be read only once"},
    {"reason|a|b|x\xFF", "statement 1: not valid UTF-8 at byte 2"},
    {"reason|a|b|x|--answers|y", "--answers: not an option of reason; allowed:*"},
    {"caption", "caption: missing a PATH; see: vblip help caption"},
    {"shots", "shots: missing a PATH; see: vblip help shots"},
    {"tokenize", "tokenize: missing a TEXT; see: vblip help tokenize"},
    {"models|a|b", "b: one PATH is allowed"},
    {"eval", "eval: missing a protocol; allowed: retrieval, qa, caption, vqa, nlvr"},
    {"eval|search|--annotations|f",
     "search: unknown protocol; allowed: retrieval, qa, caption, vqa, nlvr"},
    {"eval|qa|vqa|--annotations|f", "vqa: one protocol is allowed"},
    {"doctor|x", "x: doctor takes no operands"},
    // options
    {"qa|v|q|--nope", "--nope: unknown option for qa; allowed: -a -0 --shard "
                      "--segment --questions *"},
    {"caption|v|--modle|x",
     "--modle: unknown option for caption; did you mean --model? allowed: *"},
    {"caption|v|--beam=5",
     "--beam: unknown option for caption; did you mean --beams? allowed: *"},
    {"qa|v|q|--nope=3", "--nope: unknown option for qa; *"},
    {"qa|v|q|-x", "-x: unknown option for qa; *"},
    {"qa|v|q|-qx", "-x: unknown option for qa; *"},
    {"qa|v|q|--top|3", "--top: not an option of qa; allowed: *"},
    {"caption|v|-e|x", "-e: not an option of caption; *"},
    {"models|-a|f", "-a: not an option of models; *"},
    {"caption|v|--frames", "--frames: a value is missing: F"},
    {"caption|v|-o", "-o: a value is missing: FILE"},
    {"caption|v|--merge=yes", "--merge: takes no value"},
    {"retrieve|v|q|--to|3", "--to: unknown option for retrieve; *"},
    // numbers
    {"caption|v|--frames|0", "--frames 0: a whole number from 1 to 1024 is allowed"},
    {"caption|v|--frames|", "--frames : a whole number from 1 to 1024 is allowed"},
    {"caption|v|--frames|8x", "--frames 8x: a whole number from 1 to 1024 is allowed"},
    {"caption|v|--frames|-3", "--frames -3: a whole number from 1 to 1024 is allowed"},
    {"caption|v|--frames|+3", "--frames +3: a whole number from 1 to 1024 is allowed"},
    {"caption|v|--frames| 3", "--frames  3: a whole number from 1 to 1024 is allowed"},
    {"caption|v|--frames|1e2", "--frames 1e2: a whole number *"},
    {"caption|v|--frames|2.5", "--frames 2.5: a whole number *"},
    {"caption|v|--frames|4294967297", "--frames 4294967297: a whole number *"},
    {"caption|v|--frames|99999999999999999999999999999999999999",
     "--frames 99999999999999999999999999999999999999: a whole number *"},
    {"caption|v|-j0", "-j 0: a whole number from 1 to 256 is allowed"},
    {"caption|v|--batch|0", "--batch 0: a whole number from 1 to 4096 is allowed"},
    {"retrieve|v|q|--top|0", "--top 0: a whole number from 1 to 1000000 is allowed"},
    {"retrieve|v|q|--min-p|1.5", "--min-p 1.5: a number from 0 to 1 is allowed"},
    {"retrieve|v|q|--min-p|nan", "--min-p nan: a number from 0 to 1 is allowed"},
    {"retrieve|v|q|--min-p|0x1", "--min-p 0x1: a number from 0 to 1 is allowed"},
    {"retrieve|v|q|--min-p|0,5", "--min-p 0,5: a number from 0 to 1 is allowed"},
    {"caption|v|--repetition-penalty|0",
     "--repetition-penalty 0: a number from 0.01 to 100 is allowed"},
    {"caption|v|--every|0", "--every 0: seconds from 0.001 to 86400, or frames from 1f "
                            "to 1000000000f, are allowed"},
    {"caption|v|--every|0f", "--every 0f: *"},
    {"caption|v|--every|1.5f", "--every 1.5f: *"},
    {"caption|v|--every|f", "--every f: *"},
    {"caption|v|--every|1s", "--every 1s: *"},
    {"caption|v|--every|1e99", "--every 1e99: *"},
    {"caption|v|--min-length|30",
     "--min-length 30: at most --max-length 20 is allowed"},
    {"qa|v|w|--min-length|11", "--min-length 11: at most --max-length 10 is allowed"},
    {"qa|v|w|--min-length|21|--compat|hf",
     "--min-length 21: at most --max-length 20 is allowed"},
    {"qa|v|w|--max-length|21|--answers|a",
     "--beams, --max-length, --min-length: only allowed where answers are generated"},
    {"caption|v|--min-length|9|--max-length|8",
     "--min-length 9: at most --max-length 8 is allowed"},
    // choices
    {"match|v|t|-f|xml", "-f xml: allowed: text, tsv, csv, json, jsonl, srt, vtt, "
                         "m3u8, edl, otio, pgcopy, npy"},
    {"match|v|t|-f|srt",
     "--format srt: allowed for match: text, tsv, csv, json, jsonl"},
    {"match|v|t|-o|x.VTT", "-o x.VTT: allowed for match: text, tsv, csv, json, jsonl"},
    {"match|v|t|--itm-token|sep", "--itm-token sep: allowed: enc, cls"},
    {"match|v|t|--progress|bar", "--progress bar: allowed: auto, plain, json, none"},
    {"match|v|t|--precision|f64", "--precision f64: allowed: auto, f32, f16, bf16"},
    {"match|v|t|--compat|", "--compat : allowed: salesforce, hf"},
    // what does not go together
    {"caption|v|-0", "-0: only allowed with -a FILE"},
    {"retrieve|v|q|-l|-f|json", "--files-only: only allowed with --format text"},
    {"retrieve|v|q|-Z|-o|x.csv", "--null: only allowed with --format text"},
    {"qa|v|q|--answers|a|--answers-file|f",
     "--answers-file: not allowed together with --answers"},
    {"eval|qa|--annotations|f|--answers-file|-", "--answers-file -: eval reads a file"},
    {"qa|v|-a|-|--answers-file|-", "-: standard input can be read only once"},
    {"qa|v|q|--k-test|5",
     "--k-test: only allowed with --answers, --answers-file or --questions"},
    {"retrieve|v|q|--min-p|0.5|--rerank|0",
     "--min-p: not allowed with --rerank 0, which gives no P(match)"},
    {"caption|v|--shard|0/2", "--shard 0/2: I/N is allowed, I from 1 to N, and N up to "
                              "1000000"},
    {"caption|v|--shard|3/2", "--shard 3/2: *"},
    {"caption|v|--shard|1", "--shard 1: *"},
    {"caption|v|--shard|1/", "--shard 1/: *"},
    {"caption|v|--shard|/2", "--shard /2: *"},
    {"caption|v|--shard|1/2/3", "--shard 1/2/3: *"},
    {"caption|v|--shard|-1/2", "--shard -1/2: *"},
    {"caption|v|--shard|1/1000001", "--shard 1/1000001: *"},
    {"caption|-|--shard|1/2", "--shard: not allowed with -, which is one recording"},
    {"index|--stats|d|--shard|1/2", "--shard: not allowed together with --stats, *"},
    {"retrieve|d|q|--shard|1/2", "--shard: not an option of retrieve; *"},
    {"caption|v|--count|3|--every|2", "--count: not allowed together with --every"},
    {"caption|v|--shots|--every|2",
     "--shots: not allowed together with --every or --count"},
    {"caption|v|--shots|--every|5f",
     "--shots: not allowed together with --every or --count"},
    {"caption|v|--count|3|--shots",
     "--shots: not allowed together with --every or --count"},
    {"caption|v|--shots=1", "--shots: takes no value"},
    {"caption|v|--segment|shots", "--segment: not an option of caption; *"},
    {"qa|v|w|--shots", "--shots: not an option of qa; *"},
    {"caption|v|--overwrite", "--overwrite: only allowed with --mux, or with *"},
    {"caption|v|-y|-o|x.srt", "--overwrite: only allowed with --mux, or with *"},
    {"caption|v|--mux|-f|srt", "--mux: not allowed together with --format"},
    {"caption|v|--mux|-o|x.srt", "--mux: not allowed together with --format"},
    {"caption|v|--chapters", "--chapters: only allowed with --mux"},
    {"caption|v|--same-picture|1.1", "--same-picture 1.1: *"},
    {"caption|v|--sample|--samples|2|--same-picture|0.9",
     "--samples 2: 1 is allowed with --same-picture"},
    {"caption|v|--skip-existing",
     "--skip-existing: only allowed with --format srt or vtt, or --mux, *"},
    {"caption|v|--skip-existing|-o|x.srt",
     "--skip-existing: only allowed with --format srt or vtt, or --mux, *"},
    {"caption|v|-f|srt|--skip-existing|-y",
     "--skip-existing: not allowed together with --overwrite"},
    {"eval|qa", "eval: missing --annotations FILE"},
    {"index", "index: missing a PATH; see: vblip help index"},
    {"index|d|--stats|--list",
     "--stats, --list, --verify, --remove, --remap: one of them is allowed"},
    {"index|d|--remove|--verify",
     "--stats, --list, --verify, --remove, --remap: one of them is allowed"},
    {"index|--remap|a=b|--remove",
     "--stats, --list, --verify, --remove, --remap: one of them is allowed"},
    {"index|--stats|-a|f", "-a: not allowed together with --stats, --list or --verify"},
    {"index|--list|--include|*.mp4", "--include, --exclude: not allowed together *"},
    {"index|d|--stats|--rebuild",
     "--stats, --list, --verify, --remove, --remap: not allowed together with "
     "--rebuild, --retry-failed or --segment"},
    {"index|--remap|a=b|--rebuild",
     "--stats, --list, --verify, --remove, --remap: not allowed *"},
    {"index|d|--remove|--exclude|*.mkv",
     "--include, --exclude: not allowed together with --stats, --list, --verify, *"},
    {"index|--remove", "index: missing a PATH; see: vblip help index"},
    {"index|--remap|a=b|d", "d: no PATH is allowed with --remap"},
    {"index|--remap|a=b|-a|list", "-a: no PATH is allowed with --remap"},
    {"index|--remap|a", "--remap a: OLD=NEW is allowed, two directories"},
    {"index|--remap|=b", "--remap =b: OLD=NEW is allowed, two directories"},
    {"index|--remap|a=", "--remap a=: OLD=NEW is allowed, two directories"},
    {"merge", "merge: missing an INDEX; see: vblip help merge"},
    {"merge|-o|c", "merge: missing an INDEX; see: vblip help merge"},
    {"merge|a|b", "merge: missing -o FILE; see: vblip help merge"},
    {"merge|a|b|-o|-", "-o -: merge writes a file"},
    {"merge|a|b|-o|c|-a|l", "-a: not an option of merge; *"},
    {"index|d|--segment|often",
     "--segment often: auto, whole, shots, or 0.1 to 86400 seconds are allowed"},
    {"index|d|--index|i|-o|i", "-o: names the index, which it would replace"},
    {"retrieve|d|q|--no-index|--rebuild",
     "--no-index: not allowed together with --index, --rebuild or --retry-failed"},
    {"retrieve|d|q|--segment|0",
     "--segment 0: auto, whole, shots, or 0.1 to 86400 seconds are allowed"},
    {"filter", "filter: missing a file of pairs; see: vblip help filter"},
    {"filter|p", "filter: missing -o FILE; see: vblip help filter"},
    {"filter|p|q|-o|out", "q: one file of pairs is allowed"},
    {"calibrate", "calibrate: missing a file of pairs; see: vblip help calibrate"},
    {"calibrate|p|q", "q: one file of pairs is allowed"},
    {"calibrate|p|-o|-", "-o -: calibrate writes a file"},
    {"calibrate|p|-f|srt",
     "--format srt: allowed for calibrate: text, tsv, csv, json, jsonl"},
    {"calibrate|p|--calibration|c", "--calibration: not an option of calibrate; *"},
    {"calibrate|p|--min-p|0.5", "--min-p: not an option of calibrate; *"},
    {"calibrate|p|--itm-token|enc|--compat|hf",
     "--itm-token enc: not allowed with --compat hf, which begins with [CLS]"},
    {"caption|v|--calibration|c", "--calibration: not an option of caption; *"},
    {"match|v|t|--calibration", "--calibration: a value is missing: FILE"},
    {"filter|p|-o|out|-f|csv", "--format: allowed for filter: jsonl"},
    {"filter|p|-o|out|--beams|3|--seed|7", "--seed: not allowed together with --beams"},
    {"filter|p|-o|out|--min-p|2", "--min-p 2: a number from 0 to 1 is allowed"},
    {"eval|vqa|--images|dir", "eval: missing --annotations FILE"},
    {"eval|qa|--annotations|f|--scores|s", "--scores: only allowed for eval retrieval"},
    {"eval|vqa|--annotations|f|--predictions|p",
     "--predictions: only allowed for eval qa and nlvr"},
    {"eval|retrieval|--annotations|f|--answers-file|a",
     "--answers-file: only allowed for eval qa and vqa"},
    {"eval|qa|--annotations|f|--k-test|5",
     "--k-test: only allowed for eval retrieval, or with --answers-file"},
    {"eval|vqa|--annotations|f|--beams|5",
     "--prompt, --beams, --max-length, --min-length, --repetition-penalty: only "
     "allowed for eval caption"},
    {"eval|qa|--annotations|f|-a|list", "-a: not an option of eval; *"},
    {"caption|-|-", "-: standard input can be read only once"},
    {"retrieve|-|--queries|-", "-: standard input can be read only once"},
    {"caption|-a|-|-", "-: standard input can be read only once"},
    // texts
    {"retrieve|v|a \xFF", "query 1: not valid UTF-8 at byte 3"},
    {"retrieve|v|-e|ok|-e|\xC0\x80", "query 2: not valid UTF-8 at byte 1"},
    {"qa|v|ok|\xED\xA0\x80", "question 2: not valid UTF-8 at byte 1"},
    {"match|v|a\xE2\x82", "text 1: not valid UTF-8 at byte 2"},
    {"tokenize|\xF4\x90\x80\x80", "text 1: not valid UTF-8 at byte 1"},
    {"caption|v|--prompt|\x80", "--prompt: not valid UTF-8 at byte 1"},
    {"qa|v|q|--answers|a,\x80", "--answers: not valid UTF-8 at byte 3"},
    // of versions to come
    {"help|indices", "indices: unknown command; *"},
    {"caption|v|--by|video", "--by: not an option of caption; *"},
    {"retrieve|--index|i", "retrieve: missing a PATH and a query; *"},
    // counts
    {"bench|--counts|", "--counts : up to 16 whole numbers from 1 to 64 are allowed"},
    {"bench|--counts|1,,2",
     "--counts 1,,2: up to 16 whole numbers from 1 to 64 are allowed"},
    {"bench|--counts=8,65", "--counts 8,65: *"},
    {"bench|--counts|0", "--counts 0: *"},
    {"bench|--counts|1,2,", "--counts 1,2,: *"},
    {"bench|--counts|1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
     "--counts 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1: *"},
    {"caption|v|--counts|1", "--counts: not an option of caption; *"},
    // sampling
    {"caption|v|--top-p|0.9", "--top-p: only allowed with --sample"},
    {"caption|v|--top-k|0", "--top-k: only allowed with --sample"},
    {"caption|v|--temperature|1", "--temperature: only allowed with --sample"},
    {"caption|v|--seed=1", "--seed: only allowed with --sample"},
    {"caption|v|--samples|1", "--samples: only allowed with --sample"},
    {"caption|v|--sample|--beams|3", "--beams: not allowed together with --sample"},
    {"caption|v|--sample=1", "--sample: takes no value"},
    {"caption|v|--sample|--samples|2|--merge",
     "--samples 2: 1 is allowed with --merge"},
    {"caption|v|--sample|--samples|2|-o|x.vtt",
     "--samples 2: 1 is allowed with subtitles"},
    {"caption|v|--sample|--samples|0",
     "--samples 0: a whole number from 1 to 1000 is allowed"},
    {"caption|v|--sample|--top-p|0", "--top-p 0: a number from 0.001 to 1 is allowed"},
    {"caption|v|--sample|--top-p|1.1",
     "--top-p 1.1: a number from 0.001 to 1 is allowed"},
    {"caption|v|--sample|--temperature|0",
     "--temperature 0: a number from 0.01 to 100 is allowed"},
    {"caption|v|--sample|--top-k|-1",
     "--top-k -1: a whole number from 0 to 1000000 is allowed"},
    {"caption|v|--sample|--seed|4294967296",
     "--seed 4294967296: a whole number from 0 to 4294967295 is allowed"},
    {"match|d|t|--sample", "--sample: not an option of match; allowed:*"},
    {"match|v|t|--compat|hf|--itm-token|enc",
     "--itm-token enc: not allowed with --compat hf, which begins with [CLS]"},
};

static void test_refuses_with_the_subject_and_what_is_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *row = &refusals[i];
        parsed p;
        parse(&p, row->line);
        size_t size = strlen(row->message);
        bool open = size && row->message[size - 1] == '*';
        bool same = open ? strncmp(p.err.message, row->message, size - 1) == 0
                         : strcmp(p.err.message, row->message) == 0;
        if (p.status != VBLIP_ERR_ARGUMENT || !same || p.args.operands.items)
            fail_msg("%s: status %d, \"%s\"", row->line, p.status, p.err.message);
    }
}

static void test_common_options_reach_their_fields(void **state)
{
    (void)state;
    parsed p;
    parse(&p, "retrieve|d|q|--model|m|--image-size|96|--vocab=v|--raw-text|--compat|"
              "salesforce|--device|1|--precision|f16|--frames|4|--batch|2|-fcsv|-o|x|"
              "-j3|--fail-fast|--kernels|simt|--profile|--validate");
    assert_int_equal(p.status, VBLIP_OK);
    assert_string_equal(p.args.model, "m");
    assert_int_equal(p.args.image_size, 96);
    assert_string_equal(p.args.vocab, "v");
    assert_true(p.args.raw_text && p.args.fail_fast);
    assert_true(p.args.profile && p.args.validate);
    assert_string_equal(p.args.device, "1");
    assert_string_equal(p.args.kernels, "simt");
    assert_int_equal(p.args.precision, 2);
    assert_int_equal(p.args.frames, 4);
    assert_int_equal(p.args.batch, 2);
    assert_int_equal(p.args.jobs, 3);
    assert_int_equal(p.args.format, VB_FORMAT_CSV);
    assert_string_equal(p.args.output, "x");
    cli_args_free(&p.args);
}

static void test_retrieve_options_reach_their_fields(void **state)
{
    (void)state;
    parsed p;
    parse(&p, "retrieve|d|q|--top|3|--rerank|7|--min-p|.5|-lZ|--exit-status|--include|"
              "*.mp4|--include|b*|--exclude|c*");
    assert_int_equal(p.status, VBLIP_OK);
    assert_int_equal(p.args.top, 3);
    assert_int_equal(p.args.rerank, 7);
    assert_true(p.args.min_p == 0.5f);
    assert_true(p.args.files_only && p.args.null_paths && p.args.exit_status);
    assert_int_equal(p.args.include.count, 2);
    assert_string_equal(p.args.include.items[1], "b*");
    assert_null(p.args.include.items[2]);
    assert_string_equal(p.args.exclude.items[0], "c*");
    cli_args_free(&p.args);
    parse(&p, "retrieve|d|-e|q|--like|a@1-2|--like|b|--unlike|c|--weight|.5|--by|video|"
              "--dedupe|.95|--offset|20|--since|2026-01-02|--until|2026-03-04|--mpv");
    assert_int_equal(p.status, VBLIP_OK);
    assert_int_equal(p.args.like.count, 2);
    assert_string_equal(p.args.like.items[0], "a@1-2");
    assert_string_equal(p.args.unlike.items[0], "c");
    assert_true(p.args.weight == 0.5f && p.args.dedupe == 0.95f && p.args.mpv);
    assert_int_equal(p.args.by, 1);
    assert_int_equal(p.args.offset, 20);
    assert_string_equal(p.args.since, "2026-01-02");
    assert_string_equal(p.args.until, "2026-03-04");
    cli_args_free(&p.args);
    parse(&p, "retrieve|d|q|--then|x|--within|2.5");
    assert_int_equal(p.status, VBLIP_OK);
    assert_string_equal(p.args.then, "x");
    assert_true(p.args.within_s == 2.5f);
    cli_args_free(&p.args);
}

static void test_other_options_reach_their_fields(void **state)
{
    (void)state;
    parsed p;
    parse(&p, "caption|d|--every|2.5|--prompt|x|--beams|1|--max-length|30|--min-length|"
              "8|--repetition-penalty|1.5|--merge|--progress|json|-qv");
    assert_int_equal(p.status, VBLIP_OK);
    assert_int_equal(p.args.every_us, 2500000);
    assert_int_equal(p.args.every_frames, 0);
    assert_string_equal(p.args.prompt, "x");
    assert_int_equal(p.args.beams, 1);
    assert_int_equal(p.args.max_length, 30);
    assert_int_equal(p.args.min_length, 8);
    assert_true(p.args.repetition_penalty == 1.5f);
    assert_true(p.args.merge && p.args.quiet && p.args.verbose);
    assert_int_equal(p.args.progress, VB_PROGRESS_JSON);
    cli_args_free(&p.args);

    parse(&p, "caption|d|--every|2|--every|25f"); // the last one counts
    assert_int_equal(p.args.every_frames, 25);
    assert_int_equal(p.args.every_us, 0);
    cli_args_free(&p.args);

    parse(&p, "caption|d|--sample|--top-p|0.5|--top-k|0|--temperature|2|--seed|"
              "4294967295|--samples|3");
    assert_int_equal(p.status, VBLIP_OK);
    assert_true(p.args.sample && p.args.top_p == 0.5f && p.args.temperature == 2.0f);
    assert_int_equal(p.args.top_k, 0);
    assert_int_equal(p.args.seed, UINT32_MAX);
    assert_int_equal(p.args.samples, 3);
    cli_args_free(&p.args);

    parse(&p, "caption|d|--sample|--samples|1|--merge"); // one may be merged
    assert_int_equal(p.status, VBLIP_OK);
    assert_int_equal(p.args.top_k, CLI_NOT_GIVEN);
    cli_args_free(&p.args);

    parse(&p, "caption|d|--shots|--merge|-f|srt");
    assert_true(p.status == VBLIP_OK && p.args.shots && p.args.merge);
    cli_args_free(&p.args);

    parse(&p, "caption|d|-y|-f|vtt");
    assert_true(p.args.overwrite && !p.args.shots);
    cli_args_free(&p.args);

    parse(&p, "match|d|t|--itm-token|cls|--compat|hf");
    assert_int_equal(p.args.itm_token, 1);
    assert_int_equal(p.args.compat, VBLIP_COMPAT_HF);
    cli_args_free(&p.args);

    parse(&p, "qa|d|q|--answers|a,b|--k-test|7");
    assert_string_equal(p.args.answers, "a,b");
    assert_int_equal(p.args.k_test, 7);
    assert_null(p.args.segment);
    cli_args_free(&p.args);

    parse(&p, "qa|--scores|d|--table|-f|csv|q"); // a flag here, a FILE of eval
    assert_int_equal(p.status, VBLIP_OK);
    assert_true(p.args.table && p.args.table_scores && !p.args.scores);
    assert_string_equal(p.args.paths.items[0], "d");
    cli_args_free(&p.args);

    parse(&p, "--scores|f|eval|retrieval|--annotations|g");
    assert_true(p.status == VBLIP_OK && !p.args.table_scores);
    assert_string_equal(p.args.scores, "f");
    cli_args_free(&p.args);

    parse(&p, "qa|d|q|--segment|2.5|--answers|a,b");
    assert_int_equal(p.status, VBLIP_OK);
    assert_string_equal(p.args.segment, "2.5");
    cli_args_free(&p.args);
}

static void test_defaults_are_those_of_the_contract(void **state)
{
    (void)state;
    parsed p;
    parse(&p, "retrieve|d|q");
    assert_true(p.args.rerank == CLI_NOT_GIVEN);
    assert_int_equal(p.args.format, VB_FORMAT_TEXT);
    assert_int_equal(p.args.progress, VB_PROGRESS_AUTO);
    assert_null(p.args.model);
    assert_null(p.args.output);
    assert_true(p.args.frames == 0 && p.args.top == 0 && p.args.min_p == 0.0f);
    cli_args_free(&p.args);
}

// Results must not replace what is read: that goes by the table.
static void test_options_that_name_files_say_so(void **state)
{
    (void)state;
    for (const cli_option *o = cli_options; o->letter || o->name; o++) {
        const bool names_file = o->value && strcmp(o->value, "FILE") == 0;
        const bool names_model = o->value && strcmp(o->value, "PATH") == 0;
        const bool marked = o->file == CLI_FILE_LIST || o->file == CLI_FILE_READ ||
                            o->file == CLI_FILE_WRITTEN;
        if (names_file != marked || names_model != (o->file == CLI_FILE_MODEL) ||
            (o->file && o->kind != CLI_STRING))
            fail_msg("%s: names %s", o->name ? o->name : "-", o->value);
    }
}

static const struct format_row {
    const char *line;
    vb_format format;
} format_rows[] = {
    {"caption|v", VB_FORMAT_TEXT},
    {"caption|v|-o|x", VB_FORMAT_TEXT},
    {"caption|v|-o|x.txt", VB_FORMAT_TEXT},
    {"caption|v|-o|x.tsv", VB_FORMAT_TSV},
    {"caption|v|-o|x.csv", VB_FORMAT_CSV},
    {"caption|v|-o|x.json", VB_FORMAT_JSON},
    {"caption|v|-o|x.JSONL", VB_FORMAT_JSONL},
    {"caption|v|-o|x.srt", VB_FORMAT_SRT},
    {"caption|v|-o|x.vtt", VB_FORMAT_VTT},
    {"retrieve|v|q|-o|x.m3u8", VB_FORMAT_M3U8},
    {"retrieve|v|q|-o|x.EDL", VB_FORMAT_EDL},
    {"retrieve|v|q|-f|otio", VB_FORMAT_OTIO},
    {"cut|v|q|-o|x.edl", VB_FORMAT_TEXT},
    {"caption|v|-o|x.json.gz", VB_FORMAT_TEXT},
    {"caption|v|-o|d.csv/x", VB_FORMAT_TEXT},
    {"caption|v|-o|x.json|-f|csv", VB_FORMAT_CSV},
    {"caption|v|-f|text|-o|x.json", VB_FORMAT_TEXT},
    {"match|v|t|-f|text|-o|x.srt", VB_FORMAT_TEXT},
};

static void test_format_comes_from_the_option_then_the_extension(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof format_rows / sizeof *format_rows; i++) {
        parsed p;
        parse(&p, format_rows[i].line);
        if (p.status != VBLIP_OK || p.args.format != format_rows[i].format)
            fail_msg("%s: %u, \"%s\"", format_rows[i].line, p.args.format,
                     p.err.message);
        cli_args_free(&p.args);
    }
}

static const struct action_row {
    const char *line;
    cli_action action;
    cli_command command;
} action_rows[] = {
    {"--version", CLI_VERSION, CLI_COMMAND_COUNT},
    {"retrieve|--version", CLI_VERSION, CLI_COMMAND_COUNT},
    {"--help", CLI_HELP, CLI_COMMAND_COUNT},
    {"-h", CLI_HELP, CLI_COMMAND_COUNT},
    {"help", CLI_HELP, CLI_COMMAND_COUNT},
    {"help|retrieve", CLI_HELP, CLI_RETRIEVE},
    {"help|options", CLI_HELP, CLI_HELP_OPTIONS},
    {"help|glossary", CLI_HELP, CLI_HELP_GLOSSARY},
    {"retrieve|--help", CLI_HELP, CLI_RETRIEVE},
    {"--help|qa", CLI_HELP, CLI_QA},
    {"qa|--nope|--help", CLI_HELP, CLI_QA},
    {"bench|-qh", CLI_HELP, CLI_BENCH},
    {"tokenize|--|--help", CLI_RUN, CLI_TOKENIZE},
    {"retrieve|d|-e|--help", CLI_RUN, CLI_RETRIEVE},
};

static void test_help_and_version_win_over_the_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof action_rows / sizeof *action_rows; i++) {
        parsed p;
        parse(&p, action_rows[i].line);
        if (p.status != VBLIP_OK || p.args.action != action_rows[i].action ||
            p.args.command != action_rows[i].command)
            fail_msg("%s: action %u, command %u", action_rows[i].line, p.args.action,
                     p.args.command);
        cli_args_free(&p.args);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operands_go_where_the_command_wants_them),
        cmocka_unit_test(test_refuses_with_the_subject_and_what_is_allowed),
        cmocka_unit_test(test_common_options_reach_their_fields),
        cmocka_unit_test(test_retrieve_options_reach_their_fields),
        cmocka_unit_test(test_other_options_reach_their_fields),
        cmocka_unit_test(test_defaults_are_those_of_the_contract),
        cmocka_unit_test(test_options_that_name_files_say_so),
        cmocka_unit_test(test_format_comes_from_the_option_then_the_extension),
        cmocka_unit_test(test_help_and_version_win_over_the_rest),
    };
    return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
