#include "formats/weight.h"

#include <string.h>

const vb_weight *vb_weight_find(const vb_weight_list *list, const char *name)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, list->weights[middle].name);
        if (order == 0)
            return &list->weights[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
