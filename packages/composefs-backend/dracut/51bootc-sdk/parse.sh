# shellcheck shell=sh
# What setup-root.sh reads: the kernel command line and setup-root-conf.toml. Text in, variables out; nothing here
# touches the system, so test/dracut runs these functions as they are. Both inputs may hold any bytes: no value is
# ever expanded unquoted, evaluated or used as a pattern.

blank=$(printf ' \t\n\r\f.')
blank=${blank%.}

# take_word: move the next word of $rest to $word; false when there is none.
# The kernel's rule as composefs-rs applies it: ASCII white space separates outside double quotes, there is no escape,
# and quotes stay part of the value.
take_word() {
    rest=${rest#"${rest%%[!"$blank"]*}"}
    word=
    [ -n "$rest" ] || return 1
    while [ -n "$rest" ]; do
        case $rest in
            ["$blank"]*) break ;;
            \"*)
                part=${rest#\"}
                part=\"${part%%\"*}
                rest=${rest#"$part"}
                case $rest in \"*) part=$part\" rest=${rest#\"} ;; esac
                ;;
            *)
                part=${rest%%["$blank"\"]*}
                rest=${rest#"$part"}
                ;;
        esac
        word=$word$part
    done
}

# kernel_argument TEXT KEY: the value of the first KEY=VALUE in $value; false when there is none.
kernel_argument() {
    rest=$1
    while take_word; do
        case $word in
            "$2="*)
                value=${word#"$2="}
                return 0
                ;;
        esac
    done
    return 1
}

# parse_image WORD: set $image (hex digits) and $demand (required or optional).
# 1: not an argument of ours; 2: one that makes no sense, and $problem says why.
#   composefs=[?]HEX                             the length gives the algorithm
#   composefs.digest=[?]v1-sha512-12:HEX         also v2, and sha256
parse_image() {
    case $1 in
        composefs=*) image=${1#composefs=} ;;
        composefs.digest=*) image=${1#composefs.digest=} ;;
        *) return 1 ;;
    esac
    demand=required digits=
    case $image in \?*) demand=optional image=${image#\?} ;; esac
    case $1 in
        composefs.digest=*)
            case $image in
                v[12]-sha256-12:*) digits=64 ;;
                v[12]-sha512-12:*) digits=128 ;;
                *)
                    problem="is not [?]v1-sha256-12:HEX or [?]v1-sha512-12:HEX"
                    return 2
                    ;;
            esac
            image=${image#*:}
            ;;
        *) digits=${#image} ;;
    esac
    problem="is not a digest of 64 or 128 hex digits"
    case $image in
        *[!0-9a-fA-F]*) return 2 ;;
        *[A-F]*) image=$(printf %s "$image" | tr A-F a-f) ;;
    esac
    case $digits in 64 | 128) ;; *) return 2 ;; esac
    [ "${#image}" -eq "$digits" ] || return 2
}

# candidates TEXT: "DEMAND HEX" a line for each image that a command line names, the explicit spelling first, else in
# their order. A malformed one is an error (2), because guessing what was meant could boot another image.
candidates() {
    for key in composefs.digest composefs; do
        rest=$1
        while take_word; do
            case $word in "$key="*) ;; *) continue ;; esac
            parse_image "$word" || return 2
            printf '%s %s\n' "$demand" "$image"
        done
    done
}

# read_config FILE: set root_transient, etc_mount, etc_transient, var_mount, var_transient ("" where nothing is said).
# A subset of TOML: one "key = value" a line below [root], [etc] and [var]. Other keys and sections are ignored as bootc
# does; what is valid TOML but written in a way not read here is refused ($problem) instead of overlooked.
read_config() {
    root_transient='' etc_mount='' etc_transient='' var_mount='' var_transient=''
    section='' number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        trim "$line"
        problem="line $number of the configuration"
        case $trimmed in
            '' | '#'*) ;;
            '['*) read_section || return 2 ;;
            *=*) read_setting || return 2 ;;
            *)
                problem="$problem is neither a section nor \"key = value\""
                return 2
                ;;
        esac
    done <"$1"
}

trim() {
    trimmed=${1#"${1%%[!"$blank"]*}"}
    trimmed=${trimmed%"${trimmed##*[!"$blank"]}"}
}

read_section() {
    case $trimmed in
        *[\"\']*)
            problem="$problem has quotes in a section's name"
            return 2
            ;;
    esac
    trim "${trimmed%%#*}"
    section=$trimmed
    case $section in
        '[['*) section=other ;;
        '['*']')
            trim "${section#\[}"
            trim "${trimmed%\]}"
            section=$trimmed
            ;;
        *)
            problem="$problem has a section without its closing bracket"
            return 2
            ;;
    esac
}

read_setting() {
    key=${trimmed%%=*}
    setting=${trimmed#*=}
    trim "$key"
    key=$trimmed
    trim "$setting"
    setting=$trimmed
    case $setting in
        \"\"\"* | "'''"* | '['*)
            problem="$problem may go on in the next line"
            # An array that ends in its own line cannot be one of ours, nor hide one.
            case $setting in '['*']' | '['*']'*'#'*) ;; *) return 2 ;; esac
            ;;
    esac
    case $section:$key in
        :root | :etc | :var | :root.* | :etc.* | :var.* | :*[\"\']*)
            problem="$problem sets \"$key\" outside of a section"
            return 2
            ;;
        root:*[\"\'.]* | etc:*[\"\'.]* | var:*[\"\'.]*)
            problem="$problem has a quoted or dotted key"
            return 2
            ;;
        root:transient | etc:transient | var:transient)
            trim "${setting%%#*}"
            setting=$trimmed
            case $setting in
                true | false) ;;
                *)
                    problem="$problem: transient is true or false"
                    return 2
                    ;;
            esac
            ;;
        etc:mount | var:mount)
            case $setting in
                \"*\"*) quoted=${setting#\"} setting=${quoted%%\"*} after=${quoted#*\"} ;;
                \'*\'*) quoted=${setting#\'} setting=${quoted%%\'*} after=${quoted#*\'} ;;
                *) setting='' after='' ;;
            esac
            trim "$after"
            case $trimmed in '' | '#'*) ;; *) setting='' ;; esac
            case $setting in
                none | bind | overlay | transient) ;;
                root) setting=none ;;
                volatile) setting=transient ;;
                *)
                    problem="$problem: mount is \"none\", \"bind\", \"overlay\" or \"transient\""
                    return 2
                    ;;
            esac
            ;;
        *) return 0 ;;
    esac
    set_once "$section" "$key" "$setting"
}

set_once() {
    case $1:$2 in
        root:transient) [ -z "$root_transient" ] && root_transient=$3 && return 0 ;;
        etc:mount) [ -z "$etc_mount" ] && etc_mount=$3 && return 0 ;;
        etc:transient) [ -z "$etc_transient" ] && etc_transient=$3 && return 0 ;;
        var:mount) [ -z "$var_mount" ] && var_mount=$3 && return 0 ;;
        var:transient) [ -z "$var_transient" ] && var_transient=$3 && return 0 ;;
    esac
    problem="$problem sets $2 a second time"
    return 2
}

# mount_kinds TEXT: set etc_kind and var_kind from what read_config found and the command line.
# systemd.volatile= makes systemd mount a fresh /var itself, unless the configuration says otherwise.
mount_kinds() {
    etc_kind=bind var_kind=bind
    if kernel_argument "$1" systemd.volatile; then
        case $value in state | overlay) var_kind=none ;; esac
    fi
    [ "$etc_transient" != true ] || etc_kind=transient
    [ "$var_transient" != true ] || var_kind=transient
    [ -z "$etc_mount" ] || etc_kind=$etc_mount
    [ -z "$var_mount" ] || var_kind=$var_mount
    if [ "$root_transient" = true ]; then
        # The kernel stacks two overlays, and a transient root has both already.
        for kind in "$etc_kind" "$var_kind"; do
            case $kind in
                overlay | transient)
                    problem="a transient root cannot have a mount of the kind $kind on top; use \"bind\" or \"none\""
                    return 2
                    ;;
            esac
        done
    fi
}

# fstab_mounts FILE DIRECTORY: does a line of the file have the directory mounted at boot?
fstab_mounts() {
    [ -f "$1" ] || return 1
    while read -r what where _ options _ || [ -n "$what" ]; do
        case $what in '' | '#'*) continue ;; esac
        [ "$where" = "$2" ] || [ "$where" = "$2/" ] || continue
        case ,$options, in *,noauto,*) ;; *) return 0 ;; esac
    done <"$1"
    return 1
}
