// fake_together.c - tasks of the fake library in turn.
#include "base/coop.h"
#include "cli/fake_vblip.h"

struct vblip_member {
    vblip_together_fn fn;
    void *user;
    vb_coop_thread *thread;
};

static void fake_run_member(void *user, vb_coop_thread *thread)
{
    vblip_member *member = user;
    member->thread = thread;
    member->fn(member->user, member);
}

vblip_status vblip_together(vblip_together_fn fn, void *const *users, uint32_t count,
                            const vblip_inputs *inputs, vblip_error *err)
{
    (void)inputs;
    vblip_member members[8];
    void *each[8];
    for (uint32_t i = 0; i < count; i++) {
        members[i] = (vblip_member){.fn = fn, .user = users[i]};
        each[i] = &members[i];
    }
    return vb_coop_run(each, count, fake_run_member, err);
}

void vblip_meet(vblip_member *member)
{
    if (member)
        vb_coop_meet(member->thread);
}
