#!/bin/bash
# Runs the cluster suite on the one-node Kubernetes of ../shared/node, and takes the node down whatever happens. Needs root.
#   LAMBDAROUTE_NODE  where that is; absent: ../shared/node beside the repository
#   NODE_BIN          where its build goes (its own default: /tmp/node/bin)
# More arguments go to the test binary.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
node=${LAMBDAROUTE_NODE:-$repository/../shared/node}
if [ ! -x "$node/up.sh" ]; then
	echo "skipped the cluster suite: $node isn't there (LAMBDAROUTE_NODE says where else)"
	exit 0
fi
node=$(cd "$node" && pwd)
target=${CARGO_TARGET_DIR:-$repository/target}
images=$target/images
export NODE_BIN=${NODE_BIN:-/tmp/node/bin}
NODE_STATE=$(mktemp -d) NODE_CGROUP=lambdaroute-$$
export NODE_STATE NODE_CGROUP
# Static binaries with glibc. The target is named so that the flag doesn't reach build scripts and procedural macros.
export RUSTFLAGS=${RUSTFLAGS--C target-feature=+crt-static}
export CARGO_BUILD_TARGET=${CARGO_BUILD_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}

relay=
finish() {
	status=$?
	trap - EXIT INT TERM
	[ -z "$relay" ] || kill "$relay" 2>/dev/null || true
	if [ "$status" != 0 ] && [ -d "$NODE_STATE/log" ]; then
		mkdir -p "$target/node-log"
		cp "$NODE_STATE"/log/*.log "$target/node-log/"
		echo "the node's logs are in $target/node-log" >&2
	fi
	"$node/down.sh" || status=1
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

"$node/build.sh"
cd "$repository"
cargo build --locked -p lambdaroute-controller -p lambdaroute-proxy
cargo build --locked -p lambdaroute-tests --bin caller
cargo test --locked -p lambdaroute-tests --test cluster --no-run

mkdir -p "$images"
# As the Dockerfile's images have it; the AWS SDK doesn't start without.
cp /etc/ssl/certs/ca-certificates.crt "$images/"
import=
for program in lambdaroute-controller lambdaroute-proxy caller; do
	strip -o "$images/$program" "$target/$CARGO_BUILD_TARGET/debug/$program"
	image=lambdaroute-${program#lambdaroute-}
	IMAGE_USER=65532:65532 "$node/image.sh" "$images/$image.tar" "localhost/$image:test" "/$program" \
		"$images/$program" "$images/ca-certificates.crt"
	import="$import'$node/in-node.sh' ctr images import '$images/$image.tar' >/dev/null; "
done

"$node/up.sh"
read -r _ inside <"$NODE_STATE/pid"
# The emulator runs on the host. Pods reach it at the node's address: a socket that is made in the node's network, whose
# connections a host process passes on.
port=$((18000 + RANDOM % 2000))
while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
nsenter --target "$inside" --net "$NODE_BIN/kubenode" listen 10.77.0.2:0 "$NODE_STATE/aws" \
	nsenter --net="/proc/$$/ns/net" "$NODE_BIN/kubenode" relay "127.0.0.1:$port" </dev/null >"$NODE_STATE/log/aws-relay.log" 2>&1 &
relay=$!
for _ in $(seq 100); do
	[ ! -s "$NODE_STATE/aws" ] || break
	sleep 0.1
done

export LAMBDAROUTE_CLUSTER_KUBECONFIG=$NODE_STATE/kubeconfig
export LAMBDAROUTE_CLUSTER_IMAGE_IMPORT=$import
export LAMBDAROUTE_CLUSTER_SSL_CERT_FILE=/ca-certificates.crt
export LAMBDAROUTE_CLUSTER_AWS_LISTEN=127.0.0.1:$port
LAMBDAROUTE_CLUSTER_AWS_ENDPOINT=http://$(cat "$NODE_STATE/aws")
export LAMBDAROUTE_CLUSTER_AWS_ENDPOINT
cargo test --locked -p lambdaroute-tests --test cluster -- --nocapture "$@"
