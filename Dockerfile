# syntax=docker/dockerfile:1

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --profile dist --locked && cp target/dist/tenantry /usr/local/bin/

FROM debian:bookworm-slim
RUN useradd --system --create-home --home-dir /var/lib/tenantry tenantry
COPY --from=build /usr/local/bin/tenantry /usr/local/bin/tenantry
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/tenantry/
USER tenantry
# Without a DATABASE_URL, the embedded database is kept in data/ below this.
WORKDIR /var/lib/tenantry
ENV BIND_ADDR=0.0.0.0:8080 LOG_FORMAT=json
EXPOSE 8080
# The image has no curl; bash can speak enough HTTP.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [[ $status == 200 ]]"]
ENTRYPOINT ["tenantry"]
CMD ["serve"]
