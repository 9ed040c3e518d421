#include "cli/rows.h"

#include "cli/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

cli_cell cli_cell_text(const char *text)
{
    return (cli_cell){.there = text, .text = text, .size = text ? strlen(text) : 0};
}

cli_cell cli_cell_bytes(const char *text, size_t size)
{
    return (cli_cell){.there = true, .text = text, .size = size};
}

cli_cell cli_cell_whole(uint64_t number)
{
    return (cli_cell){.there = true, .number = number};
}

cli_cell cli_cell_flag(bool flag)
{
    return (cli_cell){.there = true, .number = flag};
}

cli_cell cli_cell_real(double real)
{
    return (cli_cell){.there = isfinite(real), .real = real};
}

cli_cell cli_cell_time(bool there, int64_t time_us)
{
    return (cli_cell){.there = there, .time_us = time_us};
}

cli_cell cli_cell_pair(const float reals[2])
{
    return (cli_cell){.there = true, .reals = reals};
}

cli_cell cli_cell_ids(const int32_t *ids, uint32_t count)
{
    return (cli_cell){.there = true, .ids = ids, .count = count};
}

cli_cell cli_cell_strings(const char *const *strings, uint32_t count)
{
    return (cli_cell){.there = true, .strings = strings, .count = count};
}

cli_cell cli_cell_rows(const cli_cell *cells, uint32_t rows)
{
    return (cli_cell){.there = true, .cells = cells, .count = rows};
}

// ------------------------------------------------------------------------------- JSON

static void json_value(vb_string *out, const cli_column *column, const cli_cell *cell);

static void json_object(vb_string *out, const cli_table *table, const cli_cell *cells)
{
    vb_string_putc(out, '{');
    for (uint32_t i = 0; i < table->count; i++) {
        if (i)
            vb_string_putc(out, ',');
        vb_string_appendf(out, "\"%s\":", table->columns[i].name);
        json_value(out, &table->columns[i], &cells[i]);
    }
    vb_string_putc(out, '}');
}

// Element `i` of a cell that is a list.
static void json_element(vb_string *out, const cli_column *column, const cli_cell *cell,
                         uint32_t i)
{
    switch (column->type) {
    case CLI_CELL_PAIR:
        cli_json_real(out, (double)cell->reals[i]);
        break;
    case CLI_CELL_IDS:
        vb_string_appendf(out, "%" PRId32, cell->ids[i]);
        break;
    case CLI_CELL_STRINGS:
        cli_json_string(out, cell->strings[i], strlen(cell->strings[i]));
        break;
    default:
        json_object(out, column->table, cell->cells + (size_t)i * column->table->count);
    }
}

static void json_value(vb_string *out, const cli_column *column, const cli_cell *cell)
{
    if (!cell->there) {
        vb_string_puts(out, "null");
        return;
    }
    switch (column->type) {
    case CLI_CELL_TEXT:
        cli_json_string(out, cell->text, cell->size);
        return;
    case CLI_CELL_WHOLE:
        vb_string_appendf(out, "%" PRIu64, cell->number);
        return;
    case CLI_CELL_REAL:
        cli_json_real(out, cell->real);
        return;
    case CLI_CELL_TIME:
        cli_json_time(out, cell->time_us);
        return;
    case CLI_CELL_FLAG:
        vb_string_puts(out, cell->number ? "true" : "false");
        return;
    default:
        break;
    }
    uint32_t count = column->type == CLI_CELL_PAIR ? 2 : cell->count;
    vb_string_putc(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            vb_string_putc(out, ',');
        json_element(out, column, cell, i);
    }
    vb_string_putc(out, ']');
}

// The array opens with its first element, so that a refused job prints nothing.
static void json_separator(cli_rows *rows, vb_string *out)
{
    if (rows->format == CLI_FORMAT_JSON)
        vb_string_puts(out, rows->any ? ",\n" : "[\n");
    rows->any = true;
}

// ------------------------------------------------------------------------ csv and tsv

static void tsv_field(vb_string *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\t')
            vb_string_puts(out, "\\t");
        else if (text[i] == '\n')
            vb_string_puts(out, "\\n");
        else if (text[i] == '\\')
            vb_string_puts(out, "\\\\");
        else
            vb_string_putc(out, text[i]);
    }
}

static void csv_field(vb_string *out, const char *text, size_t size)
{
    bool quoted = false;
    for (size_t i = 0; i < size; i++)
        quoted = quoted || (text[i] && strchr(",\"\r\n", text[i]));
    if (!quoted) {
        vb_string_append(out, text, size);
        return;
    }
    vb_string_putc(out, '"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"')
            vb_string_putc(out, '"');
        vb_string_putc(out, text[i]);
    }
    vb_string_putc(out, '"');
}

static void field(const cli_rows *rows, vb_string *out, const char *text, size_t size)
{
    if (rows->format == CLI_FORMAT_TSV)
        tsv_field(out, text, size);
    else
        csv_field(out, text, size);
}

static char separator(const cli_rows *rows)
{
    return rows->format == CLI_FORMAT_TSV ? '\t' : ',';
}

static void delimited_cell(const cli_rows *rows, vb_string *out,
                           const cli_column *column, const cli_cell *cell)
{
    if (column->type == CLI_CELL_PAIR) { // two columns, whether there or not
        if (cell->there && isfinite(cell->reals[0]))
            cli_json_real(out, (double)cell->reals[0]);
        vb_string_putc(out, separator(rows));
        if (cell->there && isfinite(cell->reals[1]))
            cli_json_real(out, (double)cell->reals[1]);
        return;
    }
    if (!cell->there)
        return;
    vb_string value = {0};
    switch (column->type) {
    case CLI_CELL_TEXT:
        field(rows, out, cell->text, cell->size);
        return;
    case CLI_CELL_IDS:
        for (uint32_t i = 0; i < cell->count; i++)
            vb_string_appendf(&value, "%s%" PRId32, i ? " " : "", cell->ids[i]);
        break;
    case CLI_CELL_STRINGS:
        for (uint32_t i = 0; i < cell->count; i++)
            vb_string_appendf(&value, "%s%s", i ? " " : "", cell->strings[i]);
        break;
    default:
        json_value(&value, column, cell);
    }
    out->failed = out->failed || value.failed;
    if (value.size)
        field(rows, out, value.bytes, value.size);
    vb_string_free(&value);
}

static void delimited_header(const cli_rows *rows, vb_string *out)
{
    for (uint32_t i = 0; i < rows->table->count; i++) {
        const cli_column *column = &rows->table->columns[i];
        if (i)
            vb_string_putc(out, separator(rows));
        if (column->type != CLI_CELL_PAIR) {
            vb_string_puts(out, column->name);
            continue;
        }
        int size = (int)strlen(column->name); // itm_logits: itm_logit_0, itm_logit_1
        if (size && column->name[size - 1] == 's')
            size--;
        vb_string_appendf(out, "%.*s_0%c%.*s_1", size, column->name, separator(rows),
                          size, column->name);
    }
    vb_string_putc(out, '\n');
}

// ------------------------------------------------------------------------- any format

void cli_rows_begin(cli_rows *rows, vb_string *out)
{
    if (rows->format == CLI_FORMAT_CSV || rows->format == CLI_FORMAT_TSV)
        delimited_header(rows, out);
}

void cli_rows_add(cli_rows *rows, vb_string *out, const cli_cell *cells)
{
    if (rows->format == CLI_FORMAT_JSON || rows->format == CLI_FORMAT_JSONL) {
        json_separator(rows, out);
        json_object(out, rows->table, cells);
        if (rows->format == CLI_FORMAT_JSONL)
            vb_string_putc(out, '\n');
        return;
    }
    for (uint32_t i = 0; i < rows->table->count; i++) {
        if (i)
            vb_string_putc(out, separator(rows));
        delimited_cell(rows, out, &rows->table->columns[i], &cells[i]);
    }
    vb_string_putc(out, '\n');
}

void cli_rows_failure(cli_rows *rows, vb_string *out, const char *path,
                      const char *error)
{
    static const cli_column columns[] = {{"path", CLI_CELL_TEXT, NULL},
                                         {"error", CLI_CELL_TEXT, NULL}};
    static const cli_table table = {columns, 2};
    if (rows->format != CLI_FORMAT_JSON && rows->format != CLI_FORMAT_JSONL)
        return;
    const cli_cell cells[] = {cli_cell_text(path), cli_cell_text(error)};
    json_separator(rows, out);
    json_object(out, &table, cells);
    if (rows->format == CLI_FORMAT_JSONL)
        vb_string_putc(out, '\n');
}

void cli_rows_end(cli_rows *rows, vb_string *out)
{
    if (rows->format == CLI_FORMAT_JSON)
        vb_string_puts(out, rows->any ? "\n]\n" : "[]\n");
}

void cli_clock(vb_string *out, int64_t time_us, char point)
{
    uint64_t ms = time_us < 0 ? 0 : ((uint64_t)time_us + 500) / 1000;
    vb_string_appendf(out, "%02" PRIu64 ":%02u:%02u%c%03u", ms / 3600000,
                      (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), point,
                      (unsigned)(ms % 1000));
}
