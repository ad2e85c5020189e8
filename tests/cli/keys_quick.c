/* vestry-keys with cheap passphrases: tests make many keys, and a minute of key derivation proves
 * nothing. Never installed. */
#include "keys/tool/tool.h"

int main(int argc, char **argv)
{
    keyfile_seal_cheaply_for_tests();
    return tool_main(argc, argv);
}
