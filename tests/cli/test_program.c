// test_program.c - the whole program over a fake library: what it prints where, and the
// exit status it ends with (cli.md 2).
#include "cli/run_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// ------------------------------------------------------------------------- the tables

#define DOGS "00:00:00.000  a dog on a beach\n00:00:01.000  a dog on a beach\n"
#define SAMPLE_ECHO                                                                    \
    "every 0 us 0 frames, count 0, prompt -, beams 0, length 0 to 0, penalty 0, "      \
    "frames 0, batch 0, jobs 0, sample "
#define HEAD "path,start,end,caption,score\n"
#define ROW1 "a.mp4,0.000,1.000,a dog on a beach,-0.25\n"
#define HITS                                                                           \
    "1  0.97  00:01:12.000-00:01:20.000  dir/a.mp4\n"                                  \
    "2  0.25  00:01:12.000-00:01:20.000  dir/b.mp4\n"
#define HIT_TAIL                                                                       \
    "\"start\":72.000,\"end\":80.000,\"score\":2.5,\"itc\":0.5,\"itm_logit\":2,"

static const fake_row rows[] = {
    // retrieve
    {"retrieve|dir|q", 0, HITS, ""},
    {"retrieve|dir|q|--rerank|1", 0,
     "1  0.97  00:01:12.000-00:01:20.000  dir/a.mp4\n"
     "2  -  00:01:12.000-00:01:20.000  dir/b.mp4\n",
     ""},
    {"retrieve|dir|q|--rerank|0|--top|1", 0,
     "1  0.50  00:01:12.000-00:01:20.000  dir/a.mp4\n", ""},
    {"retrieve|x.png|q", 0, "1  0.97  x.png\n", ""},
    {"retrieve|dir|-e|one|-e|two", 0, "one\n" HITS "\ntwo\n" HITS, ""},
    {"retrieve|dir|-e|nothing|-e|two", 0, "two\n" HITS, ""},
    {"retrieve|dir|-e|one|-e|two|-l", 0, "dir/a.mp4\ndir/b.mp4\n", ""},
    {"retrieve|dir|q|--include|a*|-l", 0, "dir/a.mp4\n", ""},
    {"retrieve|dir|q|--min-p|.5", 0, "1  0.97  00:01:12.000-00:01:20.000  dir/a.mp4\n",
     ""},
    {"retrieve|dir|nothing", 0, "", "no match\n"},
    {"retrieve|dir|nothing|-f|json", 0, "[]\n", "no match\n"},
    {"retrieve|dir|nothing|--exit-status", 1, "", "no match\n"},
    {"retrieve|dir|q|--exit-status", 0, HITS, ""},
    {"retrieve|a.mp4|x.png|q|-f|jsonl", 0,
     "{\"query\":\"q\",\"rank\":1,\"path\":\"a.mp4\"," HIT_TAIL "\"p_match\":0.96875,"
     "\"calibration\":null}\n{\"query\":\"q\",\"rank\":2,\"path\":\"x.png\","
     "\"start\":null,\"end\":null,\"score\":2.5,\"itc\":0.5,\"itm_logit\":2,"
     "\"p_match\":0.25,\"calibration\":null}\n",
     ""},
    {"retrieve|dir|q|-f|tsv|--rerank|1", 0,
     "query\trank\tpath\tstart\tend\tscore\titc\titm_logit\tp_match\tcalibration\n"
     "q\t1\tdir/a.mp4\t72.000\t80.000\t2.5\t0.5\t2\t0.96875\t\n"
     "q\t2\tdir/b.mp4\t72.000\t80.000\t0.5\t0.5\t\t\t\n",
     ""},
    // qa
    {"qa|a.mp4|what?", 0, "yes\n", ""},
    {"qa|a.mp4|what?|who?", 0, "a.mp4\twhat?\tyes\na.mp4\twho?\tyes\n", ""},
    {"qa|dir|what?", 0, "dir/a.mp4\twhat?\tyes\ndir/b.mp4\twhat?\tyes\n", ""},
    {"qa|x.png|what?|-f|csv", 0,
     "path,question,answer,score,start,end\nx.png,what?,yes,-0.5,,\n", ""},
    {"qa|a.mp4|w|-f|json|--answers|red, ,green , blue", 0,
     "[\n{\"path\":\"a.mp4\",\"question\":\"w\",\"answer\":\"blue\",\"score\":-0.5,"
     "\"start\":0.000,\"end\":2.500,\"ranked\":[{\"answer\":\"blue\",\"score\":-0.5},"
     "{\"answer\":\"green\",\"score\":-1},{\"answer\":\"red\",\"score\":-1.5}]}\n]\n",
     ""},
    {"qa|a.mp4|w|--answers|red,green|--k-test|1|-f|jsonl", 0,
     "{\"path\":\"a.mp4\",\"question\":\"w\",\"answer\":\"green\",\"score\":-0.5,"
     "\"start\":0.000,\"end\":2.500,\"ranked\":[{\"answer\":\"green\",\"score\":-0.5}]}"
     "\n",
     ""},
    {"qa|a.mp4|w|--answers| ,", 2, "", "vblip: --answers: holds no answer\n"},
    {"qa|a.mp4|w|--beams|2|--max-length|40|--min-length|3", 0,
     "beams 2, length 3 to 40\n", ""},
    {"qa|--dialog|one.json|a.mp4", 0, "black\n", ""},
    {"qa|--dialog|two.json|a.mp4", 0, "a.mp4\twhat color?\tblack\na.mp4\twhy?\tblack\n",
     ""},
    {"qa|--dialog|two.json|a.png|-f|jsonl", 0,
     "{\"path\":\"a.png\",\"question\":\"what "
     "color?\",\"answer\":\"black\",\"score\":1.5,"
     "\"start\":null,\"end\":null,\"ranked\":[{\"answer\":\"black\",\"score\":1.5},"
     "{\"answer\":\"red\",\"score\":-0.25}]}\n"
     "{\"path\":\"a.png\",\"question\":\"why?\",\"answer\":\"black\",\"score\":1.5,"
     "\"start\":null,\"end\":null,\"ranked\":[{\"answer\":\"black\",\"score\":1.5}]}\n",
     ""},
    {"qa|--dialog|nofile|a.mp4|--model|nomodel", 4, "",
     "vblip: nofile: No such file or directory\n"},
    {"qa|--dialog|torn|a.mp4|--model|nomodel", 4, "",
     "vblip: torn: line 2: not JSON\n"},
    {"qa|--dialog|f|a.mp4|--model|caption-only", 4, "",
     "vblip: caption-only: this checkpoint holds: caption\n"},
    // match
    {"match|a.mp4|one|two", 0, "0.94  0.250  a.mp4  one\n0.94  0.250  a.mp4  two\n",
     ""},
    {"match|a.mp4|one|-f|csv|--itm-token|cls", 0,
     "path,text,itc,itm_logit_0,itm_logit_1,p_match,calibration\n"
     "a.mp4,one,0.125,-1,1.5,0.9375,\n",
     ""},
    {"match|a.mp4|one|-f|jsonl", 0,
     "{\"path\":\"a.mp4\",\"text\":\"one\",\"itc\":0.25,\"itm_logits\":[-1,1.5],"
     "\"p_match\":0.9375,\"calibration\":null}\n",
     ""},
    // reason
    {"reason|a.png|b.png|one", 0, "true  0.97\n", ""},
    {"reason|a.png|b.mp4|one|two", 0,
     "true  0.97  a.png  b.mp4  one\nfalse  0.25  a.png  b.mp4  two\n", ""},
    {"reason|a.png|b.png|one|two|-f|csv", 0,
     "left,right,statement,answer,p_true,logit_0,logit_1\n"
     "a.png,b.png,one,true,0.96875,-1.5,2\na.png,b.png,two,false,0.25,-1.5,-2.5\n",
     ""},
    {"reason|a.png|b.png|one|-f|jsonl", 0,
     "{\"left\":\"a.png\",\"right\":\"b.png\",\"statement\":\"one\",\"answer\":true,"
     "\"p_true\":0.96875,\"logits\":[-1.5,2]}\n",
     ""},
    {"reason|a.png|bad.png|one", 3, "", "vblip: bad.png: no video stream\n"},
    {"reason|missing.png|missing.mp4|one", 4, "",
     "vblip: missing.png: No such file or directory\n"
     "vblip: missing.mp4: No such file or directory\n"},
    {"reason|a.png|dir|one", 2, "",
     "vblip: dir: a directory; LEFT and RIGHT are files\n"},
    {"reason|a.png|b.png|one|--model|caption-only", 4, "",
     "vblip: caption-only: this checkpoint holds: caption\n"},
    // caption
    {"caption|a.mp4", 0, DOGS "00:00:02.000  a cat\n", ""},
    {"caption|a.mp4|--merge", 0,
     "00:00:00.000  a dog on a beach\n00:00:02.000  a cat\n", ""},
    {"caption|x.png", 0, "a dog on a beach\n", ""},
    {"caption|a.mp4|x.png", 0,
     "a.mp4\n" DOGS "00:00:02.000  a cat\n\nx.png\na dog on a beach\n", ""},
    {"caption|x.png|-f|jsonl", 0,
     "{\"path\":\"x.png\",\"start\":null,\"end\":null,"
     "\"caption\":\"a dog on a beach\",\"score\":-0.25}\n",
     ""},
    {"caption|options.png", 0,
     "every 0 us 0 frames, count 0, prompt -, beams 0, length 0 to 0, penalty 0, "
     "frames "
     "0, batch 0, jobs 0\n",
     ""},
    {"caption|options.png|--every|2.5|--prompt|p |--beams|2|--min-length|6|"
     "--max-length|9|--repetition-penalty|1.5|--frames|4|--batch|5|-j|6",
     0,
     "every 2500000 us 0 frames, count 0, prompt p , beams 2, length 6 to 9, penalty "
     "1.5, frames 4, batch 5, jobs 6\n",
     ""},
    {"caption|options.png|--sample", 0, SAMPLE_ECHO "p 0 k 0 t 0 seed 0 samples 0\n",
     ""},
    {"caption|options.png|--sample|--top-p|.5|--top-k|7|--temperature|1.5|--seed|9|"
     "--samples|2",
     0, SAMPLE_ECHO "p 0.5 k 7 t 1.5 seed 9 samples 2\n", ""},
    {"caption|options.png|--sample|--top-k|0", 0, SAMPLE_ECHO "p 0 k 4294967295 *", ""},
    {"caption|options.png|--every|3f", 0, "every 0 us 3 frames, *", ""},
    {"caption|options.png|--count|7", 0, "every 0 us 0 frames, count 7, *", ""},
    // shots
    {"shots|a.mp4|x.png", 0,
     "00:00:00.000-00:00:02.040  a.mp4\n00:00:02.040-00:00:05.000  a.mp4\nx.png\n", ""},
    {"shots|a.mp4|--model|nomodel|--device|none|-f|csv", 0,
     "path,shot,start,end\na.mp4,1,0.000,2.040\na.mp4,2,2.040,5.000\n", ""},
    {"shots|x.png|bad.mp4|-f|jsonl", 3,
     "{\"path\":\"x.png\",\"shot\":1,\"start\":null,\"end\":null}\n"
     "{\"path\":\"bad.mp4\",\"error\":\"no video stream\"}\n",
     "vblip: bad.mp4: no video stream\n"},
    {"shots|bad.mp4", 4, "", "vblip: bad.mp4: no video stream\n"},
    // tokenize
    {"tokenize|ab||--vocab|v", 0,
     "101 97 98 102  [CLS] x x [SEP]\n101 102  [CLS] "
     "[SEP]\n",
     ""},
    {"tokenize|a\tb|--vocab|v|-f|tsv", 0,
     "text\tids\tpieces\na\\tb\t101 97 9 98 102\t[CLS] x x x [SEP]\n", ""},
    {"tokenize|a|--vocab|v|-f|jsonl", 0,
     "{\"text\":\"a\",\"ids\":[101,97,102],\"pieces\":[\"[CLS]\",\"x\",\"[SEP]\"]}\n",
     ""},
    {"tokenize|a|--vocab|novocab", 4, "",
     "vblip: novocab: No such file or directory\n"},
    // models
    {"models|--compat|salesforce", 0, "fake\n*", ""},
    {"models|--compat|hf", 0, "fake-hf\n*", ""},
    {"models", 0,
     "fake\n  layout      huggingface\n  tasks       retrieval, caption, "
     "vqa, nlvr\n*",
     ""},
    {"models|demo", 0, "fake-demo (the demo model)\n*", ""},
    {"models|caption-only", 0,
     "fake\n  layout      huggingface\n  tasks       caption\n  dtype       F16\n"
     "  image       96x96, patch 16\n"
     "  vision      width 192, layers 5, heads 3, mlp 768\n"
     "  text        width 193, encoder layers 3, decoder layers 4, heads 6, mlp 640\n"
     "  projection  128\n  positions   64\n  vocabulary  432\n"
     "  parameters  5924000\n  size        11880000 bytes\n"
     "  files       fake/1.bin\n              fake/2.bin\n"
     "  missing     itm_head.bias\n  unexpected  none\n",
     ""},
    {"models|caption-only|-f|json", 0,
     "[\n{\"path\":\"fake\",\"layout\":\"huggingface\",\"tasks\":[\"caption\"],"
     "\"dtype\":\"F16\",\"image_size\":96,\"patch_size\":16,\"vision_width\":192,"
     "\"vision_layers\":5,\"vision_heads\":3,\"vision_mlp\":768,\"text_width\":193,"
     "\"encoder_layers\":3,\"decoder_layers\":4,\"text_heads\":6,\"text_mlp\":640,"
     "\"projection_width\":128,\"positions\":64,\"vocabulary\":432,"
     "\"parameters\":5924000,\"file_bytes\":11880000,"
     "\"files\":[\"fake/1.bin\",\"fake/2.bin\"],\"demo\":false,"
     "\"missing\":[\"itm_head.bias\"],\"unexpected\":[]}\n]\n",
     ""},
    {"models|nomodel|-f|csv", 4, "", "vblip: nomodel: No such file or directory\n"},
    // doctor, bench
    {"doctor", 0, "0  llvmpipe (LLVM 15.0.6, 256 bits)\n   kind       software\n*", ""},
    {"caption|a.mp4|--hwaccel|warp", 2, "",
     "vblip: hwaccel warp: allowed: none, auto\n"},
    {"caption|a.mp4|--hwaccel|cuda", 5, "",
     "vblip: hwaccel cuda: no such device opens\n"},
    {"caption|a.mp4|--hwaccel", 2, "", "vblip: --hwaccel: a value is missing: NAME\n"},
    {"doctor|--device|none", 5, "", "vblip: --device none: no device matches\n"},
    {"bench|linear|-f|csv", 0,
     "name,detail,runs,min_s,median_s,work,unit,gflops,of_peak\n"
     "linear,577x3072x768 lavapipe,20,0.0625,0.125,60.5,GFLOP/s,60.5,0.5\n",
     ""},
    // eval
    {"eval|retrieval|--annotations|f", 0, "txt_r1      50.00\nr_mean      33.33\n", ""},
    {"eval|retrieval|--annotations|f|-f|csv", 0,
     "metric,value\ntxt_r1,50\nr_mean,33.3333333\n", ""},
    {"eval|qa|--annotations|f|-f|json", 0,
     "[\n{\"metric\":\"accuracy\",\"value\":50},\n"
     "{\"metric\":\"accuracy_what\",\"value\":33.3333333}\n]\n",
     ""},
    {"eval|qa|--annotations|f|--predictions|/dev/stderr", 0,
     "accuracy    50.00\naccuracy_what  33.33\n",
     "{\"video\":\"one.png\",\"question\":\"what?\",\"answer\":\"a dog\","
     "\"expected\":\"a dog\",\"correct\":true}\n"
     "{\"video\":\"two.png\",\"question\":\"who, then?\",\"answer\":\"a "
     "\\\"cat\\\"\",\"expected\":\"man\",\"correct\":false}\n"},
    {"eval|caption|--annotations|f|-f|json", 0,
     "[\n{\"image_id\":42,\"caption\":\"a dog\"},\n"
     "{\"image_id\":7,\"caption\":\"a \\\"cat\\\"\"}\n]\n",
     ""},
    {"eval|nlvr|--annotations|f", 0, "accuracy    50.00\n", ""},
    {"eval|caption|--images|dir", 0, "42\ta dog\n7\ta \"cat\"\n", ""},
    {"eval|vqa|--annotations|f|-f|jsonl", 0,
     "{\"question_id\":42,\"answer\":\"a dog\"}\n"
     "{\"question_id\":7,\"answer\":\"a \\\"cat\\\"\"}\n",
     ""},
    {"eval|retrieval|--annotations|bad.jsonl", 3, "",
     "vblip: three.png: No such file or directory\n"
     "vblip: bad.jsonl: 1 of 3 videos or images could not be read: no metrics\n"},
    {"eval|vqa|--annotations|bad.jsonl", 3, "42\ta dog\n7\ta \"cat\"\n",
     "vblip: three.png: *"},
    {"eval|qa|--annotations|missing.jsonl|--model|nomodel", 4, "",
     "vblip: missing.jsonl: No such file or directory\n"},
    {"eval|qa|--annotations|torn|--device|none", 4, "", "vblip: torn:2: not JSON\n"},
    {"eval|qa|--annotations|.|--device|none", 4, "", "vblip: .: Is a directory\n"},
    {"eval|qa|--annotations|f|--answers-file|noanswers|--device|none", 4, "",
     "vblip: noanswers: No such file or directory\n"},
    {"eval|qa|--annotations|f|--answers-file|f|--device|none", 4, "",
     "vblip: f: holds no answer\n"},
    {"match|a.mp4|t|--vocab|nowords|--device|none", 4, "",
     "vblip: nowords: No such file or directory\n"},
    {"eval|vqa|--annotations|interrupt.json", 130, "42\ta dog\n7\ta \"cat\"\n",
     "vblip: interrupted; what was finished is kept\n"},
    {"eval|qa|--annotations|f|--predictions|no/where", 4, "",
     "vblip: no/where: No such file or directory\n"},
    {"eval|qa|--annotations|f|--predictions|x|-o|x", 2, "",
     "vblip: x: two results in one file\n"},
    {"eval|qa|--annotations|f|--predictions|/dev/full", 4, "",
     "vblip: /dev/full: No space left on device\n"},
    {"bench|vision|-f|csv", 0,
     "name,detail,runs,min_s,median_s,work,unit,gflops,of_peak\n"
     "vision,1 frames (384 px),3,0.5,1,2,frames/s,,\n",
     ""},
    {"bench|vision|vision|--size|base-384|-f|csv", 0,
     "name,detail,runs,min_s,median_s,work,unit,gflops,of_peak\n"
     "vision,1 frames (384 px),3,0.5,1,2,frames/s,,\n"
     "vision,1 frames (384 px),3,0.5,1,2,frames/s,,\n",
     ""},
    {"bench|vision|--counts|2,16|-f|csv", 0,
     "name,detail,runs,min_s,median_s,work,unit,gflops,of_peak\n"
     "vision,2 frames (384 px),3,0.5,1,4,frames/s,,\n"
     "vision,16 frames (384 px),3,0.5,1,32,frames/s,,\n",
     ""},
    {"bench|vision|--size|huge", 2, "",
     "vblip: --size huge: allowed: none, base-384, base-480, large-384\n"},
    {"bench|warp", 2, "",
     "vblip: warp: unknown benchmark; allowed: linear, attention, "
     "vision, decode-uniform\n"},
    {"bench|decode-uniform|--files|f|--files|g|-j|2|--threads|4|-f|csv", 0,
     "name,detail,runs,min_s,median_s,work,unit,gflops,of_peak\n"
     "decode-uniform,\"f x 2, -j 2, 4 threads\",3,0.5,1,2,frames/s,,\n",
     ""},
    {"bench|decode-uniform|linear", 2, "",
     "vblip: decode-uniform: missing --files MEDIA\n"},
    {"bench|decode-uniform|--files|bad.mp4", 4, "",
     "vblip: bad.mp4: no video stream\n"},
    // failed inputs: one message each, the others go on
    {"caption|missing|a.mp4|-f|json", 3,
     "[\n{\"path\":\"missing\",\"error\":\"No such file or directory\"},\n"
     "{\"path\":\"a.mp4\",\"start\":0.000,\"end\":1.000,*",
     "vblip: missing: No such file or directory\n"},
    {"caption|bad.mp4|a.mp4|-f|csv", 3, HEAD ROW1 "*",
     "vblip: bad.mp4: no video stream\n"},
    {"caption|bad.mp4|missing|-f|jsonl", 4,
     "{\"path\":\"bad.mp4\",\"error\":\"no video stream\"}\n"
     "{\"path\":\"missing\",\"error\":\"No such file or directory\"}\n",
     "vblip: bad.mp4: no video stream\nvblip: missing: No such file or directory\n"},
    {"caption|missing\x1b[2J\n", 4, "",
     "vblip: missing\\x1b[2J\\n: No such file or directory\n"},
    {"caption|empty", 4, "", "vblip: empty: no videos or images\n"},
    {"caption|bad.mp4|a.mp4|--fail-fast", 3, "", "vblip: bad.mp4: no video stream\n"},
    {"caption|bad.mp4|--fail-fast", 4, "", "vblip: bad.mp4: no video stream\n"},
    {"retrieve|bad.mp4|a.mp4|beach|--fail-fast", 3, "",
     "vblip: bad.mp4: no video stream\n"},
    {"caption|short.mp4", 4, DOGS "00:00:02.000  a cat\n",
     "vblip: short.mp4: truncated: 3 of 9 frames\n"},
    {"caption|short.mp4|a.mp4", 3, "short.mp4\n" DOGS "*",
     "vblip: short.mp4: truncated: 3 of 9 frames\n"},
    {"retrieve|a dog|f", 2, "",
     "vblip: a dog: no such file, but f is one: the query comes last\n"},
    {"qa|album|what?", 0, "yes\n",
     "vblip: 3 files skipped, of kinds that are not read: heic 2, mxf 1\n"},
    {"qa|album|what?|-q", 0, "yes\n", ""},
    {"retrieve|dir|a dog|f", 2, "",
     "vblip: dir: no such file, but f is one: the query comes last\n"},
    {"retrieve|f|a|big|dog", 2, "",
     "vblip: a: no such file; a query is one argument, in quotes: \"a big dog\"\n"},
    {"retrieve|f|missing|a dog", 3, "*", "vblip: missing: No such file or directory\n"},
    {"caption|https://example.com/a.mp4", 2, "",
     "vblip: https://example.com/a.mp4: an address, not a file; only watch goes "
     "online: "
     "download it, and name the file\n"},
    {"qa|a.mp4|what|is|this", 0, "*",
     "vblip: 3 questions of one word each; a question is one argument, in quotes\n"},
    {"qa|what is it?|f", 2, "",
     "vblip: what is it?: no such file, but f is one: the PATH comes first\n"},
    {"match|a dog|f|b", 2, "",
     "vblip: a dog: no such file, but f is one: the PATH comes first\n"},
    {"reason|both show a dog|f|torn", 2, "",
     "vblip: both show a dog: no such file, but torn is one: the PATH comes first\n"},
    {"bench|linear", 0,
     "name            rate                min ms  median ms runs  GFLOP/s  peak  what\n"
     "linear*",
     ""},
    {"retrieve|bad.mp4|dir|q", 3, HITS, "vblip: bad.mp4: no video stream\n"},
    {"retrieve|bad.mp4|q|--exit-status", 4, "", "vblip: bad.mp4: no video stream\n"},
    // what makes all of it impossible
    {"caption|a.mp4|--model|nomodel|-f|json", 4, "",
     "vblip: nomodel: No such file or directory\n"},
    {"qa|a.mp4|q|--model|caption-only", 4, "",
     "vblip: caption-only: this checkpoint holds: caption\n"},
    {"caption|a.mp4|--vocab|novocab", 4, "", "vblip: novocab: 3 lines, expected 428\n"},
    {"caption|a.mp4|--device|none|-f|csv", 5, "",
     "vblip: --device none: no device matches\n"},
    {"caption|a.mp4|lost.mp4|-f|csv", 5, HEAD ROW1 "*",
     "vblip: llvmpipe: device lost\n"},
    {"caption|a.mp4|-o|/dev/full", 4, "",
     "vblip: /dev/full: No space left on device\n"},
    {"caption|a.mp4|-o|no/where.csv", 4, "",
     "vblip: no/where.csv: No such file or directory\n"},
    {"caption|a.mp4|-o|.", 4, "", "vblip: .: Is a directory\n"},
    // misuse is found before a model is looked at
    {"caption|a.mp4|--model|nomodel|--frames|0", 2, "",
     "vblip: --frames 0: a whole number from 1 to 1024 is allowed\n"},
    {"caption|-a|nolist", 2, "", "vblip: nolist: No such file or directory\n"},
    {"retrieve|a.mp4|--queries|nolist", 2, "",
     "vblip: nolist: No such file or directory\n"},
    {"caption|a.mp4|x.png|-f|srt|-o|x.srt", 2, "",
     "vblip: -o x.srt: one input is allowed with --format srt, not 2\n"},
    // a job that is interrupted keeps what was finished
    {"caption|interrupt.mp4|a.mp4|-f|csv", 130,
     HEAD "interrupt.mp4,0.000,1.000,a dog on a beach,-0.25\n"
          "interrupt.mp4,1.000,2.000,a dog on a beach,-0.25\n",
     "vblip: interrupted; what was finished is kept\n"},
    // messages
    {"caption|x.png|--model|demo", 0, "a dog on a beach\n",
     "vblip: the bundled demo model answers; *"},
    {"caption|x.png|--model|demo|-q", 0, "a dog on a beach\n", ""},
    {"caption|long.mp4", 0, DOGS "*",
     "vblip: 600 captions, about 40 min on llvmpipe; --every 60 is one a minute, "
     "--count 20 so many of each file, --shots one of each shot\n"},
    {"caption|long.mp4|--every|1", 0, DOGS "*",
     "vblip: 600 captions, about 40 min on llvmpipe\n"},
    {"caption|long.mp4|--progress|plain", 0, DOGS "*",
     "vblip: 600 captions, about 40 min on llvmpipe; --every 60 is one a minute, "
     "--count 20 so many of each file, --shots one of each shot\n"
     "vblip: 1 of 600 captions, 0 %, about 40 min left, long.mp4\n"},
    {"caption|a.mp4|--progress|json", 0, DOGS "*",
     "{\"path\":\"a.mp4\",\"unit\":\"captions\",\"done\":1,\"total\":3,"
     "\"seconds_left\":2.000}\n"},
    {"caption|long.mp4|-q", 0, DOGS "*", ""},
    {"caption|x.png|-v", 0, "a dog on a beach\n", "vblip: opened\n"},
    {"caption|x.png|--profile", 0, "a dog on a beach\n", "linear *"},
    // help and version
    {"--version", 0, "vblip 0.1.0\n", ""},
    {"help", 0, "vblip: ask questions of video, with BLIP\n*", ""},
    {"qa|--help", 0, "usage: vblip qa *", ""},
    {"bench|--help", 0,
     "usage: vblip bench [OPTIONS] [NAME...]\n\n"
     "All benchmarks, or those named: operations on the device with its kernels\n"
     "(--kernels for others), and the stages of the model. decode-uniform and\n"
     "decode-seconds read the videos of --files.\n"
     "Fields: name detail runs min_s median_s work unit gflops of_peak.\n"
     "Names: linear, attention, vision, decode-uniform.\n\noptions:\n*",
     ""},
    {"", 2, "", "vblip: no command; *"},
};

static void test_prints_and_exits_as_the_contract_says(void **state)
{
    (void)state;
    static const char *const files[] = {
        "f", "torn", "bad.jsonl", "interrupt.json", "one.json", "two.json", "novocab"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put_text(files[i], "");
    check_rows(rows, sizeof rows / sizeof *rows);
}

// ------------------------------------------------------------------------------ input

static void test_reads_lists_and_texts_from_files(void **state)
{
    (void)state;
    result r;
    put_text("list", "a.mp4\n\nb.mp4");
    run(&r, "qa|-a|list|w");
    assert_string_equal(r.out, "a.mp4\tw\tyes\nb.mp4\tw\tyes\n");

    write_file("list0", "a\nb.mp4\0c.mp4\0", 13);
    run(&r, "qa|-0a|list0|w|-f|tsv");
    assert_true(is_as_expected(r.out, "path\tquestion\tanswer\tscore\tstart\tend\n"
                                      "a\\nb.mp4\tw\tyes\t-0.5\t0.000\t2.500\n"
                                      "c.mp4\tw\t*"));

    put_text("queries", "one\r\n  \ntwo\n");
    run(&r, "retrieve|x.png|--queries|queries|-e|zero");
    assert_string_equal(r.out, "zero\n1  0.97  x.png\n\none\n1  0.97  x.png\n\n"
                               "two\n1  0.97  x.png\n");

    put_text("questions", "who?\nwhy?\n");
    put_text("answers", "red\n\ngreen apple\n");
    run(&r, "qa|x.png|--questions|questions|--answers-file|answers");
    assert_string_equal(r.out, "x.png\twho?\tgreen apple\nx.png\twhy?\tgreen apple\n");

    put_text("nothing", "\n");
    run(&r, "retrieve|x.png|--queries|nothing");
    assert_int_equal(r.code, 2);
    assert_string_equal(r.err, "vblip: nothing: holds no text\n");

    put_text("latin1", "ok\nol\xE9\n");
    run(&r, "retrieve|x.png|--queries|latin1");
    assert_int_equal(r.code, 2);
    assert_string_equal(r.err, "vblip: latin1: entry 2: not valid UTF-8 at byte 3\n");
}

static void test_tokenize_keeps_every_entry_and_its_newlines(void **state)
{
    (void)state;
    result r;
    put_text("texts", "a\n\nb");
    run(&r, "tokenize|--vocab|v|-a|texts|-f|jsonl");
    assert_string_equal(
        r.out,
        "{\"text\":\"a\",\"ids\":[101,97,102],\"pieces\":[\"[CLS]\",\"x\",\"[SEP]\"]}\n"
        "{\"text\":\"\",\"ids\":[101,102],\"pieces\":[\"[CLS]\",\"[SEP]\"]}\n"
        "{\"text\":\"b\",\"ids\":[101,98,102],\"pieces\":[\"[CLS]\",\"x\",\"[SEP]\"]}"
        "\n");

    write_file("texts0", "a\nb\0\0", 5);
    run_with(&r, "tokenize|--vocab|v|-a|-|-0|-f|jsonl", "texts0", NULL, "fake");
    assert_string_equal(r.out, "{\"text\":\"a\\nb\",\"ids\":[101,97,10,98,102],"
                               "\"pieces\":[\"[CLS]\",\"x\",\"x\",\"x\",\"[SEP]\"]}\n"
                               "{\"text\":\"\",\"ids\":[101,102],"
                               "\"pieces\":[\"[CLS]\",\"[SEP]\"]}\n");
}

static void test_standard_input_is_a_video_named_dash(void **state)
{
    (void)state;
    result r;
    put_text("video", "not empty");
    run_with(&r, "match|-|t", "video", NULL, "fake");
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, "0.94  0.250  -  t\n");
}

static void test_names_that_are_not_utf8_pass_through_text_only(void **state)
{
    (void)state;
    result r;
    run(&r, "match|a\xFF.mp4|t");
    assert_string_equal(r.out, "0.94  0.250  a\xFF.mp4  t\n");
    run(&r, "match|a\xFF.mp4|t|-f|jsonl");
    assert_true(is_as_expected(r.out, "{\"path\":\"a\xEF\xBF\xBD.mp4\",*"));
    run(&r, "match|bad\xFF.mp4|t");
    assert_string_equal(r.err, "vblip: bad\xFF.mp4: no video stream\n");
}

static void test_null_ends_paths_with_nul(void **state)
{
    (void)state;
    result r;
    char out[64];
    run(&r, "retrieve|dir|q|-lZ");
    assert_int_equal(read_file(out, sizeof out, "out"), 20);
    assert_memory_equal(out, "dir/a.mp4\0dir/b.mp4\0", 20);
}

// Linear: comparing each of them with all before it would take minutes.
static void test_many_files_are_told_apart_in_time(void **state)
{
    (void)state;
    char count[16];
    assert_int_equal(system("ulimit -t 20; VBLIP_MODEL=fake '" VBLIP_FAKE "' retrieve "
                            "x.png many -l --top 200000 | sort -u | wc -l >count"),
                     0);
    read_file(count, sizeof count, "count");
    assert_int_equal(atoi(count), 200000);
}

// ----------------------------------------------------------------------------- output

static void test_output_files_appear_whole_or_not_at_all(void **state)
{
    (void)state;
    result r;
    run(&r, "tokenize|a|--vocab|v|-o|new.csv");
    assert_string_equal(r.out, "");
    expect_file("new.csv", "text,ids,pieces\na,101 97 102,[CLS] x [SEP]\n");

    // replaced at exit 3 and at 130, with the rows there are
    put_text("old.csv", "old");
    run(&r, "caption|bad.mp4|x.png|-o|old.csv");
    assert_int_equal(r.code, 3);
    expect_file("old.csv", HEAD "x.png,,,a dog on a beach,-0.25\n");
    put_text("old.json", "old");
    run(&r, "caption|interrupt.mp4|-o|old.json");
    assert_int_equal(r.code, 130);
    expect_file("old.json",
                "[\n{\"path\":\"interrupt.mp4\",\"start\":0.000,\"end\":1.000,"
                "\"caption\":\"a dog on a beach\",\"score\":-0.25},\n"
                "{\"path\":\"interrupt.mp4\",\"start\":1.000,\"end\":2.000,"
                "\"caption\":\"a dog on a beach\",\"score\":-0.25}\n]\n");

    // the old file stands when nothing came of the job
    static const struct {
        const char *line;
        int code;
    } failures[] = {
        {"caption|missing|-o|kept", 4},
        {"caption|a.mp4|--model|nomodel|-o|kept", 4},
        {"caption|a.mp4|--device|none|-o|kept", 5},
    };
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        put_text("kept", "old");
        run(&r, failures[i].line);
        assert_int_equal(r.code, failures[i].code);
        expect_file("kept", "old");
    }
    assert_int_equal(system("test -z \"$(ls -A | grep tmp)\""), 0);
}

static void test_output_follows_links_and_keeps_the_mode(void **state)
{
    (void)state;
    result r;
    struct stat info;
    put_text("target.csv", "old");
    assert_int_equal(chmod("target.csv", 0640), 0);
    assert_int_equal(symlink("target.csv", "link.csv"), 0);
    run(&r, "tokenize|a|--vocab|v|-o|link.csv");
    assert_int_equal(r.code, 0);
    assert_int_equal(lstat("link.csv", &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    expect_file("target.csv", "text,ids,pieces\na,101 97 102,[CLS] x [SEP]\n");
    assert_int_equal(stat("target.csv", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void test_subtitles_lie_beside_their_video(void **state)
{
    (void)state;
    result r;
    assert_int_equal(mkdir("sub", 0777), 0);
    run(&r, "caption|-f|srt|sub/one.mp4|two.mkv|sub/one.mkv|x.png|bad.mp4");
    assert_int_equal(r.code, 3);
    assert_string_equal(r.out, "");
    assert_string_equal(r.err,
                        "vblip: x.png: an image has no times, subtitles need them\n"
                        "vblip: bad.mp4: no video stream\n");
    expect_file("sub/one.srt", FAKE_SRT);
    expect_file("two.srt", FAKE_SRT);
    expect_file("sub/one.mkv.srt", FAKE_SRT);
    assert_int_equal(access("x.srt", F_OK), -1);
    assert_int_equal(access("bad.srt", F_OK), -1);

    run(&r, "caption|a.mp4|-o|elsewhere.srt");
    expect_file("elsewhere.srt", FAKE_SRT);
    assert_int_equal(access("a.srt", F_OK), -1);

    run(&r, "caption|short.mp4|-f|vtt");
    assert_int_equal(r.code, 4);
    expect_file("short.vtt",
                "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\na dog on a beach\n\n"
                "00:00:02.000 --> 00:00:02.500\na cat\n\n");

    put_text("video", "not empty");
    run_with(&r, "caption|-|-f|srt", "video", NULL, "fake");
    assert_string_equal(r.out, FAKE_SRT);

    run(&r, "caption|nowhere/a.mp4|-f|srt");
    assert_int_equal(r.code, 4);
    assert_string_equal(r.err, "vblip: nowhere/a.srt: No such file or directory\n");
}

// Of a picture that begins behind the sound: other formats count from the picture.
static void test_subtitles_count_from_the_start_of_the_file(void **state)
{
    (void)state;
    result r;
    run(&r, "caption|late.mp4|-f|srt");
    assert_int_equal(r.code, 0);
    expect_file("late.srt", "1\n00:00:02,000 --> 00:00:04,000\na dog on a beach\n\n"
                            "2\n00:00:04,000 --> 00:00:04,500\na cat\n\n");
    run(&r, "caption|late.mp4|--merge");
    assert_string_equal(r.out, "00:00:00.000  a dog on a beach\n00:00:02.000  a cat\n");
}

static void test_damage_that_is_shown_is_said(void **state)
{
    (void)state;
    result r;
    run(&r, "caption|scratched.png");
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, "a dog on a beach\n");
    assert_string_equal(r.err, "vblip: scratched.png: damaged\n");
    run(&r, "caption|-q|scratched.png");
    assert_string_equal(r.err, "");
}

static void test_a_full_disk_is_named(void **state)
{
    (void)state;
    result r;
    run_with(&r, "caption|a.mp4", NULL, "/dev/full", "fake");
    assert_int_equal(r.code, 4);
    assert_string_equal(r.err, "vblip: standard output: No space left on device\n");
    run_with(&r, "--help", NULL, "/dev/full", "fake");
    assert_int_equal(r.code, 4);
}

static void test_a_closed_pipe_ends_quietly(void **state)
{
    (void)state;
    static const char *const tails[] = {
        "help",
        "caption a.mp4",
        "caption a.mp4 -f json",
        "caption a.mp4 -f srt -o -",
        "tokenize --vocab v a b",
        "export films.index",
        "export films.index -f npy",
    };
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char command[512], err[256];
        // `sleep` starts reading after nobody does
        snprintf(command, sizeof command,
                 "{ sleep 0.05; VBLIP_MODEL=fake '%s' %s 2>err; echo $? >code; } | :",
                 VBLIP_FAKE, tails[i]);
        (void)!system(command);
        for (int wait = 0; wait < 100 && access("code", F_OK) != 0; wait++)
            (void)!system("sleep 0.02");
        read_file(err, sizeof err, "err");
        if (err[0])
            fail_msg("%s: %s", tails[i], err);
        read_file(err, sizeof err, "code");
        assert_string_equal(err, "0\n");
        unlink("code");
    }
}

static void test_a_pipe_is_written_directly(void **state)
{
    (void)state;
    char out[256];
    assert_int_equal(mkfifo("fifo", 0600), 0);
    int code = system("cat fifo >read & VBLIP_MODEL=fake '" VBLIP_FAKE
                      "' caption x.png -o fifo; code=$?; wait; exit $code");
    assert_int_equal(WEXITSTATUS(code), 0);
    read_file(out, sizeof out, "read");
    assert_string_equal(out, "a dog on a beach\n");
}

// -------------------------------------------------------------------------- the machine

// What a driver does to the program in one check loses nothing of what was found out before,
// nor the name of that check.
static void test_doctor_prints_as_it_goes(void **state)
{
    (void)state;
    char out[1024];
    assert_int_equal(
        system("FAKE_CRASH=attention '" VBLIP_FAKE "' doctor | cat >doctor"), 0);
    read_file(out, sizeof out, "doctor");
    assert_non_null(strstr(out, "   kernels    lavapipe\n"));
    assert_non_null(
        strstr(out, "   self-test  linear                   lavapipe     ok   "));
    const char *last = "   self-test  attention                simt         ";
    assert_true(strlen(out) > strlen(last));
    assert_string_equal(out + strlen(out) - strlen(last), last);
    assert_int_equal(system("'" VBLIP_FAKE "' doctor >doctor"), 0);
    read_file(out, sizeof out, "doctor");
    assert_non_null(strstr(out, "hwaccel       vaapi (no device: cuda, qsv)\n"));
}

static void test_json_is_read_back_by_another_program(void **state)
{
    (void)state;
    static const char *const commands[] = {"retrieve dir bad.mp4 q",
                                           "caption a.mp4",
                                           "qa a.mp4 w --answers a,b",
                                           "match a.mp4 t",
                                           "shots a.mp4 x.png",
                                           "reason a.png b.png t",
                                           "models",
                                           "doctor",
                                           "bench",
                                           "tokenize a --vocab v"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char command[512];
        snprintf(command, sizeof command,
                 "VBLIP_MODEL=fake '%s' %s -f json 2>/dev/null | python3 -m json.tool "
                 ">/dev/null",
                 VBLIP_FAKE, commands[i]);
        if (system(command) != 0)
            fail_msg("%s: not JSON", commands[i]);
    }
}

static void test_ffprobe_reads_the_subtitles(void **state)
{
    (void)state;
    result r;
    if (system("command -v ffprobe >/dev/null") != 0)
        return; // the exact bytes are tested above
    run(&r, "caption|probe.mp4|-f|srt");
    run(&r, "caption|probe.mp4|-f|vtt");
    assert_int_equal(system("test \"$(ffprobe -v error -show_entries "
                            "stream=codec_name -of csv=p=0 probe.srt)\" = subrip"),
                     0);
    assert_int_equal(system("test \"$(ffprobe -v error -show_entries "
                            "stream=codec_name -of csv=p=0 probe.vtt)\" = webvtt"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prints_and_exits_as_the_contract_says),
        cmocka_unit_test(test_reads_lists_and_texts_from_files),
        cmocka_unit_test(test_tokenize_keeps_every_entry_and_its_newlines),
        cmocka_unit_test(test_standard_input_is_a_video_named_dash),
        cmocka_unit_test(test_names_that_are_not_utf8_pass_through_text_only),
        cmocka_unit_test(test_null_ends_paths_with_nul),
        cmocka_unit_test(test_many_files_are_told_apart_in_time),
        cmocka_unit_test(test_output_files_appear_whole_or_not_at_all),
        cmocka_unit_test(test_output_follows_links_and_keeps_the_mode),
        cmocka_unit_test(test_subtitles_lie_beside_their_video),
        cmocka_unit_test(test_subtitles_count_from_the_start_of_the_file),
        cmocka_unit_test(test_damage_that_is_shown_is_said),
        cmocka_unit_test(test_a_full_disk_is_named),
        cmocka_unit_test(test_a_closed_pipe_ends_quietly),
        cmocka_unit_test(test_a_pipe_is_written_directly),
        cmocka_unit_test(test_doctor_prints_as_it_goes),
        cmocka_unit_test(test_json_is_read_back_by_another_program),
        cmocka_unit_test(test_ffprobe_reads_the_subtitles),
    };
    return cmocka_run_group_tests_name("program", tests, enter_folder, leave_folder);
}
