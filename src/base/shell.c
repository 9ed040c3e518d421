#include "base/shell.h"

#include "base/timing.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

// The variables first: of two with one name the first counts. NULL when memory runs out.
static char **shell_environment(const char *const *variables)
{
    size_t own = 0, others = 0;
    while (variables[own])
        own++;
    while (environ[others])
        others++;
    char **all = calloc(own + others + 1, sizeof *all);
    for (size_t i = 0; all && i < own; i++)
        all[i] = (char *)variables[i];
    for (size_t i = 0; all && i < others; i++)
        all[own + i] = environ[i];
    return all;
}

// Starts it with `input` as standard input, in a process group of its own. 0 or an errno.
static int shell_spawn(pid_t *child, const char *line, int input, char **environment)
{
    char *const words[] = {"sh", "-c", (char *)line, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t plain;
    int error = posix_spawn_file_actions_init(&files);
    if (error)
        return error;
    error = posix_spawnattr_init(&how);
    if (error) {
        posix_spawn_file_actions_destroy(&files);
        return error;
    }
    sigemptyset(&plain);
    sigaddset(&plain, SIGPIPE); // which this program ignores
    posix_spawnattr_setsigdefault(&how, &plain);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    error = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    if (!error)
        error = posix_spawn(child, "/bin/sh", &files, &how, words, environment);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

// What waitpid returns, but for signals that only wake.
static pid_t shell_ended(pid_t child, int *state, bool wait)
{
    pid_t ended;
    do
        ended = waitpid(child, state, wait ? 0 : WNOHANG);
    while (ended < 0 && errno == EINTR);
    return ended;
}

static vblip_status shell_wait(pid_t child, const vb_shell_command *c, vblip_error *err)
{
    const double start_s = vb_now_s();
    const struct timespec nap = {.tv_nsec = 10000000};
    int state = 0;
    bool stopped = false, late = false;
    while (shell_ended(child, &state, stopped || late) == 0) {
        stopped = c->stopped && c->stopped(c->user);
        late = vb_now_s() - start_s > c->limit_s;
        if (stopped || late)
            kill(-child, SIGKILL);
        else
            nanosleep(&nap, NULL);
    }
    if (stopped)
        return VBLIP_ERR_CANCELLED;
    if (late)
        return vb_fail(err, VBLIP_ERR_IO, "not done after %g s, and killed",
                       c->limit_s);
    if (WIFSIGNALED(state))
        return vb_fail(err, VBLIP_ERR_IO, "killed by signal %d", WTERMSIG(state));
    if (WEXITSTATUS(state))
        return vb_fail(err, VBLIP_ERR_IO, "exit status %d", WEXITSTATUS(state));
    return VBLIP_OK;
}

vblip_status vb_shell_run(const vb_shell_command *command, vblip_error *err)
{
    FILE *input = tmpfile(); // a pipe would wait for a command that reads nothing
    if (!input)
        return vb_fail_errno(err, "standard input", errno);
    errno = 0;
    pid_t child = 0;
    const bool written =
        fwrite(command->input, 1, command->input_size, input) == command->input_size &&
        fflush(input) == 0 && fseek(input, 0, SEEK_SET) == 0;
    char **environment = written ? shell_environment(command->variables) : NULL;
    int error = written ? ENOMEM : errno;
    if (environment)
        error = shell_spawn(&child, command->line, fileno(input), environment);
    free(environment);
    fclose(input);
    return error || !child ? vb_fail_errno(err, "/bin/sh", error)
                           : shell_wait(child, command, err);
}
