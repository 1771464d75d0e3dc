/* script_test.h: cases written down as requests and the answers expected, one file for each subject.
 *
 *     # What this file is about. Requests before the first case are made before each.
 *     = a create finds nothing
 *     ! why Google's emulator is not asked (without this line it is)
 *     > POST /c?documentId=a {"fields": {}}
 *     < 200 {"name": "${docs}/c/a", "createTime": "$born", "updateTime": "$born"}
 *     > POST /c?documentId=a {}
 *     < 409 ALREADY_EXISTS
 *
 * Lines that begin with four blanks go on with the one before. An answer is compared member by member, and
 * none may be missing or too many, but for `done` of a stream's last element and `state` of a
 * subscription, which only some sides have. In it "$time" is any time as Google writes it, "$text" any text, "$any" anything, "$NAME" the same text
 * wherever the case has it, "$>NAME" a later time than NAME. "= a b" are the ids of the documents of a
 * query's answer. ${NAME} is put into requests and answers; ${docs} and ${project} are known. */
#ifndef CONTRACT_SCRIPT_TEST_H
#define CONTRACT_SCRIPT_TEST_H

#include "sides_test.h"

/* Paths of requests begin behind `base`, itself behind the project. */
void run_script(enum side_need need, const char *file, const char *base);

#endif
