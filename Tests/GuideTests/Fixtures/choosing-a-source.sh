# needs: buildah nix nix-build tar
# The outputs of builds that did not run here: Nix, Bazel, npm, an archive of a release.
echo "$TOKEN" | flywheel login ghcr.io --username robot --password-stdin > /dev/null 2>&1
export NIX_CONFIG='sandbox = false
substitute = false
build-users-group =
experimental-features = nix-command'
derive() { printf 'derivation { name = "%s"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-euc" "%s" ]; }' "$1" "$2"; }
nix-build --out-link result -E "$(derive attic-0.1.0 'mkdir -p $out/bin; cp /bin/busybox $out/bin/atticd; :')" > /dev/null 2>&1
nix path-info --json -r ./result > closure.json

mkdir -p build node_modules/cookie public bazel-out/bin/server
ln -s bazel-out/bin bazel-bin
echo 'console.log("dashboard")' > build/index.js
echo '{"type": "module"}' > package.json
echo '{"lockfileVersion": 3}' > package-lock.json
echo 'module.exports = {}' > node_modules/cookie/index.js
echo '<h1>hello</h1>' > public/index.html
printf ':80 {\n  reverse_proxy dashboard:3000\n}\n' > Caddyfile
printf '#!/bin/sh\necho server\n' > bazel-out/real-server
ln -s ../../real-server bazel-out/bin/server/server
echo 'port = 8080' > bazel-out/bin/server/server.toml
printf 'STABLE_GIT_COMMIT 0123abc\nBUILD_TIMESTAMP 1700000000\n' > bazel-out/stable-status.txt
tar -C bazel-out/bin -cf bazel-out/bin/server/layer.tar server/server.toml
tar -czf release-1.4.tar.gz build package.json
echo 'a program' > app
cat > Dockerfile << 'END'
FROM docker.io/library/alpine:3.21
RUN ["/bin/busybox", "mkdir", "-p", "/var/lib/app"]
COPY app /usr/bin/app
USER 1000
END
# buildah keeps to this directory, and needs no privilege that a job may lack.
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/store"\n' "$PWD/containers" "$PWD/containers" > storage.conf
export CONTAINERS_STORAGE_CONF=$PWD/storage.conf BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
