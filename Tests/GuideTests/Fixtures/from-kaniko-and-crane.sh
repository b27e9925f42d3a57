# needs: jq tar
# A dashboard that is built by a stand-in for npm, and a lock file for its base.
for host in ghcr.io registry.gitlab.com; do
  echo "$TOKEN" | flywheel login "$host" --username robot --password-stdin > /dev/null 2>&1
done
flywheel lock docker://docker.io/library/node:22-alpine > /dev/null 2>&1
npm() { mkdir -p build && echo 'console.log("dashboard")' > build/index.js; }
echo '{"type": "module"}' > package.json
echo ':80' > Caddyfile
