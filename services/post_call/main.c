#include "post_call/post_call.h"

int main(int argc, char **argv)
{
    return service_main(&post_call_spec, argc, argv);
}
