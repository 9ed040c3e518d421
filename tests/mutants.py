#!/usr/bin/env python3
"""mutants.py BUILD [NAME...] - shows that docs/model.md is not only prose.

Every fact of docs/model.md has mutants here: the smallest wrong change to the code, and
the test that must then fail. This program makes each change in turn, builds that test,
runs it, and puts the code back. BUILD is a build folder, built; NAMEs choose facts.
Takes a quarter of an hour for all of them, so it is run by hand; ends with 1 if one
survives.
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

ANSWER, BEAM, CAPTION = "src/blip/answer.c", "src/blip/beam.c", "src/blip/caption.c"
CLEAN, CONFIG, MATCH = "src/tokenizer/clean.c", "src/checkpoint/config.c", "src/blip/match.c"
HEADS, TEXT, VISION = "src/blip/heads.c", "src/blip/text.c", "src/blip/vision.c"
GENERATE, LOGITS, MODEL = "src/blip/generate.c", "src/blip/logits.c", "src/blip/model.c"
WEIGHTS, LAYOUT, VOCAB = "src/blip/weights.c", "src/checkpoint/layout.c", "src/tokenizer/vocab.c"
TENSORS = "src/checkpoint/tensors.h"
SCALE, RESIZE = "src/decode/scale.c", "src/decode/resize.c"

TEXTS, WRITE = "src/blip/texts.c", "src/blip/write.c"

VECTORS, REASON = "model.vectors_tiny_ref", "model.reason_tiny_ref"
CAPTIONS, QUESTIONS = "model.captions_tiny_ref", "model.questions_tiny_ref"

# (fact, test, function of it, file, what is there, what is wrong[, more files ...])
MUTANTS = [
    # first tokens
    ("itm-enc", VECTORS, "test_matching_images",
     MATCH, "? model->special.cls : vb_model_first(model);",
     "? model->special.cls : model->special.cls;"),
    ("itc-cls", VECTORS, "test_matching_images",
     MATCH, ".first = m->special.cls,", ".first = m->special.enc,"),
    ("question-enc", QUESTIONS, "test_generated_answers",
     ANSWER, "vb_model_first(m), err", "m->special.cls, err"),
    ("dec", QUESTIONS, "test_generated_answers",
     ANSWER, "&m->special.dec, 1, err", "&m->special.cls, 1, err"),
    ("dec", QUESTIONS, "test_ranked_answers",
     ANSWER, "0, 0, m->special.dec,", "0, 0, m->special.cls,"),
    ("dec", CAPTIONS, "test_captions",
     CAPTION, "0, 0, m->special.dec, err", "0, 0, m->special.cls, err"),
    ("prompt-open", CAPTIONS, "test_captions",
     CAPTION, "    m->ids.count--;\n", ""),

    # vision
    ("vision-eps", VECTORS, "test_every_norm_of_vision_has_its_epsilon",
     VISION, ".bias = w->norm1.bias, .eps = config->eps", ".bias = w->norm1.bias, .eps = 1e-6f"),
    ("vision-eps", VECTORS, "test_every_norm_of_vision_has_its_epsilon",
     VISION, ".bias = w->norm2.bias, .eps = config->eps", ".bias = w->norm2.bias, .eps = config ? 1e-6f : 1.0f"),
    ("vision-eps", VECTORS, "test_every_norm_of_vision_has_its_epsilon",
     VISION, ".eps = config->vision.eps);", ".eps = 1e-6f);"),
    ("vision-eps", "unit.config", "test_fields_left_out_have_the_librarys_defaults",
     CONFIG, ".eps = 1e-5f},", ".eps = 1e-6f},"),
    ("text-eps", "unit.config", "test_fields_left_out_have_the_librarys_defaults",
     CONFIG, ".eps = 1e-12f},", ".eps = 1e-5f},"),
    ("text-eps", VECTORS, "test_decoder",
     CONFIG, ".eps = 1e-12f},", ".eps = 1e-5f},"),
    ("pre-post", VECTORS, "test_vision_block_by_block",
     VISION, ".x = s->norm, .w = w->fc1.w", ".x = x, .w = w->fc1.w"),
    ("pre-post", VECTORS, "test_text_encoder",
     TEXT, ".y = s->hidden, .x = s->hidden, .gain = w->mlp_norm",
     ".y = s->mixed, .x = s->hidden, .gain = w->mlp_norm"),
    ("gelu", "gpu.op_linear", "test_matches_double",
     "shaders/common.glsl", "    return x < 0.0 ? tail : x - tail;",
     "    return 0.5 * x * (1.0 + tanh(0.7978845608 * (x + 0.044715 * x * x * x)));"),
    ("gelu", "unit.config", "test_refuses_what_is_not_a_blip",
     CONFIG, 'read_activation(vision, err)',
     'vb_json_expect(vision, "hidden_act", "gelu_new", err)'),
    ("softmax-scale", "gpu.op_attention", "test_matches_double",
     "src/gpu/ops_transformer.c", "1.0F / sqrtf((float)head_dim)", "head_dim ? 0.125F : 1.0F"),
    ("positions-bicubic", "unit.positions", "test_equals_torch",
     "src/blip/positions.c", "a = -0.75;", "a = -0.5;"),
    ("positions-bicubic", "model.loader_tiny_ref", "test_golden_loads",
     "src/blip/positions.c", "a = -0.75;", "a = -0.5;"),
    ("positions-bicubic", "unit.weights",
     "test_positions_of_fewer_patches_are_resized_or_the_first",
     WEIGHTS, "l->first_positions ? values : values + old_count;", "values + old_count;"),
    ("image-bicubic", "unit.resize", "test_resizes_bit_for_bit_like_pil",
     RESIZE, "a = -0.5;", "a = -0.75;"),
    ("image-bicubic", "unit.resize", "test_resizes_bit_for_bit_like_pil",
     RESIZE, "double widen = scale > 1.0 ? scale : 1.0,", "double widen = 1.0,"),
    ("video-pixels", "unit.decode", "test_reference_files_give_decords_frames",
     SCALE, '"sws_flags", SWS_BILINEAR', '"sws_flags", SWS_BICUBIC'),
    ("video-pixels", "unit.decode", "test_reference_files_give_decords_frames",
     SCALE, "= (int)frame->colorspace;", "= SWS_CS_ITU601;"),
    ("video-pixels", "unit.decode", "test_reference_files_give_decords_frames",
     SCALE, "(int)frame->colorspace;",
     "frame->colorspace == AVCOL_SPC_UNSPECIFIED ? 1 : (int)frame->colorspace;"),
    ("frame-indices", "unit.sampler", "test_takes_the_frames_numpy_takes",
     "src/decode/sampler.c", "indices[i] = i * whole_step;",
     "indices[i] = (uint64_t)(i * step), (void)whole_step;"),
    ("frame-indices", "unit.sampler", "test_takes_the_frames_numpy_takes",
     "src/decode/sampler.c", "(uint32_t)ceil((double)frames / step)", "step > 0 ? wanted : 0"),

    # matching
    ("mean-then-normalise", VECTORS, "test_matching_videos",
     HEADS, "    vb_mean_rows(rec,",
     "    vb_l2norm(rec, .y = proj, .x = proj, .eps = normalise_eps);\n    vb_mean_rows(rec,"),
    ("video-tokens", VECTORS, "test_matching_videos",
     MODEL, "visual->tokens = vb_reshape(x, 1, count * tokens, c->width);",
     "visual->tokens = vb_reshape(vb_batches(x, 0, 1), 1, tokens, c->width);"),
    ("score", "tasks.retrieve", "test_a_hit_says_what_is_known",
     "src/video_tasks/retrieve.c", "score += moment->hit.score + pairs[m]->logits[1];",
     "score += pairs[m]->logits[1];"),
    ("score", "tasks.golden_tiny_ref_retrieval", "retrieval",
     "src/video_tasks/retrieve.c", "score += moment->hit.score + pairs[m]->logits[1];",
     "score += pairs[m]->logits[1];"),
    ("score", "tasks.retrieve", "test_hits_are_ranked",
     "src/video_tasks/retrieve.c", "score += moment->hit.score + pairs[m]->logits[1];",
     "score += moment->hit.score + vb_match_probability(NULL, pairs[m]->logits);"),
    ("no-temperature", "tasks.golden_tiny_ref_retrieval", "retrieval",
     "src/video_tasks/retrieve.c", "score += moment->hit.score + pairs[m]->logits[1];",
     "score += moment->hit.score / 0.07f + pairs[m]->logits[1];"),
    ("rerank", "tasks.retrieve", "test_candidates_stay_before_the_others",
     "src/video_tasks/retrieve.c", "if ((a->pairs[0] != NULL) != (b->pairs[0] != NULL))",
     "if (a == b)"),
    ("pads", "model.model_tiny_ref", "test_many_texts_are_as_one",
     TEXTS, "kv, ids, lengths, cross);", "kv, ids, (vb_tensor){0}, cross);"),

    # text
    ("causal", VECTORS, "test_decoder",
     TEXT, ".causal = true};", ".causal = false};"),
    ("causal", VECTORS, "test_text_encoder",
     TEXT, "{.kv = kv, .lengths = lengths};",
     "{.kv = kv, .lengths = lengths, .causal = true};"),
    ("positions-go-on", VECTORS, "test_decoder",
     TEXT, "vb_text_embed(rec, w, config, s, ids, first);",
     "vb_text_embed(rec, w, config, s, ids, 0);"),
    ("35-tokens", "model.model_tiny_ref", "test_long_texts_are_cut",
     "src/blip/compat.h", "VB_TEXT_TOKENS = 35", "VB_TEXT_TOKENS = 36"),
    ("35-tokens", "unit.tokenizer", "test_truncation_equals_the_reference",
     "src/tokenizer/wordpiece.c", "max_length - 2", "max_length - 1"),
    ("cleaning", "unit.tokenizer", "test_pre_caption_equals_the_reference",
     CLEAN, "size = blank_marked(text, size);",
     "size = blank_marked(text, delete_marked(text, size));"),
    ("cleaning", "unit.tokenizer", "test_pre_question_equals_the_reference",
     CLEAN, "size = delete_marked(text, size);",
     "size = delete_marked(text, blank_marked(text, size));"),
    ("call-sites", "model.model_tiny_ref", "test_each_text_is_cleaned_in_its_way",
     TEXTS, "texts[i], vb_pre_caption,", "texts[i], vb_pre_question,"),
    ("call-sites", "model.model_tiny_ref", "test_each_text_is_cleaned_in_its_way",
     ANSWER, "question, vb_pre_question,", "question, vb_pre_caption,"),
    ("call-sites", "model.model_tiny_ref", "test_each_text_is_cleaned_in_its_way",
     ANSWER, "answers[i], NULL, 0, 0,", "answers[i], vb_pre_question, 50, 0,"),
    ("call-sites", "model.model_tiny_ref", "test_each_text_is_cleaned_in_its_way",
     CAPTION, "prompt, NULL, 0, 0,", "prompt, vb_pre_caption, 40, 0,"),
    ("wordpiece", "unit.tokenizer", "test_ids_equal_the_reference",
     "src/tokenizer/wordpiece.c", "MAX_WORD = 100", "MAX_WORD = 101"),
    ("wordpiece", "unit.tokenizer", "test_ids_equal_the_reference",
     "src/tokenizer/wordpiece.c", "                pieces[0] = t->unk;\n                count = 1;\n",
     "                pieces[count++] = t->unk;\n"),
    ("ids-looked-up", "unit.vocab", "test_good_files",
     VOCAB, "        v->specials[i] = find_name(v, special_names[i]);\n        if (v->specials[i] < 0)",
     "        v->specials[i] = i;\n        if (v->specials[i] < 0)"),
    ("ids-looked-up", CAPTIONS, "test_captions",
     CAPTION, ".eos = m->special.sep,", ".eos = 2,"),
    ("lines-plus-2", "unit.checkpoint", "test_vocabulary_is_the_models",
     "src/checkpoint/checkpoint.c", "    if (size != c->file.text.vocabulary)\n",
     "    if (size > c->file.text.vocabulary)\n"),

    # decoding
    ("unk-dropped", "unit.tokenizer", "test_decoding_equals_the_reference",
     VOCAB, "    v->tokens[t->id].special |= t->special;",
     "    v->tokens[t->id].special |= t->special && t->id != 100;"),
    ("13-characters", CAPTIONS, "test_captions",
     WRITE, "m->vocab, written->ids, written->count, err));",
     "m->vocab, written->ids + w->prompt->count, written->count - w->prompt->count, err));",
     WRITE, "leading_bytes(&m->cleaned, w->cut)", "leading_bytes(&m->cleaned, 0 * w->cut)"),

    # generation
    ("lengths-count-prompt", CAPTIONS, "test_captions",
     CAPTION, ".max_length = p.max_length,", ".max_length = p.max_length + 4,"),
    ("lengths-count-prompt", CAPTIONS, "test_captions",
     CAPTION, ".min_length = p.min_length,", ".min_length = p.min_length + 4,"),
    ("answer-10", QUESTIONS, "test_generated_answers",
     "src/blip/compat.c", ".beams = 3, .max_length = 10", ".beams = 3, .max_length = 11"),
    ("beam-length", "unit.beam", "test_better_hypothesis_replaces_the_lowest",
     BEAM, "return (double)sum / (double)b->length;",
     "return (double)sum / (double)(b->length + 1);"),
    ("beam-length", CAPTIONS, "test_captions",
     BEAM, "return (double)sum / (double)b->length;",
     "return (double)sum / (double)(b->length + 1);"),
    ("beam-stop", "unit.beam", "test_stop_test_holds_on_an_exact_tie",
     BEAM, "b->worst >= reachable;", "b->worst > reachable;"),
    ("beam-stop", CAPTIONS, "test_beam_search",
     BEAM, ": b->candidates[0].sum);",
     ": b->sums[0]);"),
    ("beam-double", "unit.beam", "test_the_tie_holds_whatever_the_length",
     BEAM, "const double score = normalise(b, sum);",
     "const double score = (double)(float)normalise(b, sum);"),
    ("beam-sep-rank", "unit.beam", "test_sep_at_rank_of_beams_or_more_is_dropped",
     BEAM, "            if (rank < p->beams)\n", ""),
    ("penalty-once", "unit.beam", "test_penalty_once_for_each_id_and_by_sign",
     LOGITS, "        if (seen < i)\n            continue;\n", ""),
    ("penalty-logp", "unit.beam", "test_repetition_penalty_is_on_log_probabilities",
     BEAM, "        vb_log_softmax_row(scores, p->vocabulary);\n        score_row(b, row, scores);\n",
     "        score_row(b, row, scores);\n        vb_log_softmax_row(scores, p->vocabulary);\n"),
    ("penalty-logp", CAPTIONS, "test_greedy",
     GENERATE, "    if (p->repetition_penalty != 1.0f)\n",
     "    vb_log_softmax_row(logits, p->vocabulary);\n    if (p->repetition_penalty != 1.0f)\n"),
    ("min-length", "unit.beam", "test_minimum_length_forbids_sep",
     BEAM, "        vb_log_softmax_row(scores, p->vocabulary);\n",
     "        if (b->length < p->min_length)\n            scores[p->eos] = -INFINITY;\n"
     "        vb_log_softmax_row(scores, p->vocabulary);\n"),
    ("nucleus", CAPTIONS, "test_first_choices_of_sampling",
     CAPTION, "p.top_k = d->top_k;", "p.top_k = UINT32_MAX;"),
    ("nucleus", "unit.sample", "test_what_is_kept",
     "src/blip/sample.c", "sum <= (double)s->params.top_p)",
     "sum + s->kept[count].probability <= (double)s->params.top_p)"),

    # questions
    ("decoder-width", "unit.checkpoint_seeded", "test_seeded_folders_open_as_what_they_are",
     LAYOUT, "width == c->decoder.width)\n        return width;",
     "width == c->decoder.width)\n        return c->vision.width;"),
    ("all-states", QUESTIONS, "test_generated_answers",
     ANSWER, "&m->config.decoder, m->ids.count, err", "&m->config.decoder, 1, err",
     ANSWER, "0, &m->question, states);", "0, &m->question, vb_rows(states, 0, 1));"),
    ("smoothing", QUESTIONS, "test_ranked_answers",
     "src/blip/compat.c", ".smoothing = 0.1,", ".smoothing = 0.0,"),
    ("rank-sum", QUESTIONS, "test_ranked_answers",
     ANSWER, "    return (float)score;", "    return (float)(score / (ids->count - 1));"),
    ("rank-first", QUESTIONS, "test_ranked_answers",
     ANSWER, "logits[list[i].ids.ids[1]]);", "logits[list[i].ids.ids[list[i].ids.count - 2]]);"),
    ("16-frames", "tasks.ask_match", "test_answers_come_in_order",
     "src/video_tasks/ask.c", "DEFAULT_FRAMES = 16", "DEFAULT_FRAMES = 8"),
    ("16-frames", "tasks.retrieve", "test_hits_are_ranked",
     "src/video_tasks/retrieve.c", "DEFAULT_FRAMES = 8", "DEFAULT_FRAMES = 16"),

    # metrics
    ("ranks", "unit.metrics", "test_recalls_are_numpys",
     "src/video_tasks/metrics.c", "(a == b && i > j)", "(a == b && i < j)"),
    ("ranks", "unit.metrics", "test_recalls_are_numpys",
     "src/video_tasks/metrics.c", "[count / 2]) / 2 + 1,", "[count / 2]) / 2,"),

    # two images
    ("nlvr-images", REASON, "test_logits",
     TENSORS, '"crossattention.self1.query")', '"crossattention.self0.query")'),
    ("nlvr-images", "unit.checkpoint", "test_where_an_nlvr_encoder_begins_to_merge",
     LAYOUT, "REFERENCE_MERGES_FROM = 6", "REFERENCE_MERGES_FROM = 7"),
    ("nlvr-images", REASON, "test_logits",
     HEADS, "VB_ACT_RELU", "VB_ACT_GELU"),

    # checkpoints
    ("heads-stated", "unit.config", "test_refuses_what_is_not_a_blip",
     CONFIG, "    if (out->text.heads == 0)\n",
     "    if (out->text.heads == 0)\n        out->text.heads = 8;\n    if (out->text.heads == 0)\n"),
    ("lm-head", "model.loader_tiny_ref", "test_an_untied_head_is_two_tensors_in_a_folder_only",
     WEIGHTS, "    if (a->file == b->file && a->at == b->at)\n", "    if (a->file || b->file)\n"),
    ("lm-head", "unit.checkpoint_seeded", "test_heads_are_found_whatever_they_are_stored_as",
     TENSORS, '"bias", "decoder.bias")', '"bias", "decoder.beta")'),
    ("pth-head", "unit.names", "test_the_head_is_the_word_embedding_of_the_original",
     "src/checkpoint/names.c", "        w->at = last->at;\n", ""),
    ("no-config", "unit.weight_files", "test_every_size_comes_from_the_tensors",
     "src/checkpoint/infer.c", "    out->vision.eps = 1e-6f;\n", ""),
    ("no-config", "unit.weight_files", "test_widths_that_heads_do_not_divide_are_refused",
     "src/checkpoint/infer.h", "VB_HEAD_WIDTH = 64", "VB_HEAD_WIDTH = 32"),
    ("momentum", "unit.checkpoint_seeded", "test_seeded_folders_open_as_what_they_are",
     "src/checkpoint/schema.c", '"text_encoder_m."', '"text_encoder_mm."'),
]


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          cwd=ROOT, check=False)


def targets_of(build):
    """Test name to build target."""
    listing = run("ctest", "--test-dir", build, "--show-only=json-v1").stdout
    tests = json.loads(listing)["tests"]
    return {t["name"]: os.path.basename(t["command"][0]) for t in tests if "command" in t}


def make_changes(edits):
    """The sources to put back, by path; None if a line is not there any more."""
    before = {}
    for path, old, new in edits:
        full = os.path.join(ROOT, path)
        with open(full, encoding="utf-8") as file:
            text = file.read()
        before.setdefault(full, text)
        if text.count(old) != 1:
            put_back(before)
            return None
        with open(full, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
    return before


def put_back(before):
    for path, text in before.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def verdict(build, test, function, target):
    if run("cmake", "--build", build, "--target", target).returncode:
        return "does not build"
    out = run("ctest", "--test-dir", build, "-V", "-R", "^%s$" % re.escape(test)).stdout
    failed = re.findall(r"\[  FAILED  \] ([a-z]\w*)", out.decode("utf-8", "replace"))
    if function in failed:
        return "killed"
    return "killed by %s instead" % ", ".join(sorted(set(failed))) if failed else "survives"


def passes_unchanged(build, tests, targets):
    """A test that fails in any case has killed nothing."""
    run("cmake", "--build", build, "--target", *{targets[t] for t in tests})
    names = "|".join(re.escape(t) for t in sorted(tests))
    result = run("ctest", "--test-dir", build, "--output-on-failure", "-R", "^(%s)$" % names)
    if result.returncode:
        print(result.stdout.decode("utf-8", "replace"))
    print("without changes %d tests %s" % (len(tests), "fail" if result.returncode else "pass"))
    return result.returncode == 0


def main():
    build = os.path.abspath(sys.argv[1])
    names = sys.argv[2:]
    targets = targets_of(build)
    used, bad = set(), 0
    for name, test, function, *edits in MUTANTS:
        if names and name not in names:
            continue
        before = make_changes(list(zip(edits[0::3], edits[1::3], edits[2::3])))
        result = "the code has changed"
        if before is not None:
            try:
                result = verdict(build, test, function, targets[test])
            finally:
                put_back(before)
        used.add(test)
        bad += result != "killed"
        print("%-22s %s: %s: %s" % (name, test, function, result), flush=True)
    bad += not passes_unchanged(build, used, targets)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
