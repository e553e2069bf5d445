# Tells which toolchains a board has, and puts one there. Before this text come fb_session, fb_number and fb_mark;
# docs/toolchains.md has the format. POSIX sh and coreutils only; no text that is sent is ever code of this script.
fb_fail() {
    printf 'fail %s %s\n' "$1" "$(printf '%s' "$2" | tr '\n\r' '  ' | head -c 400)"
    exit 1
}
umask 077
set -f
LC_ALL=C
export LC_ALL
printf '\n%s\n' "$fb_mark"
fb_base=$HOME/.cache/farmbuild-board
fb_tools=$fb_base/toolchains
# A worker's place: the keeper kills what is written there, and removes it, when the client is gone.
fb_place=$fb_base/s-$fb_session/w-$fb_number
fb_why=$(mkdir "$fb_place" "$fb_place/new" 2>&1) || fb_fail place "$fb_why"
trap 'cd /; rm -rf -- "$fb_place"' EXIT
fb_group=$$
if read -r fb_line 2>/dev/null </proc/$$/stat; then
    set -- $fb_line
    [ "$5" = $$ ] && fb_group=-$$
fi
fb_why=$({ printf '%s\n' "$fb_group" >"$fb_place/pid"; } 2>&1) || fb_fail place "$fb_why"
cd "$fb_place/new" || fb_fail place "$fb_place/new"
printf 'ready\n'
fb_current() {
    fb_now=
    read -r fb_now 2>/dev/null <"$fb_tools/$1/current"
}
fb_list() {
    set +f
    for fb_dir in "$fb_tools"/*/v-*/; do
        set -f
        fb_dir=${fb_dir%/}
        [ -d "$fb_dir" ] || continue
        fb_version=${fb_dir##*/v-}
        fb_dir=${fb_dir%/*}
        fb_current "${fb_dir##*/}"
        fb_state=before
        [ "$fb_now" = "$fb_version" ] && fb_state=current
        printf 'toolchain %s %s %s\n' "${fb_dir##*/}" "$fb_version" "$fb_state"
    done
    set -f
    printf 'end\n'
}
# Makes a version the one that jobs use from now on, and forgets all but the one before: jobs of that may run still.
fb_switch() {
    fb_current "$fb_name"
    fb_why=$({ printf '%s\n' "$fb_version" >"$fb_place/current" && mv -- "$fb_place/current" "$fb_tools/$fb_name/current"; } 2>&1) || fb_fail place "$fb_why"
    set +f
    for fb_dir in "$fb_tools/$fb_name"/v-*; do
        fb_old=${fb_dir##*/v-}
        case ${fb_old%.sums} in
        "$fb_version" | "$fb_now") ;;
        *) rm -rf -- "$fb_dir" ;;
        esac
    done
    set -f
}
fb_take() {
    fb_last=
    while [ "$fb_count" -gt 0 ]; do
        IFS=' ' read -r fb_kind fb_packed fb_length fb_path || exit 1
        case $fb_path in
        */*) fb_dir=${fb_path%/*} ;;
        *) fb_dir=. ;;
        esac
        if [ "$fb_dir" != "$fb_last" ]; then
            fb_why=$(mkdir -p -- "$fb_dir" 2>&1) || fb_fail input "$fb_why"
            fb_last=$fb_dir
        fi
        if [ "$fb_packed" = 1 ]; then
            head -c "$fb_length" | zstd -dcq >"$fb_path" 2>"$fb_place/why"
        else
            head -c "$fb_length" >"$fb_path" 2>"$fb_place/why"
        fi || fb_fail input "$(head -c 400 "$fb_place/why")"
        if [ "$fb_kind" = x ]; then
            fb_why=$(chmod 700 "$fb_path" 2>&1) || fb_fail input "$fb_why"
        fi
        fb_count=$((fb_count - 1))
    done
    IFS=' ' read -r fb_length || exit 1
    head -c "$fb_length" >"$fb_place/sums" 2>"$fb_place/why" || fb_fail input "$(head -c 400 "$fb_place/why")"
}
while IFS=' ' read -r fb_verb fb_name fb_version fb_count fb_compiler fb_target; do
    case $fb_verb in
    list) fb_list ;;
    push)
        fb_why=$(mkdir -p -- "$fb_tools/$fb_name" 2>&1) || fb_fail place "$fb_why"
        fb_current "$fb_name"
        fb_own=$fb_tools/$fb_name/v-$fb_version
        # What is there may have been damaged since.
        if [ -d "$fb_own" ] && ! (cd "$fb_own" && sha256sum -c "$fb_own.sums") >/dev/null 2>&1; then
            fb_why=$(mv -- "$fb_own" "$fb_place/damaged" 2>&1) || fb_fail place "$fb_why"
        fi
        if [ -d "$fb_own" ]; then
            fb_said=switched
            [ "$fb_now" = "$fb_version" ] && fb_said=there
            [ "$fb_said" = there ] || fb_switch
            printf '%s\n' "$fb_said"
            continue
        fi
        fb_room=$(df -Pk "$fb_place" 2>/dev/null | tail -n 1)
        set -- $fb_room
        printf 'send %s %s\n' "$(uname -m 2>/dev/null | head -c 40)" "${4:--}"
        fb_take
        IFS= read -r fb_go || exit 1
        [ "$fb_go" = install ] || exit 1
        if ! fb_why=$(sha256sum -c "$fb_place/sums" 2>&1 >"$fb_place/checked"); then
            while IFS= read -r fb_line; do
                case $fb_line in
                *': OK') ;;
                *) fb_fail sums "$fb_line" ;;
                esac
            done <"$fb_place/checked"
            fb_fail sums "$fb_why"
        fi
        fb_said=$("./bin/$fb_compiler" -dumpmachine </dev/null 2>&1)
        [ "$fb_said" = "$fb_target" ] || fb_fail run "$fb_said"
        # Written before it has its name, also if the power goes.
        sync -f . 2>/dev/null
        # Somebody else may have been faster.
        if [ ! -d "$fb_own" ]; then
            fb_why=$({ cd / && mv -- "$fb_place/sums" "$fb_own.sums" && mv -T -- "$fb_place/new" "$fb_own"; } 2>&1) || fb_fail place "$fb_why"
        fi
        fb_switch
        printf 'done\n'
        cd /
        ;;
    *) fb_fail protocol "$fb_verb" ;;
    esac
done
