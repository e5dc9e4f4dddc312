/* Names of RCODEs and opcodes (IANA "DNS Parameters"). */
#include "wire/message.h"

#include "base/require.h"

/* "RCODE0" to "RCODE4095", the whole range of an extended RCODE (RFC 6891 6.1.3), without a buffer that somebody would have to own:
 * ONES, TENS and HUNDREDS give the numbers that begin with the digits `p`. */
#define ONES(p)           "RCODE" p "0", "RCODE" p "1", "RCODE" p "2", "RCODE" p "3", "RCODE" p "4", ONES_UPPER(p)
#define ONES_UPPER(p)     "RCODE" p "5", "RCODE" p "6", "RCODE" p "7", "RCODE" p "8", "RCODE" p "9"
#define TENS(p)           ONES(p "0"), ONES(p "1"), ONES(p "2"), ONES(p "3"), ONES(p "4"), TENS_UPPER(p)
#define TENS_UPPER(p)     ONES(p "5"), ONES(p "6"), ONES(p "7"), ONES(p "8"), ONES(p "9")
#define HUNDREDS(p)       TENS(p "0"), TENS(p "1"), TENS(p "2"), TENS(p "3"), TENS(p "4"), HUNDREDS_UPPER(p)
#define HUNDREDS_UPPER(p) TENS(p "5"), TENS(p "6"), TENS(p "7"), TENS(p "8"), TENS(p "9")

static const char unnamed[][10] = {
    ONES(""),  ONES("1"), ONES("2"), ONES("3"),     ONES("4"),     ONES("5"),     ONES("6"),  ONES("7"),
    ONES("8"), ONES("9"), TENS("1"), TENS("2"),     TENS("3"),     TENS("4"),     TENS("5"),  TENS("6"),
    TENS("7"), TENS("8"), TENS("9"), HUNDREDS("1"), HUNDREDS("2"), HUNDREDS("3"), TENS("40"),
};

static const char *const named[] = {
    [RCODE_NOERROR] = "NOERROR",
    [RCODE_FORMERR] = "FORMERR",
    [RCODE_SERVFAIL] = "SERVFAIL",
    [RCODE_NXDOMAIN] = "NXDOMAIN",
    [RCODE_NOTIMP] = "NOTIMP",
    [RCODE_REFUSED] = "REFUSED",
    [RCODE_YXDOMAIN] = "YXDOMAIN",
    [RCODE_YXRRSET] = "YXRRSET",
    [RCODE_NXRRSET] = "NXRRSET",
    [RCODE_NOTAUTH] = "NOTAUTH",
    [RCODE_NOTZONE] = "NOTZONE",
    [11] = "DSOTYPENI",
    [RCODE_BADVERS] = "BADVERS",
    [RCODE_BADKEY] = "BADKEY",
    [RCODE_BADTIME] = "BADTIME",
    [19] = "BADMODE",
    [20] = "BADNAME",
    [21] = "BADALG",
    [22] = "BADTRUNC",
    [RCODE_BADCOOKIE] = "BADCOOKIE",
};

const char *rcode_text(uint16_t rcode)
{
    if (rcode < ARRAY_SIZE(named) && named[rcode]) {
        return named[rcode];
    }
    return rcode < ARRAY_SIZE(unnamed) ? unnamed[rcode] : "RCODE above 4095";
}

const char *opcode_text(uint8_t opcode)
{
    static const char *const texts[] = {"QUERY",   "IQUERY",  "STATUS",   "OPCODE3",  "NOTIFY",   "UPDATE",   "DSO",      "OPCODE7",
                                        "OPCODE8", "OPCODE9", "OPCODE10", "OPCODE11", "OPCODE12", "OPCODE13", "OPCODE14", "OPCODE15"};
    return opcode < ARRAY_SIZE(texts) ? texts[opcode] : "OPCODE above 15";
}
