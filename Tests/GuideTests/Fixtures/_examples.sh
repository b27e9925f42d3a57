# For the READMEs of Examples, which Scripts/check-examples runs. Needs their programs and flywheel in PATH.

# The sources look as they do from the directory of the main package.
ln -s "$GUIDE_REPOSITORY/Examples" "$GUIDE_REPOSITORY/Scripts" .

# `swift run` would build again what has just been built: the program is run instead.
swift() {
  [ "$1 $2" = "run --package-path" ] && [ -f "$3/Package.swift" ] || {
    echo "no such use of swift: $*" >&2
    return 64
  }
  "$4" "${@:5}"
}

# A registry, unless there is one.
if [ -z "${REGISTRY:-}" ]; then
  flywheel serve registry --port 0 > address &
  for _ in $(seq 100); do
    if grep -q http address; then break; fi
    sleep 0.1
  done
  REGISTRY=$(sed -n 's|.*http://||p' address)
fi
export REGISTRY
