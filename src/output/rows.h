// rows.h - results in the machine formats: tsv, csv, json, jsonl, pgcopy.
//
// A command names its columns once and hands over one value per column and row; the
// text format is put together by the command itself.
#ifndef VB_OUTPUT_ROWS_H
#define VB_OUTPUT_ROWS_H

#include "base/text.h"

typedef enum vb_format {
    VB_FORMAT_TEXT, // what a command shows a person
    VB_FORMAT_TSV,
    VB_FORMAT_CSV,
    VB_FORMAT_JSON,
    VB_FORMAT_JSONL,
    VB_FORMAT_SRT, // subtitles.h
    VB_FORMAT_VTT,
    VB_FORMAT_M3U8, // playlists.h
    VB_FORMAT_EDL,
    VB_FORMAT_OTIO,
    VB_FORMAT_PGCOPY, // COPY of PostgreSQL, text format
    VB_FORMAT_NPY,    // npy_file.h
    VB_FORMAT_UNSET,
} vb_format;

typedef enum vb_cell_type {
    VB_CELL_TEXT,    // text, size
    VB_CELL_WHOLE,   // number
    VB_CELL_REAL,    // real
    VB_CELL_TIME,    // time_us
    VB_CELL_FLAG,    // number: 0 or 1
    VB_CELL_REALS,   // reals, count: a list of JSON also in csv and tsv
    VB_CELL_PAIR,    // reals: two columns `NAME_0 NAME_1` (without a plural s) in
                     // csv and tsv, a list of two in JSON
    VB_CELL_IDS,     // ids, count: parted by spaces in csv and tsv
    VB_CELL_STRINGS, // strings, count: parted by spaces in csv and tsv
    VB_CELL_ROWS,    // rows of a table of its own: JSON also in csv and tsv
    VB_CELL_OBJECT,  // one row of such a table: the same
} vb_cell_type;

typedef struct vb_table vb_table;

typedef struct vb_column {
    const char *name; // UTF-8; it is escaped as a cell's text is
    vb_cell_type type;
    const vb_table *table; // of VB_CELL_ROWS and VB_CELL_OBJECT
} vb_column;

struct vb_table {
    const vb_column *columns;
    uint32_t count;
};

typedef struct vb_cell {
    bool there; // else null in JSON, empty in csv and tsv
    const char *text;
    size_t size;
    uint64_t number;
    double real;
    int64_t time_us;
    const float *reals;
    const int32_t *ids;
    const char *const *strings;
    const struct vb_cell *cells; // row by row
    uint32_t count;
} vb_cell;

vb_cell vb_cell_text(const char *text); // NULL is absent
vb_cell vb_cell_bytes(const char *text, size_t size);
vb_cell vb_cell_whole(uint64_t number);
vb_cell vb_cell_flag(bool flag);
vb_cell vb_cell_real(double real); // not finite is absent
vb_cell vb_cell_time(bool there, int64_t time_us);
vb_cell vb_cell_pair(const float reals[2]);
vb_cell vb_cell_reals(const float *reals, uint32_t count);
vb_cell vb_cell_ids(const int32_t *ids, uint32_t count);
vb_cell vb_cell_strings(const char *const *strings, uint32_t count);
vb_cell vb_cell_rows(const vb_cell *cells, uint32_t rows);
vb_cell vb_cell_object(const vb_cell *cells);

// Puts a result file together in `format`: begin, rows and failures in order, end.
// Each appends to `out`.
typedef struct vb_rows {
    vb_format format;
    const vb_table *table;
    bool any;         // a JSON array holds something
    bool failed_rows; // in csv and tsv, too: the path first, the error last
} vb_rows;

void vb_rows_begin(vb_rows *rows, vb_string *out);
void vb_rows_add(vb_rows *rows, vb_string *out, const vb_cell *cells);
// A failed input: an object in JSON and JSONL, nothing in the other formats but for rows
// that have room for it.
void vb_rows_failure(vb_rows *rows, vb_string *out, const char *path,
                     const char *error);
void vb_rows_end(vb_rows *rows, vb_string *out);

// A row, or a failed input, as an object of JSON alone, without a newline.
void vb_row_json(vb_string *out, const vb_table *table, const vb_cell *cells);
void vb_row_failure_json(vb_string *out, const char *path, const char *error);

// HH:MM:SS.mmm
void vb_clock(vb_string *out, int64_t time_us, char point);

// HH:MM:SS.mmm-HH:MM:SS.mmm
void vb_clock_span(vb_string *out, int64_t start_us, int64_t end_us);

#endif // VB_OUTPUT_ROWS_H
