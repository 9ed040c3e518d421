#include "serve/worker.h"

#include "output/json_out.h"

#include <string.h>

// {"id": ..., "ok": ..., ...}
static void put_worker_answer(vb_string *out, const vb_string *id,
                              const vb_string *rows, vblip_status status,
                              const vblip_error *err)
{
    vb_string_puts(out, "{\"id\":");
    vb_string_append(out, id->bytes, id->size);
    vb_string_puts(out, status == VBLIP_OK ? ",\"ok\":true" : ",\"ok\":false");
    if (status != VBLIP_OK) {
        vb_string_puts(out, ",\"error\":");
        vb_json_put_string(out, err->message, strlen(err->message));
    }
    if (status == VBLIP_OK || rows->size) {
        vb_string_puts(out, ",\"rows\":[");
        if (rows->size)
            vb_string_append(out, rows->bytes, rows->size);
        vb_string_putc(out, ']');
    }
    vb_string_puts(out, "}\n");
}

typedef struct job_lines {
    vb_jobs jobs;
    vb_string id, rows; // of the line in work
} job_lines;

static vblip_status do_line(job_lines *w, const char *line, size_t size,
                            vblip_error *err)
{
    vb_request request;
    vb_request_kind kind;
    vblip_status status = vb_request_read_job(&request, &kind, &w->id, line, size, err);
    if (status == VBLIP_OK)
        status = vb_jobs_do(&w->jobs, kind, &request, &w->rows, err);
    vb_request_free(&request);
    return status;
}

static void answer_line(void *worker, vb_line kind, const char *line, size_t size,
                        vb_string *out)
{
    job_lines *w = worker;
    vblip_error err = {0};
    vblip_status status;
    vb_string_clear(&w->id);
    vb_string_puts(&w->id, "null");
    vb_string_clear(&w->rows);
    if (kind == VB_LINE_TOO_LONG)
        status = vb_fail(&err, VBLIP_ERR_FORMAT, "job: a line of more than %d bytes",
                         (int)VB_MOST_LINE);
    else
        status = do_line(w, line, size, &err);
    put_worker_answer(out, &w->id, &w->rows, status, &err);
    out->failed = out->failed || w->id.failed;
}

vblip_status vb_worker(const vb_worker_options *options, vblip_error *err)
{
    job_lines worker = {.jobs = {.options = &options->jobs}};
    const vblip_status status =
        vb_answer_lines(&options->lines, answer_line, &worker, err);
    vb_jobs_free(&worker.jobs);
    vb_string_free(&worker.id);
    vb_string_free(&worker.rows);
    return status;
}
