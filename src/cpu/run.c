// run.c - how an op runs: in pieces on all workers, with a question in between whether to
// go on, and its time kept.
#include "cpu/context.h"

#include "base/timing.h"

#include <string.h>

static const double question_s = 0.05; // from one question to the next

// Whether the caller of the library has said to stop. On its own thread alone.
static bool asked_to_stop(vb_cpu *cpu)
{
    if (!cpu->stopped)
        return false;
    const double now = vb_now_s();
    if (now - cpu->asked_s < question_s)
        return false;
    cpu->asked_s = now;
    return cpu->stopped(cpu->stopped_user) != 0;
}

static vblip_status fail_cancelled(vblip_error *err)
{
    return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped");
}

typedef struct running {
    vb_cpu *cpu;
    const vb_cpu_loop *loop;
    vb_pieces pieces;
    _Atomic bool failed;
} running;

static void run_pieces(void *user, uint32_t index)
{
    running *r = user;
    vb_cpu_worker *worker = &r->cpu->workers[index];
    const int threads = vb_product_enter();
    uint32_t piece;
    worker->status = VBLIP_OK;
    vb_error_reset(&worker->error);
    while (worker->status == VBLIP_OK && !atomic_load(&r->failed) &&
           vb_pieces_take(&r->pieces, &piece)) {
        if (index == 0 && asked_to_stop(r->cpu))
            worker->status = fail_cancelled(&worker->error);
        else
            worker->status = r->loop->run(r->loop->user, worker, piece, &worker->error);
    }
    if (worker->status != VBLIP_OK)
        atomic_store(&r->failed, true);
    vb_product_leave(threads);
}

// One piece needs no other thread to be woken.
vblip_status vb_cpu_run(vb_cpu *cpu, const vb_cpu_loop *loop, vblip_error *err)
{
    running r = {.cpu = cpu, .loop = loop, .pieces = {.count = loop->pieces}};
    if (loop->pieces == 1)
        run_pieces(&r, 0);
    else
        vb_team_run(cpu->team, run_pieces, &r);
    for (uint32_t i = 0; atomic_load(&r.failed) && i < cpu->worker_count; i++) {
        if (cpu->workers[i].status != VBLIP_OK)
            return vb_fail(err, cpu->workers[i].status, "%s",
                           cpu->workers[i].error.message);
    }
    return VBLIP_OK;
}

vblip_status vb_cpu_begin(vb_cpu *cpu, double *start, vblip_error *err)
{
    *start = cpu->profiled ? vb_now_s() : 0;
    return asked_to_stop(cpu) ? fail_cancelled(err) : VBLIP_OK;
}

void vb_cpu_end(vb_cpu *cpu, const char *op, double start)
{
    if (!cpu->profiled)
        return;
    uint32_t i = 0;
    while (i < cpu->time_count && strcmp(cpu->times[i].op, op) != 0)
        i++;
    if (i == cpu->time_count)
        cpu->times[cpu->time_count++].op = op;
    cpu->times[i].calls++;
    cpu->times[i].seconds += vb_now_s() - start;
}

vblip_status vb_cpu_profile(vb_device *device, vblip_op_time_fn fn, void *user,
                            vblip_error *err)
{
    const vb_cpu *cpu = vb_cpu_of(device);
    if (!cpu->profiled)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "profile: the device was opened without");
    for (uint32_t i = 0; i < cpu->time_count; i++) {
        if (fn(user, &cpu->times[i]))
            return vb_fail(err, VBLIP_ERR_CANCELLED, "profile: stopped");
    }
    return VBLIP_OK;
}

static bool same_product(const vb_product_shape *a, const vb_product_shape *b)
{
    return a->rows == b->rows && a->in == b->in && a->out == b->out &&
           a->type == b->type && a->layout == b->layout;
}

// Where a new product goes: behind the others, or in place of the one that was not used
// for the longest time.
static vb_kept_product *place_for_product(vb_cpu_worker *worker)
{
    if (worker->product_count < VB_CPU_PRODUCTS)
        return &worker->products[worker->product_count++];
    vb_kept_product *oldest = &worker->products[0];
    for (uint32_t i = 1; i < VB_CPU_PRODUCTS; i++) {
        if (worker->products[i].used < oldest->used)
            oldest = &worker->products[i];
    }
    vb_product_free(&oldest->product);
    return oldest;
}

vblip_status vb_cpu_product(vb_product **out, vb_cpu_worker *worker,
                            const vb_product_shape *shape, vblip_error *err)
{
    vb_product *made;
    worker->calls++;
    for (uint32_t i = 0; i < worker->product_count; i++) {
        vb_kept_product *kept = &worker->products[i];
        if (kept->product && same_product(&kept->shape, shape)) {
            kept->used = worker->calls;
            *out = kept->product;
            return VBLIP_OK;
        }
    }
    VB_TRY(vb_product_make(&made, worker->oneDNN, shape, err));
    worker->allocations++;
    *place_for_product(worker) =
        (vb_kept_product){.shape = *shape, .product = made, .used = worker->calls};
    *out = made;
    return VBLIP_OK;
}

vblip_status vb_cpu_multiply(vb_cpu_worker *worker, const vb_product_shape *shape,
                             const void *x, const void *w, float *y, vblip_error *err)
{
    vb_product *product;
    VB_TRY(vb_cpu_product(&product, worker, shape, err));
    return vb_product_run(product, x, w, y, err);
}
