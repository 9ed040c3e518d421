// env.h - the environment, read here and nowhere else.
#ifndef CLI_ENV_H
#define CLI_ENV_H

#include <stdbool.h>

// Owned strings; NULL where there is nothing.
typedef struct cli_env {
    char *model;     // $VBLIP_MODEL
    char *token;     // $VBLIP_TOKEN
    char *hub_dir;   // Hugging Face hub cache
    char *data_dir;  // for indexes
    char *cache_dir; // for pipelines and self-test verdicts
    char *temp_dir;  // never NULL
    char *term;      // $TERM
} cli_env;

// False when memory runs out.
bool cli_env_read(cli_env *env);
void cli_env_free(cli_env *env);

#endif // CLI_ENV_H
