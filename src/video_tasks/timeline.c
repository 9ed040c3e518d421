#include "video_tasks/timeline.h"

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

static uint64_t count_spans(const vb_timeline *t)
{
    if (t->info.frames == 0)
        return 0;
    if (t->info.still)
        return 1;
    if (t->uniform)
        return t->uniform < t->info.frames ? t->uniform : t->info.frames;
    if (t->every_frames)
        return divide_up(t->info.frames, t->every_frames);
    uint64_t count = divide_up((uint64_t)t->info.duration_us, (uint64_t)t->every_us);
    return count ? count : 1;
}

vb_timeline vb_timeline_make(const vb_frames *frames, const vb_video *video,
                             int64_t every_us, uint32_t every_frames, uint32_t count)
{
    vb_timeline t = {
        .frames = frames,
        .video = video,
        .info = *frames->describe(video),
        .uniform = count,
        .every_frames = every_frames,
        .every_us = every_us,
    };
    if (t.info.duration_us < 0)
        t.info.duration_us = 0;
    if (!t.uniform && !t.every_frames && t.every_us == 0)
        t.every_us = 1000000;
    t.count = count_spans(&t);
    return t;
}

// duration * k / n without the overflow of the product; k, n < 2^32.
static int64_t part_of(int64_t duration_us, uint64_t k, uint64_t n)
{
    uint64_t d = (uint64_t)duration_us;
    return (int64_t)(d / n * k + d % n * k / n);
}

// Where span `index` starts; at `count` or beyond, where the last one ends.
static int64_t start_of(const vb_timeline *t, uint64_t index)
{
    const int64_t end_us = t->info.duration_us;
    if (index >= t->count)
        return end_us;
    if (t->uniform)
        return part_of(end_us, index, t->count);
    if (t->every_frames)
        return t->frames->time(t->video, index * t->every_frames);
    return (int64_t)index * t->every_us;
}

vb_span vb_timeline_at(const vb_timeline *t, uint64_t index)
{
    if (t->info.still)
        return (vb_span){0};
    vb_span span = {.start_us = start_of(t, index), .end_us = start_of(t, index + 1)};
    if (!t->uniform && t->every_frames)
        span.frame = index * t->every_frames;
    else
        span.frame = t->frames->index_at(t->video, span.start_us);
    return span;
}
