# needs: jq
# Files, two directories that contradict each other, a closure that is not whole, and an image in the registry.
for host in ghcr.io registry.gitlab.com; do
  echo "$TOKEN" | flywheel login "$host" --username robot --password-stdin > /dev/null 2>&1
done
mkdir -p site config-a config-b
echo "<h1>hello</h1>" > site/index.html
echo "a = 1" > config-a/app.conf
echo "a = 2" > config-b/app.conf
server=/nix/store/00000000000000000000000000000000-server
glibc=/nix/store/11111111111111111111111111111111-glibc
echo "[{\"path\": \"$server\", \"narSize\": 100, \"references\": [\"$glibc\"]}]" > incomplete.json
printf 'version: 1\ncontexts: {here: ghcr.io/team}\nimages: {site: {files: {/srv/www: site}, platforms: [linux/amd64]}}\n' > flywheel.yaml
flywheel build --file /srv/www=site --platform linux/amd64 --quiet --to docker://ghcr.io/team/app:1.2 > /dev/null
