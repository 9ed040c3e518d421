#include "video_tasks/alerts.h"

enum { USUAL_WINDOWS = 16 }; // that the mean is of, about

static bool alert_goes_on(const vb_alert *alert, const vb_window *window,
                          int64_t apart_us)
{
    return alert->found && window->start_us - alert->found_until_us < apart_us;
}

// Puts text `text` in its place among order[from .. from + count), where most above usual
// comes first. Returns how many there are then, `most` at most.
static uint32_t put_risen(uint32_t *order, uint32_t count, uint32_t most, uint32_t text,
                          const vb_alert *alerts, const float *itc)
{
    const float rise = itc[text] - alerts[text].usual;
    uint32_t at = count;
    while (at > 0 && itc[order[at - 1]] - alerts[order[at - 1]].usual < rise)
        at--;
    if (at >= most)
        return count;
    const uint32_t last = count < most ? count : most - 1;
    for (uint32_t i = last; i > at; i--)
        order[i] = order[i - 1];
    order[at] = text;
    return last + 1;
}

uint32_t vb_alerts_choose(uint32_t *order, const vb_alert *alerts, const float *itc,
                          uint32_t count, uint32_t most, const vb_window *window,
                          int64_t apart_us)
{
    uint32_t going = 0, risen = 0;
    for (uint32_t i = 0; i < count; i++)
        if (alert_goes_on(&alerts[i], window, apart_us))
            order[going++] = i;
    for (uint32_t i = 0; i < count; i++)
        if (!alert_goes_on(&alerts[i], window, apart_us))
            risen = put_risen(order + going, risen, most, i, alerts, itc);
    return going + risen;
}

bool vb_alert_found(vb_alert *alert, const vb_window *window, int64_t apart_us)
{
    const bool news = !alert_goes_on(alert, window, apart_us);
    alert->found = true;
    alert->found_until_us = window->end_us;
    return news;
}

void vb_alert_missed(vb_alert *alert, float itc)
{
    if (alert->windows < USUAL_WINDOWS)
        alert->windows++;
    alert->usual += (itc - alert->usual) / (float)alert->windows;
}
