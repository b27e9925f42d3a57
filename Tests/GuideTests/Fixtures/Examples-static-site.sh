# needs: static-site
. "$GUIDE_REPOSITORY/Tests/GuideTests/Fixtures/_examples.sh"
