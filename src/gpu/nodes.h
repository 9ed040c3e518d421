// nodes.h - whether this machine can have a GPU at all, asked of the kernel's device files:
// a program that computes on the processor need not load every Vulkan driver to learn that.
#ifndef VB_GPU_NODES_H
#define VB_GPU_NODES_H

#include <stdbool.h>

// False only where there is surely none: on Linux without a device file of any kind of GPU
// below `folder`, "/dev".
bool vb_gpu_nodes(const char *folder);

#endif // VB_GPU_NODES_H
