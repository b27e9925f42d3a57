# needs: embedder
. "$GUIDE_REPOSITORY/Tests/GuideTests/Fixtures/_examples.sh"
