#define _GNU_SOURCE // sched_getaffinity
#include "base/cores.h"

#include <sched.h>
#include <unistd.h>

uint32_t vb_core_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (uint32_t)CPU_COUNT(&set);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN); // more than the set can name
    return cores < 1 ? 1 : (uint32_t)cores;
}
