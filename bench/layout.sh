# shellcheck shell=bash disable=SC2154
# Parts of an OCI layout, for scripts that set `blobs`, the directory of its blobs, and `work`, a scratch directory.
blob() { # FILE MEDIATYPE: moves the file there, prints its descriptor
    local digest size
    digest=$(sha256sum "$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    mv "$1" "$blobs/$digest"
    jq -nc --arg m "$2" --arg d "sha256:$digest" --argjson s "$size" '{mediaType:$m,digest:$d,size:$s}'
}
pack() { # ROOT TAR ARG…: what the arguments of tar name, the same bytes each time
    local root=$1 tar=$2
    shift 2
    tar -C "$root" --sort=name --mtime=@1700000000 --numeric-owner --xattrs --xattrs-include=security.capability \
        --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -cf "$tar" "$@"
}
image() { # TAG LAYERS DIFFIDS (JSON lists): prints the entry of the index
    local config
    jq -nc --arg t "$1" --argjson d "$3" '{architecture:"amd64",os:"linux",created:"2023-11-14T22:13:20Z",
        config:{Labels:{"containers.bootc":"1","ostree.bootable":"1","org.opencontainers.image.version":$t}},
        rootfs:{type:"layers",diff_ids:$d},history:($d|map({created:"2023-11-14T22:13:20Z"}))}' >"$work/config"
    config=$(blob "$work/config" application/vnd.oci.image.config.v1+json)
    jq -nc --argjson c "$config" --argjson l "$2" \
        '{schemaVersion:2,mediaType:"application/vnd.oci.image.manifest.v1+json",config:$c,layers:$l}' >"$work/manifest"
    blob "$work/manifest" application/vnd.oci.image.manifest.v1+json |
        jq -c --arg t "$1" '.+{annotations:{"org.opencontainers.image.ref.name":$t}}'
}
index() { # LAYOUT, entries on stdin: the layout is whole when index.json is there
    jq -sc '{schemaVersion:2,mediaType:"application/vnd.oci.image.index.v1+json",manifests:.}' >"$work/index.json"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
    mv "$work/index.json" "$1/index.json"
}
