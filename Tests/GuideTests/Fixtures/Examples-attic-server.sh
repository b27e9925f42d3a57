# needs: attic-server
. "$GUIDE_REPOSITORY/Tests/GuideTests/Fixtures/_examples.sh"
