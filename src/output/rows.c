#include "output/rows.h"

#include "output/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

vb_cell vb_cell_text(const char *text)
{
    return (vb_cell){.there = text, .text = text, .size = text ? strlen(text) : 0};
}

vb_cell vb_cell_bytes(const char *text, size_t size)
{
    return (vb_cell){.there = true, .text = text, .size = size};
}

vb_cell vb_cell_whole(uint64_t number)
{
    return (vb_cell){.there = true, .number = number};
}

vb_cell vb_cell_flag(bool flag)
{
    return (vb_cell){.there = true, .number = flag};
}

vb_cell vb_cell_real(double real)
{
    return (vb_cell){.there = isfinite(real), .real = real};
}

vb_cell vb_cell_time(bool there, int64_t time_us)
{
    return (vb_cell){.there = there, .time_us = time_us};
}

vb_cell vb_cell_pair(const float reals[2])
{
    return (vb_cell){.there = true, .reals = reals};
}

vb_cell vb_cell_reals(const float *reals, uint32_t count)
{
    return (vb_cell){.there = true, .reals = reals, .count = count};
}

vb_cell vb_cell_ids(const int32_t *ids, uint32_t count)
{
    return (vb_cell){.there = true, .ids = ids, .count = count};
}

vb_cell vb_cell_strings(const char *const *strings, uint32_t count)
{
    return (vb_cell){.there = true, .strings = strings, .count = count};
}

vb_cell vb_cell_rows(const vb_cell *cells, uint32_t rows)
{
    return (vb_cell){.there = true, .cells = cells, .count = rows};
}

vb_cell vb_cell_object(const vb_cell *cells)
{
    return vb_cell_rows(cells, 1);
}

// ------------------------------------------------------------------------------- JSON

static void json_value(vb_string *out, const vb_column *column, const vb_cell *cell);

void vb_row_json(vb_string *out, const vb_table *table, const vb_cell *cells)
{
    vb_string_putc(out, '{');
    for (uint32_t i = 0; i < table->count; i++) {
        if (i)
            vb_string_putc(out, ',');
        const char *name = table->columns[i].name;
        vb_json_put_string(out, name, strlen(name));
        vb_string_putc(out, ':');
        json_value(out, &table->columns[i], &cells[i]);
    }
    vb_string_putc(out, '}');
}

// Element `i` of a cell that is a list.
static void json_element(vb_string *out, const vb_column *column, const vb_cell *cell,
                         uint32_t i)
{
    switch (column->type) {
    case VB_CELL_REALS:
    case VB_CELL_PAIR:
        vb_json_put_real(out, (double)cell->reals[i]);
        break;
    case VB_CELL_IDS:
        vb_string_appendf(out, "%" PRId32, cell->ids[i]);
        break;
    case VB_CELL_STRINGS:
        vb_json_put_string(out, cell->strings[i], strlen(cell->strings[i]));
        break;
    default:
        vb_row_json(out, column->table, cell->cells + (size_t)i * column->table->count);
    }
}

static void json_value(vb_string *out, const vb_column *column, const vb_cell *cell)
{
    if (!cell->there) {
        vb_string_puts(out, "null");
        return;
    }
    switch (column->type) {
    case VB_CELL_TEXT:
        vb_json_put_string(out, cell->text, cell->size);
        return;
    case VB_CELL_WHOLE:
        vb_string_appendf(out, "%" PRIu64, cell->number);
        return;
    case VB_CELL_REAL:
        vb_json_put_real(out, cell->real);
        return;
    case VB_CELL_TIME:
        vb_json_put_time(out, cell->time_us);
        return;
    case VB_CELL_FLAG:
        vb_string_puts(out, cell->number ? "true" : "false");
        return;
    case VB_CELL_OBJECT:
        vb_row_json(out, column->table, cell->cells);
        return;
    default:
        break;
    }
    uint32_t count = column->type == VB_CELL_PAIR ? 2 : cell->count;
    vb_string_putc(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            vb_string_putc(out, ',');
        json_element(out, column, cell, i);
    }
    vb_string_putc(out, ']');
}

// The array opens with its first element, so that a refused job prints nothing.
static void json_separator(vb_rows *rows, vb_string *out)
{
    if (rows->format == VB_FORMAT_JSON)
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

// As COPY reads it: what tsv escapes, and a carriage return.
static void pgcopy_field(vb_string *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\r')
            vb_string_puts(out, "\\r");
        else
            tsv_field(out, text + i, 1);
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

static void field(const vb_rows *rows, vb_string *out, const char *text, size_t size)
{
    if (rows->format == VB_FORMAT_TSV)
        tsv_field(out, text, size);
    else if (rows->format == VB_FORMAT_PGCOPY)
        pgcopy_field(out, text, size);
    else
        csv_field(out, text, size);
}

static char separator(const vb_rows *rows)
{
    return rows->format == VB_FORMAT_CSV ? ',' : '\t';
}

static void delimited_cell(const vb_rows *rows, vb_string *out, const vb_column *column,
                           const vb_cell *cell)
{
    if (column->type == VB_CELL_PAIR) { // two columns, whether there or not
        if (cell->there && isfinite(cell->reals[0]))
            vb_json_put_real(out, (double)cell->reals[0]);
        vb_string_putc(out, separator(rows));
        if (cell->there && isfinite(cell->reals[1]))
            vb_json_put_real(out, (double)cell->reals[1]);
        return;
    }
    if (!cell->there) {
        if (rows->format == VB_FORMAT_PGCOPY)
            vb_string_puts(out, "\\N");
        return;
    }
    vb_string value = {0};
    switch (column->type) {
    case VB_CELL_TEXT:
        field(rows, out, cell->text, cell->size);
        return;
    case VB_CELL_IDS:
        for (uint32_t i = 0; i < cell->count; i++)
            vb_string_appendf(&value, "%s%" PRId32, i ? " " : "", cell->ids[i]);
        break;
    case VB_CELL_STRINGS:
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

static void delimited_header(const vb_rows *rows, vb_string *out)
{
    for (uint32_t i = 0; i < rows->table->count; i++) {
        const vb_column *column = &rows->table->columns[i];
        if (i)
            vb_string_putc(out, separator(rows));
        if (column->type != VB_CELL_PAIR) {
            field(rows, out, column->name, strlen(column->name));
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

void vb_rows_begin(vb_rows *rows, vb_string *out)
{
    if (rows->format == VB_FORMAT_CSV || rows->format == VB_FORMAT_TSV)
        delimited_header(rows, out);
}

void vb_rows_add(vb_rows *rows, vb_string *out, const vb_cell *cells)
{
    if (rows->format == VB_FORMAT_JSON || rows->format == VB_FORMAT_JSONL) {
        json_separator(rows, out);
        vb_row_json(out, rows->table, cells);
        if (rows->format == VB_FORMAT_JSONL)
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

// Path and error, and nothing between them.
static void delimited_failure(const vb_rows *rows, vb_string *out, const char *path,
                              const char *error)
{
    field(rows, out, path, strlen(path));
    for (uint32_t i = 1; i < rows->table->count; i++)
        vb_string_putc(out, separator(rows));
    field(rows, out, error, strlen(error));
    vb_string_putc(out, '\n');
}

void vb_row_failure_json(vb_string *out, const char *path, const char *error)
{
    static const vb_column columns[] = {{"path", VB_CELL_TEXT, NULL},
                                        {"error", VB_CELL_TEXT, NULL}};
    static const vb_table table = {columns, 2};
    const vb_cell cells[] = {vb_cell_text(path), vb_cell_text(error)};
    vb_row_json(out, &table, cells);
}

void vb_rows_failure(vb_rows *rows, vb_string *out, const char *path, const char *error)
{
    if (rows->table && rows->table->count == 0) // what is written are no rows
        return;
    if (rows->format != VB_FORMAT_JSON && rows->format != VB_FORMAT_JSONL) {
        if (rows->failed_rows)
            delimited_failure(rows, out, path, error);
        return;
    }
    json_separator(rows, out);
    vb_row_failure_json(out, path, error);
    if (rows->format == VB_FORMAT_JSONL)
        vb_string_putc(out, '\n');
}

void vb_rows_end(vb_rows *rows, vb_string *out)
{
    if (rows->format == VB_FORMAT_JSON)
        vb_string_puts(out, rows->any ? "\n]\n" : "[]\n");
}

void vb_clock(vb_string *out, int64_t time_us, char point)
{
    uint64_t ms = time_us < 0 ? 0 : ((uint64_t)time_us + 500) / 1000;
    vb_string_appendf(out, "%02" PRIu64 ":%02u:%02u%c%03u", ms / 3600000,
                      (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), point,
                      (unsigned)(ms % 1000));
}

void vb_clock_span(vb_string *out, int64_t start_us, int64_t end_us)
{
    vb_clock(out, start_us, '.');
    vb_string_putc(out, '-');
    vb_clock(out, end_us, '.');
}
