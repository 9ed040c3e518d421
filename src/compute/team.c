#include "compute/team.h"

#include "base/timing.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

// How long a thread looks for the next piece of work before it sleeps: ops of a pass
// follow each other within microseconds, passes do not.
static const double patience_s = 100e-6;
enum { LOOKS = 64 }; // between two looks at the clock

typedef struct team_thread {
    vb_team *team;
    pthread_t id;
    uint32_t worker;
} team_thread;

struct vb_team {
    uint32_t workers;
    team_thread *threads; // [workers - 1]
    uint32_t started;
    void (*work)(void *user, uint32_t worker);
    void *user;
    _Atomic uint32_t turn; // counts runs; odd and even alike
    _Atomic uint32_t busy; // threads that have not finished the run
    _Atomic bool ends;
    pthread_mutex_t lock;
    pthread_cond_t begun; // a new turn, or the end
    pthread_cond_t done;  // nobody is busy
};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// Whether `*value` has become other than `old` while we looked; false when patience ended.
static bool changes_soon(const _Atomic uint32_t *value, uint32_t old)
{
    const double end = vb_now_s() + patience_s;
    do {
        for (int i = 0; i < LOOKS; i++) {
            if (atomic_load_explicit(value, memory_order_acquire) != old)
                return true;
            pause_briefly();
        }
    } while (vb_now_s() < end);
    return false;
}

static void wait_for_turn(vb_team *team, uint32_t last)
{
    if (changes_soon(&team->turn, last))
        return;
    pthread_mutex_lock(&team->lock);
    while (atomic_load(&team->turn) == last)
        pthread_cond_wait(&team->begun, &team->lock);
    pthread_mutex_unlock(&team->lock);
}

static void finish_turn(vb_team *team)
{
    if (atomic_fetch_sub(&team->busy, 1) != 1)
        return;
    pthread_mutex_lock(&team->lock); // the caller may be on its way to sleep
    pthread_cond_signal(&team->done);
    pthread_mutex_unlock(&team->lock);
}

static void *run_thread(void *user)
{
    const team_thread *self = user;
    vb_team *team = self->team;
    uint32_t turn = 0;
    for (;;) {
        wait_for_turn(team, turn);
        turn++;
        if (atomic_load(&team->ends))
            return NULL;
        team->work(team->user, self->worker);
        finish_turn(team);
    }
}

// A new turn, for whoever looks and whoever sleeps.
static void begin_turn(vb_team *team)
{
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add_explicit(&team->turn, 1, memory_order_release);
    pthread_cond_broadcast(&team->begun);
    pthread_mutex_unlock(&team->lock);
}

void vb_team_run(vb_team *team, void (*work)(void *user, uint32_t worker), void *user)
{
    const uint32_t others = team->workers - 1;
    if (others) {
        team->work = work;
        team->user = user;
        atomic_store(&team->busy, others);
        begin_turn(team);
    }
    work(user, 0);
    uint32_t busy = others ? atomic_load(&team->busy) : 0;
    while (busy && changes_soon(&team->busy, busy))
        busy = atomic_load(&team->busy);
    if (!busy)
        return;
    pthread_mutex_lock(&team->lock);
    while (atomic_load(&team->busy))
        pthread_cond_wait(&team->done, &team->lock);
    pthread_mutex_unlock(&team->lock);
}

static vblip_status start_threads(vb_team *team, vblip_error *err)
{
    for (uint32_t i = 0; i + 1 < team->workers; i++) {
        team->threads[i] = (team_thread){.team = team, .worker = i + 1};
        const int failed =
            pthread_create(&team->threads[i].id, NULL, run_thread, &team->threads[i]);
        if (failed) {
            char reason[VB_REASON];
            return vb_fail(err, VBLIP_ERR_MEMORY,
                           "threads: %u of %u could be started: %s; ask for fewer",
                           (unsigned)i + 1, (unsigned)team->workers,
                           vb_errno_reason(reason, failed));
        }
        team->started++;
    }
    return VBLIP_OK;
}

vblip_status vb_team_open(vb_team **out, uint32_t workers, vblip_error *err)
{
    *out = NULL;
    vb_team *team = calloc(1, sizeof *team);
    if (!team)
        return vb_fail_memory(err, "threads");
    team->workers = workers ? workers : 1;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->begun, NULL);
    pthread_cond_init(&team->done, NULL);
    team->threads = calloc(team->workers, sizeof *team->threads);
    vblip_status status =
        team->threads ? start_threads(team, err) : vb_fail_memory(err, "threads");
    if (status != VBLIP_OK)
        vb_team_close(&team);
    *out = team;
    return status;
}

void vb_team_close(vb_team **at)
{
    vb_team *team = *at;
    if (!team)
        return;
    atomic_store(&team->ends, true);
    begin_turn(team);
    for (uint32_t i = 0; i < team->started; i++)
        pthread_join(team->threads[i].id, NULL);
    pthread_cond_destroy(&team->done);
    pthread_cond_destroy(&team->begun);
    pthread_mutex_destroy(&team->lock);
    free(team->threads);
    free(team);
    *at = NULL;
}
