#include "cli/near.h"

#include <string.h>

enum { LONGEST = 32 };

static size_t near_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Letters to be changed, put in or left out on the way from `a` to `b`.
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t row[LONGEST + 1]; // of the first i letters of a to the first j of b
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 0; i < a_size; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_size; j++) {
            const size_t changed = corner + (a[i] != b[j]);
            corner = row[j + 1];
            row[j + 1] = near_least(changed, near_least(row[j], row[j + 1]) + 1);
        }
    }
    return row[b_size];
}

void cli_near_try(cli_near *near, const char *word, size_t size, const char *candidate)
{
    const size_t length = strlen(candidate);
    if (size > LONGEST || length > LONGEST)
        return;
    const size_t letters = distance(word, size, candidate, length);
    if (letters > (size < 5 ? 1u : 2u) || (near->word && letters >= near->letters))
        return;
    *near = (cli_near){candidate, letters};
}
