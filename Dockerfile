# Scoreline in a container: docker build -t scoreline . && docker run --rm -p 8080:8080 -p 8081:8081 scoreline
FROM rust:1.95-slim-bookworm AS build
WORKDIR /scoreline
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/scoreline/target \
    cargo build --release --locked --bin scoreline \
    && strip --strip-all --output-file=/usr/local/bin/scoreline target/release/scoreline

FROM debian:bookworm-slim
# Roots for the feeds that it asks over https: the newest.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/scoreline --create-home scoreline
COPY --from=build /usr/local/bin/scoreline /usr/local/bin/scoreline
USER 10001:10001
WORKDIR /var/lib/scoreline
VOLUME /var/lib/scoreline
ENV SCORELINE_LISTEN=0.0.0.0:8080 SCORELINE_OPS_LISTEN=0.0.0.0:8081
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
# Nothing in the image speaks HTTP but the shell.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8081 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["scoreline"]
CMD ["serve"]
