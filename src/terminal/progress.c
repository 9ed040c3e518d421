#include "terminal/progress.h"

#include "base/timing.h"
#include "output/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const double LONG_WORK_S = 60; // work that takes longer says so beforehand
static const double EVIDENCE_S = 3;   // estimates are believed after so much work
static const double BAR_EVERY_S = 0.1, PLAIN_EVERY_S = 10, JSON_EVERY_S = 0.5;

void vb_progress_duration(vb_string *out, double seconds)
{
    if (seconds < 59.5) {
        vb_string_appendf(out, "%.0f s", seconds < 1 ? 1 : seconds);
        return;
    }
    uint64_t minutes = seconds < 1e15 ? (uint64_t)(seconds / 60 + 0.5) : 0;
    uint64_t hours = minutes / 60, days = hours / 24;
    if (!hours)
        vb_string_appendf(out, "%" PRIu64 " min", minutes);
    else if (!days)
        vb_string_appendf(out, "%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
    else
        vb_string_appendf(out, "%" PRIu64 " day%s %" PRIu64 " h", days,
                          days == 1 ? "" : "s", hours % 24);
}

void vb_progress_cost(vb_string *out, const vblip_progress *p, double seconds,
                      const char *device)
{
    vb_string_appendf(out, "%" PRIu64 " %s, about ", p->total, p->unit);
    vb_progress_duration(out, seconds);
    vb_string_appendf(out, " on %s", device);
}

static unsigned percent(const vblip_progress *p)
{
    return p->done >= p->total ? 100
                               : (unsigned)((double)p->done * 100 / (double)p->total);
}

enum { MOST_OF_PATH = 4096 }; // bytes shown

// As much of `path` as fits: its end, cut between characters.
static int add_path_end(vb_string *out, const char *path, int columns)
{
    int wide = 0;
    char shown[MOST_OF_PATH];
    const char *at = shown + vb_escape_controls(shown, sizeof shown, path);
    while (at > shown && wide < columns) {
        do
            at--;
        while (at > shown && ((unsigned char)*at & 0xC0) == 0x80);
        wide++;
    }
    vb_string_puts(out, at);
    return wide;
}

int vb_progress_bar(vb_string *out, const vblip_progress *p, int columns)
{
    enum { CELLS = 20 };
    size_t start = out->size;
    if (p->total) {
        char bar[CELLS + 1];
        unsigned filled = percent(p) * CELLS / 100;
        for (unsigned i = 0; i < CELLS; i++)
            bar[i] = i < filled ? '#' : '.';
        bar[CELLS] = '\0';
        vb_string_appendf(out, "[%s] %3u %%  %" PRIu64 "/%" PRIu64 " %s", bar,
                          percent(p), p->done, p->total, p->unit);
    } else
        vb_string_appendf(out, "%" PRIu64 " %s", p->done, p->unit);
    if (p->seconds_left >= 0 && p->done < p->total) {
        vb_string_puts(out, "  about ");
        vb_progress_duration(out, p->seconds_left);
        vb_string_puts(out, " left");
    }
    int wide = (int)(out->size - start); // all of it is ASCII
    if (wide > columns) {
        out->size = start + (size_t)columns;
        if (out->bytes)
            out->bytes[out->size] = '\0';
        return columns;
    }
    if (!p->path || columns - wide < 8)
        return wide;
    vb_string_puts(out, "  ");
    return wide + 2 + add_path_end(out, p->path, columns - wide - 2);
}

void vb_progress_plain(vb_string *out, const vblip_progress *p)
{
    if (p->total)
        vb_string_appendf(out, "%" PRIu64 " of %" PRIu64 " %s, %u %%", p->done,
                          p->total, p->unit, percent(p));
    else
        vb_string_appendf(out, "%" PRIu64 " %s", p->done, p->unit);
    if (p->seconds_left >= 0 && p->done < p->total) {
        vb_string_puts(out, ", about ");
        vb_progress_duration(out, p->seconds_left);
        vb_string_puts(out, " left");
    }
    if (p->path) {
        char shown[MOST_OF_PATH];
        vb_escape_controls(shown, sizeof shown, p->path);
        vb_string_appendf(out, ", %s", shown);
    }
}

void vb_progress_json(vb_string *out, const vblip_progress *p)
{
    vb_string_puts(out, "{\"path\":");
    if (p->path)
        vb_json_put_string(out, p->path, strlen(p->path));
    else
        vb_string_puts(out, "null");
    vb_string_puts(out, ",\"unit\":");
    vb_json_put_string(out, p->unit, strlen(p->unit));
    vb_string_appendf(out, ",\"done\":%" PRIu64 ",\"total\":", p->done);
    if (p->total)
        vb_string_appendf(out, "%" PRIu64, p->total);
    else
        vb_string_puts(out, "null");
    vb_string_puts(out, ",\"seconds_left\":");
    if (p->seconds_left >= 0)
        vb_json_put_time(out,
                         (int64_t)(p->seconds_left < 1e12 ? p->seconds_left * 1e6 : 0));
    else
        vb_string_puts(out, "null");
    vb_string_putc(out, '}');
}

// Once per phase, as soon as there is an estimate to believe: the first items also pay
// for what is done only once.
static void announce(vb_progress *progress, const vblip_progress *p)
{
    if (progress->announced || p->done >= p->total || p->seconds_left < 0)
        return;
    double spent = p->seconds_left * (double)p->done / (double)(p->total - p->done);
    if (spent < EVIDENCE_S)
        return;
    progress->announced = true;
    if (spent + p->seconds_left < LONG_WORK_S)
        return;
    vb_string text = {0};
    vb_progress_cost(&text, p, spent + p->seconds_left, progress->device);
    if (progress->hint)
        vb_string_appendf(&text, "; %s", progress->hint);
    if (!text.failed)
        vb_console_warn(progress->console, "%s", text.bytes);
    vb_string_free(&text);
}

static void show(vb_progress *progress, const vblip_progress *p,
                 vb_progress_style style)
{
    vb_string text = {0};
    if (style == VB_PROGRESS_AUTO) {
        int wide = vb_progress_bar(&text, p, progress->console->columns - 1);
        if (!text.failed)
            vb_console_bar_draw(progress->console, text.bytes, wide);
    } else if (style == VB_PROGRESS_PLAIN) {
        vb_progress_plain(&text, p);
        if (!text.failed)
            vb_console_error(progress->console, "%s", text.bytes);
    } else {
        vb_progress_json(&text, p);
        if (!text.failed)
            vb_console_line(progress->console, text.bytes);
    }
    vb_string_free(&text);
}

void vb_progress_report(vb_progress *progress, const vblip_progress *p)
{
    static const double every_s[] = {[VB_PROGRESS_AUTO] = BAR_EVERY_S,
                                     [VB_PROGRESS_PLAIN] = PLAIN_EVERY_S,
                                     [VB_PROGRESS_JSON] = JSON_EVERY_S};
    double now = vb_now_s();
    if (strncmp(progress->unit, p->unit, sizeof progress->unit - 1) != 0) {
        snprintf(progress->unit, sizeof progress->unit, "%s", p->unit);
        progress->shown_s = 0;
        progress->announced = false;
    }
    announce(progress, p);
    if (progress->style == VB_PROGRESS_NONE ||
        (progress->style == VB_PROGRESS_AUTO &&
         (!progress->console->terminal || progress->console->quiet)))
        return;
    bool last = p->total && p->done >= p->total;
    bool taken_off =
        progress->style == VB_PROGRESS_AUTO && !vb_console_has_bar(progress->console);
    if (!last && !taken_off && now - progress->shown_s < every_s[progress->style])
        return;
    progress->shown_s = now;
    show(progress, p, progress->style);
}
