// searching.h - the search that retrieve and cut make: arguments to hits.
#ifndef CLI_SEARCHING_H
#define CLI_SEARCHING_H

#include "cli/example.h"
#include "cli/moments.h"
#include "cli/session.h"
#include "vblip_library.h"

// All-zero is none.
typedef struct cli_search {
    vb_arena arena; // of examples
    vblip_example *examples;
    uint32_t example_count;
    vblip_index_changes changes;
} cli_search;

// enum vblip_task: what the model must be able to do.
uint32_t cli_search_needs(const cli_args *args);

// Reads --like and --unlike.
vblip_status cli_search_read(cli_search *search, cli_session *s, vblip_error *err);

// Calls `fn` with the session and each hit.
vblip_status cli_search_run(cli_search *search, cli_session *s, vblip_hit_fn fn,
                            vblip_error *err);

// Says what changed in indexes, and that nothing matched; the exit status.
cli_exit cli_search_finish(const cli_search *search, cli_session *s, uint64_t hits,
                           cli_exit code);

// For a callback: keeps the hit for later. Non-zero stops the search.
int cli_collect_hit(const cli_session *s, cli_moments *moments, const vblip_hit *hit,
                    vblip_error *err);

// Says that so many hits are images, of which there is nothing to play.
void cli_say_images(cli_session *s, uint32_t images);

void cli_search_free(cli_search *search);

#endif // CLI_SEARCHING_H
