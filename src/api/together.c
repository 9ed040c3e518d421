// together.c - the exported functions about tasks that read files together.
#include "api/objects.h"
#include "video_tasks/shared.h"

#include <stdlib.h>

typedef struct joint_task {
    vblip_together_fn fn;
    void *user;
    vblip_member *member;
} joint_task;

static void run_joint_task(void *user, vb_coop_thread *turn)
{
    const joint_task *task = user;
    task->member->turn = turn;
    task->fn(task->user, task->member);
}

static vblip_status run_joint_tasks(vblip_together_fn fn, void *const *users,
                                    uint32_t count, const vb_inputs *inputs,
                                    vb_arena *arena, vblip_error *err)
{
    vb_shared shared = {
        .source = vb_frames_from_files(),
        .inputs = inputs->items,
        .input_count = inputs->count,
        .count = count,
    };
    joint_task *tasks = VB_ARENA_NEW(arena, joint_task, count);
    void **each = VB_ARENA_NEW(arena, void *, count);
    shared.members = VB_ARENA_NEW(arena, vblip_member, count);
    if (!tasks || !each || !shared.members)
        return vb_fail_memory(err, "together");
    for (uint32_t i = 0; i < count; i++) {
        shared.members[i].shared = &shared;
        tasks[i] = (joint_task){fn, users[i], &shared.members[i]};
        each[i] = &tasks[i];
    }
    return vb_coop_run(each, count, run_joint_task, err);
}

vblip_status vblip_together(vblip_together_fn fn, void *const *users, uint32_t count,
                            const vblip_inputs *inputs, vblip_error *err)
{
    vb_arena arena = {0};
    vb_error_reset(err);
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_need(users != NULL || !count, "users", err));
    VB_TRY(vb_need(inputs != NULL, "inputs", err));
    const vblip_status status =
        run_joint_tasks(fn, users, count, &inputs->list, &arena, err);
    vb_arena_free(&arena);
    return status;
}

void vblip_meet(vblip_member *member)
{
    if (member)
        vb_coop_meet(member->turn);
}

void vb_set_up_member(vb_setup *setup)
{
    if (!setup->job.member)
        return;
    setup->frames = vb_shared_frames(setup->job.member);
    setup->ops.shares_cores = true; // nothing is decoded ahead
    setup->job.jobs = 0;
}
