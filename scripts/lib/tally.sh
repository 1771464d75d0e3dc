# What ran and how it ended, for scripts/test and scripts/coverage. Steps may run at once: each writes one
# line to $tally and its output to a file of its own. Sourced; runs in the repository's root.
# shellcheck shell=bash

logs=build/test-logs
tally=$logs/tally
failures=$logs/failures

tally_begin() {
    rm -rf "$logs"
    mkdir -p "$logs"
    : >"$tally"
    : >"$failures"
    begun=$SECONDS
}

say() { printf '\n== %s  (%d s)\n' "$*" $((SECONDS - begun)); }

# run NAME COMMAND...: one step, in the foreground. Its last line "N passed, N failed[, N skipped]" counts;
# without one the step is a single test, passed when it ends with 0.
run() {
    local name=$1 log=$logs/${1//\//-}.log rc=0 start=$SECONDS p=0 f=0 s=0 line
    shift
    { "$@" >"$log" 2>&1 </dev/null; } 2>/dev/null || rc=$? # the shell's own word on a crash is not wanted
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1 || true)
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
        p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[4]:-0}
        if [[ $rc != 0 && $f = 0 ]]; then
            f=1
            echo "$name: all passed, but the exit code is $rc (leak or sanitizer report)" >>"$failures"
        fi
    elif [[ $rc = 0 ]]; then
        p=1
    else
        f=1
        echo "$name: ended with exit code $rc" >>"$failures"
    fi
    if [[ $f != 0 ]]; then
        sed -nE 's/^(\[  FAILED  \] ([A-Za-z_0-9]+)|not ok +(.*))$/\2\3/p' "$log" | sort -u | sed "s|^|$name: |" >>"$failures"
    fi
    echo "$p $f $s $name" >>"$tally"
    printf '%-34s %5d passed %3d failed%s  %4ds\n' "$name" "$p" "$f" \
        "$([[ $s = 0 ]] || printf ' %3d skipped' "$s")" $((SECONDS - start))
    [[ $f = 0 ]]
}

# show_failures LOG: what each test printed that failed, not the many that passed; the end of the log where no
# test is named (a build, a crash).
show_failures() {
    local shown
    shown=$(awk '
        /^\[ RUN      \]/ { n = 0 }
        { line[n++ % 60] = $0 }
        /^\[  FAILED  \]/ && !(($4) in told) && $0 !~ /listed below/ {
            told[$4] = 1
            for (i = n > 60 ? n - 60 : 0; i < n; i++) print line[i % 60]
            n = 0
        }' "$1" | head -n 300)
    if [[ -n $shown ]]; then echo "$shown"; else tail -n 60 "$1"; fi
}

# Prints what failed, then what was skipped, then the sums as the last line; fails when something did.
tally_end() {
    local p f s name passed=0 failed=0 skipped=0
    while read -r p f s name; do
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
        if [[ $f != 0 ]]; then
            say "$name"
            show_failures "$logs/${name//\//-}.log"
        fi
    done <"$tally"
    if [[ $failed != 0 ]]; then
        say failed
        cat "$failures"
    fi
    say "logs are in $logs"
    [[ $skipped = 0 ]] || echo "$skipped skipped: $(awk '$3 { printf "%s%s (%d)", n++ ? ", " : "", $4, $3 }' "$tally")"
    echo "$passed passed, $failed failed"
    [[ $failed = 0 ]]
}
