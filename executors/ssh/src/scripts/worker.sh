# Runs compiles on a board, one after the other. Before this text come fb_session, fb_number and fb_mark; docs/ssh.md
# has the format. POSIX sh and coreutils only; no text of a job is ever code of this script.
fb_fail() {
    printf 'fail %s %s\n' "$1" "$(printf '%s' "$2" | tr '\n\r' '  ' | head -c 400)"
    exit 1
}
umask 077
set -f
LC_ALL=C
export LC_ALL
printf '\n%s\n' "$fb_mark"
fb_place=$HOME/.cache/farmbuild-board/s-$fb_session/w-$fb_number
fb_why=$(mkdir "$fb_place" "$fb_place/job" "$fb_place/tmp" 2>&1) || fb_fail place "$fb_why"
fb_why=$(cd "$fb_place" 2>&1) || fb_fail place "$fb_why"
cd "$fb_place"
trap 'cd /; rm -rf -- "$fb_place"' EXIT
# sshd gives each command a group of its own, which takes compilers along. Elsewhere there is only this process.
fb_group=$$
if read -r fb_line 2>/dev/null </proc/$$/stat; then
    set -- $fb_line
    [ "$5" = $$ ] && fb_group=-$$
fi
fb_why=$({ printf '%s\n' "$fb_group" >pid; } 2>&1) || fb_fail place "$fb_why"
TMPDIR=$fb_place/tmp
export TMPDIR
# What changes a compile and isn't on its command line.
unset CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH OBJC_INCLUDE_PATH OBJCPLUS_INCLUDE_PATH COMPILER_PATH LIBRARY_PATH
unset GCC_EXEC_PREFIX GCC_COMPARE_DEBUG GCC_COLORS SOURCE_DATE_EPOCH DEPENDENCIES_OUTPUT SUNPRO_DEPENDENCIES
unset CCC_OVERRIDE_OPTIONS COLUMNS OLDPWD
printf 'ready\n'
while IFS=' ' read -r fb_verb fb_outputs fb_escaped fb_packed fb_length fb_delimiter; do
    [ "$fb_verb" = job ] || fb_fail protocol "$fb_verb"
    IFS= read -r fb_line || break
    if [ "$fb_escaped" = 1 ]; then
        fb_line=$(printf '%b.' "$fb_line")
        fb_line=${fb_line%.}
    fi
    IFS=$fb_delimiter
    set -- $fb_line
    unset IFS
    fb_input=$1 fb_directory=$2
    shift 2
    fb_names=
    while [ "$fb_outputs" -gt 0 ]; do
        fb_names=$fb_names$1$fb_delimiter
        case $1 in
        */*) fb_why=$(mkdir -p -- "job/${1%/*}" 2>&1) || fb_fail place "$fb_why" ;;
        esac
        shift
        fb_outputs=$((fb_outputs - 1))
    done
    if [ "$fb_packed" = 1 ]; then
        head -c "$fb_length" | zstd -dcq >"job/$fb_input" 2>why
    else
        head -c "$fb_length" >"job/$fb_input" 2>why
    fi || fb_fail input "$(head -c 400 why)"
    IFS= read -r fb_go || break
    if ! command -v "$1" >/dev/null 2>&1; then
        printf 'none\n'
    else
        if [ -n "$fb_directory" ]; then
            # A short name for the directory, made as long as it is to be by slashes at its end.
            fb_short=${fb_directory%%//*}
            printf '%s\n' "$fb_short" >short
            fb_why=$(ln -s "$fb_place/job" "$fb_short" 2>&1) || fb_fail short "$fb_why"
            (cd job && PWD=$fb_directory && export PWD && exec "$@") </dev/null >out 2>err
            fb_status=$?
            rm -f -- "$fb_short" short
        else
            (cd job && exec "$@") </dev/null >out 2>err
            fb_status=$?
        fi
        set --
        fb_sizes=
        for fb_file in out err; do
            fb_size=0
            if [ -s "$fb_file" ]; then
                fb_size=$(wc -c <"$fb_file")
                set -- "$@" "$fb_file"
            fi
            fb_sizes="$fb_sizes $((fb_size))"
        done
        if [ "$fb_status" = 0 ]; then
            IFS=$fb_delimiter
            for fb_file in $fb_names; do
                unset IFS
                if [ -f "job/$fb_file" ] && [ ! -L "job/$fb_file" ]; then
                    fb_size=$(wc -c <"job/$fb_file")
                    set -- "$@" "job/$fb_file"
                    fb_sizes="$fb_sizes $((fb_size))"
                else
                    fb_sizes="$fb_sizes -"
                fi
            done
            unset IFS
        fi
        printf 'done %s%s\n' "$fb_status" "$fb_sizes"
        [ $# = 0 ] || cat -- "$@"
    fi
    rm -rf job tmp
    fb_why=$(mkdir job tmp 2>&1) || fb_fail place "$fb_why"
done
