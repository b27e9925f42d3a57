# For the fixtures of guides that load images: a stand-in for the daemons of Docker and podman.
python3 "${BASH_SOURCE[0]%/*}/_daemon.py" "$TMPDIR/daemon.sock" &
export DOCKER_HOST="unix://$TMPDIR/daemon.sock" CONTAINER_HOST="unix://$TMPDIR/daemon.sock"
until [ -S "$TMPDIR/daemon.sock" ]; do sleep 0.02; done
