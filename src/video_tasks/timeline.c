#include "video_tasks/timeline.h"

#include <stdbool.h>

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

static uint64_t count_steps(const vb_timeline *t)
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

static bool is_timed(const vb_timeline *t)
{
    return !t->info.still && !t->uniform && !t->every_frames;
}

// duration * k / n without the overflow of the product; k, n < 2^32.
static int64_t part_of(int64_t duration_us, uint64_t k, uint64_t n)
{
    uint64_t d = (uint64_t)duration_us;
    return (int64_t)(d / n * k + d % n * k / n);
}

// Where `step` starts; at `steps` or beyond, where the last one ends.
static int64_t start_of(const vb_timeline *t, uint64_t step)
{
    const int64_t end_us = t->info.duration_us;
    if (step >= t->steps)
        return end_us;
    if (t->uniform)
        return part_of(end_us, step, t->steps);
    if (t->every_frames)
        return t->frames->time(t->video, step * t->every_frames);
    return (int64_t)step * t->every_us;
}

static uint64_t frame_of(const vb_timeline *t, uint64_t step)
{
    if (!t->uniform && t->every_frames)
        return step * t->every_frames;
    return t->frames->index_at(t->video, start_of(t, step));
}

// The step behind `step` that the next span begins with: in intervals of time the first
// that shows another frame.
static uint64_t step_behind(const vb_timeline *t, uint64_t step)
{
    if (!is_timed(t) || step + 1 >= t->steps)
        return step + 1;
    const uint64_t frame = frame_of(t, step);
    if (frame + 1 >= t->info.frames)
        return t->steps;
    const int64_t shown_us = t->frames->time(t->video, frame + 1);
    const uint64_t shown =
        shown_us > 0 ? divide_up((uint64_t)shown_us, (uint64_t)t->every_us) : 0;
    const uint64_t behind = shown > step ? shown : step + 1;
    return behind < t->steps ? behind : t->steps;
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
    t.steps = count_steps(&t);
    for (uint64_t step = 0; step < t.steps; step = step_behind(&t, step))
        t.count++;
    return t;
}

vb_timeline vb_timeline_over(const vb_frames *frames, const vb_video *video,
                             const vb_stretches *stretches)
{
    return (vb_timeline){
        .frames = frames,
        .video = video,
        .info = *frames->describe(video),
        .stretches = stretches,
        .count = stretches->count,
    };
}

vb_span vb_timeline_next(vb_timeline *timeline)
{
    vb_timeline *t = timeline;
    if (t->info.still)
        return (vb_span){0};
    const uint64_t step = t->step;
    if (t->stretches) {
        const vb_stretch *stretch = &t->stretches->items[t->step++];
        return (vb_span){stretch->start_us, stretch->end_us, stretch->first,
                         stretch->count};
    }
    t->step = step_behind(t, step);
    return (vb_span){
        .start_us = start_of(t, step),
        .end_us = start_of(t, t->step),
        .frame = frame_of(t, step),
    };
}
