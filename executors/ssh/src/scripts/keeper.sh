# Keeps a session on a board: removes what dead ones left, says what its client's store holds, ends workers on request, and
# cleans up when its client is gone. Before this text come fb_session, fb_client, fb_limit and fb_mark. POSIX sh and
# coreutils only.
fb_fail() {
    printf 'fail %s %s\n' "$1" "$(printf '%s' "$2" | tr '\n\r' '  ' | head -c 400)"
    exit 1
}
# A process's start, so that another one with its number isn't taken for it.
fb_born() {
    read -r fb_line <"/proc/$1/stat" || return
    set -f
    set -- $fb_line
    set +f
    fb_state=$3
    shift 21
    fb_start=$1
}
fb_alive() {
    kill -0 "$1" || return
    fb_start= fb_state=
    fb_born "$1"
    [ "$fb_state" != Z ] && [ "$fb_start" = "$2" ]
}
# A name in /tmp that a worker made for its directory.
fb_unlink() {
    fb_short=
    read -r fb_short <"$1/short" && [ -L "$fb_short" ] && rm -f -- "$fb_short"
}
# Of a worker: its process, or -PROCESS if that leads a group of its own.
fb_kill() {
    fb_worker=
    read -r fb_worker <"$1/pid"
    [ -z "$fb_worker" ] || kill -s KILL -- "$fb_worker"
    fb_unlink "$1"
    rm -rf -- "$1"
}
# Has the store hold no more than it may, in KiB: what was used longest ago goes. Stores of clients that didn't come for a
# month go whole.
fb_sweep() {
    cd "$fb_store" && ls -1tsk | {
        fb_sum=0
        # The sum of all comes first.
        read -r fb_size fb_entry
        while read -r fb_size fb_entry; do
            fb_sum=$((fb_sum + fb_size))
            if [ "$fb_sum" -gt "$fb_limit" ]; then
                set -- "$@" "$fb_entry"
                [ $# -lt 500 ] || { rm -f -- "$@"; set --; }
            fi
        done
        [ $# = 0 ] || rm -f -- "$@"
    }
    fb_now=$(date +%s) || return
    for fb_old in "$fb_base"/c-*; do
        fb_then=$(stat -c %Y -- "$fb_old/used") || fb_then=$(stat -c %Y -- "$fb_old") || continue
        [ $((fb_now - fb_then)) -lt 2592000 ] || rm -rf -- "$fb_old"
    done
}
umask 077
LC_ALL=C
export LC_ALL
printf '\n%s\n' "$fb_mark"
[ -n "$HOME" ] || fb_fail place "it has no home directory"
fb_base=$HOME/.cache/farmbuild-board
fb_why=$(mkdir -p -- "$fb_base" 2>&1) || fb_fail place "$fb_why"
chmod 700 "$fb_base" 2>/dev/null
for fb_old in "$fb_base"/s-*; do
    fb_pid= fb_then=
    read -r fb_pid fb_then 2>/dev/null <"$fb_old/keeper" || continue
    fb_alive "$fb_pid" "$fb_then" 2>/dev/null && continue
    for fb_worker in "$fb_old"/w-*; do
        fb_unlink "$fb_worker"
    done
    rm -rf -- "$fb_old"
done 2>/dev/null
fb_home=$fb_base/s-$fb_session
fb_why=$(mkdir "$fb_base/n-$fb_session" 2>&1) || fb_fail place "$fb_why"
trap 'rm -rf -- "$fb_base/n-$fb_session" "$fb_home"' EXIT
fb_start=
fb_born $$ 2>/dev/null
fb_why=$({ printf '%s %s\n' $$ "$fb_start" >"$fb_base/n-$fb_session/keeper"; } 2>&1) || fb_fail place "$fb_why"
# Under its real name only when it says whose it is: another keeper may be looking for what dead ones left.
fb_why=$(mv -- "$fb_base/n-$fb_session" "$fb_home" 2>&1) || fb_fail place "$fb_why"
fb_rest=$(printf abcd | { head -c 2 >/dev/null; head -c 2; } 2>&1)
[ "$fb_rest" = cd ] || fb_fail head "$fb_rest"
fb_zstd=no
command -v zstd >/dev/null 2>&1 && fb_zstd=yes
fb_store=$fb_base/c-$fb_client
fb_why=$({ mkdir -p -- "$fb_store" && touch -- "$fb_store/used"; } 2>&1) || fb_fail place "$fb_why"
printf 'ready %s\n' "$fb_zstd"
(cd "$fb_store" && ls)
printf 'end\n'
(fb_sweep) </dev/null >/dev/null 2>&1 &
while read -r fb_verb fb_worker; do
    case $fb_verb in
    ping) printf 'pong\n' ;;
    sweep) (fb_sweep) </dev/null >/dev/null 2>&1 & ;;
    kill) fb_kill "$fb_home/w-$fb_worker" 2>/dev/null ;;
    esac
done
for fb_old in "$fb_home"/w-*; do
    fb_kill "$fb_old" 2>/dev/null
done
