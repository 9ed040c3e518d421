#include "serve/worker.h"

#include "output/json_out.h"
#include "serve/line_reader.h"

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

// What a line is answered with takes the place of what `out` holds.
typedef struct worker_texts {
    vb_string id, rows, out;
} worker_texts;

static vblip_status do_line(vb_jobs *jobs, worker_texts *texts, const char *line,
                            size_t size, vblip_error *err)
{
    vb_request request;
    vb_request_kind kind;
    vblip_status status =
        vb_request_read_job(&request, &kind, &texts->id, line, size, err);
    if (status == VBLIP_OK)
        status = vb_jobs_do(jobs, kind, &request, &texts->rows, err);
    vb_request_free(&request);
    return status;
}

static vblip_status answer_line(vb_jobs *jobs, worker_texts *texts, vb_line kind,
                                const char *line, size_t size, vblip_error *unread)
{
    vblip_error err = {0};
    vblip_status status;
    vb_string_clear(&texts->id);
    vb_string_puts(&texts->id, "null");
    vb_string_clear(&texts->rows);
    vb_string_clear(&texts->out);
    if (kind == VB_LINE_TOO_LONG)
        status = vb_fail(&err, VBLIP_ERR_FORMAT, "job: a line of more than %d bytes",
                         (int)VB_MOST_LINE);
    else
        status = do_line(jobs, texts, line, size, &err);
    put_worker_answer(&texts->out, &texts->id, &texts->rows, status, &err);
    if (texts->out.failed || texts->id.failed)
        return vb_fail_memory(unread, "rows");
    return VBLIP_OK;
}

static vblip_status answer_lines(vb_jobs *jobs, worker_texts *texts,
                                 vb_line_reader *reader, const vb_worker_options *o,
                                 vblip_error *err)
{
    for (;;) {
        vb_line kind;
        const char *line;
        size_t size;
        VB_TRY(vb_line_reader_next(reader, &kind, &line, &size, err));
        if (kind == VB_LINE_ENDED)
            return VBLIP_OK;
        if (kind == VB_LINE_STOPPED)
            return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped");
        if (kind == VB_LINE_READ && vb_line_is_blank(line, size))
            continue;
        VB_TRY(answer_line(jobs, texts, kind, line, size, err));
        if (o->write(o->user, &texts->out))
            return vb_fail(err, VBLIP_ERR_CANCELLED, "nobody reads");
    }
}

vblip_status vb_worker(const vb_worker_options *options, vblip_error *err)
{
    vb_jobs jobs = {.options = &options->jobs};
    worker_texts texts = {0};
    vb_line_reader reader;
    vblip_status status =
        vb_line_reader_open(&reader, options->fd, options->stopped, err);
    if (status == VBLIP_OK)
        status = answer_lines(&jobs, &texts, &reader, options, err);
    vb_line_reader_close(&reader);
    vb_jobs_free(&jobs);
    vb_string_free(&texts.id);
    vb_string_free(&texts.rows);
    vb_string_free(&texts.out);
    return status;
}
