# The images of docker.io and quay.io in the world of guides: small ones of the right form, made of busybox.
set -eu
mkdir -p root/bin root/etc root/tmp caddy/usr/bin caddy/usr/share/caddy node/usr/bin node/etc
cp -L "$(command -v busybox)" root/bin/busybox
for name in sh cat ls echo env id; do ln -s busybox "root/bin/$name"; done
printf 'root:x:0:0:root:/root:/bin/sh\n' > root/etc/passwd
printf 'NAME="A base"\nID=base\n' > root/etc/os-release
cp -r root/. caddy
printf '#!/bin/sh\necho "caddy $*"\n' > caddy/usr/bin/caddy
printf '<h1>Caddy works</h1>\n' > caddy/usr/share/caddy/index.html
cp -r root/. node
printf '#!/bin/sh\necho "node $*"\n' > node/usr/bin/node
printf 'node:x:1000:1000::/home/node:/bin/sh\n' >> node/etc/passwd
chmod 755 caddy/usr/bin/caddy node/usr/bin/node

cat > flywheel.yaml << 'END'
version: 1
contexts: {hub: docker.io/library}
images:
END
# Adds one for both platforms: its repository, its files, its tags and its configuration.
add() {
  count=$((count + 1))
  cat >> flywheel.yaml << END
  $1-$count:
    repository: $1
    files: {/: $2}
    platforms: [linux/amd64, linux/arm64]
    tags: [$3]
    compression: gzip-libdeflate:1
    config: {$4}
END
}
count=0
add busybox root 'latest, "1.36"' 'cmd: [sh]'
add debian root '12-slim' 'cmd: [sh], env: {DEBIAN: "12"}'
add alpine root '"3.20"' 'cmd: [sh], env: {ALPINE: "3.20"}'
add alpine root '"3.21", latest' 'cmd: [sh], env: {ALPINE: "3.21"}'
add caddy caddy '"2", 2-alpine, 2.10-alpine' \
  'cmd: [/usr/bin/caddy, run], env: {CADDY_VERSION: "2.10"}, exposedPorts: [80], workingDir: /srv'
add caddy caddy '2.11-alpine' 'cmd: [/usr/bin/caddy, run], env: {CADDY_VERSION: "2.11"}, exposedPorts: [80], workingDir: /srv'
add node node '"22", 22-alpine, 22-slim' 'cmd: [node], env: {NODE_VERSION: "22"}'
CI_COMMIT_BRANCH=main flywheel push --quiet > /dev/null
