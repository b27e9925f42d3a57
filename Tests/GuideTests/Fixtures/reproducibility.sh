# needs: git jq skopeo
# A directory, and a repository whose commit has a time.
mkdir -p site
echo "<h1>hello</h1>" > site/index.html
git init -q .
git -c user.name=robot -c user.email=robot@example.org commit -q --allow-empty -m "The first commit"
