// rows.h - results in the machine formats: tsv, csv, json, jsonl.
//
// A command names its columns once and hands over one value per column and row; the
// text format is put together by the command itself.
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "base/text.h"
#include "cli/args.h"

typedef enum cli_type {
    CLI_CELL_TEXT,    // text, size
    CLI_CELL_WHOLE,   // number
    CLI_CELL_REAL,    // real
    CLI_CELL_TIME,    // time_us
    CLI_CELL_FLAG,    // number: 0 or 1
    CLI_CELL_PAIR,    // reals: two columns `NAME_0 NAME_1` (without a plural s) in
                      // csv and tsv, a list of two in JSON
    CLI_CELL_IDS,     // ids, count: parted by spaces in csv and tsv
    CLI_CELL_STRINGS, // strings, count: parted by spaces in csv and tsv
    CLI_CELL_ROWS,    // rows of a table of its own: JSON also in csv and tsv
} cli_type;

typedef struct cli_table cli_table;

typedef struct cli_column {
    const char *name;
    cli_type type;
    const cli_table *table; // of CLI_CELL_ROWS
} cli_column;

struct cli_table {
    const cli_column *columns;
    uint32_t count;
};

typedef struct cli_cell {
    bool there; // else null in JSON, empty in csv and tsv
    const char *text;
    size_t size;
    uint64_t number;
    double real;
    int64_t time_us;
    const float *reals;
    const int32_t *ids;
    const char *const *strings;
    const struct cli_cell *cells; // row by row
    uint32_t count;
} cli_cell;

cli_cell cli_cell_text(const char *text); // NULL is absent
cli_cell cli_cell_bytes(const char *text, size_t size);
cli_cell cli_cell_whole(uint64_t number);
cli_cell cli_cell_flag(bool flag);
cli_cell cli_cell_real(double real); // not finite is absent
cli_cell cli_cell_time(bool there, int64_t time_us);
cli_cell cli_cell_pair(const float reals[2]);
cli_cell cli_cell_ids(const int32_t *ids, uint32_t count);
cli_cell cli_cell_strings(const char *const *strings, uint32_t count);
cli_cell cli_cell_rows(const cli_cell *cells, uint32_t rows);

// Puts a result file together in `format`: begin, rows and failures in order, end.
// Each appends to `out`.
typedef struct cli_rows {
    cli_format format;
    const cli_table *table;
    bool any; // a JSON array holds something
} cli_rows;

void cli_rows_begin(cli_rows *rows, vb_string *out);
void cli_rows_add(cli_rows *rows, vb_string *out, const cli_cell *cells);
// A failed input: an object in JSON and JSONL, nothing in the other formats.
void cli_rows_failure(cli_rows *rows, vb_string *out, const char *path,
                      const char *error);
void cli_rows_end(cli_rows *rows, vb_string *out);

// HH:MM:SS.mmm
void cli_clock(vb_string *out, int64_t time_us, char point);

#endif // CLI_ROWS_H
