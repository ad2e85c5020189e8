/* vestry-keys, the officers' offline tool. */
#include "keys/tool/tool.h"

int main(int argc, char **argv)
{
    return tool_main(argc, argv);
}
