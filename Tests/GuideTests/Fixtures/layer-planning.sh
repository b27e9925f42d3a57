# needs: jq
# The guide makes its own closures.
