# A closure of three paths and two recorded versions of it.
"$GUIDE_REPOSITORY/Scripts/make-example" closure > root.path
mv closure/path-info.json closure.json
for time in 1 2; do
  printf '{"time":%s,"graph":%s}\n' "$time" "$(tr -d '\n' < closure.json)"
done | gzip > versions.jsonl.gz
