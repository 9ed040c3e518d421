// cmd_tokenize.c - token ids and pieces (cli.md 6). Loads no device.
#include "cli/cmd.h"
#include "terminal/interrupt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const vb_column columns[] = {
    {"text", VB_CELL_TEXT, NULL},
    {"ids", VB_CELL_IDS, NULL},
    {"pieces", VB_CELL_STRINGS, NULL},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

static bool add_if_readable(vb_string *out, const char *folder)
{
    vb_string_clear(out);
    vb_string_appendf(out, "%s/vocab.txt", folder);
    return !out->failed && access(out->bytes, R_OK) == 0;
}

static int cmd_tokenize_on_model(void *vocab, const vblip_model_info *info)
{
    return add_if_readable(vocab, info->path); // the first that has one will do
}

// The vocabulary that the model would use, into `out`; nothing for the bundled one.
static cli_exit cmd_tokenize_find_vocab(cli_session *s, vb_string *out)
{
    vblip_error err = {0};
    const vblip_model_options options = cli_model_options(s, 0);
    if (s->args->vocab) {
        vb_string_puts(out, s->args->vocab);
        return CLI_EXIT_DONE;
    }
    const bool named = s->args->model || s->env.model;
    if (options.path) {
        if (add_if_readable(out, options.path))
            return CLI_EXIT_DONE;
        vblip_status status =
            vblip_model_inspect(&options, cmd_tokenize_on_model, out, &err);
        if (status == VBLIP_ERR_CANCELLED)
            return CLI_EXIT_DONE;
        if (status != VBLIP_OK && named)
            return cli_fail(s, status, &err);
    }
    vb_string_clear(out);
    return CLI_EXIT_DONE;
}

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
    vb_string vocab = {0};
    vblip_tokenizer *tokenizer = NULL;
    vblip_status status = cmd_tokenize_gather(s, &err);
    cli_exit code = vb_interrupted()     ? CLI_EXIT_INTERRUPTED
                    : status != VBLIP_OK ? cli_fail(s, status, &err)
                                         : cmd_tokenize_find_vocab(s, &vocab);
    if (code == CLI_EXIT_DONE) {
        status =
            vblip_tokenizer_open(&tokenizer, vocab.size ? vocab.bytes : NULL, &err);
        if (status != VBLIP_OK) {
            vb_console_error(&s->console, "%s", err.message);
            code = CLI_EXIT_UNUSABLE;
        }
    }
    if (code == CLI_EXIT_DONE)
        code = cli_output_begin(s, &table);
    if (code == CLI_EXIT_DONE) {
        vb_rows_begin(&s->rows, &s->line);
        code = cli_output_end(s, tokenize_all(s, tokenizer));
    }
    vblip_tokenizer_close(&tokenizer);
    vb_string_free(&vocab);
    return code;
}
