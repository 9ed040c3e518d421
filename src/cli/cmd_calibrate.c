// cmd_calibrate.c - P(match) fitted to pairs of which is known whether they match (cli.md).
#include "cli/cmd.h"

enum { BINS = VBLIP_RELIABILITY_BINS };

static const vb_column bin_columns[] = {
    {"from", VB_CELL_REAL, NULL},     {"to", VB_CELL_REAL, NULL},
    {"pairs", VB_CELL_WHOLE, NULL},   {"mean_p", VB_CELL_REAL, NULL},
    {"observed", VB_CELL_REAL, NULL},
};
enum { BIN_COLUMNS = sizeof bin_columns / sizeof *bin_columns };
static const vb_table bin_table = {bin_columns, BIN_COLUMNS};

static const vb_column columns[] = {
    {"p_match", VB_CELL_TEXT, NULL},  {"temperature", VB_CELL_REAL, NULL},
    {"bias", VB_CELL_REAL, NULL},     {"pairs", VB_CELL_WHOLE, NULL},
    {"matches", VB_CELL_WHOLE, NULL}, {"ece", VB_CELL_REAL, NULL},
    {"brier", VB_CELL_REAL, NULL},    {"bins", VB_CELL_ROWS, &bin_table},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

// What is said of no pairs is absent.
static vb_cell share_of(const vblip_reliability_bin *bin, double share)
{
    return bin->pairs ? vb_cell_real(share) : (vb_cell){0};
}

static int emit_reliability(cli_session *s, const char *name, double temperature,
                            double bias, const vblip_calibration *c,
                            const vblip_reliability *r)
{
    vb_cell bins[BINS][BIN_COLUMNS];
    for (uint32_t b = 0; b < BINS; b++) {
        const vblip_reliability_bin *bin = &r->bins[b];
        bins[b][0] = vb_cell_real((double)b / BINS);
        bins[b][1] = vb_cell_real((double)(b + 1) / BINS);
        bins[b][2] = vb_cell_whole(bin->pairs);
        bins[b][3] = share_of(bin, bin->mean_p);
        bins[b][4] = share_of(bin, bin->observed);
    }
    const vb_cell cells[] = {
        vb_cell_text(name),      vb_cell_real(temperature),   vb_cell_real(bias),
        vb_cell_whole(c->pairs), vb_cell_whole(c->matches),   vb_cell_real(r->ece),
        vb_cell_real(r->brier),  vb_cell_rows(bins[0], BINS),
    };
    return cli_emit_row(s, cells);
}

static void add_bin(vb_string *out, const vblip_reliability_bin *bin)
{
    if (bin->pairs)
        vb_string_appendf(out, "  %8u  %6.3f  %8.3f", (unsigned)bin->pairs, bin->mean_p,
                          bin->observed);
    else
        vb_string_appendf(out, "  %8u  %6s  %8s", 0u, "-", "-");
}

static int emit_tables(cli_session *s, const vblip_calibrated *c)
{
    const vblip_calibration *fitted = c->calibration;
    vb_string *out = &s->line;
    vb_string_appendf(out, "%11s  %-26s  %s\n", "", "softmax", "calibrated");
    vb_string_appendf(out, "%-11s", "P(match)");
    for (int i = 0; i < 2; i++)
        vb_string_appendf(out, "  %8s  %6s  %8s", "pairs", "mean P", "observed");
    for (uint32_t b = 0; b < BINS; b++) {
        vb_string_appendf(out, "\n%.1f to %.1f ", (double)b / BINS,
                          (double)(b + 1) / BINS);
        add_bin(out, &c->before.bins[b]);
        add_bin(out, &c->after.bins[b]);
    }
    vb_string_appendf(out, "\n%-11s  %26.4f  %26.4f\n", "ECE", c->before.ece,
                      c->after.ece);
    vb_string_appendf(out, "%-11s  %26.4f  %26.4f\n", "Brier", c->before.brier,
                      c->after.brier);
    vb_string_appendf(
        out, "temperature %.4f, bias %.4f: of %u pairs, %u of which match; %s\n",
        (double)fitted->temperature, (double)fitted->bias, (unsigned)fitted->pairs,
        (unsigned)fitted->matches, fitted->path);
    return cli_emit_line(s);
}

static int on_calibrated(void *session, const vblip_calibrated *c)
{
    cli_session *s = session;
    const vblip_calibration *fitted = c->calibration;
    if (s->args->format == VB_FORMAT_TEXT)
        return emit_tables(s, c);
    return emit_reliability(s, "softmax", 1, 0, fitted, &c->before) ||
           emit_reliability(s, "calibrated", (double)fitted->temperature,
                            (double)fitted->bias, fitted, &c->after);
}

static vblip_status cmd_calibrate_check(cli_session *s, vblip_error *err)
{
    vblip_dataset *pairs = NULL;
    const vblip_dataset_options options = {.media = s->args->media};
    VB_TRY(vblip_dataset_open(&pairs, VBLIP_CALIBRATION, s->args->paths.items[0],
                              &options, err));
    s->state = pairs;
    return VBLIP_OK;
}

static vblip_status cmd_calibrate_run(cli_session *s, vblip_error *err)
{
    const vblip_job job = cli_job(s);
    const vblip_calibrate_options options = {
        .job = &job,
        .itm_cls = s->args->itm_token == 1,
        .output = s->args->output,
    };
    return vblip_calibrate(s->model, s->state, &options, on_calibrated, s, err);
}

// As with eval: what part of the pairs says would lie.
static cli_exit cmd_calibrate_finish(cli_session *s, cli_exit code)
{
    return code == CLI_EXIT_UNUSABLE && s->failed ? CLI_EXIT_SOME_FAILED : code;
}

cli_exit cli_cmd_calibrate(cli_session *s)
{
    static const cli_task task = {
        .table = &table,
        .needs = VBLIP_TASK_RETRIEVAL,
        .weights = "Salesforce/blip-itm-base-coco",
        .annotated = true,
        .rows_on_stdout = true,
        .check = cmd_calibrate_check,
        .run = cmd_calibrate_run,
        .finish = cmd_calibrate_finish,
    };
    const cli_exit code = cli_session_run(s, &task);
    vblip_dataset *pairs = s->state;
    vblip_dataset_close(&pairs);
    return code;
}
