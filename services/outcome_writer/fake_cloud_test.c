/* The fake of the business layer's tests serves here too. */
#include "concierge/fake_cloud_test.c" /* NOLINT(bugprone-suspicious-include) */
