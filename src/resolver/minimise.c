#include "resolver/minimise.h"

#include "base/require.h"
#include "resolver/settings.h"

/* The share of this step: equal parts, the remainder with the last ones. */
static unsigned share(unsigned labels, unsigned step)
{
    if (step < RESOLVER_MINIMISE_SINGLE) {
        return 1;
    }
    unsigned steps = RESOLVER_MINIMISE_STEPS - step;
    return labels / steps > 0 ? labels / steps : 1;
}

unsigned minimise_next(const minimise_t *state, const name_key_t *name)
{
    REQUIRE(state->known <= name->labels);
    unsigned hidden = name->labels - state->known;
    if (!state->enabled || state->steps >= RESOLVER_MINIMISE_STEPS - 1 || hidden <= 1) {
        return name->labels;
    }
    unsigned shown = state->known + share(hidden, state->steps);
    while (shown < name->labels && name->wire[name->offset[shown] + 1] == '_') {
        shown++;
    }
    return shown;
}
