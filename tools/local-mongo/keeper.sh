# Makes a temporary folder, prints its path, and removes it when stdin ends: when the parent lets go,
# or when the parent dies by any cause. The mongods inside are ended by their guards at the same
# moment; one that is still dying may write once more, so the removal repeats until nothing is left.
#
#   sh keeper.sh <path that ends in XXXXXX>
dir=$(mktemp -d "$1") || exit 1
echo "$dir"
while read -r _; do :; done
left=200
while [ -e "$dir" ] && [ "$left" -gt 0 ]; do
  rm -rf "$dir" 2>/dev/null || sleep 0.05
  left=$((left - 1))
done
[ ! -e "$dir" ]
