#include "cli/env.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

// $name, or NULL when it is not set or empty.
static const char *env_variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

// "a" + "b" + "c"; latches in `ok`.
static char *env_join(bool *ok, const char *a, const char *b, const char *c)
{
    vb_string text = {0};
    vb_string_appendf(&text, "%s%s%s", a, b, c);
    if (text.failed) {
        vb_string_free(&text);
        *ok = false;
    }
    return text.bytes;
}

static char *env_copy(bool *ok, const char *text)
{
    return text ? env_join(ok, text, "", "") : NULL;
}

// `folder` in $name, else in `below` the home folder.
static char *folder_in(bool *ok, const char *name, const char *folder,
                       const char *below)
{
    const char *value = env_variable(name);
    if (value)
        return env_join(ok, value, folder, "");
    const char *home = env_variable("HOME");
    return home ? env_join(ok, home, below, folder) : NULL;
}

// Where the hub library keeps what it downloads: its variables in its order, "~" at the
// start being the home folder.
static char *hub_folder(bool *ok)
{
    static const struct {
        const char *variable, *below;
    } places[] = {{"HF_HUB_CACHE", ""},
                  {"HUGGINGFACE_HUB_CACHE", ""},
                  {"HF_HOME", "/hub"},
                  {"XDG_CACHE_HOME", "/huggingface/hub"},
                  {"TRANSFORMERS_CACHE", ""}};
    const char *home = env_variable("HOME");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = env_variable(places[i].variable);
        if (!value)
            continue;
        const bool tilde = home && value[0] == '~' && (!value[1] || value[1] == '/');
        return env_join(ok, tilde ? home : "", value + tilde, places[i].below);
    }
    return home ? env_join(ok, home, "/.cache/huggingface/hub", "") : NULL;
}

bool cli_env_read(cli_env *env)
{
    bool ok = true;
    const char *temp = env_variable("TMPDIR");
    *env = (cli_env){0};
    env->model = env_copy(&ok, env_variable("VBLIP_MODEL"));
    env->token = env_copy(&ok, env_variable("VBLIP_TOKEN"));
    env->hub_dir = hub_folder(&ok);
    env->data_dir = folder_in(&ok, "XDG_DATA_HOME", "/vblip", "/.local/share");
    env->cache_dir = folder_in(&ok, "XDG_CACHE_HOME", "/vblip", "/.cache");
    env->temp_dir = env_copy(&ok, temp ? temp : "/tmp");
    env->term = env_copy(&ok, env_variable("TERM"));
    return ok;
}

void cli_env_free(cli_env *env)
{
    free(env->model);
    free(env->token);
    free(env->hub_dir);
    free(env->data_dir);
    free(env->cache_dir);
    free(env->temp_dir);
    free(env->term);
    *env = (cli_env){0};
}
