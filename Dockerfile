# syntax=docker/dockerfile:1

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
# Downloads and compiled dependencies stay in caches of the builder between builds. The program is
# copied out in the same step, because a cache is not part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --profile dist --bin adaptive-bi \
    && cp target/dist/adaptive-bi /usr/local/bin/

FROM debian:bookworm-slim
# ca-certificates for TLS to NATS and MongoDB, curl for the health check.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home adaptive-bi
COPY --from=build /usr/local/bin/adaptive-bi /usr/local/bin/
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/adaptive-bi/
USER adaptive-bi
ENV BIND=127.0.0.1:4000
# Alive, not ready: a program that waits for its servers must not be restarted for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD curl --fail --silent --show-error --output /dev/null "http://${BIND}/health/live"
ENTRYPOINT ["adaptive-bi"]
CMD ["serve"]
