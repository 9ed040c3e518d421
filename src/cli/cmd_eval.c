// cmd_eval.c - the paper's protocols (cli.md 7): metrics, or predictions for a scorer.
#include "cli/cmd.h"

static const vb_column metric_columns[] = {{"metric", VB_CELL_TEXT, NULL},
                                           {"value", VB_CELL_REAL, NULL}};
static const vb_column caption_columns[] = {{"image_id", VB_CELL_WHOLE, NULL},
                                            {"caption", VB_CELL_TEXT, NULL}};
static const vb_column answer_columns[] = {{"question_id", VB_CELL_WHOLE, NULL},
                                           {"answer", VB_CELL_TEXT, NULL}};
static const vb_table metric_table = {metric_columns, 2};
static const vb_table caption_table = {caption_columns, 2};
static const vb_table answer_table = {answer_columns, 2};

// Of --predictions.
static const vb_column prediction_columns[] = {
    {"video", VB_CELL_TEXT, NULL},   {"question", VB_CELL_TEXT, NULL},
    {"answer", VB_CELL_TEXT, NULL},  {"expected", VB_CELL_TEXT, NULL},
    {"correct", VB_CELL_FLAG, NULL},
};
static const vb_table prediction_table = {prediction_columns, 5};

// In the order of vblip_protocol.
static const struct {
    const vb_table *table;
    uint32_t needs;
    const char *weights;
} protocols[] = {
    [VBLIP_EVAL_RETRIEVAL] = {&metric_table, VBLIP_TASK_RETRIEVAL,
                              "Salesforce/blip-itm-base-coco"},
    [VBLIP_EVAL_QA] = {&metric_table, VBLIP_TASK_VQA, "Salesforce/blip-vqa-base"},
    [VBLIP_EVAL_CAPTION] = {&caption_table, VBLIP_TASK_CAPTION,
                            "Salesforce/blip-image-captioning-base"},
    [VBLIP_EVAL_NLVR] = {&metric_table, VBLIP_TASK_NLVR, "model_base_nlvr.pth"},
    [VBLIP_EVAL_VQA] = {&answer_table, VBLIP_TASK_VQA, "Salesforce/blip-vqa-base"},
};

typedef struct eval_state {
    vblip_dataset *dataset;
    vb_outfile predictions;
    vb_rows rows; // the rows of --predictions
    vb_string line;
} eval_state;

static int on_metric(void *session, const char *name, double value)
{
    cli_session *s = session;
    if (s->args->format == VB_FORMAT_TEXT) {
        vb_string_appendf(&s->line, "%-10s  %.2f\n", name, value);
        return cli_emit_line(s);
    }
    const vb_cell cells[] = {vb_cell_text(name), vb_cell_real(value)};
    return cli_emit_row(s, cells);
}

// A line of --predictions.
static int keep_prediction(cli_session *s, const vblip_prediction *p)
{
    eval_state *state = s->state;
    if (!state->predictions.stream)
        return 0;
    const vb_cell cells[] = {
        vb_cell_text(p->path),     vb_cell_text(p->question), vb_cell_text(p->text),
        vb_cell_text(p->expected), vb_cell_flag(p->right),
    };
    vb_string_clear(&state->line);
    vb_rows_add(&state->rows, &state->line, cells);
    if (!vb_outfile_write(&state->predictions, state->line.bytes, state->line.size) ||
        !vb_outfile_flush(&state->predictions)) {
        s->failed_output = true;
        vb_console_error_errno(&s->console, s->args->predictions,
                               state->predictions.error);
    }
    return s->failed_output;
}

static int on_prediction(void *session, const vblip_prediction *p)
{
    cli_session *s = session;
    if (protocols[s->args->protocol].table == &metric_table)
        return keep_prediction(s, p);
    if (s->args->format == VB_FORMAT_TEXT) {
        vb_string_appendf(&s->line, "%llu\t%s\n", (unsigned long long)p->id, p->text);
        return cli_emit_line(s);
    }
    const vb_cell cells[] = {vb_cell_whole(p->id), vb_cell_text(p->text)};
    return cli_emit_row(s, cells);
}

static vblip_status cmd_eval_run(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    const eval_state *state = s->state;
    const vblip_job job = cli_job(s);
    const vblip_caption_options caption = cli_caption_options(a);
    const vblip_eval_options options = {
        .job = &job,
        .k_test = a->k_test,
        .scores = a->scores,
        .caption = &caption,
        .predicted = on_prediction,
        .measured = on_metric,
        .user = s,
    };
    return vblip_eval(s->model, state->dataset, &options, err);
}

static vblip_status open_predictions(cli_session *s, vblip_error *err)
{
    eval_state *state = s->state;
    if (!s->args->predictions)
        return VBLIP_OK;
    return vb_outfile_open(&state->predictions, s->args->predictions, err);
}

static vblip_status open_dataset(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    eval_state *state = s->state;
    const vblip_dataset_options options = {
        .media = a->media,
        .answers = a->answers_file,
    };
    return vblip_dataset_open(&state->dataset, (vblip_protocol)a->protocol,
                              a->annotations, &options, err);
}

static vblip_status cmd_eval_check(cli_session *s, vblip_error *err)
{
    VB_TRY(open_dataset(s, err));
    return open_predictions(s, err);
}

// Metrics of a part of a data set would lie: that is exit 3, whatever was done.
static cli_exit cmd_eval_finish(cli_session *s, cli_exit code)
{
    return code == CLI_EXIT_UNUSABLE && s->failed && !s->failed_output
               ? CLI_EXIT_SOME_FAILED
               : code;
}

// Ends --predictions: what is finished is kept, as with -o.
static cli_exit end_predictions(cli_session *s, eval_state *state, cli_exit code)
{
    vblip_error err = {0};
    const bool keep = code == CLI_EXIT_DONE || code == CLI_EXIT_SOME_FAILED ||
                      code == CLI_EXIT_INTERRUPTED;
    if (!keep)
        vb_outfile_discard(&state->predictions);
    else if (vb_outfile_finish(&state->predictions, &err) != VBLIP_OK) {
        vb_console_error(&s->console, "%s", err.message);
        return CLI_EXIT_UNUSABLE;
    }
    return code;
}

cli_exit cli_cmd_eval(cli_session *s)
{
    const cli_task task = {
        .table = protocols[s->args->protocol].table,
        .needs = protocols[s->args->protocol].needs,
        .weights = protocols[s->args->protocol].weights,
        .annotated = true,
        .check = cmd_eval_check,
        .run = cmd_eval_run,
        .finish = cmd_eval_finish,
    };
    eval_state state = {
        .rows = {.format = VB_FORMAT_JSONL, .table = &prediction_table}};
    s->state = &state;
    cli_exit code = cli_session_run(s, &task);
    if (state.predictions.stream)
        code = end_predictions(s, &state, code);
    vblip_dataset_close(&state.dataset);
    vb_string_free(&state.line);
    return code;
}
