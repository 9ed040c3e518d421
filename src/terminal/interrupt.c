#include "terminal/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

// The variables of the program: a signal handler can reach nothing else.
static volatile sig_atomic_t interrupted, watched;

// On a terminal somebody waits: what is in work now may take a second.
static void on_signal(int number)
{
    static const char heard[] = "\nvblip: stopping; once more ends at once\n";
    const int error = errno;
    (void)number;
    interrupted = 1;
    if (watched && write(STDERR_FILENO, heard, sizeof heard - 1) < 0)
        watched = 0; // nobody to tell
    errno = error;
}

void vb_interrupt_install(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction was;
        if (sigaction(numbers[i], NULL, &was) != 0 || was.sa_handler == SIG_IGN)
            continue;
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = on_signal;
        action.sa_flags = (int)SA_RESETHAND;
        sigemptyset(&action.sa_mask);
        sigaction(numbers[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a write beyond `ulimit -f` fails, as on a full disk
    watched = isatty(STDERR_FILENO);
}

bool vb_interrupted(void)
{
    return interrupted != 0;
}
