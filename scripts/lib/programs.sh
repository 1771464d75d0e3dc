# Building presets and running their test programs. Sourced after tally.sh.
# shellcheck shell=bash

cores=$(nproc)
jobs=${JOBS:-$cores}
# Most tests wait for sockets, so more run at once than there are cores.
parallel=${TEST_JOBS:-$((cores * 2))}
program_seconds_max=1200

# A leak, a race or undefined behaviour ends a program with another exit code than 0, services included.
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=print_suppressions=0
# A service that must end leaves a worker that hangs (net/service.c): no finding.
tsan=halt_on_error=0:exitcode=66:second_deadlock_stack=1:report_thread_leaks=0
export TSAN_OPTIONS=$tsan:suppressions=$PWD/tests/support/tsan.supp

# build PRESET [TARGET...]
build() {
    local preset=$1
    shift
    run "build $preset" build_quietly "$preset" "$@"
}

build_quietly() {
    local preset=$1
    shift
    cmake --preset "$preset" && cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}
}

# programs_of PRESET REGEX: those that the preset lists; without arguments in REGEX's place, all.
programs_of() {
    grep -E "${2:-.}" "build/$1/tests.txt" || true
}

run_program() { # PRESET NAME
    run "$1/$2" timeout -k 10 "$program_seconds_max" "build/$1/bin/$2" || true
}

# run_programs PRESET NAME...: several at once.
run_programs() {
    local preset=$1 name
    shift
    for name; do
        while [[ $(jobs -pr | wc -l) -ge $parallel ]]; do wait -n || true; done
        run_program "$preset" "$name" &
    done
    wait
}

# in_background FUNCTION...: computing work beside calls in real time, which must not starve.
in_background() {
    (
        renice -n 10 -p "$BASHPID" >/dev/null
        "$@"
    ) &
}
