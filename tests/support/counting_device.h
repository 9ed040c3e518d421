// counting_device.h - a vb_device that computes nothing and counts what it is asked to do.
#ifndef COUNTING_DEVICE_H
#define COUNTING_DEVICE_H

#include "compute/device.h"

typedef struct counting_device {
    vb_device base;
    uint32_t ops; // transfers included
    uint32_t submits, discards;
    uint32_t buffers, alive;                  // made so far; those not yet freed
    bool fail_ops, fail_submit, fail_buffers; // from now on
} counting_device;

// By value: point at `base` once it lies where it stays.
counting_device counting_device_make(void);

#endif // COUNTING_DEVICE_H
