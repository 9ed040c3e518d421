#include "gpu/verdicts.h"

#include "compute/selftest.h"
#include "gpu/context.h"

void vb_variants_use(vb_gpu *gpu, uint32_t variants)
{
    gpu->variants = variants;
    gpu->base.caps.narrow_factors = false;
    gpu->base.caps.absorbs =
        variants & vb_variant_bit(VB_VARIANT_ABSORBED_LAVAPIPE) ? 1u << VB_F32 : 0;
    for (uint32_t i = 0; i < VB_VARIANT_COUNT; i++) {
        if (variants & vb_variant_bit((vb_variant)i))
            gpu->base.caps.narrow_factors |= vb_variant_rows[i].rounds;
    }
}

static int log_check(void *user, const vblip_check *check)
{
    const vb_gpu *gpu = user;
    if (!check->ran)
        vb_logf(&gpu->log, "self-test: %s, %s", check->op, check->kernels);
    return 0;
}

// A program that ends in a test may have been killed, or out of memory. When the next one
// ends in the same, the kernel is taken for the reason.
static bool ended_programs(const vb_gpu *gpu, uint64_t verdict)
{
    return (gpu->cache.verdicts.again & verdict) != 0;
}

static bool is_settled(const vb_gpu *gpu, uint64_t verdict)
{
    return (gpu->cache.verdicts.tested & verdict) || ended_programs(gpu, verdict);
}

// Says in the file that a test is begun, before the driver is given the kernel.
static void note_begun(vb_gpu *gpu, uint64_t verdict)
{
    vb_verdicts *verdicts = &gpu->cache.verdicts;
    verdicts->again |= verdicts->begun & verdict;
    verdicts->begun |= verdict;
    gpu->cache.changed = true;
    vb_cache_save(gpu);
}

static void note_end(vb_gpu *gpu, uint64_t verdict, bool tested, bool passed)
{
    vb_verdicts *verdicts = &gpu->cache.verdicts;
    verdicts->begun &= ~verdict;
    verdicts->again &= ~verdict;
    verdicts->tested |= tested ? verdict : 0;
    verdicts->passed |= tested && passed ? verdict : 0;
    gpu->cache.changed = true;
    vb_cache_save(gpu);
}

// Not OK when that is no matter of the kernel: no memory, or stopped.
static vblip_status test_variant(bool *lost, vb_gpu *gpu, vb_variant variant,
                                 const vb_gpu_mask *mask, vblip_error *err)
{
    const uint64_t verdict = vb_verdict_bit(variant, gpu->base.weights);
    vblip_error why = {0};
    bool ok = false;
    note_begun(gpu, verdict);
    vb_variants_use(gpu, vb_variant_bit(vb_variant_needed(gpu->family)) |
                             vb_variant_bit(variant));
    if (mask->losing & verdict)
        vb_fail(&gpu->waiting.broken, VBLIP_ERR_DEVICE, "device lost");
    const vblip_status status = vb_selftest_run(
        &ok, &gpu->base, vb_variant_rows[variant].op, log_check, gpu, &why);
    vb_profile_clear(gpu); // no one asked for these ops
    *lost = gpu->waiting.broken.status != VBLIP_OK;
    if (status != VBLIP_OK)
        vb_logf(&gpu->log, "self-test: %s", why.message);
    // Who stopped a test that hangs leaves the device broken, and said nothing of the kernel.
    const bool stopped = status != VBLIP_OK && vb_commands_go_on(gpu, err) != VBLIP_OK;
    const bool tested = status == VBLIP_OK || (*lost && !stopped);
    note_end(gpu, verdict, tested, ok && !*lost && !(mask->broken & verdict));
    if (tested)
        return VBLIP_OK;
    return stopped ? VBLIP_ERR_CANCELLED : vb_fail(err, status, "%s", why.message);
}

static void tell_failure(const vb_gpu *gpu, vb_variant variant, vblip_error *why)
{
    const char *name = vb_variant_rows[variant].name;
    const char *precision = vb_precision_name(gpu->base.weights);
    if (ended_programs(gpu, vb_verdict_bit(variant, gpu->base.weights)))
        vb_fail(
            why, VBLIP_ERR_DEVICE,
            "%s: the self-test of %s kernels in %s ended the program, twice in a row; "
            "to test them again, remove %s",
            gpu->physical.name, name, precision, gpu->cache.path);
    else
        vb_fail(why, VBLIP_ERR_DEVICE, "%s: %s kernels fail their self-test in %s%s%s",
                gpu->physical.name, name, precision,
                gpu->cache.path ? "; to test them again, remove " : "",
                gpu->cache.path ? gpu->cache.path : "");
}

// Whether what passed makes up the family: with cooperative matrices, if there are any.
static bool has_family(const vb_gpu *gpu)
{
    uint32_t own = 0;
    for (uint32_t i = 0; i < VB_VARIANT_COUNT; i++) {
        if (vb_variant_rows[i].families == (uint32_t)gpu->family)
            own |= gpu->sound & vb_variant_bit((vb_variant)i);
    }
    return (gpu->sound & vb_variant_bit(vb_variant_needed(gpu->family))) &&
           (own || gpu->family != VB_COOPMAT);
}

void vb_verdicts_why(const vb_gpu *gpu, vblip_error *why)
{
    const vb_variant needed = vb_variant_needed(gpu->family);
    if (gpu->sound & vb_variant_bit(needed))
        vb_fail(why, VBLIP_ERR_DEVICE,
                "%s: none of its %s kernels passes its self-test", gpu->physical.name,
                vb_family_name(gpu->family));
    else
        tell_failure(gpu, needed, why);
}

// Of kernels that the device does without.
static void log_failures(const vb_gpu *gpu, uint32_t failed)
{
    for (uint32_t i = 0; i < VB_VARIANT_COUNT; i++) {
        vblip_error why = {0};
        if (!(failed & vb_variant_bit((vb_variant)i)))
            continue;
        tell_failure(gpu, (vb_variant)i, &why);
        vb_logf(&gpu->log, "%s", why.message);
    }
}

// Of what the device can run, all that has no verdict, until one loses it.
static vblip_status test_variants(bool *lost, vb_gpu *gpu, uint32_t can,
                                  const vb_gpu_mask *mask, vblip_error *err)
{
    *lost = false;
    for (uint32_t i = 0; i < VB_VARIANT_COUNT && !*lost; i++) {
        const uint64_t verdict = vb_verdict_bit((vb_variant)i, gpu->base.weights);
        if ((can & vb_variant_bit((vb_variant)i)) && !is_settled(gpu, verdict))
            VB_TRY(test_variant(lost, gpu, (vb_variant)i, mask, err));
    }
    return VBLIP_OK;
}

static uint32_t with_verdict(const vb_gpu *gpu, uint32_t can, uint64_t verdicts)
{
    uint32_t variants = 0;
    for (uint32_t i = 0; i < VB_VARIANT_COUNT; i++) {
        if (verdicts & vb_verdict_bit((vb_variant)i, gpu->base.weights))
            variants |= can & vb_variant_bit((vb_variant)i);
    }
    return variants;
}

vblip_status vb_verdicts_reach(vb_soundness *out, vb_gpu *gpu, const vb_gpu_mask *mask,
                               vblip_error *err)
{
    const uint32_t can = vb_variants_of(&gpu->physical, gpu->family, gpu->base.weights);
    const uint32_t needed = vb_variant_bit(vb_variant_needed(gpu->family));
    bool lost = false;
    *out = VB_LOST;
    if (with_verdict(gpu, can, gpu->cache.verdicts.tested) != can) {
        vb_cache_hold(gpu);
        const vblip_status status = test_variants(&lost, gpu, can, mask, err);
        vb_cache_release(gpu);
        if (status != VBLIP_OK || lost)
            return status;
    }
    gpu->sound = with_verdict(gpu, can, gpu->cache.verdicts.passed);
    vb_variants_use(gpu, gpu->sound);
    log_failures(gpu, can & ~gpu->sound & ~needed);
    *out = has_family(gpu) ? VB_SOUND : VB_UNSOUND;
    return VBLIP_OK;
}
