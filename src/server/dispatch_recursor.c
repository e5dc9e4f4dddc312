/* A recursor as the one who resolves for a dispatch_t. */
#include "server/dispatch.h"
#include "server/recursor.h"

static status_t ask(void *context, const struct recursor_request *request)
{
    return recursor_ask(context, request);
}

static void refresh(void *context, const name_key_t *name, uint16_t type, bool checking_disabled)
{
    recursor_refresh(context, name, type, checking_disabled);
}

void dispatch_set_recursor(dispatch_t *dispatch, struct recursor *recursor)
{
    dispatch_resolver_t resolver = {.context = recursor, .ask = ask, .refresh = refresh};
    dispatch_set_resolver(dispatch, recursor ? resolver : (dispatch_resolver_t){.ask = NULL});
}
