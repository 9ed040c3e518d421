// near.h - which word somebody may have meant who mistyped one.
#ifndef CLI_NEAR_H
#define CLI_NEAR_H

#include <stddef.h>

// The nearest word so far; all-zero: none.
typedef struct cli_near {
    const char *word;
    size_t letters; // that are to be changed, put in or left out
} cli_near;

// Takes `candidate` when it is nearer to `word` (`size` bytes) than what was found, and near:
// two letters, of words of less than five letters one.
void cli_near_try(cli_near *near, const char *word, size_t size, const char *candidate);

#endif // CLI_NEAR_H
