# syntax=docker/dockerfile:1
# Both images from one build:
#   docker build --target controller -t lambdaroute/controller .
#   docker build --target proxy -t lambdaroute/proxy .
# The binaries are static, with glibc, as those that the suites and the benchmark run: musl's allocator has one lock for
# all cores. Packed relocations (glibc 2.36 or later) are half a megabyte less to read at each start. The build fails if one
# needs a shared library. The final stages hold one binary and the CA certificates, and run as nobody's user.

FROM rust:1.95.0-slim-bookworm AS build
# aws-lc-sys, the TLS library's core, is C: it needs a compiler, make and cmake.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make cmake binutils ca-certificates
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY admin admin
COPY crds crds
COPY proxy proxy
COPY controller controller
COPY tests tests
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    host=$(rustc -vV | sed -n 's/^host: //p') && built=target/$host/release \
    && RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs" \
       cargo build --release --locked --target "$host" -p lambdaroute-controller -p lambdaroute-proxy \
    && ! readelf -d $built/lambdaroute-controller $built/lambdaroute-proxy | grep NEEDED \
    && mkdir /out && cp $built/lambdaroute-controller $built/lambdaroute-proxy /out/

FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

FROM base AS controller
COPY --from=build /out/lambdaroute-controller /lambdaroute-controller
ENTRYPOINT ["/lambdaroute-controller"]

FROM base AS proxy
COPY --from=build /out/lambdaroute-proxy /lambdaroute-proxy
ENTRYPOINT ["/lambdaroute-proxy"]
