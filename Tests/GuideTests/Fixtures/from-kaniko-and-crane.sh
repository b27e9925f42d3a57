# Base images in the registry, a dashboard that is built by a stand-in for npm, and a lock file for its base.
mkdir -p system/bin
echo 'a runtime' > system/bin/node
base() {
  flywheel build --file /=system --platform linux/amd64 --label version="$1" --quiet --to "docker://docker.io/library/$1" > /dev/null
}
base node:22-alpine
base caddy:2.10-alpine
echo 'a newer runtime' > system/bin/node
base caddy:2.10.2-alpine
flywheel lock docker://docker.io/library/node:22-alpine > /dev/null 2>&1
npm() { mkdir -p build && echo 'console.log("dashboard")' > build/index.js; }
echo '{"type": "module"}' > package.json
echo ':80' > Caddyfile
TOKEN=secret
