# Runs compiles on a board, one after the other. Before this text come fb_session, fb_client, fb_number and fb_mark;
# docs/ssh.md has the format. POSIX sh and coreutils only; no text of a job is ever code of this script.
fb_fail() {
    printf 'fail %s %s\n' "$1" "$(printf '%s' "$2" | tr '\n\r' '  ' | head -c 400)"
    exit 1
}
# In its place under another name; a copy where a file has one name only.
fb_link() {
    ln -- "$1" "$2" 2>/dev/null || cp -- "$1" "$2" 2>why
}
# The next input's bytes: its number, hash and form, and where it belongs. What is to be kept stays in `in`.
fb_receive() {
    IFS= read -r fb_length || exit 1
    case $3$2 in
    u-) head -c "$fb_length" >"$4" 2>why ;;
    u*) head -c "$fb_length" >"in/$1" 2>why && fb_link "in/$1" "$4" ;;
    p-) head -c "$fb_length" | zstd -dcq >"$4" 2>why ;;
    p*) head -c "$fb_length" >"in/$1" 2>why && zstd -dcq <"in/$1" >"$4" 2>why ;;
    x*) head -c "$fb_length" | zstd -dcq >"in/$1" 2>why && fb_link "in/$1" "$4" ;;
    *) fb_fail protocol "$3" ;;
    esac || fb_fail input "$(head -c 400 why)"
    [ "$2" = - ] || fb_came="$fb_came $1"
}
# The same of what the store has: an input's hash and form, and where it belongs. Its hash is its name, so that damage shows, whoever did it.
fb_take() {
    case $2 in
    p) zstd -dcq <"$fb_store/$1.z" >"$3" && fb_sum=$(sha256sum <"$3") ;;
    *) fb_sum=$(sha256sum <"$fb_store/$1") && fb_link "$fb_store/$1" "$3" ;;
    esac 2>/dev/null && [ "${fb_sum%% *}" = "$1" ]
}
# The file that an input is kept in.
fb_entry() {
    fb_entry=$1
    [ "$2" != p ] || fb_entry=$1.z
}
umask 077
set -f
LC_ALL=C
export LC_ALL
printf '\n%s\n' "$fb_mark"
fb_base=$HOME/.cache/farmbuild-board
fb_store=$fb_base/c-$fb_client
fb_place=$fb_base/s-$fb_session/w-$fb_number
fb_why=$(mkdir "$fb_place" "$fb_place/job" "$fb_place/in" "$fb_place/tmp" 2>&1) || fb_fail place "$fb_why"
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
while IFS=' ' read -r fb_verb fb_inputs fb_outputs fb_escaped fb_delimiter; do
    [ "$fb_verb" = job ] || fb_fail protocol "$fb_verb"
    IFS= read -r fb_line || break
    if [ "$fb_escaped" = 1 ]; then
        fb_line=$(printf '%b.' "$fb_line")
        fb_line=${fb_line%.}
    fi
    IFS=$fb_delimiter
    set -- $fb_line
    unset IFS
    fb_directory=$1
    shift
    fb_came= fb_used= fb_lacking= fb_input=0
    while [ "$fb_input" -lt "$fb_inputs" ]; do
        fb_input=$((fb_input + 1))
        # Needed again for what is lacking. Values aren't read by eval.
        eval "fb_hash_$fb_input=\$1 fb_form_$fb_input=\$2 fb_name_$fb_input=\$4"
        case $3 in
        +) fb_receive "$fb_input" "$1" "$2" "job/$4" ;;
        *)
            fb_entry "$1" "$2"
            if fb_take "$1" "$2" "job/$4"; then
                fb_used="$fb_used $fb_entry"
            else
                rm -f -- "$fb_store/$fb_entry" "job/$4"
                fb_lacking="$fb_lacking $fb_input"
            fi
            ;;
        esac
        shift 4
    done
    fb_names=
    while [ "$fb_outputs" -gt 0 ]; do
        fb_names=$fb_names$1$fb_delimiter
        case $1 in
        */*) fb_why=$(mkdir -p -- "job/${1%/*}" 2>&1) || fb_fail place "$fb_why" ;;
        esac
        shift
        fb_outputs=$((fb_outputs - 1))
    done
    IFS= read -r fb_go || break
    if [ -n "$fb_lacking" ]; then
        printf 'lack%s\n' "$fb_lacking"
        for fb_input in $fb_lacking; do
            eval "fb_receive $fb_input \"\$fb_hash_$fb_input\" \"\$fb_form_$fb_input\" \"job/\$fb_name_$fb_input\""
        done
        IFS= read -r fb_go || break
    fi
    # All of it has arrived, or there would be no `go`.
    for fb_input in $fb_came; do
        eval "fb_entry \"\$fb_hash_$fb_input\" \"\$fb_form_$fb_input\""
        mv -f -- "in/$fb_input" "$fb_store/$fb_entry" 2>/dev/null || rm -f -- "in/$fb_input"
    done
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
    # What was used longest ago goes first.
    [ -z "$fb_used" ] || (cd "$fb_store" && touch -c -- $fb_used) 2>/dev/null
done
