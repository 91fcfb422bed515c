# SPDX-License-Identifier: Apache-2.0
#
# Makes the entries of a tar stream below the directory $1. They are unpacked beside what is there
# and renamed once all have arrived, so that a copy that fails changes nothing. A file that is
# replaced keeps its mode, and its owner where that is possible.

cd -- "$1" 2>/dev/null || exit 43
part=$(mktemp -d ./.rdd-copy.XXXXXX) || exit 45
trap 'rm -rf -- "$part"' EXIT
trap 'exit 1' HUP INT TERM
tar -xf - --no-same-owner -C "$part" || exit
cd -- "$part" || exit 44

# Directories first; the owner can enter and change each.
find . -type d -exec chmod u+rwx {} \; -exec sh -c '
[ -d "../$1" ] && exit
mkdir -- "../$1" && chmod "$(stat -c %a -- "$1")" "../$1" || echo "$1" >> .rdd-failed
' sh {} \;

find . ! -type d ! -name .rdd-failed -exec sh -c '
for file; do
  to=../$file
  if [ -d "$to" ] && ! [ -L "$to" ]; then
    echo "${file#./}: what is there is a directory" >&2
    echo "$file" >> .rdd-failed
    continue
  fi
  if [ -d "$to" ]; then rm -f -- "$to"; fi
  if [ -f "$to" ] && ! [ -L "$to" ]; then
    chown "$(stat -c %u:%g -- "$to")" "$file" 2>/dev/null
    chmod "$(stat -c %a -- "$to")" "$file"
  fi
  mv -f -- "$file" "$to" || echo "$file" >> .rdd-failed
done' sh {} +
failed=0
if [ -e .rdd-failed ]; then failed=44; fi
cd ..
exit "$failed"
