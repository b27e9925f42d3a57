# What the project names: a closure and its root, the files of a dashboard, the plan of the version before, and a login.
root=$("$GUIDE_REPOSITORY/Scripts/make-example" closure)
mv closure/path-info.json closure.json
ln -s "$root" result
mkdir build
echo 'console.log("hello")' > build/index.js
echo '{}' > package.json
flywheel plan --closure closure.json --json > plan.json
for host in ghcr.io registry.gitlab.com; do echo "$TOKEN" | flywheel login $host --username robot --password-stdin; done
