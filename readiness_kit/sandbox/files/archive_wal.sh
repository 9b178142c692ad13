#!/bin/sh
# Archive one WAL segment: archive_wal.sh PATH NAME
# A segment that is there already must be the same; a new one appears complete or not at all.
set -eu
archive=@ARCHIVE@
segment=$1
name=$2

if [ -e "$archive/$name" ]; then
    exec cmp -s "$segment" "$archive/$name"
fi
cp "$segment" "$archive/.$name.partial"
sync "$archive/.$name.partial"
mv "$archive/.$name.partial" "$archive/$name"
sync "$archive"
