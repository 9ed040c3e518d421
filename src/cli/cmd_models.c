// cmd_models.c - what a checkpoint holds. Loads no device.
#include "cli/cmd.h"
#include "terminal/interrupt.h"

#include <inttypes.h>

static const vb_column columns[] = {
    {"path", VB_CELL_TEXT, NULL},
    {"layout", VB_CELL_TEXT, NULL},
    {"tasks", VB_CELL_STRINGS, NULL},
    {"dtype", VB_CELL_TEXT, NULL},
    {"image_size", VB_CELL_WHOLE, NULL},
    {"patch_size", VB_CELL_WHOLE, NULL},
    {"vision_width", VB_CELL_WHOLE, NULL},
    {"vision_layers", VB_CELL_WHOLE, NULL},
    {"vision_heads", VB_CELL_WHOLE, NULL},
    {"vision_mlp", VB_CELL_WHOLE, NULL},
    {"text_width", VB_CELL_WHOLE, NULL},
    {"encoder_layers", VB_CELL_WHOLE, NULL},
    {"decoder_layers", VB_CELL_WHOLE, NULL},
    {"text_heads", VB_CELL_WHOLE, NULL},
    {"text_mlp", VB_CELL_WHOLE, NULL},
    {"projection_width", VB_CELL_WHOLE, NULL},
    {"positions", VB_CELL_WHOLE, NULL},
    {"vocabulary", VB_CELL_WHOLE, NULL},
    {"parameters", VB_CELL_WHOLE, NULL},
    {"file_bytes", VB_CELL_WHOLE, NULL},
    {"files", VB_CELL_STRINGS, NULL},
    {"demo", VB_CELL_FLAG, NULL},
    {"missing", VB_CELL_STRINGS, NULL},
    {"unexpected", VB_CELL_STRINGS, NULL},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

enum { TASK_KINDS = 6 };

// Names of the tasks in `bits`, of retrieval and its part ITC one; returns how many.
static uint32_t name_tasks(const char *names[TASK_KINDS + 1], uint32_t bits)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } tasks[TASK_KINDS] = {
        {VBLIP_TASK_RETRIEVAL, "retrieval"}, {VBLIP_TASK_ITC, "itc"},
        {VBLIP_TASK_CAPTION, "caption"},     {VBLIP_TASK_VQA, "vqa"},
        {VBLIP_TASK_NLVR, "nlvr"},           {VBLIP_TASK_FEATURES, "features"}};
    uint32_t count = 0;
    if (bits & VBLIP_TASK_RETRIEVAL)
        bits &= ~(uint32_t)VBLIP_TASK_ITC;
    for (int i = 0; i < TASK_KINDS; i++)
        if (bits & tasks[i].bit)
            names[count++] = tasks[i].name;
    names[count] = NULL;
    return count;
}

static uint32_t length(const char *const *strings)
{
    uint32_t count = 0;
    while (strings && strings[count])
        count++;
    return count;
}

static vb_cell strings_cell(const char *const *strings)
{
    return vb_cell_strings(strings, length(strings));
}

static void add_list(vb_string *out, const char *label, const char *const *strings,
                     const char *separator)
{
    vb_string_appendf(out, "  %-12s", label);
    if (!length(strings))
        vb_string_puts(out, "none");
    for (uint32_t i = 0; strings && strings[i]; i++)
        vb_string_appendf(out, "%s%s", i ? separator : "", strings[i]);
    vb_string_putc(out, '\n');
}

static int cmd_models_emit_text(cli_session *s, const vblip_model_info *m)
{
    const char *tasks[TASK_KINDS + 1];
    name_tasks(tasks, m->tasks);
    vb_string *out = &s->line;
    vb_string_appendf(out, "%s%s\n", m->path, m->demo ? " (the demo model)" : "");
    vb_string_appendf(out, "  layout      %s\n", m->layout);
    add_list(out, "tasks", tasks, ", ");
    vb_string_appendf(out, "  dtype       %s\n", m->dtype);
    vb_string_appendf(out, "  image       %ux%u, patch %u\n", m->image_size,
                      m->image_size, m->patch_size);
    vb_string_appendf(out, "  vision      width %u, layers %u, heads %u, mlp %u\n",
                      m->vision_width, m->vision_layers, m->vision_heads,
                      m->vision_mlp);
    vb_string_appendf(out,
                      "  text        width %u, encoder layers %u, decoder layers %u, "
                      "heads %u, mlp %u\n",
                      m->text_width, m->encoder_layers, m->decoder_layers,
                      m->text_heads, m->text_mlp);
    vb_string_appendf(out, "  projection  %u\n  positions   %u\n  vocabulary  %u\n",
                      m->projection_width, m->positions, m->vocabulary);
    vb_string_appendf(out,
                      "  parameters  %" PRIu64 "\n  size        %" PRIu64 " bytes\n",
                      m->parameters, m->file_bytes);
    add_list(out, "files", m->files, "\n              ");
    add_list(out, "missing", m->missing, "\n              ");
    add_list(out, "unexpected", m->unexpected, "\n              ");
    return cli_emit_line(s);
}

static int cmd_models_on_model(void *session, const vblip_model_info *m)
{
    cli_session *s = session;
    if (s->args->format == VB_FORMAT_TEXT)
        return cmd_models_emit_text(s, m);
    const char *tasks[TASK_KINDS + 1];
    uint32_t task_count = name_tasks(tasks, m->tasks);
    const vb_cell cells[] = {
        vb_cell_text(m->path),
        vb_cell_text(m->layout),
        vb_cell_strings(tasks, task_count),
        vb_cell_text(m->dtype),
        vb_cell_whole(m->image_size),
        vb_cell_whole(m->patch_size),
        vb_cell_whole(m->vision_width),
        vb_cell_whole(m->vision_layers),
        vb_cell_whole(m->vision_heads),
        vb_cell_whole(m->vision_mlp),
        vb_cell_whole(m->text_width),
        vb_cell_whole(m->encoder_layers),
        vb_cell_whole(m->decoder_layers),
        vb_cell_whole(m->text_heads),
        vb_cell_whole(m->text_mlp),
        vb_cell_whole(m->projection_width),
        vb_cell_whole(m->positions),
        vb_cell_whole(m->vocabulary),
        vb_cell_whole(m->parameters),
        vb_cell_whole(m->file_bytes),
        strings_cell(m->files),
        vb_cell_flag(m->demo),
        strings_cell(m->missing),
        strings_cell(m->unexpected),
    };
    return cli_emit_row(s, cells);
}

cli_exit cli_cmd_models(cli_session *s)
{
    vblip_error err = {0};
    const vblip_model_options options = cli_model_options(s, 0);
    cli_exit code = cli_output_begin(s, &table);
    if (code != CLI_EXIT_DONE)
        return code;
    vb_rows_begin(&s->rows, &s->line);
    vblip_status status = vblip_model_inspect(&options, cmd_models_on_model, s, &err);
    if (vb_interrupted())
        code = CLI_EXIT_INTERRUPTED;
    else if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        code = cli_fail(s, status, &err);
    return cli_output_end(s, code);
}
