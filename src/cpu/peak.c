// peak.c - what the arithmetic units of the processor reach: all workers keep theirs busy
// with products in registers, and the fastest of some rounds counts.
#include "cpu/context.h"

#include "base/timing.h"

#include <stdlib.h>

enum { ROUNDS = 20000, TRIES = 25 };

typedef struct peak_run {
    double (*burn)(uint32_t rounds);
    double *done; // [workers]
} peak_run;

static void burn_on_worker(void *user, uint32_t index)
{
    const peak_run *run = user;
    run->done[index] = run->burn(ROUNDS);
}

double vb_cpu_peak(vb_device *device)
{
    vb_cpu *cpu = vb_cpu_of(device);
    const bool narrow = device->weights == VB_BF16;
    peak_run run = {.burn = narrow ? cpu->kernels->burn_bf16 : cpu->kernels->burn};
    double most = 0;
    // AMX multiplies in units of its own, which nothing here drives.
    if (!run.burn || (narrow && vb_product_has_amx()))
        return 0;
    run.done = calloc(cpu->worker_count, sizeof *run.done);
    for (int i = 0; run.done && i < TRIES; i++) {
        const double start = vb_now_s();
        double done = 0;
        vb_team_run(cpu->team, burn_on_worker, &run);
        for (uint32_t w = 0; w < cpu->worker_count; w++)
            done += run.done[w];
        const double rate = done / (vb_now_s() - start) / 1e9;
        most = rate > most ? rate : most;
    }
    free(run.done);
    return most;
}
