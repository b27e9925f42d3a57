# The images of docker.io and quay.io in the world of guides: small ones of the right form, made of busybox.
busybox=$(command -v busybox)
mkdir -p root/bin root/etc root/usr/bin root/usr/share/caddy root/tmp
cp -L "$busybox" root/bin/busybox
for name in sh cat ls echo env id; do ln -s busybox "root/bin/$name"; done
printf 'root:x:0:0:root:/root:/bin/sh\n' > root/etc/passwd
printf 'NAME="A base"\nID=base\n' > root/etc/os-release

# Makes one: NAME:TAG and options of build, on both registries, for both platforms.
make() {
  name=$1
  shift
  for platform in linux/amd64 linux/arm64; do
    flywheel build --quiet --file /=root --platform "$platform" --created 2026-01-01T00:00:00Z \
      --description "${platform#*/}.json" "$@" > /dev/null
  done
  flywheel push --quiet amd64.json arm64.json --to "docker://docker.io/$name" > /dev/null
}

make library/busybox:latest --cmd sh
make library/busybox:1.36 --cmd sh --label version=1.36
make library/debian:12-slim --cmd sh --env DEBIAN=12
make library/alpine:3.20 --cmd sh --label alpine=3.20
make library/alpine:3.21 --cmd sh --label alpine=3.21

printf '#!/bin/sh\necho "caddy $*"\n' > root/usr/bin/caddy
chmod 755 root/usr/bin/caddy
printf '<h1>Caddy works</h1>\n' > root/usr/share/caddy/index.html
for tag in 2 2-alpine 2.10-alpine 2.11-alpine; do
  make "library/caddy:$tag" --cmd /usr/bin/caddy --cmd run --env "CADDY_VERSION=$tag" --expose 80 --working-dir /srv
done

rm root/usr/bin/caddy
printf '#!/bin/sh\necho "node $*"\n' > root/usr/bin/node
chmod 755 root/usr/bin/node
printf 'node:x:1000:1000::/home/node:/bin/sh\n' >> root/etc/passwd
for tag in 22 22-alpine 22-slim; do make "library/node:$tag" --cmd node --env "NODE_VERSION=22"; done
