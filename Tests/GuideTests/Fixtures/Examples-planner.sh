# needs: planner
. "$GUIDE_REPOSITORY/Tests/GuideTests/Fixtures/_examples.sh"
