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
# The same of what the store has: an input's hash and form, and where it belongs.
fb_take() {
    case $2 in
    p) zstd -dcq <"$fb_store/$1.z" >"$3" ;;
    *) fb_link "$fb_store/$1" "$3" ;;
    esac 2>/dev/null
}
# Whether an input is what its hash says, which is its name in the store: damage shows, whoever did it.
fb_is_whole() {
    fb_sum=$(sha256sum <"$2") && [ "${fb_sum%% *}" = "$1" ]
} 2>/dev/null
# Whether all taken inputs are.
fb_are_whole() {
    for fb_input in $fb_taken; do
        eval "fb_is_whole \"\$fb_hash_$fb_input\" \"\$fb_into\$fb_name_$fb_input\"" || return
    done
}
# An input can't be used, by its number.
fb_drop() {
    eval "fb_entry \"\$fb_hash_$1\" \"\$fb_form_$1\"; rm -f -- \"\$fb_store/\$fb_entry\" \"\$fb_into\$fb_name_$1\""
    fb_lacking="$fb_lacking $1"
}
# Asks for what is lacking, and waits until the job may run again.
fb_supply() {
    [ -n "$fb_lacking" ] || return 0
    printf 'lack%s\n' "$fb_lacking"
    for fb_input in $fb_lacking; do
        eval "fb_receive $fb_input \"\$fb_hash_$fb_input\" \"\$fb_form_$fb_input\" \"\$fb_into\$fb_name_$fb_input\""
    done
    fb_lacking=
    IFS= read -r fb_go
}
# Keeps what came. All of it has arrived, or there would be no `go`.
fb_keep() {
    for fb_input in $fb_came; do
        eval "fb_entry \"\$fb_hash_$fb_input\" \"\$fb_form_$fb_input\""
        mv -f -- "in/$fb_input" "$fb_store/$fb_entry" 2>/dev/null || rm -f -- "in/$fb_input"
    done
    fb_came=
}
# The directory of a rustc's toolchain, asked once for each name.
fb_find_sysroot() {
    [ "$1" != "$fb_asked" ] || return
    fb_asked=$1
    case $1 in
    rustup:*) fb_sysroot=${RUSTUP_HOME:-$HOME/.rustup}/toolchains/${1#rustup:} ;;
    *) fb_sysroot=$("$1" --print sysroot 2>/dev/null) ;;
    esac
}
# Runs rustc in a room: a directory that is the root for it and has a crate's inputs at their own places, beside the system
# and the toolchain. What it is told: `fb_directory`, and its variables, itself and its arguments.
fb_compile_in_room() {
    # rustc's threads, as many as the board has cores for each of its slots.
    mkfifo tokens && (
        exec 9<>tokens
        printf '%s' "$fb_tokens" >&9
        exec unshare -rm /bin/sh -c "$fb_enter" sh "$fb_place/room" "$fb_sysroot" "$fb_directory" \
            PATH=/usr/bin:/bin HOME=/tmp TMPDIR=/tmp MAKEFLAGS="-j --jobserver-auth=9,9" "$@"
    ) </dev/null
    printf '%s\n' $? >status
    rm -f tokens
}
fb_enter='
    room=$1 sysroot=$2 directory=$3
    shift 3
    PATH=$PATH:/usr/sbin:/sbin
    cd "$room" || exit 125
    for part in usr bin sbin lib lib32 lib64 libx32 etc nix; do
        if [ -L "/$part" ]; then
            cp -P "/$part" "$part"
        elif [ -d "/$part" ]; then
            mkdir "$part" && mount --rbind "/$part" "$part"
        fi || exit 125
    done
    [ ! -e ".$sysroot" ] && mkdir -p proc dev tmp ".$sysroot" ".$directory" || exit 125
    mount --rbind /proc proc && mount --rbind /dev dev && mount --rbind "$sysroot" ".$sysroot" || exit 125
    mkdir .farmbuild && ln -s "$sysroot/bin/rustc" .farmbuild/rustc || exit 125
    exec chroot . /bin/sh -c "cd \"\$1\" && shift && exec env -i \"\$@\"" sh "$directory" "$@"
'
# Passes on what rustc says, and sends an output as soon as it is said to be there.
fb_watch() {
    fb_sent=
    while IFS= read -r fb_said; do
        printf '%s\n' "$fb_said"
        case $fb_said in
        '{"$message_type":"artifact",'*'"emit":"metadata"}')
            if [ -n "$1" ] && [ -z "$fb_sent" ] && [ -f "room$1" ] && [ ! -L "room$1" ]; then
                fb_sent=1
                fb_size=$(wc -c <"room$1")
                printf 'early %s\n' $((fb_size)) >&3
                cat -- "room$1" >&3
                : >sent
            fi
            ;;
        esac
    done
    [ -z "$fb_said" ] || printf '%s' "$fb_said"
}
# Compiles; its status, if there is something to compile with.
fb_run() {
    fb_toolchains
    fb_found=1
    if [ "$fb_into" = room ]; then
        fb_find_sysroot "$1"
        [ -x "$fb_sysroot/bin/rustc" ] || fb_found=
    else
        command -v "$1" >/dev/null 2>&1 || fb_found=
    fi
    fb_status=
    if [ -z "$fb_found" ]; then
        printf 'none\n'
    elif [ "$fb_into" = room ]; then
        shift
        exec 3>&1
        fb_compile_in_room "$@" 2>&1 >out | fb_watch "$fb_early" >err
        exec 3>&-
        read -r fb_status <status
        if [ "$fb_status" -ge 125 ] && [ "$fb_status" -le 127 ]; then
            printf 'noroom\n'
            fb_status=
        fi
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
    fi
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
fb_tools=$fb_base/toolchains
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
fb_cores=$(nproc 2>/dev/null) || fb_cores=1
fb_tokens=
while [ $((fb_cores - fb_slots)) -gt 0 ]; do
    fb_tokens=$fb_tokens+
    fb_cores=$((fb_cores - fb_slots))
done
fb_asked= fb_sysroot=
# Compilers that were pushed here come before the board's own. Looked for with each job: a push counts at once.
fb_path=$PATH
fb_toolchains() {
    PATH=$fb_path
    [ -d "$fb_tools" ] || return 0
    set +f
    for fb_file in "$fb_tools"/*/current; do
        fb_version=
        read -r fb_version 2>/dev/null <"$fb_file" && PATH=${fb_file%/current}/v-$fb_version/bin:$PATH
    done
    set -f
}
printf 'ready\n'
while IFS=' ' read -r fb_verb fb_inputs fb_outputs fb_escaped fb_room fb_delimiter; do
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
    fb_came= fb_used= fb_taken= fb_lacking= fb_input=0 fb_made=
    fb_into=job/
    if [ "$fb_room" != - ]; then
        # Names of a crate's files begin with a slash.
        fb_into=room
        fb_why=$(mkdir room 2>&1) || fb_fail place "$fb_why"
    fi
    while [ "$fb_input" -lt "$fb_inputs" ]; do
        fb_input=$((fb_input + 1))
        # Needed again for what is lacking. Values aren't read by eval.
        eval "fb_hash_$fb_input=\$1 fb_form_$fb_input=\$2 fb_name_$fb_input=\$4"
        if [ "$fb_into" = room ] && [ "${4%/*}" != "$fb_made" ]; then
            # Inputs come in order.
            fb_made=${4%/*}
            fb_why=$(mkdir -p -- "room$fb_made" 2>&1) || fb_fail place "$fb_why"
        fi
        case $3 in
        +) fb_receive "$fb_input" "$1" "$2" "$fb_into$4" ;;
        *)
            fb_entry "$1" "$2"
            if ! fb_take "$1" "$2" "$fb_into$4"; then
                fb_drop "$fb_input"
            elif [ "$fb_into" != room ]; then
                fb_used="$fb_used $fb_entry"
                fb_taken="$fb_taken $fb_input"
            # A crate's metadata is sent on before the crate is whole.
            elif fb_is_whole "$1" "$fb_into$4"; then
                fb_used="$fb_used $fb_entry"
            else
                fb_drop "$fb_input"
            fi
            ;;
        esac
        shift 4
    done
    fb_names= fb_early=
    while [ "$fb_outputs" -gt 0 ]; do
        fb_names=$fb_names$1$fb_delimiter
        case $1 in
        */*) fb_why=$(mkdir -p -- "$fb_into${1%/*}" 2>&1) || fb_fail place "$fb_why" ;;
        esac
        if [ "$fb_room" != - ]; then
            fb_room=$((fb_room - 1))
            [ "$fb_room" != 0 ] || fb_early=$1
        fi
        shift
        fb_outputs=$((fb_outputs - 1))
    done
    fb_checking=
    if [ -n "$fb_taken" ]; then
        # Beside the compile, which is repeated if anything is.
        fb_are_whole &
        fb_checking=$!
    fi
    IFS= read -r fb_go && fb_supply || break
    fb_keep
    fb_run "$@"
    if [ -n "$fb_checking" ] && ! wait "$fb_checking" && [ -n "$fb_status" ]; then
        IFS=$fb_delimiter
        for fb_file in $fb_names; do
            rm -f -- "$fb_into$fb_file"
        done
        unset IFS
        # A compile that travels has one input.
        for fb_input in $fb_taken; do
            fb_drop "$fb_input"
        done
        fb_supply || break
        fb_keep
        fb_run "$@"
    fi
    if [ -n "$fb_status" ]; then
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
                if [ "$fb_file" = "$fb_early" ] && [ -e sent ]; then
                    fb_sizes="$fb_sizes -"
                elif [ -f "$fb_into$fb_file" ] && [ ! -L "$fb_into$fb_file" ]; then
                    fb_size=$(wc -c <"$fb_into$fb_file")
                    set -- "$@" "$fb_into$fb_file"
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
    rm -rf job tmp room sent
    fb_why=$(mkdir job tmp 2>&1) || fb_fail place "$fb_why"
    # What was used longest ago goes first.
    [ -z "$fb_used" ] || (cd "$fb_store" && touch -c -- $fb_used) 2>/dev/null
done
