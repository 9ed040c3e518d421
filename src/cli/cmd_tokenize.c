// cmd_tokenize.c - token ids and pieces (cli.md 6). Loads no device.
#include "cli/cmd.h"
#include "terminal/interrupt.h"

#include <string.h>

static const vb_column columns[] = {
    {"text", VB_CELL_TEXT, NULL},
    {"ids", VB_CELL_IDS, NULL},
    {"pieces", VB_CELL_STRINGS, NULL},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

static vblip_status cmd_tokenize_gather(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    for (uint32_t i = 0; i < a->texts.count; i++)
        if (!vb_list_add(&s->texts, a->texts.items[i], strlen(a->texts.items[i])))
            return vb_fail_memory(err, "texts");
    if (!a->list)
        return VBLIP_OK;
    return vb_list_read(&s->texts, a->list, a->list_nul ? '\0' : '\n', VB_ENTRIES_EXACT,
                        err);
}

static int cmd_tokenize_emit(cli_session *s, uint32_t i, const vblip_tokens *tokens)
{
    if (s->args->format == VB_FORMAT_TEXT) {
        for (uint32_t t = 0; t < tokens->count; t++)
            vb_string_appendf(&s->line, "%s%d", t ? " " : "", (int)tokens->ids[t]);
        for (uint32_t t = 0; t < tokens->count; t++)
            vb_string_appendf(&s->line, "%s%s", t ? " " : "  ", tokens->pieces[t]);
        vb_string_putc(&s->line, '\n');
        return cli_emit_line(s);
    }
    const vb_cell cells[] = {
        vb_cell_bytes(s->texts.items[i], s->texts.sizes[i]),
        vb_cell_ids(tokens->ids, tokens->count),
        vb_cell_strings(tokens->pieces, tokens->count),
    };
    return cli_emit_row(s, cells);
}

static cli_exit tokenize_all(cli_session *s, vblip_tokenizer *tokenizer)
{
    vblip_error err = {0};
    for (uint32_t i = 0; i < s->texts.count; i++) {
        vblip_tokens tokens;
        vblip_status status = vblip_tokenize(&tokens, tokenizer, s->texts.items[i],
                                             s->texts.sizes[i], &err);
        if (status != VBLIP_OK)
            return cli_fail(s, status, &err);
        if (cmd_tokenize_emit(s, i, &tokens))
            return vb_interrupted() ? CLI_EXIT_INTERRUPTED : CLI_EXIT_DONE;
    }
    return CLI_EXIT_DONE;
}

cli_exit cli_cmd_tokenize(cli_session *s)
{
    vblip_error err = {0};
    vblip_tokenizer *tokenizer = NULL;
    const vblip_model_options options = cli_model_options(s, 0);
    vblip_status status = cmd_tokenize_gather(s, &err);
    if (status == VBLIP_OK)
        status = vblip_tokenizer_open(&tokenizer, &options, &err);
    cli_exit code = vb_interrupted()     ? CLI_EXIT_INTERRUPTED
                    : status != VBLIP_OK ? cli_fail(s, status, &err)
                                         : cli_output_begin(s, &table);
    if (code == CLI_EXIT_DONE) {
        vb_rows_begin(&s->rows, &s->line);
        code = cli_output_end(s, tokenize_all(s, tokenizer));
    }
    vblip_tokenizer_close(&tokenizer);
    return code;
}
